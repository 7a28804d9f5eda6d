"""Effects between arms of the same patients, with paired intervals, each held against a window."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tcellabm.analysis.cohort import Columns, where
from tcellabm.analysis.relations import RELATIONS, Relation

RESAMPLES = 1000
TRUE, FALSE, UNRESOLVED = "true", "false", "unresolved"
# Of a share near 0 the point is held to the window, and the upper bound to this.
RARE = {"R9": 3.0}


def effects(
    runs: pd.DataFrame, seed: int = 1, relations: Sequence[Relation] = RELATIONS
) -> pd.DataFrame:
    """Return what each change does.

    Parameters
    ----------
    runs : DataFrame
        One row per patient and arm; `arm` tells arms apart.
    seed : int
        Of the resampling of patients.
    relations : sequence of Relation
        What is compared.

    Returns
    -------
    DataFrame
        `id`, `arms`, `patients`, `measure`, `values` (of the arms), `compared` (how), `effect` with
        its bootstrap interval of 95 % over patients `effect_low`, `effect_high`, the window `low`,
        `high`, and `met`: true where the interval lies inside, false where it lies outside, else
        unresolved.
    """
    arms = {str(name): rows for name, rows in runs.groupby("arm", sort=False)}
    return pd.DataFrame([_row(each, arms, seed) for each in relations])


def relations_met(table: pd.DataFrame) -> pd.Series:
    """Return, by id, whether all lines of a relation are met: true, false or unresolved."""

    def of(met: pd.Series) -> str:
        if (met == FALSE).any():
            return FALSE
        return TRUE if (met == TRUE).all() else UNRESOLVED

    return table.groupby("id", sort=False)["met"].agg(of)


def _row(relation: Relation, arms: dict[str, pd.DataFrame], seed: int) -> dict[str, object]:
    columns = paired([arms[name] for name in relation.arms])
    if relation.among is not None:
        chosen = relation.among(columns[0])
        columns = [where(arm, chosen) for arm in columns]
    values = [relation.of(arm) for arm in columns]
    value = _compared(relation, values)
    low, high = _interval(relation, columns, seed)
    return {
        "id": relation.id,
        "arms": " / ".join(relation.arms),
        "patients": len(columns[0]["patient"]),
        "measure": relation.measure,
        "values": " / ".join(f"{value:.3g}" for value in values),
        "compared": relation.compared,
        "effect": value,
        "effect_low": low,
        "effect_high": high,
        "low": relation.low,
        "high": relation.high,
        "met": judged(relation, value, low, high),
    }


def paired(arms: list[pd.DataFrame]) -> list[Columns]:
    """Return the columns of arms, of the patients who ended without an error in all, in order."""
    whole = [set(arm.loc[arm["error"] == "", "patient"]) for arm in arms]
    common = sorted(set.intersection(*whole))
    tables = [arm.set_index("patient", drop=False).loc[common] for arm in arms]
    return [{name: table[name].to_numpy() for name in table.columns} for table in tables]


def judged(relation: Relation, value: float, low: float, high: float) -> str:
    """Return whether an effect with its interval lies in the window.

    Parameters
    ----------
    relation : Relation
        With its window.
    value : float
        The effect.
    low, high : float
        Its 95 % interval.

    Returns
    -------
    str
        TRUE, FALSE or UNRESOLVED.
    """
    if not math.isfinite(value):
        return UNRESOLVED
    if relation.id in RARE:
        inside = value <= relation.high and high <= RARE[relation.id]
        return TRUE if inside else FALSE if low > relation.high else UNRESOLVED
    if relation.low < low and high < relation.high:
        return TRUE
    return FALSE if high < relation.low or low > relation.high else UNRESOLVED


def _interval(relation: Relation, arms: list[Columns], seed: int) -> tuple[float, float]:
    """Return the interval of 95 % over resampled patients, the same ones in every arm."""
    from scipy.stats import DegenerateDataWarning, bootstrap  # takes a while to import

    def effect(again: np.ndarray) -> float:
        return _compared(relation, [relation.of(where(arm, again)) for arm in arms])

    patients = np.arange(len(arms[0]["patient"]))
    if len(patients) < 2:
        return math.nan, math.nan
    options: dict[str, Any] = {"n_resamples": RESAMPLES, "vectorized": False}
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)  # some resamples have no value
        found = bootstrap((patients,), effect, method="percentile", rng=rng, **options)
    known = found.bootstrap_distribution[np.isfinite(found.bootstrap_distribution)]
    low, high = np.quantile(known, [0.025, 0.975]) if known.size else (math.nan, math.nan)
    return float(low), float(high)


def _compared(relation: Relation, values: list[float]) -> float:
    with np.errstate(all="ignore"):
        return relation.by(np.array(values))
