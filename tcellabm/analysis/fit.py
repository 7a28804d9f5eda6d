"""The posterior density of laws given the published rows, in a pool; and what it predicts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tcellabm.analysis.cohort import Columns, where
from tcellabm.analysis.courses import Courses
from tcellabm.analysis.likelihood import Likelihood, Row, log_log
from tcellabm.analysis.patientwise import ROWS, Curve, responders
from tcellabm.analysis.survival import Times
from tcellabm.analysis.weighting import Weighting, effective

WALL = 100.0  # the density falls as (effective / least) to this power where the pool is too thin
_STEEPEST = -690.0


@dataclass(frozen=True)
class Target:
    """What is sampled: rows, and a pool that can be weighted.

    Attributes
    ----------
    rows : sequence of Row
        What is fitted.
    infused : mapping
        Columns of the pool.
    weighting : Weighting
        Its weights at any theta.
    least : float
        Effective patients below which the pool is not believed.
    courses : Courses, optional
        Individual time courses that are fitted too.
    """

    rows: Sequence[Row]
    infused: Columns
    weighting: Weighting
    least: float
    courses: Courses | None = None

    @cached_property
    def likelihood(self) -> Likelihood:
        """Of the rows."""
        return Likelihood(self.rows, self.infused)

    def log_probability(self, theta: np.ndarray) -> np.ndarray:
        """Return the log posterior density within the prior, shape (thetas,)."""
        weights = self.weighting.weights(theta)
        return self.log_likelihood(weights) + self.wall(self.patients(weights))

    def log_likelihood(self, weights: np.ndarray) -> np.ndarray:
        """Return the log likelihood of all data, shape (thetas,), for weights of the pool."""
        logs = np.zeros(len(weights))
        if self.rows:
            logs = logs + self.likelihood.by_row(weights).sum(axis=-1)
        if self.courses is not None:
            logs = logs + self.courses.by_individual(weights).sum(axis=-1)
        return logs

    def patients(self, weights: np.ndarray) -> np.ndarray:
        """Return the effective patients that all of the data can rest on, shape (thetas,)."""
        return effective(weights if self.courses is None else self.courses.own(weights))

    def wall(self, patients: np.ndarray) -> np.ndarray:
        """Return the log of what keeps the density where enough patients speak."""
        with np.errstate(divide="ignore"):
            steep = WALL * np.log(patients / self.least)
        return np.clip(steep, _STEEPEST, 0.0)

    def with_rows(self, rows: Sequence[Row]) -> "Target":
        """Return the same with other rows, or other figures in them."""
        return replace(self, rows=rows)

    def with_courses(self, courses: Courses | None) -> "Target":
        """Return the same with other individuals, or without any."""
        return replace(self, courses=courses)


def members(row: Row, infused: Columns) -> list[np.ndarray]:
    """Return the places of the patients of a row: one group, or responders and others."""
    taken = ROWS[row.measured](infused)
    if row.form != "log_normal_ratio":
        return [np.flatnonzero(taken.member)]
    answered = responders(infused)
    return [np.flatnonzero(taken.member & answered), np.flatnonzero(taken.member & ~answered)]


def simulated(
    row: Row, infused: Columns, weights: np.ndarray, rng: np.random.Generator
) -> Row | None:
    """Return a row with the figure of as many patients, drawn from a population, as it has.

    A median is rounded as the published one is; a Kaplan-Meier estimate gets the standard error
    that its patients give. None where the population has no such patient.

    Parameters
    ----------
    row : Row
        With its published n.
    infused : dict of str to ndarray
        Columns of the pool's patients.
    weights : ndarray, shape (patients,)
        The population.
    rng : numpy.random.Generator
        Of the draws.

    Returns
    -------
    Row or None
        With another value, and another standard error of a Kaplan-Meier estimate.
    """
    drawn = []
    for group, n in zip(members(row, infused), (row.n, row.n_other), strict=False):
        total = weights[group].sum()
        if not total > 0.0:
            return None
        drawn.append(rng.choice(group, size=int(n), p=weights[group] / total))
    few = where(infused, np.concatenate(drawn))
    equal = np.full((1, len(few["seed"])), 1.0 / len(few["seed"]))
    value = float(Likelihood([row], few).figures(equal)[0, 0])
    if row.form == "median" and row.rounding:
        value = 2.0 * row.rounding * round(value / (2.0 * row.rounding))
    taken = ROWS[row.measured](few)
    error = standard_error(taken.times, taken.months) if isinstance(taken, Curve) else row.error
    return replace(row, value=value, error=error)


def standard_error(times: Times, months: float) -> float:
    """Return the standard error of log(-log S) by Greenwood's formula.

    Where nobody or everybody had the event, that of half an event.
    """
    days = times.days[np.isfinite(times.days)]
    share = np.clip(times.at(months), 0.5 / len(days), 1.0 - 0.5 / len(days))
    end = months * 365.25 / 12.0
    moments = np.unique(times.days[times.event & (times.days <= end)])
    risk = np.array([np.sum(times.days >= day) for day in moments], float)
    dead = np.array([np.sum(times.event & (times.days == day)) for day in moments], float)
    left = np.maximum(risk - dead, 0.5)
    variance = float(np.sum(dead / (risk * left))) or 0.5 / len(days) ** 2 / share
    return float(np.sqrt(variance) / abs(np.log(share)))


def differs(row: Row, figure: np.ndarray) -> np.ndarray:
    """Return figures less the published one of a row, on the scale on which it is compared.

    The scale is log(-log S) of a Kaplan-Meier estimate, percent of a rate, else the logarithm.
    """
    if row.form == "kaplan_meier":
        gap: np.ndarray = log_log(figure / 100.0) - log_log(row.value / 100.0)
        return gap
    if row.form == "binomial":
        return figure - row.value
    return np.log(figure) - np.log(row.value)
