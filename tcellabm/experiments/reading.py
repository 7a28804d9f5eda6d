"""A result folder, opened again: what was swept, and the runs that are there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tcellabm.experiments import arms, store
from tcellabm.experiments.lock import PARTS
from tcellabm.experiments.plan import GRID
from tcellabm.experiments.result import ESSENTIAL
from tcellabm.params import InputError
from tcellabm.params.errors import fault_of
from tcellabm.params.files import read_text
from tcellabm.params.meta import Value

_MOST_BYTES = 100_000_000  # of a manifest: a sweep can have many points


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
    keys = [*manifest.axes, *([arms.COLUMN] if manifest.arms else [])]
    outcomes = _outcomes(folder, keys)
    if not len(outcomes):
        raise InputError("no run has ended yet", str(name), "allowed: a sweep with finished runs")
    is_grid = manifest.parameters.get("sweep.sample", GRID) == GRID
    wanted = len(outcomes) if manifest.wanted is None else manifest.wanted
    return Opened(keys, is_grid, manifest.settings, outcomes, wanted)


class _Manifest(BaseModel):
    """What is read of a manifest here; there is more in it."""

    model_config = ConfigDict(strict=True)

    axes: dict[str, list[Any] | dict[str, Any]]
    parameters: dict[str, Value]
    arms: list[Any] = []
    settings: Annotated[dict[str, Value], Field(alias="set")] = {}
    wanted: Annotated[int, Field(ge=0)] | None = None


def _manifest(folder: Path) -> _Manifest:
    fault = "no sweep in it"
    places = [folder / store.MANIFEST, *sorted(folder.glob(f"{PARTS}/{store.MANIFEST}"))]
    for path in filter(Path.exists, places):
        try:
            return _Manifest.model_validate_json(read_text(path, str(path), _MOST_BYTES))
        except InputError as error:
            fault = str(error)
        except ValidationError as error:
            fault = f"no sweep in it: {store.MANIFEST}: {fault_of(error)}"
    raise InputError(fault, str(folder), "allowed: a result folder of `tcellabm sweep`")


def _outcomes(folder: Path, keys: list[str]) -> pd.DataFrame:
    """Read the table, or the shards of a sweep that is not at its end."""
    columns = [*keys, *ESSENTIAL]
    whole = folder / "outcomes.parquet"
    if whole.exists():
        try:
            return pq.read_table(whole, columns=columns).to_pandas()[columns]
        except (KeyError, pa.ArrowException, OSError, ValueError):
            raise InputError("can't be read", str(whole), "allowed: a whole table") from None
    tables = []
    for path in store.Folder(folder, {}).shards(store.SHARDS):
        try:
            table = pq.read_table(path, columns=columns).select(columns)
            tables.append(table.replace_schema_metadata())
        except (KeyError, pa.ArrowException, OSError, ValueError):
            continue
    if not tables:
        return pd.DataFrame(columns=columns)
    runs = pa.concat_tables(tables).to_pandas().drop_duplicates("run_id")
    return runs.sort_values([*keys, "patient"], ignore_index=True)
