"""Where compiled kernels are kept, known without loading the compiler.

Numba's own cache looks at the file of the kernel alone, so an edited helper would leave a
stale caller. The cache folder is therefore named after a hash of all kernel files.

What lies in the folder is unpickled and run. So it belongs to the user, nobody else may enter it,
and nobody else can put another folder in its place. A folder that is not so is not used.
"""

import hashlib
import os
import stat
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from multiprocessing import parent_process
from pathlib import Path

COMPILING = "compiling the kernels; the next start will be quick"
_OURS_ALONE = 0o700
_ROOT = 0
# Elsewhere (Windows) the user's local folder is the user's, and modes say nothing.
_HAS_OWNERS = hasattr(os, "geteuid")


@cache
def folder() -> Path | None:
    """Return the folder that kernels are kept in; it is made when it is first asked for.

    Returns
    -------
    Path or None
        None if no folder is safe and writable; the main process warns of that once.
    """
    for root, name in _candidates():
        found = _made(root, name, _fingerprint())
        if found is not None:
            return found
    if parent_process() is None:
        what = "no safe and writable cache folder: kernels are compiled again each time"
        warnings.warn(what, stacklevel=2)
    return None


def stored(kernel_name: str) -> bool:
    """Tell whether the machine code of a kernel lies on the disk already."""
    cache = folder()
    return cache is not None and any(cache.glob(f"*.{kernel_name}-*.nbi"))


def is_filled(single_cell: bool = False) -> bool:
    """Tell whether compiled kernels are kept: one of this way of running, and what enters all."""
    return stored("greatest_hazards" if single_cell else "change_place") and stored("run")


def will_be_filled(single_cell: bool) -> bool:
    """Tell whether kernels are compiled now and kept."""
    return folder() is not None and not is_filled(single_cell)


def _fingerprint() -> str:
    digest = hashlib.sha256(version("numba").encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _candidates() -> Iterator[tuple[Path, str]]:
    """Yield folders that may be there, each with the name of ours in it, best first."""
    root = _users_folder()
    if root is not None and root.is_absolute():
        yield root, "tcellabm"
    if _HAS_OWNERS:
        with suppress(OSError):  # there is no temporary folder
            yield Path(tempfile.gettempdir()), f"tcellabm-{os.geteuid()}"


def _users_folder() -> Path | None:
    variable = "LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME"
    named = Path(os.environ.get(variable, ""))
    if named.is_absolute():  # the XDG specification has relative paths ignored
        return named
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # neither HOME nor an entry in the list of users
        return None


def _made(root: Path, *names: str) -> Path | None:
    """Return a folder below `root`, made if it is missing; None if it can't be used."""
    try:
        place = root.resolve().joinpath(*names)
        # From the top: below a folder that is fixed, nobody swaps the next one meanwhile.
        fixed = all(_is_fixed(_status(each)) for each in [*reversed(place.parents), place])
        usable = fixed and _is_ours_alone(place.lstat()) and os.access(place, os.W_OK | os.X_OK)
    except (OSError, RuntimeError):  # RuntimeError: links in a circle
        return None
    return place if usable else None


def _status(folder: Path) -> os.stat_result:
    """Return what a folder, or the link in its place, is like; make it if nothing is there."""
    try:
        return folder.lstat()
    except FileNotFoundError:
        with suppress(FileExistsError):  # another process was quicker
            folder.mkdir(_OURS_ALONE)
        return folder.lstat()


def _is_fixed(status: os.stat_result) -> bool:
    """Tell whether nobody else can rename or replace what is ours in a folder."""
    if not stat.S_ISDIR(status.st_mode):
        return False
    if not _HAS_OWNERS:
        return True
    others_write = bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    sticky = bool(status.st_mode & stat.S_ISVTX)  # there everyone renames only what is their own
    return status.st_uid in (_ROOT, os.geteuid()) and (sticky or not others_write)


def _is_ours_alone(status: os.stat_result) -> bool:
    if not _HAS_OWNERS:
        return True
    return status.st_uid == os.geteuid() and status.st_mode & 0o777 == _OURS_ALONE
