"""Tables on the disk: Parquet files, shards of finished runs, and both read back.

A shard is named after a checksum of what it holds. Each part of a run in shards has its own
folder in that of the whole.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tcellabm.disk import write_whole, written_whole
from tcellabm.experiments.design.plan import Plan, Row
from tcellabm.params import InputError

SHARDS = "shards"  # folder of finished runs
SERIES = "series"  # folder of their time series, where wanted
JOINED_SERIES = "series.parquet"
_SHARD = re.compile(r"[0-9a-f]{32}\.parquet")
_PART = re.compile(r"part-\d+-of-\d+")
_SERIES_BLOCK = 500  # runs a row group: the memory it takes
_DIGITS = 32  # of the checksum, in the name
_EMPTY: dict[pa.DataType, object] = {
    pa.binary(): b"",
    pa.bool_(): False,
    pa.int64(): 0,
    pa.string(): "",
    pa.float64(): math.nan,
}


def to_table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; what a row lacks is False, 0, NaN, empty text or list, never null."""
    columns = []
    for field in schema:
        empty = _EMPTY.get(field.type, [])
        values = [_or_empty(row.get(field.name), empty) for row in rows]
        columns.append(pa.array(values, type=field.type))
    return pa.table(columns, schema=schema)


def _or_empty(value: Any, empty: object) -> Any:
    if value is None:
        return empty
    return str(value) if isinstance(empty, str) else value


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


def is_shard(path: Path) -> bool:
    """Tell whether a file has the name of a shard."""
    return _SHARD.fullmatch(path.name) is not None


def is_part(name: str) -> bool:
    """Tell whether a folder has the name of a part that `--shard` computes."""
    return _PART.fullmatch(name) is not None


def parts(folder: Path) -> list[Path]:
    """Return the folders of `--shard` in a result folder."""
    return sorted(path for path in folder.iterdir() if is_part(path.name))


def files(folder: Path, kind: str) -> list[Path]:
    """Return the shards of one kind (SHARDS or SERIES) in a result folder and its parts."""
    folders = [part / kind for part in (folder, *parts(folder))]
    found = (path for each in folders if each.is_dir() for path in each.iterdir())
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
        What it must have; a shard of another sweep is not read.

    Returns
    -------
    Table or None
        None too where the schema does not fit.
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

    Returns
    -------
    Table
        One row per finished run, twice where parts overlap; damaged shards are left out.
    """
    wanted = pa.schema([schema.field(name) for name in columns or schema.names])
    found = (read(path, wanted.names, schema) for path in files(folder, SHARDS))
    whole = [table.cast(wanted) for table in found if table is not None]
    return pa.concat_tables([wanted.empty_table(), *whole])


def read_runs(plan: Plan, folder: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the finished runs in the order of the plan, each once.

    Parameters
    ----------
    plan : Plan
        Names the runs and their order.
    folder : Path
        The result folder.
    columns : sequence of str, optional
        Columns to read; all if not given.

    Returns
    -------
    Table, one row per finished run
    """
    table = read_all(folder, plan.shard_schema, columns)
    wanted = pa.array([task.run_id for task in plan.tasks], pa.string())
    rows = pc.index_in(wanted, value_set=table["run_id"]).drop_null()
    # Column by column: the table of a large sweep is what takes most memory.
    ordered: dict[str, pa.ChunkedArray] = {}
    for name in table.column_names:
        ordered[name] = table[name].take(rows)
        table = table.drop_columns(name)
    return pa.table(ordered)


def finished(folder: Path, schema: pa.Schema, with_series: bool = False) -> set[str]:
    """Return the names of the runs that are there; `with_series`, unless theirs are missing.

    Parameters
    ----------
    folder : Path
        The result folder.
    schema : Schema
        Of the table of outcomes.
    with_series : bool
        Whether a run counts only with its time series; failed runs have none.

    Returns
    -------
    set of str
        Each a `run_id`.
    """
    runs = read_all(folder, schema, ["run_id", "error"])
    done = set(runs["run_id"].to_pylist())
    if not with_series:
        return done
    failed = runs.filter(pc.not_equal(runs["error"], ""))["run_id"].to_pylist()  # have none
    return done & (_with_series(folder) | set(failed))


def _with_series(folder: Path) -> set[str]:
    tables = (read(path, ["run_id"]) for path in files(folder, SERIES))
    return {name for table in tables if table for name in table["run_id"].unique().to_pylist()}


def join_series(plan: Plan, folder: Path, provenance: dict[str, Any]) -> str:
    """Write the time series in the order of the plan, a few runs at a time; return a checksum.

    Parameters
    ----------
    plan : Plan
        Names the runs and their order.
    folder : Path
        The result folder, where `series.parquet` is written.
    provenance : dict
        JSON values for the file's metadata.

    Returns
    -------
    str
        Of `series.parquet`.

    Raises
    ------
    InputError
        A shard was damaged meanwhile.
    OSError
        The disk is full or read-only.
    """
    path = folder / JOINED_SERIES
    shard_of: dict[str, Path] = {}
    for shard in files(folder, SERIES):
        names = _sound(shard, ["run_id"])["run_id"]
        shard_of |= dict.fromkeys(pc.unique(names).to_pylist(), shard)
    with written_whole(path) as file:
        writer = None
        for block in _blocks([t.run_id for t in plan.tasks if t.run_id in shard_of]):
            table = _series_of(block, shard_of)
            if writer is None:
                schema = with_provenance(table.schema, provenance)
                writer = pq.ParquetWriter(file, schema, compression="zstd")
            writer.write_table(table.replace_schema_metadata(writer.schema.metadata))
        if writer is not None:
            writer.close()
    return checksum_of(path)


def _sound(shard: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a shard; one that was damaged since the session began is met by the next."""
    table = read(shard, columns)
    if table is None:
        raise InputError("damaged a moment ago", str(shard), "allowed: --resume, which mends it")
    return table


def _blocks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _SERIES_BLOCK):
        yield names[start : start + _SERIES_BLOCK]


def _series_of(names: Sequence[str], shard_of: dict[str, Path]) -> pa.Table:
    """Read the series of some runs, each from one file, and put them in order."""
    order = {name: number for number, name in enumerate(names)}
    parts = []
    for path in dict.fromkeys(shard_of[name] for name in names):
        table = _sound(path)
        own = pa.array([name for name in names if shard_of[name] == path])
        parts.append(table.filter(pc.is_in(table["run_id"], value_set=own)))
    whole = pa.concat_tables(parts)
    runs = pa.array([order[name] for name in whole["run_id"].to_pylist()])
    keyed = whole.append_column("_run", runs)
    return keyed.sort_by([("_run", "ascending"), ("day", "ascending")]).drop_columns("_run")
