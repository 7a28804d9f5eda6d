"""What `report.html` is made of: a sweep's table, and how each patient of it is played again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
        runs=result.outcomes,
        params=plan.params,
        keys=result.keys,
        is_grid=result.is_grid,
        settings=result.settings,
        answer=result.answer,
        posterior="" if plan.posterior is None else plan.posterior.digest,
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
    sweep = Sweep(
        runs=whole.runs,
        params=_parameters(recipe),
        keys=keys,
        is_grid=parameters.get("sweep.sample", GRID) == GRID,
        settings=recipe.get("set", {}),
        answer=answer(whole.runs, keys, whole.question),
        posterior=recipe.get("posterior", ""),
    )
    wanted = int(recipe.get("wanted", len(whole.runs)))
    return draw(sweep, whole.courses, orders, f"seed {recipe['seed']}", wanted)


def _parameters(recipe: Mapping[str, Any]) -> "Parameters | None":
    """Return the parameters of a manifest; None of another version of the model."""
    from tcellabm.experiments.results.replay import of_manifest
    from tcellabm.identity import MODEL_VERSION

    same = recipe.get("model_version") == MODEL_VERSION
    return of_manifest(recipe["parameters"]) if same else None


@dataclass(frozen=True)
class Sweep:
    """What a report is drawn of; `params` is None where no command of this version repeats it."""

    runs: "pd.DataFrame"
    params: "Parameters | None"
    keys: list[str]
    is_grid: bool
    settings: Mapping[str, Any]
    answer: "Answer"
    posterior: str  # its digest; empty for none

    @property
    def laws(self) -> list[str]:
        """Columns of the laws that a posterior drew for each patient."""
        from tcellabm.analysis.weighting import covariate_of

        return [key for key in self._own if covariate_of(key)]

    @property
    def own(self) -> list[str]:
        """Columns that the command of each patient sets, beside the seed."""
        return [key for key in self._own if not self.draws_as_run or key not in self.laws]

    @property
    def _own(self) -> list[str]:
        columns = list(self.runs.columns[: self.runs.columns.get_loc("patient")])
        return [key for key in columns if key not in self.keys and key not in self.settings]

    @cached_property
    def draws_as_run(self) -> bool:
        """Whether `run` and the class page draw the same laws from a seed."""
        from tcellabm.analysis.weighting import covariate_of
        from tcellabm.experiments.results.replay import sets_a_law
        from tcellabm.params import InputError
        from tcellabm.posterior import shipped_digest

        if any(map(covariate_of, [*self.keys, *self.settings])):
            return False
        try:
            is_set = self.params is not None and sets_a_law(self.params)
        except InputError:
            return False
        return not is_set and self.posterior == shipped_digest()


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
    from tcellabm.figures.labels import settings_told
    from tcellabm.figures.map import patients_told
    from tcellabm.figures.report import Contents, draw_report
    from tcellabm.identity import MODEL_VERSION

    runs, params, keys = sweep.runs, sweep.params, sweep.keys
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
        own=sweep.own,
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
        counts["command"] = words(own, None if sweep.draws_as_run else sweep.laws)
    except InputError as fault:
        counts["why_no_command"] = f"{fault}."
    if given:
        counts["why_no_command"] = (
            "`tcellabm run` gives no treatments of an arm; Python's give does."
        )
    if not sweep.draws_as_run:
        why = "the class page draws its patients from another population"
        return Played(**counts, why_no_query=why)
    try:
        counts["query"] = query_of(own, given)
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
