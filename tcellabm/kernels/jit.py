"""The one place that decides how kernels are compiled and where the machine code is kept.

Numba's own cache looks at the file of the kernel alone, so an edited helper would leave a
stale caller. The cache folder is therefore named after a hash of all kernel files.
"""

import hashlib
import os
import tempfile
import warnings
from pathlib import Path

import numba


def _fingerprint() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
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


def _cache_folder() -> Path | None:
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    candidates = [Path(home).expanduser(), Path(tempfile.gettempdir()) / f"cache-{os.getuid()}"]
    for root in candidates:
        folder = root / "tcellabm" / _fingerprint()
        if _writable(folder):
            return folder
    return None


_folder = None if numba.config.DISABLE_JIT else _cache_folder()
if _folder:
    numba.config.CACHE_DIR = str(_folder)
elif not numba.config.DISABLE_JIT:
    warnings.warn("no writable cache folder: kernels are compiled anew each time", stacklevel=2)


def stored(kernel_name: str) -> bool:
    """Tell whether the machine code of a kernel lies on the disk already."""
    return _folder is not None and any(_folder.rglob(f"*.{kernel_name}-*.nbi"))


# No fastmath and no parallel: a patient must come out the same with the JIT off and on any core.
_options = {"nogil": True, "cache": _folder is not None, "error_model": "numpy"}
kernel = numba.njit(**_options)
# For what is called once a row: a call that passes tuples of arrays counts references to each of
# them, which costs more than the work; inlined, the counting cancels out.
row_kernel = numba.njit(forceinline=True, **_options)
