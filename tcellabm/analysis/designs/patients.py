"""Whom a trial treats: patients drawn from a table of potential outcomes, or from given rates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from tcellabm.params import InputError

NEVER = np.inf


class Treated(NamedTuple):
    """What becomes of patients; each an ndarray of shape (trials, patients).

    Attributes
    ----------
    toxicity_day, response_day : ndarray
        Days from infusion to a dose-limiting toxicity and to a response; infinite for never.
    cost : ndarray
        US dollars.
    """

    toxicity_day: np.ndarray
    response_day: np.ndarray
    cost: np.ndarray


class Population(Protocol):
    """Patients, and what they come to at each dose."""

    @property
    def size(self) -> float:
        """Number of different patients; infinite if each is a new one."""
        ...

    @property
    def toxicity(self) -> np.ndarray:
        """True share with a dose-limiting toxicity; shape (doses,)."""
        ...

    @property
    def response(self) -> np.ndarray:
        """True share with a response; shape (doses,)."""
        ...

    @property
    def both(self) -> np.ndarray:
        """True share with both; shape (doses,)."""
        ...

    def treat(self, rng: np.random.Generator, dose: np.ndarray, patients: int) -> Treated:
        """Draw so many patients for each trial, who get the trial's dose.

        Parameters
        ----------
        rng : numpy.random.Generator
            Of the patients.
        dose : ndarray of int, shape (trials,)
            Place of the dose of each trial.
        patients : int
            Of each trial.

        Returns
        -------
        Treated
            Arrays of shape (trials, patients).
        """
        ...


@dataclass(frozen=True)
class Rates:
    """Independent patients with given rates at each dose; what happens, does at once.

    Parameters
    ----------
    toxicity, response : ndarray, shape (doses,)
        Between 0 and 1.
    """

    toxicity: np.ndarray
    response: np.ndarray
    size: float = NEVER

    @property
    def both(self) -> np.ndarray:
        """True share with both; shape (doses,)."""
        return self.toxicity * self.response

    def treat(self, rng: np.random.Generator, dose: np.ndarray, patients: int) -> Treated:
        """Draw so many patients for each trial, who get the trial's dose.

        Parameters
        ----------
        rng : numpy.random.Generator
            Of the patients.
        dose : ndarray of int, shape (trials,)
            Place of the dose of each trial.
        patients : int
            Of each trial.

        Returns
        -------
        Treated
            Arrays of shape (trials, patients): days 0 or never, no cost.
        """
        toxic, responding = rng.random((2, dose.size, patients))
        return Treated(
            np.where(toxic < self.toxicity[dose, None], 0.0, NEVER),
            np.where(responding < self.response[dose, None], 0.0, NEVER),
            np.zeros(toxic.shape),
        )


@dataclass(frozen=True)
class Table:
    """Patients of a paired sweep: a row is drawn whole, with its outcomes at every dose.

    Parameters
    ----------
    toxicity_day, response_day, cost : ndarray, shape (patients, doses)
        As in `Treated`.
    """

    toxicity_day: np.ndarray
    response_day: np.ndarray
    cost: np.ndarray

    @property
    def size(self) -> float:
        """Number of different patients."""
        return float(len(self.cost))

    @property
    def toxicity(self) -> np.ndarray:
        """True share with a dose-limiting toxicity; shape (doses,)."""
        return np.isfinite(self.toxicity_day).mean(axis=0)

    @property
    def response(self) -> np.ndarray:
        """True share with a response; shape (doses,)."""
        return np.isfinite(self.response_day).mean(axis=0)

    @property
    def both(self) -> np.ndarray:
        """True share with both; shape (doses,)."""
        return (np.isfinite(self.toxicity_day) & np.isfinite(self.response_day)).mean(axis=0)

    def treat(self, rng: np.random.Generator, dose: np.ndarray, patients: int) -> Treated:
        """Draw so many patients for each trial, with replacement, who get the trial's dose.

        Parameters
        ----------
        rng : numpy.random.Generator
            Of the patients.
        dose : ndarray of int, shape (trials,)
            Place of the dose of each trial.
        patients : int
            Of each trial.

        Returns
        -------
        Treated
            Arrays of shape (trials, patients).
        """
        row = rng.integers(len(self.cost), size=(dose.size, patients))
        place = row, np.broadcast_to(dose[:, None], row.shape)
        return Treated(self.toxicity_day[place], self.response_day[place], self.cost[place])


def rates(toxicity: Sequence[float], response: Sequence[float] | None = None) -> Rates:
    """Return independent patients with given rates.

    Raises
    ------
    InputError
        There are fewer than two doses, or a rate is none.
    """
    curve = _curve(toxicity, "toxicity")
    if curve.size < 2:
        allowed = "allowed: a rate for each of two doses or more"
        raise InputError("a design with fewer than two doses", "toxicity", allowed)
    other = np.zeros(curve.size) if response is None else _curve(response, "response")
    if other.size != curve.size:
        what = f"{other.size} rates of response for {curve.size} doses"
        raise InputError(what, "response", "allowed: one for each dose")
    return Rates(curve, other)


def _curve(values: Sequence[float], name: str) -> np.ndarray:
    allowed = "allowed: numbers from 0 to 1, one for each dose"
    try:
        curve = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"not a list of rates: {values!r}", name, allowed) from None
    if curve.ndim != 1 or not ((curve >= 0.0) & (curve <= 1.0)).all():
        raise InputError(f"not a list of rates: {values!r}", name, allowed)
    return curve
