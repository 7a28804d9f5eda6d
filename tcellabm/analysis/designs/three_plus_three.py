"""3+3 without de-escalation: three patients, three more after one toxicity, stop after two."""

from dataclasses import dataclass

import numpy as np

from tcellabm.analysis.designs.counts import NONE, Seen, at_dose

COHORT = 3


@dataclass(frozen=True)
class ThreePlusThree:
    """Escalate after 0 of 3 or 1 of 6 toxicities; declare the dose below the one that stopped.

    Parameters
    ----------
    doses : int
        Number of doses.
    """

    doses: int

    def next_dose(self, observed: Seen) -> np.ndarray:
        """Return the dose of the next cohort, or NONE; shape (trials,)."""
        n, y = at_dose(observed.treated, observed.dose), at_dose(observed.toxic, observed.dose)
        higher = np.where(observed.dose + 1 < self.doses, observed.dose + 1, NONE)
        again = (n == COHORT) & (y == 1)
        return np.where(again, observed.dose, np.where(_passed(n, y), higher, NONE))

    def declared(self, observed: Seen) -> np.ndarray:
        """Return the highest dose that passed, and all below it; NONE if the lowest did not."""
        passed = _passed(observed.treated, observed.toxic) & (observed.treated > 0)
        return np.asarray(np.logical_and.accumulate(passed, axis=1).sum(axis=1) - 1)


def _passed(treated: np.ndarray, toxic: np.ndarray) -> np.ndarray:
    return np.where(treated == COHORT, toxic == 0, toxic <= 1)
