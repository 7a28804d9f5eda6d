"""The Bayesian optimal interval design (Liu and Yuan 2015, doi 10.1111/rssc.12089)."""

import math
from dataclasses import dataclass

import numpy as np

from tcellabm.analysis.designs.counts import NONE, Seen, at_dose, given_up, tolerated

TOO_LOW, TOO_TOXIC = 0.6, 1.4  # of the target: a toxicity that low or that high is to be left


def boundaries(target: float) -> tuple[float, float]:
    """Return the toxicity rates at or below which to escalate, at or above which to de-escalate.

    >>> [round(each, 7) for each in boundaries(0.3)]
    [0.2364907, 0.3585195]
    """
    low, high = TOO_LOW * target, TOO_TOXIC * target
    odds = target / (1.0 - target)
    up = math.log((1.0 - low) / (1.0 - target)) / math.log(odds * (1.0 - low) / low)
    down = math.log((1.0 - target) / (1.0 - high)) / math.log(high / (1.0 - high) / odds)
    return up, down


@dataclass(frozen=True)
class Boin:
    """Escalate, stay or de-escalate by the toxicity rate at the present dose alone.

    Parameters
    ----------
    target : float
        The toxicity sought.
    enough : float
        Patients at a dose after which the trial ends if that dose is to be given again.
    """

    target: float
    enough: float = math.inf

    def next_dose(self, observed: Seen) -> np.ndarray:
        """Return the dose of the next cohort, or NONE; shape (trials,)."""
        up, down = boundaries(self.target)
        n, y = at_dose(observed.treated, observed.dose), at_dose(observed.toxic, observed.dose)
        closed = given_up(observed, self.target)
        higher = np.minimum(observed.dose + 1, closed.shape[1] - 1)
        higher = np.where(at_dose(closed, higher), observed.dose, higher)
        lower = np.maximum(observed.dose - 1, 0)
        moved = np.where(y <= up * n, higher, np.where(y >= down * n, lower, observed.dose))
        moved = np.where(at_dose(closed, observed.dose), lower, moved)
        enough = (moved == observed.dose) & (n >= self.enough)
        return np.where(closed[:, 0] | enough, NONE, moved)

    def declared(self, observed: Seen) -> np.ndarray:
        """Return the dose whose isotonic estimate is nearest the target, or NONE."""
        return tolerated(observed, self.target)
