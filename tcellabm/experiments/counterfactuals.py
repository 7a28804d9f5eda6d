"""What would have been: the same patients of a trial, each with one thing changed.

Arms share seeds and ways to infusion. None of the effects is coded; the table says what emerges.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tcellabm.clinic.observations import FEVER_C
from tcellabm.experiments.cohort import geometric_mean, percent
from tcellabm.experiments.plan import Task
from tcellabm.experiments.trial import TrialPlan
from tcellabm.model import TumorTCellModel
from tcellabm.params import Parameters

DOSES = (2e5, 1e6, 5e6)  # cells/kg: 25-fold
BURDENS = (1e10, 5e10, 2.5e11)  # cells at infusion
PERSISTENCE = (120.0, 15.0)  # half-lives, days
TOCILIZUMAB_WINDOW = (5.0, 6.0)  # days
WATCHED_DAYS = 2.0
_DOSE, _BURDEN = "product.dose_cells_per_kg", "patient.leukemic_burden"
_PERSISTENCE = "product.persistence_half_life_days"


class Effect(NamedTuple):
    """One line of the table."""

    change: str
    measure: str
    values: tuple[float, ...]  # one an arm
    wanted: str


def counterfactuals(plan: TrialPlan, patients: int, days: float = 400.0) -> pd.DataFrame:
    """Follow the first infused patients of a trial under each change.

    Parameters
    ----------
    plan : TrialPlan
        Who they are.
    patients : int
        How many of them.
    days : float
        How long each is followed at most; relapse needs a year.

    Returns
    -------
    DataFrame
        `change`, `measure`, `values` (text, one an arm), `wanted`.
    """
    some = plan.tasks[:patients]
    params = plan.params.replace({"time.days": days})
    effects = [
        *_graded(params, some, "dose", _DOSE, DOSES, "Cmax < 1.5 x, remission < 12 points apart"),
        *_graded(params, some, "burden", _BURDEN, BURDENS, "Cmax and severe CRS rise"),
        *_persistence(params, some),
        *_tocilizumab(params, some),
    ]
    table = pd.DataFrame(effects, columns=Effect._fields)
    return table.assign(values=[" / ".join(f"{v:.3g}" for v in e.values) for e in effects])


def _within(params: Parameters, days: float) -> Parameters:
    return params.replace({"time.days": min(days, params.time.days)})


def _arm(params: Parameters, tasks: list[Task], change: dict[str, Any]) -> pd.DataFrame:
    rows = []
    for task in tasks:
        model = TumorTCellModel(params.replace(task.settings | change), rng=task.seed)
        model.run_until(params.time.days)
        rows.append(model.outcomes())
    return pd.DataFrame(rows)


def _graded(
    params: Parameters,
    tasks: list[Task],
    name: str,
    key: str,
    values: tuple[float, ...],
    wanted: str,
) -> list[Effect]:
    params = _within(params, 150.0)
    arms = [_arm(params, tasks, {key: v}) for v in values]
    change = f"{name} {' / '.join(f'{v:.2g}' for v in values)}"
    severe = tuple(percent(arm["crs_grade_penn"].to_numpy() >= 3) for arm in arms)
    exposure = tuple(geometric_mean(arm["cmax_copies_per_ug"].to_numpy()) for arm in arms)
    return [
        Effect(change, "Cmax, copies/ug", exposure, wanted),
        Effect(change, "remission, %", tuple(percent(a["remission"]) for a in arms), wanted),
        Effect(change, "CRS Penn >= 3, %", severe, wanted),
    ]


def _persistence(params: Parameters, tasks: list[Task]) -> list[Effect]:
    arms = [_arm(params, tasks, {_PERSISTENCE: days}) for days in PERSISTENCE]
    change = f"persistence half-life {' / '.join(f'{days:g}' for days in PERSISTENCE)} d"
    wanted = "relapses shift to CD19-positive, CRS stays"
    positive = tuple(float((a["relapse_phenotype"] == "cd19_positive").sum()) for a in arms)
    negative = tuple(float((a["relapse_phenotype"] == "cd19_negative").sum()) for a in arms)
    severe = tuple(percent(arm["crs_grade_penn"].to_numpy() >= 3) for arm in arms)
    return [
        Effect(change, "CD19-positive relapses", positive, wanted),
        Effect(change, "CD19-negative relapses", negative, wanted),
        Effect(change, "CRS Penn >= 3, %", severe, wanted),
    ]


class _Twins(NamedTuple):
    """One patient with a fever on day 5-6, untreated and given tocilizumab then."""

    cool: bool  # fever gone within two days of the drug
    cool_without: bool
    il6_ratio: float  # serum, most in two days over that of the untreated twin
    exposure_ratio: float


def _tocilizumab(params: Parameters, tasks: list[Task]) -> list[Effect]:
    untreated = _within(params, 28.0).replace({"care.policy": "none"})
    pairs = [
        pair for task in tasks if (pair := _twins(untreated.replace(task.settings), task.seed))
    ]
    cool = percent(np.array([pair.cool for pair in pairs]))
    without = percent(np.array([pair.cool_without for pair in pairs]))
    il6 = geometric_mean(np.array([pair.il6_ratio for pair in pairs]))
    exposure = geometric_mean(np.array([pair.exposure_ratio for pair in pairs]))
    change = f"none / tocilizumab on day 5-6, {len(pairs)} with fever"
    return [
        Effect(change, "fever gone in 48 h, %", (without, cool), "most, not all"),
        Effect(change, "serum IL-6, ratio", (1.0, il6), "raised"),
        Effect(change, "Cmax, ratio", (1.0, exposure), "within 20 %"),
    ]


def _twins(params: Parameters, seed: int) -> _Twins | None:
    """Return a pair forked at the first fever of day 5-6; None where there is no fever then."""
    model, (day, end) = TumorTCellModel(params, rng=seed), TOCILIZUMAB_WINDOW
    model.run_until(day)
    while not (model.physiology.in_crs and model.physiology.temperature_c >= FEVER_C):
        if model.time >= end or not model.running:
            return None
        model.run_for(0.25)
    start, twin = model.time, model.fork()
    twin.give("tocilizumab")
    for one in (model, twin):
        one.run_until(params.time.days)
    without, treated = (one.series for one in (model, twin))
    return _Twins(
        _cool(treated, start),
        _cool(without, start),
        _highest(treated, start, "il6_pg_per_ml") / _highest(without, start, "il6_pg_per_ml"),
        treated["copies_per_ug"].max() / without["copies_per_ug"].max(),
    )


def _soon(series: pd.DataFrame, start: float) -> pd.DataFrame:
    return series[(series["day"] > start) & (series["day"] <= start + WATCHED_DAYS)]


def _cool(series: pd.DataFrame, start: float) -> bool:
    return bool((_soon(series, start)["temperature_c"] < FEVER_C).any())


def _highest(series: pd.DataFrame, start: float, column: str) -> float:
    return float(_soon(series, start)[column].max())
