"""From runs to rates: a row per grid point, with intervals and the Pareto-best points."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tcellabm.units import DAY_365

RATES = ("remission", "remission_365", "severe_crs")
TRADE_OFF = ("remission_365", "severe_crs")
SEVERE_PENN = 3
MOST_VALUES = 12  # of an axis, that a figure shows one by one


def wilson(successes: Any, n: Any) -> tuple[Any, Any]:
    """Return the 95 % interval of proportions (Wilson 1927).

    Parameters
    ----------
    successes, n : float or ndarray
        Counts, `0 <= successes <= n`; n need not be whole.

    Returns
    -------
    low, high : float or ndarray
        NaN if n is 0.
    """
    z = 1.959963984540054
    n = np.where(np.greater(n, 0), n, math.nan)
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # Rounding must not put the share itself outside, nor 0 or 1 a hair beyond.
    low = np.maximum(0.0, np.minimum(share, middle - half))
    high = np.minimum(1.0, np.maximum(share, middle + half))
    return low[()], high[()]


def pareto_best(benefit: np.ndarray, harm: np.ndarray) -> np.ndarray:
    """Mark the points that no other point beats in both benefit (more) and harm (less).

    Parameters
    ----------
    benefit, harm : ndarray, shape (points,)
        NaN where unknown; such a point is neither marked nor beats another.

    Returns
    -------
    ndarray of bool, shape (points,)
    """
    _, at_less_harm = _most_benefit(benefit, harm)
    return ~np.isnan(benefit + harm) & (benefit >= at_less_harm)


def pareto_front(benefit: np.ndarray, harm: np.ndarray) -> np.ndarray:
    """Mark the best trade-offs: no other point is as good in both and better in one.

    With few patients many points have equal harm, and `pareto_best` marks most of them; this
    leaves those that a reader should look at. Parameters and result as there.
    """
    at_equal_harm, at_less_harm = _most_benefit(benefit, harm)
    best = (benefit == at_equal_harm) & (benefit > at_less_harm)
    return best & ~np.isnan(benefit + harm)


def _most_benefit(benefit: np.ndarray, harm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each point the most benefit of all points of its harm, and of less harm."""
    known = ~np.isnan(benefit + harm)
    levels, level = np.unique(harm[known], return_inverse=True)
    most = np.full(levels.size + 1, -math.inf)  # after a place for no harm that low
    np.maximum.at(most, level + 1, benefit[known])
    equal, less = np.full(known.size, math.nan), np.full(known.size, math.nan)
    equal[known] = most[level + 1]
    less[known] = np.maximum.accumulate(most)[level]
    return equal, less


def in_remission_at_a_year(outcomes: pd.DataFrame) -> pd.Series:
    """Tell per run whether the patient is in remission on day 365.

    Returns
    -------
    Series of float
        1 or 0; NaN where the run ended before day 365 with the patient alive and not relapsed.
    """
    relapsed = outcomes["relapse_day"] <= DAY_365
    dead = outcomes["death_day"] <= DAY_365
    held = outcomes["remission"] & ~relapsed & ~dead
    observed = (outcomes["followed_days"] >= DAY_365) | relapsed | dead
    return held.astype(float).where(observed)


def summarize(outcomes: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """Return a row per grid point, in the order of the runs.

    Parameters
    ----------
    outcomes : DataFrame
        A row per run, as in `outcomes.parquet`. Runs that failed don't count.
    axes : sequence of str
        Columns that tell points apart; may be empty.

    Returns
    -------
    DataFrame
        The axes, `n`, each rate with `_low` and `_high` (Wilson 95 %), `pareto`. A rate is NaN
        where not all were observed for it: remission on day 365 in a sweep of less than a year.
    """
    runs = pd.DataFrame({key: outcomes[key] for key in axes})
    runs = _counted(runs, outcomes)
    if axes:
        table = runs.groupby(list(axes), sort=False, dropna=False).sum().reset_index()
    else:
        table = runs.sum().to_frame().T
    return _with_intervals(table, list(axes))


def _counted(runs: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Add columns whose sums are the number of good runs, successes, and runs not observed."""
    good = outcomes["error"] == ""
    runs = runs.assign(n=good.astype(np.int64))
    for rate, values in observed(outcomes).items():
        runs[rate] = values.where(good, 0.0)
        runs[f"unseen_{rate}"] = (values.isna() & good).astype(np.int64)
    return runs


def observed(outcomes: pd.DataFrame) -> dict[str, pd.Series]:
    """Return what the rates are the means of: 1, 0, or NaN where a run did not show it."""
    return {
        "remission": outcomes["remission"].astype(float),
        "remission_365": in_remission_at_a_year(outcomes),
        "severe_crs": (outcomes["crs_grade_penn"] >= SEVERE_PENN).astype(float),
    }


def pooled(outcomes: pd.DataFrame, keys: Sequence[str], bins: int = 0) -> pd.DataFrame:
    """Return rates over all runs that are equal in some keys, whatever else differs.

    The same patients come again and again, so that a run more is less than a patient more:
    intervals are of the effective number of runs, from the variance between patients (Kish 1965).

    Parameters
    ----------
    outcomes : DataFrame
        A row per run.
    keys : sequence of str
        Columns; numbers are sorted, words stand in the order of the runs.
    bins : int
        Put numbers of more than twelve different values into that many bins of equal counts,
        each named by its median; 0 for never.

    Returns
    -------
    DataFrame
        As `summarize` does, with `patients` too.
    """
    columns = {key: binned(outcomes[key], bins) for key in keys}
    runs = pd.DataFrame({key: places(values) for key, values in columns.items()})
    runs = _counted(runs, outcomes).assign(seed=outcomes["seed"])
    by_patient = runs.groupby([*keys, "seed"], dropna=False).sum().reset_index()
    groups = by_patient.groupby(list(keys), dropna=False) if keys else None
    place = groups.ngroup() if groups is not None else pd.Series(0, index=by_patient.index)
    sums = by_patient.drop(columns=["seed", *keys]).groupby(place).sum()
    first = {key: by_patient[key].groupby(place).first() for key in keys}
    heads = pd.DataFrame({key: _at(first[key], columns[key]) for key in keys}, index=sums.index)
    effective = {rate: _effective(by_patient, place.to_numpy(), sums, rate) for rate in RATES}
    table = _with_intervals(pd.concat([heads, sums], axis=1), list(keys), effective)
    table["patients"] = by_patient[by_patient["n"] > 0].groupby(place)["seed"].nunique()
    return table


def places(values: pd.Series) -> pd.Series:
    """Return what to sort by: numbers themselves, of words the place of their first appearance."""
    if pd.api.types.is_numeric_dtype(values):
        return values
    return pd.Series(pd.factorize(values, use_na_sentinel=False)[0], values.index)


def _at(found: pd.Series, values: pd.Series) -> pd.Series:
    """Return the values that `places` stands for."""
    if pd.api.types.is_numeric_dtype(values):
        return found
    return found.map(dict(enumerate(values.unique())))


def binned(values: pd.Series, bins: int) -> pd.Series:
    """Return numbers of more than MOST_VALUES values as the medians of their bins."""
    if not bins or values.nunique() <= MOST_VALUES or not pd.api.types.is_numeric_dtype(values):
        return values
    place = pd.qcut(values.rank(method="first"), bins, labels=False)
    return values.groupby(place).transform("median").map(lambda value: float(f"{value:.2g}"))


def _effective(
    by_patient: pd.DataFrame, place: np.ndarray, sums: pd.DataFrame, rate: str
) -> np.ndarray:
    """Return the number of independent runs that would tell as much about a rate."""
    n, share = sums["n"].to_numpy(float), np.full(len(sums), math.nan)
    np.divide(sums[rate].to_numpy(float), n, out=share, where=n > 0)
    beyond = by_patient[rate].to_numpy() - share[place] * by_patient["n"].to_numpy()
    spread = np.bincount(place, beyond**2, len(sums))
    patients = np.bincount(place, by_patient["n"].to_numpy() > 0, len(sums))
    # Where all runs end alike nobody knows how alike those of a patient are: each counts once.
    effective = np.where(patients > 1, patients, n).astype(float)
    np.divide(
        n**2 * share * (1 - share), spread, out=effective, where=(spread > 0) & (patients > 1)
    )
    return np.minimum(effective, n)


def _with_intervals(
    sums: pd.DataFrame, axes: list[str], effective: Mapping[str, np.ndarray] | None = None
) -> pd.DataFrame:
    """Turn counts of successes into rates; one unseen patient leaves a rate unknown."""
    table = sums[axes].copy()
    n = sums["n"].to_numpy(np.int64)
    table["n"] = n
    for rate in RATES:
        known = (sums[f"unseen_{rate}"].to_numpy() == 0) & (n > 0)
        successes = np.where(known, sums[rate].to_numpy(float), math.nan)
        table[rate] = np.divide(successes, n, out=np.full(n.size, math.nan), where=known)
        size = n if effective is None else effective[rate]
        low, high = wilson(table[rate].to_numpy() * size, size)
        table[f"{rate}_low"], table[f"{rate}_high"] = low, high
    table["pareto"] = pareto_best(*(table[rate].to_numpy(float) for rate in TRADE_OFF))
    return table
