"""What a change does to the patients it was made in: effects between arms, with intervals."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from tcellabm.experiments.cohort import Columns, geometric_mean, percent, where
from tcellabm.experiments.summary import SEVERE_PENN

DRUG_DAY = 5.5  # of tocilizumab
WATCHED_DAYS = 2.0  # after it
DRUG = f"tocilizumab on day {DRUG_DAY:g}, where there is fever"
DOSE = "dose, cells/kg"
BURDEN = "burden at infusion, cells"
PERSISTENCE = "persistence half-life, d"
RESAMPLES = 1000

Values = np.ndarray  # one an arm


def _last(values: Values) -> float:
    return float(values[-1])


def _ratio(values: Values) -> float:
    return float(values[-1] / values[0])


def _difference(values: Values) -> float:
    return float(values[-1] - values[0])


def _most_over_least(values: Values) -> float:
    return float(values.max() / values.min())


def _most_less_least(values: Values) -> float:
    return float(np.ptp(values))


def _least_rise(values: Values) -> float:
    return float(np.diff(values).min())


def _least_factor(values: Values) -> float:
    return float((values[1:] / values[:-1]).min())


class Effect(NamedTuple):
    """An effect: what is measured in each arm, how arms are compared, what is expected."""

    change: str
    measure: str
    of: Callable[[Columns], float]
    compared: Callable[[Values], float]
    told: str  # the comparison in words, with its unit
    low: float = -math.inf  # expected above, and below; of none it is reported, not judged
    high: float = math.inf


def _mean(column: str, arm: Columns) -> float:
    return geometric_mean(arm[column])


def _share(column: str, arm: Columns) -> float:
    return percent(arm[column].astype(bool))


def _relapse(phenotype: str, arm: Columns) -> float:
    return percent(arm["relapse_phenotype"] == phenotype)


def _severe(arm: Columns) -> float:
    return percent(arm["crs_grade_penn"] >= SEVERE_PENN)


_SOON = f"in {24 * WATCHED_DAYS:g} h"
_COOL = (f"fever gone {_SOON}, %", partial(_share, "fever_gone"))
_IL6 = (f"highest IL-6 {_SOON}, pg/mL", partial(_mean, "il6_after_pg_per_ml"))
_CMAX = ("Cmax, copies/ug", partial(_mean, "cmax_copies_per_ug"))
_REMISSION = ("remission, %", partial(_share, "remission"))
_CRS = (f"CRS Penn >= {SEVERE_PENN}, %", _severe)
_POSITIVE = ("CD19-positive relapse, %", partial(_relapse, "cd19_positive"))
_NEGATIVE = ("CD19-negative relapse, %", partial(_relapse, "cd19_negative"))

EFFECTS = (
    Effect(DRUG, *_COOL, _last, "with it, %", 50.0, 100.0),
    Effect(DRUG, *_IL6, _ratio, "ratio", 1.0),
    Effect(DRUG, *_CMAX, _ratio, "ratio", 0.8, 1.2),
    Effect(DOSE, *_CMAX, _most_over_least, "most over least", high=1.5),
    Effect(DOSE, *_REMISSION, _most_less_least, "most less least, points", high=12.0),
    Effect(DOSE, *_CRS, _difference, "last less first, points"),
    Effect(BURDEN, *_CMAX, _least_factor, "least factor of a step", 1.0),
    Effect(BURDEN, *_CRS, _least_rise, "least rise of a step, points", 0.0),
    Effect(BURDEN, *_REMISSION, _difference, "last less first, points"),
    Effect(PERSISTENCE, *_POSITIVE, _difference, "last less first, points", 0.0),
    Effect(PERSISTENCE, *_NEGATIVE, _difference, "last less first, points"),
    Effect(PERSISTENCE, *_CRS, _difference, "last less first, points", -5.0, 5.0),
)


def effects(runs: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """Return what each change does, misses first.

    Parameters
    ----------
    runs : DataFrame
        A row per patient and arm; `change` and `arm` tell them apart.
    seed : int
        Of the resampling of patients.

    Returns
    -------
    DataFrame
        `change`, `arms`, `patients`, `measure`, `values` (of the arms), `effect` with its
        bootstrap interval of 95 % over patients `effect_low`, `effect_high`, `compared` (how arms
        are), the window `low`, `high` and `met`: true, false, or empty where nothing is expected.
    """
    arms = {change: _arms(runs, change) for change in (DRUG, DOSE, BURDEN, PERSISTENCE)}
    table = pd.DataFrame([_row(each, arms[each.change], seed) for each in EFFECTS])
    order = table["met"].map({"false": 0, "true": 1, "": 2})
    return table.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def _arms(runs: pd.DataFrame, change: str) -> dict[str, Columns]:
    """Return the arms of a change, of the patients who are whole in all of them, in one order."""
    own = runs[runs["change"] == change].sort_values("patient", kind="stable")
    whole = (own["error"] == "").groupby(own["patient"]).transform("all")
    if change == DRUG:
        whole &= own["fever_at_drug"].groupby(own["patient"]).transform("all")
    groups = own[whole].groupby("arm", sort=False)
    return {
        str(name): {column: values.to_numpy() for column, values in arm.items()}
        for name, arm in groups
    }


def _row(effect: Effect, arms: dict[str, Columns], seed: int) -> dict[str, object]:
    values = [effect.of(arm) for arm in arms.values()]
    value = _compared(effect, values)
    low, high = _interval(effect, list(arms.values()), seed)
    judged = math.isfinite(effect.low) or math.isfinite(effect.high)
    return {
        "change": effect.change,
        "arms": " / ".join(arms),
        "patients": len(next(iter(arms.values()))["patient"]) if arms else 0,
        "measure": effect.measure,
        "values": " / ".join(f"{value:.3g}" for value in values),
        "effect": value,
        "effect_low": low,
        "effect_high": high,
        "compared": effect.told,
        "low": effect.low,
        "high": effect.high,
        "met": str(effect.low < value < effect.high).lower() if judged else "",
    }


def _interval(effect: Effect, arms: list[Columns], seed: int) -> tuple[float, float]:
    """Return the interval of 95 % over patients drawn anew, the same ones in every arm."""
    n = len(arms[0]["patient"]) if arms else 0
    rng = np.random.default_rng(seed)
    drawn = [
        _compared(effect, [effect.of(where(arm, again)) for arm in arms])
        for again in (rng.integers(n, size=n) for _ in range(RESAMPLES if n else 0))
    ]
    known = [value for value in drawn if math.isfinite(value)]
    if not known:
        return math.nan, math.nan
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def _compared(effect: Effect, values: list[float]) -> float:
    with np.errstate(all="ignore"):
        return effect.compared(np.array(values)) if values else math.nan
