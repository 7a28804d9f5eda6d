"""What `report.html` is made of: a sweep's table, and how each patient of it is played again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

    from tcellabm.analysis.answer import Answer
    from tcellabm.experiments.design.plan import Plan
    from tcellabm.experiments.results.outcomes import Result
    from tcellabm.figures.report import Played
    from tcellabm.params import Parameters

Orders = Mapping[str, Sequence[tuple[str, float]]]  # by name of the arm


def report_of(result: "Result", plan: "Plan", courses: Mapping[str, bytes]) -> bytes:
    """Draw the report of a sweep that has just ended.

    Parameters
    ----------
    result : Result
        Of the sweep.
    plan : Plan
        Of the sweep.
    courses : mapping of str to bytes
        Packed courses by `run_id`.

    Returns
    -------
    bytes
        HTML.
    """
    orders = {arm.name: [(one.treatment, one.day) for one in arm.orders] for arm in plan.arms}
    sweep = Sweep(
        result.outcomes,
        plan.params,
        result.keys,
        result.is_grid,
        result.settings,
        result.answer,
        _is_default(plan.recipe),
    )
    return draw(sweep, courses, orders, f"seed {plan.seed}", result.total)


def report_of_folder(folder: Path) -> bytes:
    """Draw the report of a sweep from its folder; of one that is not finished, what is there."""
    from tcellabm.analysis.answer import answer
    from tcellabm.experiments.design.arms import COLUMN
    from tcellabm.experiments.results.outcomes import open_whole
    from tcellabm.params.loading import GRID

    whole = open_whole(folder)
    recipe, parameters = whole.recipe, whole.recipe["parameters"]
    arms = recipe.get("arms", [])
    orders = {arm["name"]: [(o["treatment"], o["day"]) for o in arm["give"]] for arm in arms}
    keys = [*recipe["axes"], *([COLUMN] if arms else [])]
    is_grid = parameters.get("sweep.sample", GRID) == GRID
    found = answer(whole.runs, keys, whole.question)
    settings = recipe.get("set", {})
    is_default = _is_default(recipe)
    sweep = Sweep(whole.runs, _parameters(recipe), keys, is_grid, settings, found, is_default)
    wanted = int(recipe.get("wanted", len(whole.runs)))
    return draw(sweep, whole.courses, orders, f"seed {recipe['seed']}", wanted)


def _parameters(recipe: Mapping[str, Any]) -> "Parameters | None":
    """Return the parameters of a manifest; None of another version of the model."""
    from tcellabm.experiments.results.replay import of_manifest
    from tcellabm.identity import MODEL_VERSION

    same = recipe.get("model_version") == MODEL_VERSION
    return of_manifest(recipe["parameters"]) if same else None


class Sweep(NamedTuple):
    """What a report is drawn of; `params` is None where no command of this version repeats it."""

    runs: "pd.DataFrame"
    params: "Parameters | None"
    keys: list[str]
    is_grid: bool
    settings: Mapping[str, Any]
    answer: "Answer"
    is_default: bool  # whether a seed says all of its patient


def _is_default(recipe: Mapping[str, Any]) -> bool:
    """Tell whether a sweep drew its patients as `run` and the class page do by default."""
    from tcellabm.posterior import shipped_digest

    return bool(recipe.get("posterior", "") == shipped_digest())


def draw(
    sweep: Sweep, courses: Mapping[str, bytes], orders: Orders, origin: str, wanted: int
) -> bytes:
    """Draw a report.

    Parameters
    ----------
    sweep : Sweep
        The runs.
    courses : mapping of str to bytes
        Packed courses by `run_id`.
    orders : mapping
        What each treatment arm is given.
    origin : str
        Where it comes from, in words.
    wanted : int
        Runs of the whole sweep.

    Returns
    -------
    bytes
        HTML.
    """
    from tcellabm.analysis.weighting import covariate_of
    from tcellabm.figures.labels import settings_told
    from tcellabm.figures.map import patients_told
    from tcellabm.figures.report import Contents, draw_report
    from tcellabm.identity import MODEL_VERSION

    runs, params, keys = sweep.runs, sweep.params, sweep.keys
    columns = list(runs.columns[: runs.columns.get_loc("patient")])
    own = [key for key in columns if key not in keys and key not in sweep.settings]
    if sweep.is_default:
        own = [key for key in own if not covariate_of(key)]  # laws, which the seed draws
    version = f"model version {MODEL_VERSION}" if params else "another version of the model"
    contents = Contents(
        runs=runs,
        keys=keys,
        is_grid=sweep.is_grid,
        answer=sweep.answer,
        notes=[
            patients_told(sweep.answer.summary),
            *settings_told(sweep.settings),
            *_missing(runs, wanted),
        ],
        footer=f"tcellabm, {version}, {origin}.",
        courses=courses,
        days=float(runs["followed_days"].max()) if params is None else _days(sweep, params),
        own=own,
        of_point=lambda point: _point(sweep, point, orders),
        of_patient=_patient,
    )
    return draw_report(contents)


def _missing(runs: "pd.DataFrame", wanted: int) -> list[str]:
    failed = int((runs["error"] != "").sum())
    so_far = [f"{len(runs)} of {wanted} runs so far"] if len(runs) < wanted else []
    return [*so_far, *([f"{failed} runs failed"] if failed else [])]


def _days(sweep: Sweep, params: "Parameters") -> float:
    return float(sweep.runs["time.days"].max()) if "time.days" in sweep.keys else params.time.days


def _point(sweep: Sweep, point: dict[str, Any], orders: Orders) -> "Played":
    from tcellabm.app.address import query_of
    from tcellabm.experiments.design.arms import COLUMN
    from tcellabm.experiments.results.replay import words
    from tcellabm.figures.report import Played
    from tcellabm.params import InputError

    params = sweep.params
    if params is None:
        why = "computed by another version of the model"
        return Played(why_no_command=f"No command: {why}.", why_no_query=why)
    given = orders.get(str(point.pop(COLUMN, "")), ())
    own = params.replace(point)
    counts = {}
    try:
        counts["command"] = words(own, is_default=sweep.is_default)
    except InputError as fault:
        counts["why_no_command"] = f"{fault}."
    if given:
        counts["why_no_command"] = (
            "`tcellabm run` gives no treatments of an arm; Python's give does."
        )
    try:
        counts["query"] = query_of(own, given, is_default=sweep.is_default)
    except InputError as fault:
        counts["why_no_query"] = str(fault)
    return Played(**counts)


def _patient(own: dict[str, Any]) -> "Played":
    from tcellabm.app.address import patient_query
    from tcellabm.experiments.results.replay import settings
    from tcellabm.figures.report import Played
    from tcellabm.params import InputError

    try:
        return Played(settings(own), patient_query(own))
    except InputError as fault:
        return Played(settings(own), why_no_query=str(fault))
