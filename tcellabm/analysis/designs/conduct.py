"""Dose-finding trials from their first patient to the declared dose, many at once."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tcellabm.analysis.designs.counts import NONE, Rule, Seen
from tcellabm.analysis.designs.patients import NEVER, Population, Treated


@dataclass(frozen=True)
class Conduct:
    """How a trial is run. Days are from enrollment to infusion, and from infusion on.

    Parameters
    ----------
    patients : int
        The most who are infused; whole cohorts.
    cohort : int
        Patients who get a dose before the next is decided.
    window_days : float
        How long toxicity is looked for in each patient, before the trial ends.
    follow_days : float
        Follow-up of a cohort's last patient before the next dose is decided. Where it is shorter
        than the window, toxicity that comes later counts from the next decision on.
    stagger_days : float
        Least time between two infusions.
    enrolled_per_day : float
        Rate of enrollment while a cohort is open (Poisson); infinite if patients wait in line.
    failure_share : float
        Products that fail: the patient is not infused, and the next takes the place.
    making_days, making_sigma : float
        Time from enrollment to infusion: its median, and the standard deviation of its logarithm.
    """

    patients: int = 30
    cohort: int = 3
    window_days: float = 0.0
    follow_days: float = 0.0
    stagger_days: float = 0.0
    enrolled_per_day: float = math.inf
    failure_share: float = 0.0
    making_days: float = 0.0
    making_sigma: float = 0.0


class Trials(NamedTuple):
    """What became of the trials; arrays over trials.

    Attributes
    ----------
    declared : ndarray of int
        Dose, or NONE.
    observed : Seen
        All counts at the end.
    enrolled : ndarray of int
        Patients, infused or not.
    days : ndarray
        From the opening to the end of the last patient's window.
    cost : ndarray
        Of the infused, US dollars.
    """

    declared: np.ndarray
    observed: Seen
    enrolled: np.ndarray
    days: np.ndarray
    cost: np.ndarray


def run(
    rule: Rule, population: Population, conduct: Conduct, trials: int, rng: np.random.Generator
) -> Trials:
    """Run so many trials by one design.

    Equal `rng` and cohorts give the trials of every design the same patients, in the same order.

    Parameters
    ----------
    rule : Rule
        The design.
    population : Population
        Whom the trials treat.
    conduct : Conduct
        How they are run.
    trials : int
        Number of trials.
    rng : numpy.random.Generator
        Spawned from twice: for patients, and for days.

    Returns
    -------
    Trials
        What became of each.
    """
    whom, when = rng.spawn(2)
    doses = population.toxicity.size
    course = _Course.begin(trials, doses)
    dose, going = np.zeros(trials, dtype=int), np.ones(trials, dtype=bool)
    for _ in range(conduct.patients // conduct.cohort):
        infused, enrolled = _infusions(when, course.day, conduct)
        treated = population.treat(whom, dose, conduct.cohort)
        course.add(dose, going, infused, enrolled, treated, conduct.follow_days)
        wanted = rule.next_dose(course.observed(dose))
        going &= wanted != NONE
        dose = np.where(going, wanted, dose)
        if not going.any():
            break
    course.day = course.day + conduct.window_days - conduct.follow_days
    observed = course.observed(dose)
    return Trials(rule.declared(observed), observed, course.enrolled, course.day, course.cost)


@dataclass
class _Course:
    """All patients of all trials so far; doses and days of shape (trials, patients)."""

    doses: int
    day: np.ndarray  # of the last decision
    enrolled: np.ndarray
    cost: np.ndarray
    dose: np.ndarray  # NONE where nobody was treated any more
    infused: np.ndarray
    toxic: np.ndarray  # calendar days; infinite for never
    responding: np.ndarray
    cohort: int = 0

    @classmethod
    def begin(cls, trials: int, doses: int) -> "_Course":
        empty = np.empty((trials, 0))
        zero = np.zeros(trials)
        count = np.zeros(trials, dtype=int)
        return cls(doses, zero, count, zero, empty.astype(int), empty, empty, empty)

    def add(
        self,
        dose: np.ndarray,
        going: np.ndarray,
        infused: np.ndarray,
        enrolled: np.ndarray,
        treated: Treated,
        follow_days: float,
    ) -> None:
        """Add a cohort to the trials that go on."""
        here = going[:, None]
        given = np.where(here, np.broadcast_to(dose[:, None], infused.shape), NONE)
        self.cohort = infused.shape[1]
        self.dose = np.hstack([self.dose, given])
        self.infused = np.hstack([self.infused, infused])
        self.toxic = np.hstack([self.toxic, np.where(here, infused + treated.toxicity_day, NEVER)])
        late = np.where(here, infused + treated.response_day, NEVER)
        self.responding = np.hstack([self.responding, late])
        self.day = np.where(going, infused[:, -1] + follow_days, self.day)
        self.enrolled = self.enrolled + np.where(going, enrolled, 0)
        self.cost = self.cost + np.where(going, treated.cost.sum(axis=1), 0.0)

    def observed(self, dose: np.ndarray) -> Seen:
        """Return what is known today."""
        today = self.day[:, None]
        toxic, responding = self.toxic <= today, self.responding <= today
        there = self.dose[:, :, None] == np.arange(self.doses)

        def count(mark: np.ndarray) -> np.ndarray:
            return np.asarray((there & mark[:, :, None]).sum(axis=1))

        return Seen(
            treated=count(np.ones_like(toxic)),
            toxic=count(toxic),
            responding=count(responding),
            both=count(toxic & responding),
            dose=dose,
            last_toxic=toxic[:, -self.cohort :].mean(axis=1),
        )


def _infusions(
    rng: np.random.Generator, opened: np.ndarray, conduct: Conduct
) -> tuple[np.ndarray, np.ndarray]:
    """Return days of infusion of a cohort, shape (trials, cohort), and patients enrolled for it."""
    shape = opened.size, conduct.cohort
    tries = rng.geometric(1.0 - conduct.failure_share, shape)  # products made for each infused
    gaps = rng.standard_gamma(tries) / conduct.enrolled_per_day
    making = conduct.making_days * np.exp(conduct.making_sigma * rng.standard_normal(shape))
    # A place is free again when its product has failed: the next patient's is made after that.
    ready = np.sort(opened[:, None] + np.cumsum(gaps, axis=1) + tries * making, axis=1)
    place = np.arange(conduct.cohort) * conduct.stagger_days
    infused = np.maximum.accumulate(ready - place, axis=1) + place
    return infused, tries.sum(axis=1)
