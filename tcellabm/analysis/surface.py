"""Rates as smooth surfaces over one or two axes: a penalized logistic spline, with its band.

A tensor product of B-splines with a penalty on second differences of coefficients along each axis
(Eilers and Marx 1996, 2003), so that a surface without evidence for more is a plane of logits. How
smooth it is follows from the deviance of patients left out, by its first-order approximation
(Takeuchi 1976: all runs of a patient are left out at once, since they end alike). Bands and
shares are of surfaces fitted to resampled patients.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from tcellabm.analysis.cube import Cube
from tcellabm.analysis.paired import resampled
from tcellabm.analysis.summary import RATES

RESAMPLES = 400
_LEAST_VALUES, _MOST_SPLINES = 3, 10  # of an axis
_PENALTIES = tuple(10.0**power for power in range(-2, 6))
_STEPS, _LARGEST_STEP, _CLOSE = 40, 3.0, 1e-5  # of Newton's method, in logits


@dataclass(frozen=True)
class Scale:
    """An axis as the surface sees it: logarithms where all values are positive.

    Attributes
    ----------
    key : str
        Its column.
    values : tuple of float
        Sorted, each once.
    """

    key: str
    values: tuple[float, ...]

    def at(self, values: Any) -> np.ndarray:
        """Return places between 0 and 1, evenly in logs (in areasinus if there is a 0)."""
        low, high = self._bend(np.array([self.values[0], self.values[-1]]))
        places: np.ndarray = (self._bend(np.asarray(values, float)) - low) / (high - low)
        return np.clip(places, 0.0, 1.0)

    def _bend(self, values: np.ndarray) -> np.ndarray:
        if self.values[0] < 0.0:
            return values
        if self.values[0] > 0.0:
            return np.asarray(np.log(values))
        return np.asarray(np.arcsinh(values / self.values[1]))

    def between(self, count: int) -> np.ndarray:
        """Return values from the first to the last, with so many evenly between two neighbors."""
        known = self._bend(np.array(self.values))
        steps = np.arange(count * (len(known) - 1) + 1) / count
        bent = np.interp(steps, np.arange(len(known)), known)
        if self.values[0] < 0.0:
            return bent
        return np.exp(bent) if self.values[0] > 0.0 else np.sinh(bent) * self.values[1]

    @property
    def splines(self) -> int:
        """How many B-splines: as many as values, but not too many."""
        return min(len(self.values), _MOST_SPLINES)

    def basis(self, values: Any) -> np.ndarray:
        """Return the B-splines at some values, shape (values, splines)."""
        from scipy.interpolate import BSpline

        degree = min(3, self.splines - 1)
        pieces = self.splines - degree
        knots = np.arange(-degree, pieces + degree + 1) / pieces
        knots[degree], knots[pieces + degree] = 0.0, 1.0
        dense: np.ndarray = BSpline.design_matrix(self.at(values), knots, degree).toarray()
        return dense

    @property
    def roughness(self) -> np.ndarray:
        """The penalty of the second differences of coefficients, shape (splines, splines)."""
        second = np.diff(np.eye(self.splines), 2, axis=0)
        return second.T @ second


@dataclass(frozen=True)
class Surface:
    """Smooth rates over one or two axes.

    Attributes
    ----------
    scales : tuple of Scale
        The axes.
    fitted : mapping of str to ndarray, shape (splines,)
        Coefficients of logits by rate; a rate that was not observed is absent.
    drawn : mapping of str to ndarray, shape (resamples, splines)
        Those of resampled patients, the same ones for every rate.
    penalties : mapping of str to tuple of float
        The penalty chosen along each axis.
    """

    scales: tuple[Scale, ...]
    fitted: Mapping[str, np.ndarray]
    drawn: Mapping[str, np.ndarray]
    penalties: Mapping[str, tuple[float, ...]]

    def rates(self, rate: str, points: pd.DataFrame) -> np.ndarray:
        """Return a smooth rate at some points."""
        return logistic(self._basis(points) @ self.fitted[rate])

    def band(self, rate: str, points: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return pointwise limits of 95 %, over resampled patients."""
        low, high = np.quantile(self.resampled(rate, points), [0.025, 0.975], axis=0)
        return low, high

    def resampled(self, rate: str, points: pd.DataFrame) -> np.ndarray:
        """Return the smooth rates of resampled patients, shape (resamples, points)."""
        return logistic(self.drawn[rate] @ self._basis(points).T)

    def inside(self, window: Mapping[str, float], points: pd.DataFrame) -> np.ndarray:
        """Return the share of resampled surfaces that meet a window, by point.

        Parameters
        ----------
        window : mapping
            `remission_365` (or `remission`) at least, `severe_crs` at most.
        points : DataFrame
            A column per axis.

        Returns
        -------
        ndarray, shape (points,)
            NaN if a rate of the window was not observed.
        """
        if not window or not window.keys() <= self.drawn.keys():
            return np.full(len(points), math.nan)
        met = np.ones((1, len(points)), bool)
        for rate, limit in window.items():
            share = self.resampled(rate, points)
            met = met & (share <= limit if rate == "severe_crs" else share >= limit)
        return np.asarray(met.mean(axis=0))

    def _basis(self, points: pd.DataFrame) -> np.ndarray:
        return tensor([scale.basis(points[scale.key].to_numpy(float)) for scale in self.scales])

    @cached_property
    def keys(self) -> list[str]:
        """The columns of its axes."""
        return [scale.key for scale in self.scales]


def scales_of(points: pd.DataFrame, axes: Sequence[str]) -> tuple[Scale, ...]:
    """Return the axes as scales; none where one is not numeric or has fewer than three values."""
    scales = []
    for key in axes:
        column = points[key]
        number = pd.api.types.is_numeric_dtype(column) and column.dtype != bool
        if not number or column.nunique() < _LEAST_VALUES:
            return ()
        scales.append(Scale(key, tuple(sorted(column.astype(float).unique()))))
    return tuple(scales)


def smooth(cube: Cube, axes: Sequence[str], seed: int = 1) -> Surface | None:
    """Fit the rates of a cube over one or two axes.

    Two imaginary patients, of half a weight each, are with the real ones: one for whom everything
    happens at every point, one for whom nothing does. They keep logits finite, and bands wide
    where all real ones end alike.

    Parameters
    ----------
    cube : Cube
        Patients by points.
    axes : sequence of str
        One or two columns of its points.
    seed : int
        Of the resampling of patients.

    Returns
    -------
    Surface or None
        None if there is nothing to smooth: see `scales_of`, or no rate was observed.
    """
    scales = scales_of(cube.points, axes) if axes else ()
    if not scales or len(cube.seeds) < 2:
        return None
    basis = tensor([scale.basis(cube.points[scale.key].to_numpy(float)) for scale in scales])
    weights = with_imaginary(resampled(len(cube.seeds), seed, RESAMPLES), seed)
    fitted, drawn, chosen = {}, {}, {}
    for rate in RATES:
        shares = cube.shares[rate]
        if np.isnan(shares).all(axis=0).any():
            continue
        shares = np.vstack([shares, np.ones_like(shares[:1]), np.zeros_like(shares[:1])])
        fitted[rate], chosen[rate] = _chosen(shares, basis, scales)
        penalty = _penalty(scales, chosen[rate])
        drawn[rate] = fit(weights, shares, basis, penalty, fitted[rate])
    return Surface(scales, fitted, drawn, chosen) if fitted else None


def with_imaginary(weights: np.ndarray, seed: int) -> np.ndarray:
    """Add to resampled patients how often each of the two imaginary ones is drawn."""
    drawn = np.random.default_rng([seed, 1]).poisson(0.5, (len(weights), 2))
    return np.hstack([weights, drawn + 1e-3])


def tensor(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the products of splines along axes, row by row."""
    whole = parts[0]
    for part in parts[1:]:
        whole = (whole[:, :, None] * part[:, None, :]).reshape(len(whole), -1)
    return whole


def _penalty(scales: Sequence[Scale], strength: Sequence[float]) -> np.ndarray:
    whole = np.zeros((1, 1))
    for place, scale in enumerate(scales):
        parts = [
            scale.roughness if place == other else np.eye(scales[other].splines)
            for other in range(len(scales))
        ]
        product_of_parts = parts[0]
        for part in parts[1:]:
            product_of_parts = np.kron(product_of_parts, part)
        whole = whole + strength[place] * product_of_parts
    return whole


def _chosen(
    shares: np.ndarray, basis: np.ndarray, scales: Sequence[Scale]
) -> tuple[np.ndarray, tuple[float, ...]]:
    """Return the coefficients of the best penalty, and that penalty."""
    weights = np.ones((1, len(shares)))
    weights[:, -2:] = 0.5
    start = np.zeros(basis.shape[1])
    best, found = math.inf, (start, (0.0,) * len(scales))
    for strength in product(_PENALTIES[::-1], repeat=len(scales)):
        penalty = _penalty(scales, strength)
        start = fit(weights, shares, basis, penalty, start)[0]
        lost = left_out_deviance(start, shares, weights[0], basis, penalty)
        if lost < best - 1e-9:
            best, found = lost, (start, strength)
    return found


def left_out_deviance(
    coefficients: np.ndarray,
    shares: np.ndarray,
    weights: np.ndarray,
    basis: np.ndarray,
    penalty: np.ndarray,
) -> float:
    """Return the deviance of patients who are left out one by one, to first order.

    Parameters
    ----------
    coefficients : ndarray, shape (splines,)
        Of the fit to all.
    shares : ndarray, shape (patients, points)
        What happened; NaN where not known.
    weights : ndarray, shape (patients,)
        Of patients.
    basis : ndarray, shape (points, splines)
        The splines at the points.
    penalty : ndarray, shape (splines, splines)
        Of the coefficients.

    Returns
    -------
    float
        Summed over patients and points.
    """
    known = ~np.isnan(shares)
    logits = basis @ coefficients
    rate = logistic(logits)
    beyond = np.where(known, np.nan_to_num(shares) - rate, 0.0)
    own = np.where(known, np.nan_to_num(shares) * logits - np.logaddexp(0.0, logits), 0.0)
    scores = np.sqrt(weights)[:, None] * (beyond @ basis)
    spread = (weights @ known) * rate * (1.0 - rate)
    curvature = basis.T @ (spread[:, None] * basis) + penalty
    taken = np.sum(scores * np.linalg.solve(_firm(curvature), scores.T).T)
    return float(-2.0 * (weights @ own.sum(axis=1)) + 2.0 * taken)


def fit(
    weights: np.ndarray,
    shares: np.ndarray,
    basis: np.ndarray,
    penalty: np.ndarray,
    start: np.ndarray,
) -> np.ndarray:
    """Return penalized logistic coefficients of many weightings of the same patients.

    Parameters
    ----------
    weights : ndarray, shape (weightings, patients)
        How much each patient counts.
    shares : ndarray, shape (patients, points)
        What happened; NaN where not known.
    basis : ndarray, shape (points, splines)
        The splines at the points.
    penalty : ndarray, shape (splines, splines)
        Of the coefficients.
    start : ndarray, shape (splines,)
        Where Newton's method begins.

    Returns
    -------
    ndarray, shape (weightings, splines)
    """
    trials = weights @ (~np.isnan(shares)).astype(float)
    happened = weights @ np.nan_to_num(shares)
    coefficients = np.tile(start, (len(weights), 1))
    for _ in range(_STEPS):
        rate = logistic(coefficients @ basis.T)
        slope = (happened - trials * rate) @ basis - coefficients @ penalty
        spread = (trials * rate * (1.0 - rate))[:, :, None] * basis
        curvature = _firm(np.swapaxes(spread, 1, 2) @ basis + penalty)
        step = np.linalg.solve(curvature, slope[:, :, None])[:, :, 0]
        largest = np.abs(step @ basis.T).max(axis=1, keepdims=True)
        coefficients = coefficients + step * np.minimum(1.0, _LARGEST_STEP / (largest + 1e-300))
        if largest.max() < _CLOSE:
            break
    return coefficients


def _firm(curvature: np.ndarray) -> np.ndarray:
    """Return a matrix that can be solved with where points leave a coefficient open."""
    return np.asarray(curvature + 1e-9 * np.eye(curvature.shape[-1]))


def logistic(logits: np.ndarray) -> np.ndarray:
    """Return shares from logits."""
    from scipy.special import expit

    return np.asarray(expit(logits))
