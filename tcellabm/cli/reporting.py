"""What `report.html` is made of: a sweep's table, and how each patient of it is played again."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from tcellabm.experiments.design.plan import Plan
    from tcellabm.experiments.results.result import Result
    from tcellabm.figures.report import Played
    from tcellabm.params import Parameters

Orders = Mapping[str, Sequence[tuple[str, float]]]  # by name of the arm


def report_of(result: "Result", plan: "Plan", courses: Mapping[str, bytes]) -> bytes:
    """Draw the report of a sweep that has just ended."""
    orders = {arm.name: [(one.treatment, one.day) for one in arm.orders] for arm in plan.arms}
    errors = [f"{result.errors} runs failed"] if result.errors else []
    return draw(
        result.outcomes, plan.params, result.keys, result.is_grid, result.settings,
        courses, orders, result.summary, errors, plan.seed,
    )  # fmt: skip


def draw(
    runs: "pd.DataFrame",
    params: "Parameters",
    keys: Sequence[str],
    is_grid: bool,
    settings: Mapping[str, Any],
    courses: Mapping[str, bytes],
    orders: Orders,
    summary: "pd.DataFrame",
    notes: Sequence[str],
    seed: int,
) -> bytes:
    """Draw a report.

    Parameters
    ----------
    runs, keys, is_grid, summary, courses
        As in `figures.report.Contents`.
    params : Parameters
        What all points share.
    settings : mapping
        What the user has set.
    orders : mapping
        What each treatment arm is given.
    notes : sequence of str
        What else to tell above the map.
    seed : int
        Of the sweep.
    """
    from tcellabm.figures.map import patients_told, settings_told
    from tcellabm.figures.report import Contents, draw_report
    from tcellabm.identity import MODEL_VERSION

    set_before = list(runs.columns[: runs.columns.get_loc("patient")])
    own = [key for key in set_before if key not in keys and key not in settings]
    days = max([params.time.days, *_lengths(runs, keys)])
    contents = Contents(
        runs=runs,
        keys=keys,
        is_grid=is_grid,
        summary=summary,
        notes=[patients_told(summary), *settings_told(settings), *notes],
        footer=f"tcellabm, model version {MODEL_VERSION}, seed {seed}.",
        courses=courses,
        days=days,
        own=own,
        of_point=lambda point: _point(params, point, orders),
        of_patient=_patient,
    )
    return draw_report(contents)


def _lengths(runs: "pd.DataFrame", keys: Sequence[str]) -> list[float]:
    return runs["time.days"].unique().tolist() if "time.days" in keys else []


def _point(params: "Parameters", point: dict[str, Any], orders: Orders) -> "Played":
    from tcellabm.app.address import query_of
    from tcellabm.experiments.design.arms import COLUMN
    from tcellabm.experiments.results.replay import words
    from tcellabm.figures.report import Played
    from tcellabm.params import InputError

    given = orders.get(str(point.pop(COLUMN, "")), ())
    own = params.replace(point)
    said = {}
    try:
        said["command"] = words(own)
    except InputError as fault:
        said["why_no_command"] = f"{fault}."
    if given:
        said["why_no_command"] = "`tcellabm run` gives no treatments of an arm; Python's give does."
    try:
        said["query"] = query_of(own, given)
    except InputError as fault:
        said["why_no_query"] = str(fault)
    return Played(**said)


def _patient(own: dict[str, Any]) -> "Played":
    from tcellabm.app.address import patient_query
    from tcellabm.experiments.results.replay import settings
    from tcellabm.figures.report import Played
    from tcellabm.params import InputError

    try:
        return Played(settings(own), patient_query(own))
    except InputError as fault:
        return Played(settings(own), why_no_query=str(fault))
