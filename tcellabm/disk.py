"""Files that are either there whole or not there at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


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
