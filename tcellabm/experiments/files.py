"""Files that are either there whole or not there at all."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place, flush it to the disk and rename it.

    Raises
    ------
    OSError
        The disk is full or read-only; nothing is left behind.
    """
    part = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        with open(part, "wb") as file:
            file.write(content)
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


def parquet(table: pa.Table) -> bytes:
    """Return a table as the bytes of a Parquet file (zstd)."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()
