"""Likelihood of transgene time courses of single patients in a weighted pool of virtual patients.

An individual's course has, in one virtual patient, the density of its values about that patient's
transgene: log-normal, with one standard deviation of logs for assay and misfit together. A value
below the limit of quantification contributes the probability to be below that limit (method M3,
Beal 2001). The marginal likelihood of the individual is the weighted mean over virtual patients
that were all given this individual's dose at this individual's weight and lived to the last of this
individual's samples: that someone was sampled says so, that sampling ended says nothing.
Individuals are taken as independent given the laws of the population, and values as independent
given the virtual patient.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr, ndtr

from tcellabm.params import InputError

FAR = 10.0  # standard deviations of the assay's error: farther, a value is of another unit
_REACHED = "allowed: a larger pool, or data that the model can reach"


class Individual(NamedTuple):
    """One patient's transgene in blood over time.

    Attributes
    ----------
    name : str
        ID in the data.
    days : ndarray, shape (values,)
        Days after infusion, rising.
    values : ndarray, shape (values,)
        Copies/µg DNA; the limit of quantification where censored.
    censored : ndarray of bool, shape (values,)
        Whether the value was below that limit.
    dose_cells : float
        CAR T cells infused, of the whole body.
    weight_kg : float
        Body weight.
    """

    name: str
    days: np.ndarray
    values: np.ndarray
    censored: np.ndarray
    dose_cells: float
    weight_kg: float

    @property
    def condition(self) -> tuple[float, float]:
        """Dose and weight: what virtual patients are set to."""
        return self.dose_cells, self.weight_kg


def log_course(individual: Individual, copies: np.ndarray, error_sd_ln: float) -> np.ndarray:
    """Return the log density of an individual's values in each virtual patient.

    Parameters
    ----------
    individual : Individual
        Whose values.
    copies : ndarray, shape (patients, values)
        Transgene of virtual patients on the same days, copies/µg; NaN after death.
    error_sd_ln : float
        Standard deviation of logs about them.

    Returns
    -------
    ndarray, shape (patients,)
        Densities are of logs of values. -inf where the virtual patient cannot have them: dead by
        then, or without transgene where some was quantified.
    """
    with np.errstate(divide="ignore"):
        off = (np.log(individual.values) - np.log(copies)) / error_sd_ln
    density = -0.5 * off**2 - math.log(error_sd_ln * math.sqrt(2.0 * math.pi))
    logs = np.where(individual.censored, log_ndtr(off), density).sum(axis=1)
    return np.where(np.isnan(logs), -np.inf, logs)


class Courses:
    """Log likelihood of individuals for weights of a pool.

    Parameters
    ----------
    individuals : sequence of Individual
        Whose courses.
    copies : sequence of ndarray
        Of each individual the transgene of virtual patients, see `log_course`.
    error_sd_ln : float
        Standard deviation of logs.
    places : ndarray of int, shape (patients,)
        Where these virtual patients stand in the pool that is weighted.

    Raises
    ------
    InputError
        An individual is like no virtual patient at all.
    """

    def __init__(
        self,
        individuals: Sequence[Individual],
        copies: Sequence[np.ndarray],
        error_sd_ln: float,
        places: np.ndarray,
    ) -> None:
        self.individuals, self.copies = list(individuals), list(copies)
        self.error_sd_ln, self.places = error_sd_ln, places
        logs = np.stack(
            [log_course(*each, error_sd_ln) for each in zip(individuals, copies, strict=True)]
        )
        self._highest = logs.max(axis=1)
        for who in np.flatnonzero(~np.isfinite(self._highest)):
            what = f"ID {self.individuals[who].name}: no virtual patient can have these values"
            raise InputError(what, "", _REACHED)
        self._check_near(logs.argmax(axis=1))
        self._densities = np.exp(logs - self._highest[:, None]).T.copy()
        self._alive = np.stack([_alive(each) for each in copies], axis=1).astype(float)

    def _check_near(self, best: np.ndarray) -> None:
        """Refuse an individual whom even the best virtual patient is far from."""
        for person, copies, patient in zip(self.individuals, self.copies, best, strict=True):
            known = ~person.censored
            off = np.log(person.values[known]) - np.log(copies[patient][known])
            typical = float(np.sqrt(np.mean(off**2))) if known.any() else 0.0
            if typical > FAR * self.error_sd_ln:
                factor = f"{math.exp(min(typical, 700.0)):.2g}"
                what = (
                    f"ID {person.name}: the nearest virtual patient is off by a factor of {factor}"
                )
                raise InputError(what, "column DV", f"copies/ug DNA? {_REACHED}")

    def by_individual(self, weights: np.ndarray) -> np.ndarray:
        """Return the log marginal likelihood of each, shape (thetas, individuals).

        Parameters
        ----------
        weights : ndarray, shape (thetas, pool)
            Of all patients of the pool; those with courses are taken from them.
        """
        own = self.own(weights)
        with np.errstate(divide="ignore"):
            logs: np.ndarray = np.log(own @ self._densities) - np.log(own @ self._alive)
        return logs + self._highest

    def effective(self, weights: np.ndarray) -> np.ndarray:
        """Return how many virtual patients each individual's likelihood rests on (Kish).

        Shape (thetas, individuals).
        """
        own = self.own(weights)
        with np.errstate(invalid="ignore"):
            size: np.ndarray = (own @ self._densities) ** 2 / (own**2 @ self._densities**2)
        return np.nan_to_num(size)

    def own(self, weights: np.ndarray) -> np.ndarray:
        """Return weights of those with courses, which sum to 1 at each theta."""
        own: np.ndarray = weights[:, self.places]
        return own / own.sum(axis=1, keepdims=True)

    def ranks(self, weights: np.ndarray) -> list[np.ndarray]:
        """Return where each value lies among those of the population, residual error included.

        Parameters
        ----------
        weights : ndarray, shape (pool,)
            The population.

        Returns
        -------
        list of ndarray
            Of each individual the share of the population, alive on that day, that is below each
            value, 0 to 1; NaN for censored values.
        """
        own = self.own(weights[None])[0]
        return [
            _ranks(*each, own, self.error_sd_ln)
            for each in zip(self.individuals, self.copies, strict=True)
        ]

    def simulated(self, weights: np.ndarray, rng: np.random.Generator) -> "Courses":
        """Return courses of as many individuals, each of a virtual patient drawn from a population.

        They are measured on the same days with the same error, and censored at the limit that the
        data show. The virtual patient is not used again for the individual that it stands for,
        which would find itself.

        Parameters
        ----------
        weights : ndarray, shape (pool,)
            The population.
        """
        own = self.own(weights[None])[0]
        limit = self.limit
        people, others = [], []
        for individual, copies in zip(self.individuals, self.copies, strict=True):
            alive = own * _alive(copies)
            who = rng.choice(len(own), p=alive / alive.sum())
            people.append(measured(individual, copies[who], limit, self.error_sd_ln, rng))
            others.append(copies.copy())
            others[-1][who] = math.nan
        return Courses(people, others, self.error_sd_ln, self.places)

    @property
    def limit(self) -> float:
        """Highest limit of quantification in the data, copies/µg; 0 where nothing is censored."""
        limits = [person.values[person.censored] for person in self.individuals]
        return float(np.max(np.concatenate(limits), initial=0.0))


def _alive(copies: np.ndarray) -> np.ndarray:
    """Return which virtual patients lived to the last sample, shape (patients,)."""
    alive: np.ndarray = np.isfinite(copies).all(axis=1)
    return alive


def measured(
    individual: Individual,
    copies: np.ndarray,
    limit: float,
    error_sd_ln: float,
    rng: np.random.Generator,
) -> Individual:
    """Return an individual with values measured in a virtual patient.

    Parameters
    ----------
    individual : Individual
        Whose days, dose and weight stay.
    copies : ndarray, shape (values,)
        The virtual patient's transgene on these days, copies/ug.
    limit : float
        Of quantification, copies/ug.
    error_sd_ln : float
        Standard deviation of the assay's error, of logs.
    rng : numpy.random.Generator
        Of the error.

    Returns
    -------
    Individual
        With values, those below the limit censored at it.
    """
    values = copies * np.exp(error_sd_ln * rng.standard_normal(len(copies)))
    censored = values < limit
    return individual._replace(values=np.where(censored, limit, values), censored=censored)


def _ranks(
    individual: Individual, copies: np.ndarray, weights: np.ndarray, error_sd_ln: float
) -> np.ndarray:
    with np.errstate(divide="ignore"):
        off = (np.log(individual.values) - np.log(copies)) / error_sd_ln
    alive = weights[:, None] * np.isfinite(copies)
    below = np.sum(alive * np.nan_to_num(ndtr(off)), axis=0) / alive.sum(axis=0)
    return np.where(individual.censored, math.nan, below)
