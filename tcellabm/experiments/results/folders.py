"""Result folders of any command, opened to be compared: their runs, and what made them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tcellabm.columns import OUTCOMES as COLUMNS
from tcellabm.experiments.design.arms import COLUMN as ARM
from tcellabm.experiments.results import manifest, shards
from tcellabm.experiments.results.ownership import MANIFEST
from tcellabm.params import InputError

_ALLOWED = "allowed: a result folder of run, sweep, trial or counterfactuals"
_NEEDED = ("seed", "patient", "replicate", "error", "remission", "crs_grade_penn")
_TABLES = ("outcomes.parquet", "patients.parquet", "outcomes.json")


@dataclass(frozen=True)
class Results:
    """What is in a finished result folder.

    Attributes
    ----------
    name : str
        Of the folder, as it was given.
    keys : list of str
        Columns that tell points apart.
    runs : DataFrame
        A row per run that ended well, with the outcome columns. Of a trial: the infused; of
        earlier versions those at the median of the posterior.
    failed : int
        Runs that ended as errors.
    recipe : dict
        All that decided the results.
    origin : dict
        Of its making: versions of packages, the commit.
    """

    name: str
    keys: list[str]
    runs: pd.DataFrame
    failed: int
    recipe: dict[str, Any]
    origin: dict[str, Any]


def open_results(folder: Path) -> Results:
    """Read a finished result folder.

    Raises
    ------
    InputError
        It is none, is not finished, or a file in it is not as it was written.
    """
    recipe = _manifest(folder)
    files = recipe.get("files", {})
    table = next((name for name in _TABLES if name in files), None)
    if table is None:
        raise InputError("no runs in it", str(folder), _ALLOWED)
    if not (folder / table).is_file() or shards.checksum_of(folder / table) != files[table]:
        allowed = "allowed: as it was written; --resume of its command mends it"
        raise InputError("missing or damaged", str(folder / table), allowed)
    runs = _read(folder / table)
    whole = runs[runs["error"] == ""].reset_index(drop=True)
    keys = [*recipe.get("axes", {}), *([ARM] if ARM in runs else [])]
    origin = {"git_commit": recipe.get("git_commit"), **recipe.get("versions", {})}
    failed = len(runs) - len(whole)
    return Results(str(folder), keys, whole, failed, manifest.recipe(recipe), origin)


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        recipe = manifest.read(folder / MANIFEST)
    except (ValueError, OSError) as fault:
        raise InputError(f"{MANIFEST}: {fault}", str(folder), _ALLOWED) from None
    if recipe.get("status") != "finished":
        done, wanted = recipe.get("runs"), recipe.get("wanted")
        so_far = f", {done} of {wanted} runs" if done is not None and wanted else ""
        allowed = "allowed: a finished one; its command with --resume ends it"
        raise InputError(f"not finished{so_far}", str(folder), allowed)
    return recipe


def _read(path: Path) -> pd.DataFrame:
    try:
        runs = _one(path) if path.suffix == ".json" else pq.read_table(path).to_pandas()
    except (pa.ArrowException, ValueError, TypeError):
        raise InputError("no table of runs", str(path), _ALLOWED) from None
    if lacking := [name for name in _NEEDED if name not in runs]:
        raise InputError(f"no column {lacking[0]}", str(path), _ALLOWED)
    if "infused" in runs:  # a trial
        runs = runs[runs["infused"] & (runs["replicate"] == 0)]
    return runs


def _one(path: Path) -> pd.DataFrame:
    """Return the one row of `run`: null is a number that is none, as in tables."""
    row = json.loads(path.read_text(encoding="utf-8"))
    floats = {column.name for column in COLUMNS if column.kind is float}
    plain = {
        name: float("nan") if value is None and name in floats else value
        for name, value in row.items()
    }
    return pd.DataFrame([{**plain, "patient": 0, "replicate": 0, "error": ""}])
