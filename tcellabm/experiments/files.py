"""Files that are either there whole or not there at all."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place, flush it to the disk and rename it.

    Raises
    ------
    OSError
        The disk is full or read-only; nothing is left behind.
    """
    with written_whole(path) as file:
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


def parquet(table: pa.Table, provenance: Mapping[str, Any] | None = None) -> bytes:
    """Return a table as the bytes of a Parquet file (zstd).

    Parameters
    ----------
    table : Table
        What to write.
    provenance : mapping, optional
        Where it comes from (JSON values); kept in the file's metadata under `tcellabm`.
    """
    if provenance is not None:
        table = table.replace_schema_metadata(with_provenance(table.schema, provenance).metadata)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def with_provenance(schema: pa.Schema, provenance: Mapping[str, Any]) -> pa.Schema:
    """Return columns whose metadata say where they come from, as JSON under `tcellabm`."""
    own = {b"tcellabm": json.dumps(provenance).encode()}
    return schema.with_metadata({**(schema.metadata or {}), **own})
