"""What a sweep found: while it runs, at its end, or read again from its folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tcellabm.analysis.answer import Answer, answer
from tcellabm.analysis.shown import card, rates_in_words
from tcellabm.experiments.design import arms
from tcellabm.experiments.design.plan import CURVES, Plan
from tcellabm.experiments.results import manifest, shards
from tcellabm.experiments.results.ownership import MANIFEST
from tcellabm.params import InputError, Question
from tcellabm.params.loading import GRID
from tcellabm.params.meta import POPULATION

OUTCOMES = "outcomes.parquet"
COURSES = "curves.parquet"
# What rates, indices and figures need: reading them alone is several times faster.
ESSENTIAL = (
    *("remission", "relapse_day", "death_day", "followed_days", "crs_grade_penn"),
    *("cmax_copies_per_ug", "patient", "seed", "run_id", "error"),
)


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
    answer : Answer
        What the runs say of each grid point.
    total : int
        Runs wanted.
    """

    keys: list[str]
    is_grid: bool
    settings: dict[str, Any]
    table: pa.Table
    answer: Answer
    total: int

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """The table for pandas, made when it is first asked for: of many runs it takes memory."""
        return self.table.to_pandas()

    @property
    def summary(self) -> pd.DataFrame:
        """A row per grid point."""
        return self.answer.summary

    @property
    def covariates(self) -> list[str]:
        """Columns that are a patient's own: what was drawn."""
        return covariates(self.table.column_names, self.keys, self.settings)

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


Plot = Callable[[Result], bytes]
DrawReport = Callable[[Result, Plan, Mapping[str, bytes]], bytes]
Products = Callable[[Result], Mapping[str, bytes]]


def result_of(plan: Plan, table: pa.Table) -> Result:
    """Return the table with its rates by grid point."""
    runs = table.select([*plan.keys, *ESSENTIAL]).to_pandas()
    found = answer(runs, plan.keys, plan.question)
    return Result(plan.keys, plan.is_grid, plan.given, table, found, len(plan.tasks))


def covariates(
    columns: Sequence[str], keys: Sequence[str], settings: Mapping[str, Any]
) -> list[str]:
    """Return the columns of outcomes that are a patient's own: dotted, and set for nobody.

    The laws that a posterior drew for a patient are not among them: they are of a population.

    Parameters
    ----------
    columns : sequence of str
        Of the table of outcomes.
    keys : sequence of str
        Columns that tell points apart.
    settings : mapping
        What was set for all points.

    Returns
    -------
    list of str
        In the order of `columns`.
    """
    dotted = [name for name in columns if "." in name and not name.startswith(POPULATION)]
    return [name for name in dotted if name not in (*keys, *settings)]


def csv(summary: pd.DataFrame) -> bytes:
    """Return the rates as the text of a CSV file."""
    flags = summary.select_dtypes(bool)
    text = summary.assign(
        **{name: flags[name].map({True: "true", False: "false"}) for name in flags}
    )
    return str(text.to_csv(index=False, lineterminator="\n")).encode()


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
        A row per finished run, with the keys, `result.ESSENTIAL` and the covariates.
    wanted : int
        Runs of the whole sweep.
    covariates : list of str
        Columns that are a patient's own.
    question : Question
        What the points are held against.
    """

    keys: list[str]
    is_grid: bool
    settings: dict[str, Any]
    outcomes: pd.DataFrame
    wanted: int
    covariates: list[str]
    question: Question


def open_sweep(name: Path | str) -> Opened:
    """Read the folder of a sweep, finished or not.

    Raises
    ------
    InputError
        There is no sweep in it, or no run yet.
    """
    folder = Path(name)
    recipe = _manifest_of(folder)
    keys = list(recipe["axes"]) + ([arms.COLUMN] if "arms" in recipe else [])
    settings = recipe.get("set", {})
    outcomes = _outcomes(folder, recipe, keys, settings)
    if not len(outcomes):
        raise InputError("no run has ended yet", str(name), "allowed: a sweep with finished runs")
    is_grid = recipe["parameters"].get("sweep.sample", GRID) == GRID
    wanted = int(recipe.get("wanted", len(outcomes)))
    own = covariates(list(outcomes), keys, settings)
    return Opened(keys, is_grid, settings, outcomes, wanted, own, _question(recipe))


@dataclass(frozen=True)
class Whole:
    """All that is in the folder of a sweep.

    Attributes
    ----------
    recipe : dict
        Its manifest.
    runs : DataFrame
        A row per finished run, with all columns.
    courses : dict
        Packed courses by `run_id`, of the runs that have one.
    question : Question
        What the points are held against.
    """

    recipe: dict[str, Any]
    runs: pd.DataFrame
    courses: dict[str, bytes]
    question: Question


def open_whole(name: Path | str) -> Whole:
    """Read all columns and courses of a sweep, finished or not; errors as of `open_sweep`."""
    folder = Path(name)
    recipe = _manifest_of(folder)
    return Whole(recipe, *_runs_and_courses(folder, recipe), _question(recipe))


def _runs_and_courses(
    folder: Path, recipe: dict[str, Any]
) -> tuple[pd.DataFrame, dict[str, bytes]]:
    files = recipe.get("files", {})
    if OUTCOMES in files:
        runs = _read_written(folder / OUTCOMES, files[OUTCOMES])
        if COURSES not in files:
            return runs, {}
        return runs, _by_run(_read_written(folder / COURSES, files[COURSES]))
    tables = [shards.read(path) for path in shards.files(folder, shards.SHARDS)]
    runs = pa.concat_tables([table for table in tables if table is not None]).to_pandas()
    runs = _in_order(runs.drop_duplicates("run_id"), recipe)
    courses = _by_run(runs) if CURVES in runs else {}
    runs = runs.drop(columns=CURVES, errors="ignore")
    return runs, {name: course for name, course in courses.items() if course}


def _in_order(runs: pd.DataFrame, recipe: Mapping[str, Any]) -> pd.DataFrame:
    """Sort runs as the finished table has them: by point, words in the order of the recipe."""
    words: dict[str, list[Any]] = {
        key: values for key, values in recipe["axes"].items() if isinstance(values, list)
    }
    if "arms" in recipe:
        words[arms.COLUMN] = [arm["name"] for arm in recipe["arms"]]

    def sorting(values: pd.Series) -> pd.Series:
        wanted = words.get(str(values.name), [])
        listed = any(isinstance(value, str) for value in wanted)
        return values.map({word: place for place, word in enumerate(wanted)}) if listed else values

    keys = [key for key in (*recipe["axes"], *words) if key in runs]
    order = [*dict.fromkeys(keys), "patient"]
    return runs.sort_values(order, key=sorting, kind="stable", ignore_index=True)


def _by_run(courses: pd.DataFrame) -> dict[str, bytes]:
    return dict(zip(courses["run_id"], courses[CURVES], strict=True))


def _question(recipe: dict[str, Any]) -> Question:
    return Question(
        recipe.get("reference", {}), recipe.get("window", {}), tuple(recipe.get("label", ()))
    )


def _manifest_of(folder: Path) -> dict[str, Any]:
    """Return the manifest of a sweep, or that of one of its parts."""
    places = [folder, *shards.parts(folder)] if folder.is_dir() else []
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


def _outcomes(
    folder: Path, recipe: Mapping[str, Any], keys: list[str], settings: dict[str, Any]
) -> pd.DataFrame:
    """Read the table, or the shards of a sweep that is not at its end."""
    columns = [*keys, *ESSENTIAL]
    if checksum := recipe.get("files", {}).get(OUTCOMES, ""):
        return _table(folder / OUTCOMES, columns, settings, checksum)
    found = (shards.read(path) for path in shards.files(folder, shards.SHARDS))
    tables = [
        table.select([*columns, *covariates(table.column_names, keys, settings)])
        for table in found
        if table is not None and set(columns) <= set(table.column_names)
    ]
    if not tables:
        return pd.DataFrame(columns=columns)
    tables = [table.replace_schema_metadata() for table in tables]
    return _in_order(pa.concat_tables(tables).to_pandas().drop_duplicates("run_id"), recipe)


def _table(path: Path, columns: list[str], settings: dict[str, Any], checksum: str) -> pd.DataFrame:
    _check_written(path, checksum)
    try:
        columns = [*columns, *covariates(pq.read_schema(path).names, columns, settings)]
        return pq.read_table(path, columns=columns).to_pandas()[columns]
    except (KeyError, pa.ArrowException, ValueError):
        allowed = "allowed: those of its manifest"
        raise InputError("without all columns", str(path), allowed) from None


def _read_written(path: Path, checksum: str) -> pd.DataFrame:
    _check_written(path, checksum)
    return pq.read_table(path).to_pandas()


def _check_written(path: Path, checksum: str) -> None:
    if not path.is_file() or shards.checksum_of(path) != checksum:
        allowed = "allowed: as it was written; --resume of the sweep mends it"
        raise InputError("missing or damaged", str(path), allowed)
