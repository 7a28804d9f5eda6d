"""From runs to rates: a row per grid point, with intervals and the Pareto-best points."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

RATES = ("remission", "remission_365", "severe_crs")
TRADE_OFF = ("remission_365", "severe_crs")
YEAR = 365.0
SEVERE_PENN = 3


def wilson(successes: float, n: float) -> tuple[float, float]:
    """Return the 95 % interval of a proportion (Wilson 1927).

    Parameters
    ----------
    successes, n : float
        Counts, `0 <= successes <= n`.

    Returns
    -------
    low, high : float
        NaN if n is 0.
    """
    if not n > 0 or math.isnan(successes):
        return math.nan, math.nan
    z = 1.959963984540054
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # Rounding must not put the share itself outside, nor 0 or 1 a hair beyond.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


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
    beaten = (benefit > benefit[:, None]) & (harm < harm[:, None])
    return ~beaten.any(axis=1) & ~np.isnan(benefit + harm)


def pareto_front(benefit: np.ndarray, harm: np.ndarray) -> np.ndarray:
    """Mark the best trade-offs: no other point is as good in both and better in one.

    With few patients many points have equal harm, and `pareto_best` marks most of them; this
    leaves those that a reader should look at. Parameters and result as there.
    """
    as_good = (benefit >= benefit[:, None]) & (harm <= harm[:, None])
    better = (benefit > benefit[:, None]) | (harm < harm[:, None])
    return ~(as_good & better).any(axis=1) & ~np.isnan(benefit + harm)


def in_remission_at_a_year(outcomes: pd.DataFrame) -> pd.Series:
    """Tell per run whether the patient is in remission on day 365.

    Returns
    -------
    Series of float
        1 or 0; NaN where the run ended before day 365 with the patient alive and not relapsed.
    """
    relapsed = outcomes["relapse_day"] <= YEAR
    dead = outcomes["death_day"] <= YEAR
    held = outcomes["remission"] & ~relapsed & ~dead
    seen = (outcomes["followed_days"] >= YEAR) | relapsed | dead
    return held.astype(float).where(seen)


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
    runs = outcomes.assign(
        remission_365=in_remission_at_a_year(outcomes),
        severe_crs=outcomes["crs_grade_penn"] >= SEVERE_PENN,
    )
    groups = runs.groupby(list(axes), sort=False, dropna=False) if axes else [((), runs)]
    rows = [dict(zip(axes, point, strict=True)) | _rates(group) for point, group in groups]
    table = pd.DataFrame(rows)
    table["pareto"] = pareto_best(*(table[rate].to_numpy(float) for rate in TRADE_OFF))
    return table


def _rates(group: pd.DataFrame) -> dict[str, Any]:
    counted = group[group["error"] == ""]
    n = len(counted)
    row: dict[str, Any] = {"n": n}
    for rate in RATES:
        # One unseen patient leaves the rate unknown: sum() of a NaN must stay NaN.
        successes = float(counted[rate].astype(float).sum(skipna=False)) if n else math.nan
        row[rate] = successes / n if n else math.nan
        row[f"{rate}_low"], row[f"{rate}_high"] = wilson(successes, n)
    return row
