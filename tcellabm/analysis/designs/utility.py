"""BOIN12: the dose of the best trade-off between response and toxicity.

Lin et al. 2020 (doi 10.1200/PO.20.00257). Utilities are of a patient with a response and no
toxicity (1), with neither, with both, and with toxicity alone (0).
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from tcellabm.analysis.designs.boin import boundaries
from tcellabm.analysis.designs.counts import CONFIDENCE, NONE, Seen, at_dose, tolerated

NEITHER, BOTH = 0.4, 0.6  # utilities, between 0 and 1
LEAST_RESPONSE = 0.25  # a dose with less is futile
FUTILE = 0.90  # posterior probability of that, at which a dose is given up
SETTLED = 6  # patients at a dose after which an acceptable toxicity keeps from going higher
EXPLORED = 8  # patients at a dose after which an untried dose above is tried


def utility(
    toxicity: np.ndarray, response: np.ndarray, both: np.ndarray, of: np.ndarray | float = 1.0
) -> np.ndarray:
    """Return the summed utility of patients; of shares, the mean.

    Parameters
    ----------
    toxicity, response, both : ndarray
        Patients with a toxicity, with a response, with both: counts, or shares.
    of : ndarray or float
        All patients; 1 if the others are shares.

    Returns
    -------
    ndarray
        0 to `of`, by the utilities NEITHER and BOTH.
    """
    neither = of - toxicity - response + both
    return (response - both) + NEITHER * neither + BOTH * both


@dataclass(frozen=True)
class Utility:
    """Go to the neighboring dose whose utility most probably exceeds a benchmark.

    Parameters
    ----------
    target : float
        The highest toxicity that is acceptable.
    least_response : float
        The least response that is acceptable.
    """

    target: float
    least_response: float = LEAST_RESPONSE

    def desirability(self, observed: Seen) -> np.ndarray:
        """Return the probability that each dose's utility exceeds the benchmark.

        The benchmark is halfway between the utility of a dose that is just acceptable and 1.

        Returns
        -------
        ndarray, shape (trials, doses)
        """
        toxicity, response = np.array(self.target), np.array(self.least_response)
        just = utility(toxicity, response, toxicity * response)
        gained = self._gained(observed)
        return np.asarray(
            special.betaincc(1.0 + gained, 1.0 + observed.treated - gained, (1.0 + just) / 2.0)
        )

    def admissible(self, observed: Seen) -> np.ndarray:
        """Mark the doses that are neither too toxic nor futile; shape (trials, doses)."""
        n = observed.treated
        toxic = special.betaincc(1.0 + observed.toxic, 1.0 + n - observed.toxic, self.target)
        futile = special.betainc(
            1.0 + observed.responding, 1.0 + n - observed.responding, self.least_response
        )
        return np.asarray((toxic < CONFIDENCE) & (futile < FUTILE))

    def next_dose(self, observed: Seen) -> np.ndarray:
        """Return the dose of the next cohort, or NONE; shape (trials,)."""
        up, down = boundaries(self.target)
        n, y = at_dose(observed.treated, observed.dose), at_dose(observed.toxic, observed.dose)
        doses = observed.treated.shape[1]
        lower = np.maximum(observed.dose - 1, 0)
        higher = np.minimum(observed.dose + 1, doses - 1)
        high = y >= down * n
        settled = (y > up * n) & (n >= SETTLED)
        explore = (n > EXPLORED) & ~high & (at_dose(observed.treated, higher) == 0)
        open_ = self.admissible(observed)
        best = self._best(observed, open_, np.where(settled, observed.dose, higher), settled)
        moved = np.where(explore, higher, np.where(high, lower, best))
        hopeless = ~open_.any(axis=1) | ~self._safe(observed)
        return np.where(hopeless, NONE, moved)

    def declared(self, observed: Seen) -> np.ndarray:
        """Return the dose of the highest mean utility up to the one nearest the target, or NONE."""
        doses = np.arange(observed.treated.shape[1])
        highest = tolerated(observed, self.target)
        open_ = self.admissible(observed) & (observed.treated > 0) & (doses <= highest[:, None])
        mean = (1.0 + self._gained(observed)) / (2.0 + observed.treated)
        best = np.where(open_, mean, -np.inf).argmax(axis=1)
        return np.where(open_.any(axis=1), best, NONE)

    def _gained(self, observed: Seen) -> np.ndarray:
        """Return the summed utility of patients, who count as so many successes."""
        return utility(observed.toxic, observed.responding, observed.both, observed.treated)

    def _safe(self, observed: Seen) -> np.ndarray:
        n, y = observed.treated[:, 0], observed.toxic[:, 0]
        return np.asarray(special.betaincc(1.0 + y, 1.0 + n - y, self.target) < CONFIDENCE)

    def _best(
        self, observed: Seen, open_: np.ndarray, highest: np.ndarray, low_of_equals: np.ndarray
    ) -> np.ndarray:
        """Return the most desirable neighbor up to `highest`; the dose below if none is open."""
        doses = np.arange(open_.shape[1])
        near = (doses >= observed.dose[:, None] - 1) & (doses <= highest[:, None]) & open_
        score = np.where(near, self.desirability(observed), -1.0)
        last = score.shape[1] - 1 - score[:, ::-1].argmax(axis=1)
        best = np.where(low_of_equals, score.argmax(axis=1), last)
        return np.where(near.any(axis=1), best, np.maximum(observed.dose - 1, 0))
