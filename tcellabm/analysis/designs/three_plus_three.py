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

    def next_dose(self, seen: Seen) -> np.ndarray:
        """Return the dose of the next cohort, or NONE; shape (trials,)."""
        n, y = at_dose(seen.treated, seen.dose), at_dose(seen.toxic, seen.dose)
        higher = np.where(seen.dose + 1 < self.doses, seen.dose + 1, NONE)
        again = (n == COHORT) & (y == 1)
        return np.where(again, seen.dose, np.where(_passed(n, y), higher, NONE))

    def declared(self, seen: Seen) -> np.ndarray:
        """Return the highest dose that passed, and all below it; NONE if the lowest did not."""
        passed = _passed(seen.treated, seen.toxic) & (seen.treated > 0)
        return np.asarray(np.logical_and.accumulate(passed, axis=1).sum(axis=1) - 1)


def _passed(treated: np.ndarray, toxic: np.ndarray) -> np.ndarray:
    return np.where(treated == COHORT, toxic == 0, toxic <= 1)
