"""A result folder, opened again: what was swept, and the runs that are there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tcellabm.experiments import arms, store
from tcellabm.experiments.lock import PARTS
from tcellabm.experiments.plan import GRID
from tcellabm.experiments.result import ESSENTIAL
from tcellabm.params import InputError


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
    manifest = _manifest(folder)
    keys = list(manifest["axes"]) + ([arms.COLUMN] if "arms" in manifest else [])
    outcomes = _outcomes(folder, keys)
    if not len(outcomes):
        raise InputError("no run has ended yet", str(name), "allowed: a sweep with finished runs")
    is_grid = manifest["parameters"].get("sweep.sample", GRID) == GRID
    wanted = int(manifest.get("wanted", len(outcomes)))
    return Opened(keys, is_grid, manifest.get("set", {}), outcomes, wanted)


def _manifest(folder: Path) -> dict[str, Any]:
    places = [folder / store.MANIFEST, *sorted(folder.glob(f"{PARTS}/{store.MANIFEST}"))]
    for path in places:
        try:
            manifest = dict(json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            continue
        if isinstance(manifest.get("axes"), dict) and isinstance(manifest.get("parameters"), dict):
            return manifest
    allowed = "allowed: a result folder of `tcellabm sweep`"
    raise InputError("no sweep in it", str(folder), allowed)


def _outcomes(folder: Path, keys: list[str]) -> pd.DataFrame:
    """Read the table, or the shards of a sweep that is not at its end."""
    columns = [*keys, *ESSENTIAL]
    whole = folder / "outcomes.parquet"
    if whole.exists():
        try:
            return pq.read_table(whole, columns=columns).to_pandas()
        except (pa.ArrowException, OSError, ValueError):
            raise InputError("can't be read", str(whole), "allowed: a whole table") from None
    tables = []
    for path in store.Folder(folder, {}).shards(store.SHARDS):
        try:
            tables.append(pq.read_table(path, columns=columns).replace_schema_metadata())
        except (pa.ArrowException, OSError, ValueError):
            continue
    if not tables:
        return pd.DataFrame(columns=columns)
    runs = pa.concat_tables(tables).to_pandas().drop_duplicates("run_id")
    return runs.sort_values([*keys, "patient"], ignore_index=True)
