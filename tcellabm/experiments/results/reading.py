"""A result folder, opened again: what was swept, and the runs that are there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tcellabm.experiments.design import arms
from tcellabm.experiments.design.plan import CURVES, GRID
from tcellabm.experiments.results import manifest, shards
from tcellabm.experiments.results.names import MANIFEST, SHARDS, parts
from tcellabm.experiments.results.result import ESSENTIAL
from tcellabm.params import InputError

OUTCOMES = "outcomes.parquet"


@dataclass(frozen=True)
class Opened:
    """What is in the folder of a sweep.

    Attributes
    ----------
    keys : list of str
        Columns that tell points apart.
    is_grid : bool
        Whether points are all combinations of values, not a sample.
    settings : dict
        What was set for all points.
    outcomes : DataFrame
        A row per finished run, with the keys and `result.ESSENTIAL`.
    wanted : int
        Runs of the whole sweep.
    """

    keys: list[str]
    is_grid: bool
    settings: dict[str, Any]
    outcomes: pd.DataFrame
    wanted: int


def open_sweep(name: Path | str) -> Opened:
    """Read the folder of a sweep, finished or not.

    Raises
    ------
    InputError
        There is no sweep in it, or no run yet.
    """
    folder = Path(name)
    made = _manifest(folder)
    keys = list(made["axes"]) + ([arms.COLUMN] if "arms" in made else [])
    outcomes = _outcomes(folder, keys, made.get("files", {}).get(OUTCOMES, ""))
    if not len(outcomes):
        raise InputError("no run has ended yet", str(name), "allowed: a sweep with finished runs")
    is_grid = made["parameters"].get("sweep.sample", GRID) == GRID
    wanted = int(made.get("wanted", len(outcomes)))
    return Opened(keys, is_grid, made.get("set", {}), outcomes, wanted)


@dataclass(frozen=True)
class Whole:
    """All that is in the folder of a sweep.

    Attributes
    ----------
    made : dict
        Its manifest.
    runs : DataFrame
        A row per finished run, with all columns.
    courses : dict
        Packed courses by `run_id`, of the runs that have one.
    """

    made: dict[str, Any]
    runs: pd.DataFrame
    courses: dict[str, bytes]


def open_whole(name: Path | str) -> Whole:
    """Read all columns and courses of a sweep, finished or not; errors as of `open_sweep`."""
    folder = Path(name)
    made = _manifest(folder)
    files = made.get("files", {})
    if OUTCOMES in files:
        runs = _table(folder / OUTCOMES, None, files[OUTCOMES])
        if "curves.parquet" not in files:
            return Whole(made, runs, {})
        kept = _table(folder / "curves.parquet", ["run_id", CURVES], files["curves.parquet"])
        return Whole(made, runs, dict(zip(kept["run_id"], kept[CURVES], strict=True)))
    tables = [shards.read(path) for path in shards.files(folder, SHARDS)]
    runs = pa.concat_tables([table for table in tables if table is not None]).to_pandas()
    runs = runs.drop_duplicates("run_id").sort_values([*made["axes"], "patient"], ignore_index=True)
    courses = dict(zip(runs["run_id"], runs.pop(CURVES), strict=True)) if CURVES in runs else {}
    return Whole(made, runs, {name: course for name, course in courses.items() if course})


def _manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a sweep, or that of one of its parts."""
    places = [folder, *parts(folder)] if folder.is_dir() else []
    fault = "no sweep in it"
    for path in filter(Path.exists, (place / MANIFEST for place in places)):
        try:
            found = manifest.read(path)
        except ValueError as error:
            fault = f"no sweep in it: {MANIFEST}: {error}"
            continue
        if "axes" in found and "parameters" in found:
            return found
    allowed = "allowed: a result folder of `tcellabm sweep`"
    raise InputError(fault, str(folder), allowed)


def _outcomes(folder: Path, keys: list[str], checksum: str) -> pd.DataFrame:
    """Read the table, or the shards of a sweep that is not at its end."""
    columns = [*keys, *ESSENTIAL]
    if checksum:
        return _table(folder / OUTCOMES, columns, checksum)
    found = (shards.read(path, columns) for path in shards.files(folder, SHARDS))
    tables = [
        table.select(columns).replace_schema_metadata()
        for table in found
        if table is not None and set(columns) <= set(table.column_names)
    ]
    if not tables:
        return pd.DataFrame(columns=columns)
    runs = pa.concat_tables(tables).to_pandas().drop_duplicates("run_id")
    return runs.sort_values([*keys, "patient"], ignore_index=True)


def _table(path: Path, columns: list[str] | None, checksum: str) -> pd.DataFrame:
    if not path.is_file() or shards.checksum_of(path) != checksum:
        allowed = "allowed: as it was written; --resume of the sweep mends it"
        raise InputError("missing or damaged", str(path), allowed)
    try:
        table = pq.read_table(path, columns=columns).to_pandas()
        return table if columns is None else table[columns]
    except (KeyError, pa.ArrowException, ValueError):
        allowed = "allowed: those of its manifest"
        raise InputError("without all columns", str(path), allowed) from None
