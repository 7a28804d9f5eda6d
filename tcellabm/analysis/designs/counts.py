"""What a dose-finding trial has observed so far, for many trials at once, and what rules share."""

from typing import NamedTuple, Protocol

import numpy as np
from scipy import special

NONE = -1  # no dose: the trial stops, or declares none
CONFIDENCE = 0.95  # posterior probability of being too toxic, at which a dose is given up
LEAST = 3  # patients at a dose before it can be given up


class Seen(NamedTuple):
    """Counts of all trials.

    Attributes
    ----------
    treated, toxic, responding, both : ndarray of int, shape (trials, doses)
        Patients treated; with a dose-limiting toxicity; with a response; with both.
    dose : ndarray of int, shape (trials,)
        The dose that the last cohort had.
    last_toxic : ndarray of float, shape (trials,)
        Share of the last cohort with a toxicity.
    """

    treated: np.ndarray
    toxic: np.ndarray
    responding: np.ndarray
    both: np.ndarray
    dose: np.ndarray
    last_toxic: np.ndarray


class Rule(Protocol):
    """A dose-finding design: a rule that reads counts."""

    def next_dose(self, observed: Seen) -> np.ndarray:
        """Return the dose of the next cohort of each trial, or NONE where the trial stops."""
        ...

    def declared(self, observed: Seen) -> np.ndarray:
        """Return the dose that each trial declares at its end, or NONE."""
        ...


def at_dose(counts: np.ndarray, dose: np.ndarray) -> np.ndarray:
    """Return what each trial counts at one dose; shape (trials,)."""
    return np.take_along_axis(counts, dose[:, None], axis=1)[:, 0]


def given_up(observed: Seen, target: float, confidence: float = CONFIDENCE) -> np.ndarray:
    """Mark doses that are too toxic, and all above them (Liu and Yuan 2015).

    A dose is, if the posterior probability (uniform prior) of a toxicity above the target exceeds
    `confidence`, after three patients at least.

    Parameters
    ----------
    observed : Seen
        Counts of each trial and dose.
    target : float
        The toxicity sought, a share.
    confidence : float
        Posterior probability, 0 to 1.

    Returns
    -------
    ndarray of bool, shape (trials, doses)
    """
    above = special.betaincc(1.0 + observed.toxic, 1.0 + observed.treated - observed.toxic, target)
    alone = (above > confidence) & (observed.treated >= LEAST)
    return np.logical_or.accumulate(alone, axis=1)


def isotonic(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted isotonic regression of each row, by the max-min formula.

    Parameters
    ----------
    values, weights : ndarray, shape (trials, doses)
        Places of weight 0 have no say.

    Returns
    -------
    ndarray, shape (trials, doses)
        Not decreasing along a row; NaN at places of weight 0.
    """
    trials, doses = values.shape
    zero = np.zeros((trials, 1))
    mass = np.concatenate([zero, np.cumsum(weights, axis=1)], axis=1)
    moment = np.concatenate([zero, np.cumsum(weights * values, axis=1)], axis=1)
    fitted = np.full((trials, doses), -np.inf)
    for start in range(doses):
        least = np.full(trials, np.inf)  # of the means from `start` to any place, from the right
        for end in range(doses - 1, start - 1, -1):
            total = mass[:, end + 1] - mass[:, start]
            mean = np.divide(
                moment[:, end + 1] - moment[:, start],
                total,
                out=np.full(trials, np.inf),
                where=weights[:, start : end + 1].any(axis=1),
            )
            least = np.minimum(least, mean)
            reached = np.where(np.isfinite(least), least, -np.inf)
            fitted[:, end] = np.maximum(fitted[:, end], reached)
    return np.where(weights > 0, fitted, np.nan)


def tolerated(observed: Seen, target: float) -> np.ndarray:
    """Return the treated dose whose isotonic estimate is nearest the target, NONE if all are toxic.

    Estimates are of counts with 0.05 and 0.1 added, weighted by their inverse variance; of two
    doses with equal estimates the higher is taken below the target, the lower above it. That is
    `select.mtd` of the R package BOIN (Yan et al. 2020, doi 10.18637/jss.v094.i13).

    Returns
    -------
    ndarray of int, shape (trials,)
    """
    n, y = observed.treated + 0.1, observed.toxic + 0.05
    open_ = (observed.treated > 0) & ~given_up(observed, target)
    weights = np.where(open_, n**2 * (n + 1.0) / (y * (n - y)), 0.0)
    fitted = isotonic(y / n, weights) + 1e-10 * np.arange(n.shape[1])
    distance = np.where(open_, np.abs(fitted - target), np.inf)
    return np.where(open_.any(axis=1), distance.argmin(axis=1), NONE)
