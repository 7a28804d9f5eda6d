"""What a published cohort will show, before its figures are read; and whether it did."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from tcellabm.analysis.cohort import Cohort, percent

LEAST_COHORTS = 400  # resampled, for an interval
COLUMNS = ("id", "measure", "arm", "minus", "n", "predicted", "low", "high")


class Prediction(NamedTuple):
    """One figure to predict: a measure in one arm, or its difference from another's."""

    id: str
    measure: str
    arm: str
    n: int
    minus: str = ""


def _share(column: str, low: float, high: float = np.inf) -> Callable[[Cohort], float]:
    return lambda c: percent((c.infused[column] >= low) & (c.infused[column] <= high))


MEASURES: dict[str, Callable[[Cohort], float]] = {
    "remission": lambda c: percent(c.infused["remission"]),
    "mrd_negative": lambda c: percent(c.infused["remission"] & c.infused["mrd_negative"]),
    "relapse_free_12": lambda c: 100.0 * c.relapse_free.at(12.0),
    "relapse_free_24": lambda c: 100.0 * c.relapse_free.at(24.0),
    "overall_12": lambda c: 100.0 * c.overall.at(12.0),
    "crs_any": _share("crs_grade_penn", 1),
    "crs_penn_3_4": _share("crs_grade_penn", 3, 4),
    "crs_penn_4": _share("crs_grade_penn", 4),
    "crs_lee_3": _share("crs_grade_lee", 3),
    "crs_astct_0": _share("crs_grade_astct", 0, 0),
    "crs_astct_1_2": _share("crs_grade_astct", 1, 2),
    "crs_astct_3": _share("crs_grade_astct", 3),
    "vasopressor": _share("worst_blood_pressure_need", 2),
    "ventilation": _share("worst_oxygen_need", 3),
    "tumor_halved": _share("tumor_left", 0.0, 0.5),
}


class Arm(NamedTuple):
    """The infused of one arm, and what makes them those of each draw of the posterior."""

    infused: Cohort
    weights: np.ndarray | None  # (draws, infused)


def predict(
    predictions: Sequence[Prediction], arms: dict[str, Arm], rng: np.random.Generator
) -> pd.DataFrame:
    """Return COLUMNS: each figure over all patients, and the 95 % interval of cohorts of n.

    The interval is over draws of the posterior and over patients.

    Parameters
    ----------
    predictions : sequence of Prediction
        What is to be predicted.
    arms : dict of str to Arm
        By the names that predictions use.
    rng : numpy.random.Generator
        Of the cohorts.

    Returns
    -------
    DataFrame
        One row per prediction; shares and their differences in percent, NaN if there is nobody.
    """
    rows = []
    for each in predictions:
        names = [each.arm] + ([each.minus] if each.minus else [])
        own = [arms[name] for name in names]
        measure = MEASURES[each.measure]
        values = _difference([measure(arm.infused) for arm in own])
        found = np.array(
            [_difference(_once(own, measure, each.n, i, rng)) for i in range(_times(own))]
        )
        known = found[np.isfinite(found)]
        low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
        rows.append((each.id, each.measure, each.arm, each.minus, each.n, values, low, high))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _times(arms: Sequence[Arm]) -> int:
    return max([LEAST_COHORTS, *(len(arm.weights) for arm in arms if arm.weights is not None)])


def _once(
    arms: Sequence[Arm],
    measure: Callable[[Cohort], float],
    n: int,
    number: int,
    rng: np.random.Generator,
) -> list[float]:
    """Return the measure in one cohort of n of each arm, of one draw of the posterior."""
    weights = [None if a.weights is None else a.weights[number % len(a.weights)] for a in arms]
    return [
        measure(arm.infused.resampled(rng, own, n)) for arm, own in zip(arms, weights, strict=True)
    ]


def _difference(values: Sequence[float]) -> float:
    return values[0] - values[1] if len(values) > 1 else values[0]


def held_against(prediction: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Return predictions beside the published figures, with `hit`.

    `hit` is `true` where the published value lies in the interval, else `false`. Of a sign it is
    `true` where the whole interval has it, `false` where none of it has, else `unresolved`.
    """
    table = prediction.merge(published.drop(columns="cohort"), on="id", suffixes=("", "_published"))
    hits = [_hit(row) for _, row in table.iterrows()]
    return table.assign(hit=hits)


def _hit(row: pd.Series) -> str:
    if pd.notna(row["value"]):
        return "true" if row["low"] <= row["value"] <= row["high"] else "false"
    if row["low"] > row["low_published"]:
        return "true"
    return "unresolved" if row["high"] > row["low_published"] else "false"
