"""Shards: files of finished runs, each named after a checksum of what it holds."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tcellabm.disk import write_whole
from tcellabm.experiments.results.names import SERIES, SHARDS, is_shard, parts
from tcellabm.experiments.results.parquet import parquet

_DIGITS = 32  # of the checksum, in the name


def checksum(content: bytes) -> str:
    """Return the checksum of a file's content."""
    return hashlib.sha256(content).hexdigest()


def checksum_of(path: Path) -> str:
    """Return the checksum of what a file holds."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path, table: pa.Table) -> None:
    """Write a shard into a folder, made if missing; no two that differ have the same name."""
    content = parquet(table)
    folder.mkdir(exist_ok=True)
    write_whole(folder / _name(content), content)


def _name(content: bytes) -> str:
    return f"{checksum(content)[:_DIGITS]}.parquet"


def files(folder: Path, kind: str) -> list[Path]:
    """Return the shards of one kind (SHARDS or SERIES) in a result folder and its parts."""
    places = [place / kind for place in (folder, *parts(folder))]
    found = (path for place in places if place.is_dir() for path in place.iterdir())
    return sorted(path for path in found if is_shard(path) and path.is_file())


def is_whole(path: Path) -> bool:
    """Tell whether a shard is as it was written."""
    return f"{checksum_of(path)[:_DIGITS]}.parquet" == path.name


def read(
    path: Path, columns: Sequence[str] | None = None, schema: pa.Schema | None = None
) -> pa.Table | None:
    """Return a shard, or some columns of it; None if it is damaged.

    Parameters
    ----------
    path : Path
        The file.
    columns : sequence of str, optional
        Those to read; all if not given.
    schema : Schema, optional
        What it must have: a shard of another sweep is none of this one.
    """
    content = path.read_bytes()
    if _name(content) != path.name:
        return None
    file = pq.ParquetFile(pa.BufferReader(content))
    if schema is not None and not _fits(file.schema_arrow, schema):
        return None
    return file.read(columns)


def _fits(own: pa.Schema, wanted: pa.Schema) -> bool:
    try:
        own.empty_table().cast(wanted)
    except (pa.ArrowException, ValueError):
        return False
    return True


def read_all(folder: Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the finished runs of a result folder and of the parts in it, in no order.

    Parameters
    ----------
    folder : Path
        The result folder.
    schema : Schema
        Of the table of outcomes.
    columns : sequence of str, optional
        Those to read; all if not given.
    """
    wanted = pa.schema([schema.field(name) for name in columns or schema.names])
    found = (read(path, wanted.names, schema) for path in files(folder, SHARDS))
    whole = [table.cast(wanted) for table in found if table is not None]
    return pa.concat_tables([wanted.empty_table(), *whole])


def finished(folder: Path, schema: pa.Schema, with_series: bool = False) -> set[str]:
    """Return the names of the runs that are there; `with_series`, unless theirs are missing."""
    runs = read_all(folder, schema, ["run_id", "error"])
    done = set(runs["run_id"].to_pylist())
    if not with_series:
        return done
    failed = runs.filter(pc.not_equal(runs["error"], ""))["run_id"].to_pylist()  # have none
    return done & (_with_series(folder) | set(failed))


def _with_series(folder: Path) -> set[str]:
    tables = (read(path, ["run_id"]) for path in files(folder, SERIES))
    return {name for table in tables if table for name in table["run_id"].unique().to_pylist()}
