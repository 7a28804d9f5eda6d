"""The continual reassessment method (O'Quigley, Pepe and Fisher 1990), as Cheung (2011) has it."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tcellabm.analysis.designs.counts import CONFIDENCE, LEAST, NONE, Seen

PRIOR_SD = math.sqrt(1.34)  # of the model's one parameter
INDIFFERENCE = 0.05  # half-width of the interval of toxicity that passes for the target
_GRID = np.linspace(-10.0, 10.0, 401)  # the integrand is smooth: the trapezoid rule is exact


def skeleton(target: float, doses: int, half_width: float = INDIFFERENCE) -> np.ndarray:
    """Return prior guesses of toxicity by indifference intervals, the target at the middle dose.

    Lee and Cheung 2009 (doi 10.1177/1740774509105076), for the empiric model.

    Parameters
    ----------
    target : float
        The toxicity sought, a share.
    doses : int
        Number of doses; of an even one the lower of the two middle doses gets the target.
    half_width : float
        Of the indifference interval, below `target`.

    Returns
    -------
    ndarray, shape (doses,)
        Ascending, between 0 and 1.
    """
    ratio = math.log(target + half_width) / math.log(target - half_width)
    steps = (doses - 1) // 2 - np.arange(doses)
    return np.asarray(np.exp(math.log(target) * ratio ** -steps.astype(float)))


@dataclass(frozen=True)
class Crm:
    """The empiric model: toxicity is the skeleton to the power exp(b), b normal about 0.

    Parameters
    ----------
    target : float
        The toxicity sought.
    guesses : tuple of float
        The skeleton: prior toxicity of each dose, ascending.
    careful : bool
        Escalate by one dose at most, and not right after a cohort at or above the target.
    limit : float, optional
        The trial stops without a dose if toxicity of the lowest is above it (the target, if not
        given) with posterior probability `confidence`.
    confidence : float
        See there.
    """

    target: float
    guesses: tuple[float, ...]
    careful: bool = True
    limit: float | None = None
    confidence: float = CONFIDENCE

    @cached_property
    def _curves(self) -> np.ndarray:
        """Toxicity of each dose at each point of the grid; shape (doses, points)."""
        curves = np.array(self.guesses)[:, None] ** np.exp(_GRID)
        return np.clip(curves, 1e-300, 1.0 - 1e-16)

    def estimates(self, treated: np.ndarray, toxic: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what the model makes of counts.

        Parameters
        ----------
        treated, toxic : ndarray of int, shape (trials, doses)

        Returns
        -------
        toxicity : ndarray, shape (trials, doses)
            Of each dose, at the posterior mean of b.
        above : ndarray, shape (trials,)
            Posterior probability that toxicity of the lowest dose is above the limit.
        """
        counts = np.hstack([toxic, treated - toxic]).astype(float)
        counts, where = np.unique(counts, axis=0, return_inverse=True)  # trials are often alike
        curves = np.vstack([np.log(self._curves), np.log1p(-self._curves)])
        log = counts @ curves - 0.5 * (_GRID / PRIOR_SD) ** 2
        density = np.exp(log - log.max(axis=1, keepdims=True))
        mass = density.sum(axis=1)
        mean = density @ _GRID / mass
        limit = self.target if self.limit is None else self.limit
        above = density @ (self._curves[0] > limit) / mass
        toxicity = np.array(self.guesses) ** np.exp(mean)[:, None]
        return toxicity[where], above[where]

    def next_dose(self, observed: Seen) -> np.ndarray:
        """Return the dose of the next cohort, or NONE; shape (trials,)."""
        return self._wanted(observed, observed.dose + (observed.last_toxic < self.target))

    def declared(self, observed: Seen) -> np.ndarray:
        """Return the dose nearest the target, a tried one if `careful`; NONE if all are toxic."""
        tried = np.where(observed.treated > 0, np.arange(len(self.guesses)), 0)
        return self._wanted(observed, tried.max(axis=1))

    def _wanted(self, observed: Seen, highest: np.ndarray) -> np.ndarray:
        toxicity, above = self.estimates(observed.treated, observed.toxic)
        nearest = np.abs(toxicity - self.target).argmin(axis=1)
        if self.careful:
            nearest = np.minimum(nearest, highest)
        too_toxic = (above > self.confidence) & (observed.treated.sum(axis=1) >= LEAST)
        return np.where(too_toxic, NONE, nearest)
