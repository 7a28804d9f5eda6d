"""Files that are either there whole or not there at all."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_HERE = -100  # AT_FDCWD: paths are taken as everywhere else
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file beside its place, flush it to the disk and rename it.

    Raises
    ------
    OSError
        The disk is full or read-only; nothing is left behind.
    """
    with written_whole(Path(path)) as file:
        file.write(content)


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside its place; when the block ends well, flush it to the disk and rename it.

    Raises
    ------
    OSError
        The disk is full or read-only; nothing is left behind.
    """
    part = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        with open(part, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        part.unlink(missing_ok=True)
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def exchanged(one: Path, two: Path) -> bool:
    """Let two folders change names in one step; return False where that can't be done."""
    if os.name != "posix":
        return False
    library = ctypes.CDLL(None)
    names = os.fsencode(one), os.fsencode(two)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        return bool(library.renamex_np(*names, _EXCHANGE) == 0)
    if hasattr(library, "renameat2"):
        return bool(library.renameat2(_HERE, names[0], _HERE, names[1], _EXCHANGE) == 0)
    return False
