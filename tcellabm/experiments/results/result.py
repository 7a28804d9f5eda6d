"""What is read back from a result folder: the table in its one order, rates, time series."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tcellabm.analysis.shown import card, rates_in_words
from tcellabm.analysis.summary import summarize
from tcellabm.disk import written_whole
from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.results import shards, store
from tcellabm.experiments.results.names import SERIES
from tcellabm.experiments.results.parquet import with_provenance
from tcellabm.params import InputError

# What rates, indices and figures need: reading them alone is several times faster.
ESSENTIAL = (
    *("remission", "relapse_day", "death_day", "followed_days", "crs_grade_penn"),
    *("cmax_copies_per_ug", "patient", "seed", "run_id", "error"),
)
JOINED_SERIES = "series.parquet"
_SERIES_BLOCK = 500  # runs a row group: the memory it takes


@dataclass(frozen=True)
class Result:
    """A finished sweep, or what is there of it.

    Attributes
    ----------
    keys : list of str
        Columns that tell points apart: axes, and `arm` if there are arms.
    is_grid : bool
        Whether points are all combinations of values, not a sample.
    settings : dict
        What the user has set.
    table : Table
        A row per finished run.
    summary : DataFrame
        A row per grid point.
    total : int
        Runs wanted.
    """

    keys: list[str]
    is_grid: bool
    settings: dict[str, Any]
    table: pa.Table
    summary: pd.DataFrame
    total: int

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """The table for pandas, made when it is first asked for: of many runs it takes memory."""
        return self.table.to_pandas()

    @property
    def done(self) -> int:
        """Number of runs that are there."""
        return int(self.table.num_rows)

    @property
    def complete(self) -> bool:
        """Whether every run is there."""
        return self.done == self.total

    @property
    def errors(self) -> int:
        """Number of runs that ended as error rows."""
        return int(pc.sum(pc.not_equal(self.table["error"], "")).as_py() or 0)

    def _repr_html_(self) -> str:
        done = f"{self.done} of {self.total} runs, {self.errors} with errors"
        return card("Sweep", [done], rates_in_words(self.summary, self.keys))


Draw = Callable[[Result], bytes]
Products = Callable[[Result], Mapping[str, bytes]]


def read(plan: Plan, folder: store.Folder, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the finished runs in the order of the plan, each once."""
    table = shards.read_all(folder.path, plan.schema, columns)
    wanted = pa.array([task.run_id for task in plan.tasks], pa.string())
    rows = pc.index_in(wanted, value_set=table["run_id"]).drop_null()
    # Column by column: the table of a large sweep is what takes most memory.
    ordered: dict[str, pa.ChunkedArray] = {}
    for name in table.column_names:
        ordered[name] = table[name].take(rows)
        table = table.drop_columns(name)
    return pa.table(ordered)


def result_of(plan: Plan, table: pa.Table) -> Result:
    """Return the table with its rates by grid point."""
    summary = summarize(table.select([*plan.keys, *ESSENTIAL]).to_pandas(), plan.keys)
    return Result(plan.keys, plan.is_grid, plan.given, table, summary, len(plan.tasks))


def csv(summary: pd.DataFrame) -> bytes:
    """Return the rates as the text of a CSV file."""
    text = summary.assign(pareto=summary["pareto"].map({True: "true", False: "false"}))
    return str(text.to_csv(index=False, lineterminator="\n")).encode()


def join_series(plan: Plan, folder: store.Folder, provenance: dict[str, Any]) -> str:
    """Write the time series in the order of the plan, a few runs at a time; return a checksum."""
    path = folder.path / JOINED_SERIES
    place: dict[str, Path] = {}
    for shard in shards.files(folder.path, SERIES):
        names = _sound(shard, ["run_id"])["run_id"]
        place |= dict.fromkeys(pc.unique(names).to_pylist(), shard)
    with written_whole(path) as file:
        writer = None
        for block in _blocks([t.run_id for t in plan.tasks if t.run_id in place]):
            table = _series_of(block, place)
            if writer is None:
                schema = with_provenance(table.schema, provenance)
                writer = pq.ParquetWriter(file, schema, compression="zstd")
            writer.write_table(table.replace_schema_metadata(writer.schema.metadata))
        if writer is not None:
            writer.close()
    return shards.checksum_of(path)


def _sound(shard: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a shard; one that was damaged since the session began is met by the next."""
    table = shards.read(shard, columns)
    if table is None:
        raise InputError("damaged a moment ago", str(shard), "allowed: --resume, which mends it")
    return table


def _blocks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _SERIES_BLOCK):
        yield names[start : start + _SERIES_BLOCK]


def _series_of(names: Sequence[str], place: dict[str, Path]) -> pa.Table:
    """Read the series of some runs, each from one file, and put them in order."""
    order = {name: number for number, name in enumerate(names)}
    parts = []
    for path in dict.fromkeys(place[name] for name in names):
        table = _sound(path)
        mine = pa.array([name for name in names if place[name] == path])
        parts.append(table.filter(pc.is_in(table["run_id"], value_set=mine)))
    whole = pa.concat_tables(parts)
    runs = pa.array([order[name] for name in whole["run_id"].to_pylist()])
    keyed = whole.append_column("_run", runs)
    return keyed.sort_by([("_run", "ascending"), ("day", "ascending")]).drop_columns("_run")
