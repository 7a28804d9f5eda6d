"""Points of a sweep against a reference point, by patient: differences and what is resolved."""

import math

import numpy as np
import pandas as pd

from tcellabm.analysis.cube import Cube
from tcellabm.analysis.summary import RATES

LEVEL = 0.95
Z = 1.959963984540054
_RESAMPLES = 2000
_CHUNK = 2048  # columns at a time: the memory it takes


def differences(cube: Cube, reference: int, seed: int = 1) -> tuple[pd.DataFrame, float]:
    """Return how the rates of each point differ from those of a reference point.

    Parameters
    ----------
    cube : Cube
        Patients by points.
    reference : int
        Which point is the reference.
    seed : int
        Of the resampling of patients.

    Returns
    -------
    table : DataFrame
        For each rate `_difference`, `_difference_low`, `_difference_high` (pointwise 95 %, paired
        by patient) and `_resolved`: whether zero lies outside limits that hold for all points and
        rates at once with 95 %. A row per point; NaN and False where a rate is not known.
    critical : float
        Standard errors from the middle to those limits.
    """
    changes = np.hstack([shares - shares[:, [reference]] for shares in _shares(cube)])
    mean, center, error = paired_means(changes)
    critical = critical_value(changes, error, seed)
    itself = np.tile(np.arange(len(cube.points)) == reference, len(RATES))
    error = np.where(itself & ~np.isnan(mean), 0.0, error)
    columns = {
        "": mean,
        "_low": np.maximum(center - Z * error, -1.0),
        "_high": np.minimum(center + Z * error, 1.0),
        "resolved": (np.abs(center) > critical * error) & ~itself,
    }
    table = {}
    for number, rate in enumerate(RATES):
        part = slice(number * len(cube.points), (number + 1) * len(cube.points))
        for name, values in columns.items():
            table[f"{rate}_{name if name == 'resolved' else f'difference{name}'}"] = values[part]
    return pd.DataFrame(table), critical


def _shares(cube: Cube) -> list[np.ndarray]:
    return [cube.shares[rate] for rate in RATES]


def paired_means(changes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean of paired changes, the center of its interval, and its standard error.

    One imaginary pair that rises by 1 and one that falls by 1 are added, so that an interval keeps
    its width where all real pairs end alike (Bonett and Price 2012, of binary outcomes; the same
    of changes between -1 and 1).

    Parameters
    ----------
    changes : ndarray, shape (patients, columns)
        NaN where a pair is missing.

    Returns
    -------
    mean, center, error : ndarray, shape (columns,)
        NaN where no pair is there.
    """
    pairs = np.sum(~np.isnan(changes), axis=0)
    total, squares = np.nansum(changes, axis=0), np.nansum(changes**2, axis=0)
    size = np.where(pairs > 0, pairs, math.nan)
    center = total / (size + 2)
    error = np.sqrt(((squares + 2) / (size + 2) - center**2) / (size + 2))
    return total / size, center, error


def critical_value(
    changes: np.ndarray, error: np.ndarray, seed: int = 1, draws: int = _RESAMPLES
) -> float:
    """Return how many standard errors cover all columns at once with 95 % (max-t).

    The distribution of the largest of all standardized deviations is that of resampled patients,
    the same ones in every column (Romano and Wolf 2005), with the errors of the sample itself.

    Parameters
    ----------
    changes : ndarray, shape (patients, columns)
        NaN where a pair is missing.
    error : ndarray, shape (columns,)
        Standard errors of the means.
    seed : int
        Of the resampling.
    draws : int
        Number of resamples.

    Returns
    -------
    float
        At least that of a single column, 1.96.
    """
    known = ~np.isnan(error) & np.any(np.nan_to_num(changes) != 0.0, axis=0)
    if not known.any():
        return Z
    changes, error = changes[:, known], error[known]
    weights = resampled(len(changes), seed, draws)
    largest = np.zeros(len(weights))
    for start in range(0, changes.shape[1], _CHUNK):
        part = slice(start, start + _CHUNK)
        deviation = np.abs(_deviations(changes[:, part], weights)) / error[part]
        largest = np.maximum(largest, np.nanmax(deviation, axis=1))
    return max(Z, float(np.quantile(largest, LEVEL, method="higher")))


def resampled(patients: int, seed: int, draws: int = _RESAMPLES) -> np.ndarray:
    """Return how often each patient is drawn, shape (draws, patients).

    Parameters
    ----------
    patients : int
        In the sample, and in each resample.
    seed : int
        Of the resampling.
    draws : int
        Number of resamples.

    Returns
    -------
    ndarray of float, shape (draws, patients)
        Whole numbers; each row sums to `patients`.
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(patients, np.full(patients, 1.0 / patients), draws).astype(float)


def _deviations(changes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return means of resampled patients, less those of all; 0 where nobody was drawn."""
    pairs = ~np.isnan(changes)
    own = np.nansum(changes, axis=0) / pairs.sum(axis=0)
    beyond = weights @ np.where(pairs, changes - own, 0.0)
    drawn = np.broadcast_to(weights.sum(axis=1)[:, None], beyond.shape)
    drawn = drawn if pairs.all() else weights @ pairs
    return np.divide(beyond, drawn, out=np.zeros_like(beyond), where=drawn > 0)


def smallest_resolved(patients: int, comparisons: int, changing: float = 0.0) -> float:
    """Return the smallest difference that so many patients resolve, four times in five.

    Parameters
    ----------
    patients : int
        The same at every point.
    comparisons : int
        Points times rates; their limits are taken to be independent (Sidak), which is the worst.
    changing : float
        Share of patients who end otherwise, one way or the other; by default, and at least, as
        many as the difference itself: all change one way.

    Returns
    -------
    float
        A share; 1 if none is resolved.
    """
    from scipy.special import ndtri

    wanted = ndtri((1 + LEVEL ** (1 / max(comparisons, 1))) / 2) + ndtri(0.8)
    shares = np.arange(1, 1001) / 1000
    size = patients + 2
    center = shares * patients / size
    changed = (np.maximum(shares, changing) * patients + 2) / size
    resolved = center >= wanted * np.sqrt((changed - center**2) / size)
    return float(shares[resolved][0]) if resolved.any() else 1.0
