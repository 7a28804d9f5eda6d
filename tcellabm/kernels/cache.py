"""Where compiled kernels are kept, known without loading the compiler.

Numba's own cache looks at the file of the kernel alone, so an edited helper would leave a
stale caller. The cache folder is therefore named after a hash of all kernel files.
"""

import hashlib
import os
import tempfile
from importlib.metadata import version
from pathlib import Path


def _fingerprint() -> str:
    digest = hashlib.sha256(version("numba").encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _writable_folder() -> Path | None:
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    candidates = [Path(home).expanduser(), Path(tempfile.gettempdir()) / f"cache-{os.getuid()}"]
    for root in candidates:
        folder = root / "tcellabm" / _fingerprint()
        if _writable(folder):
            return folder
    return None


FOLDER = _writable_folder()


def stored(kernel_name: str) -> bool:
    """Tell whether the machine code of a kernel lies on the disk already."""
    return FOLDER is not None and any(FOLDER.rglob(f"*.{kernel_name}-*.nbi"))
