"""A sampled posterior: what is to be believed of it, and what it says to rows and individuals."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcellabm.analysis.courses import Individual
from tcellabm.analysis.fit import Target, differs, simulated
from tcellabm.analysis.fit_checks import NEAR, of_pool
from tcellabm.analysis.likelihood import Row
from tcellabm.analysis.weighting import normalized
from tcellabm.experiments.studies.sampler import Chains, pareto_k

RESAMPLED = 50  # pools
PREDICTED = 400  # draws that predictions are made of


@dataclass(frozen=True)
class Fit:
    """A sampled posterior, and what is to be believed of it.

    Attributes
    ----------
    target : Target
        What was sampled.
    chains : Chains
        The draws.
    pareto_k : float
        Greatest of the weights at any draw.
    patients : ndarray
        Effective patients of the pool at each draw.
    pool_error : float
        Greatest standard error of a key's posterior mean by the finite pool, over the posterior's
        standard deviation; 0 where no individual courses are fitted.
    """

    target: Target
    chains: Chains
    pareto_k: float
    patients: np.ndarray
    pool_error: float = 0.0

    @classmethod
    def of(cls, target: Target, chains: Chains) -> "Fit":
        """Look at the weights at every draw."""
        greatest, patients = -math.inf, []
        for theta in chains.flat:
            logs = target.weighting.log_weights(theta[None])
            greatest = max(greatest, pareto_k(logs[0]))
            patients.append(float(target.patients(normalized(logs))[0]))
        error = 0.0 if target.courses is None else float(pool_error(target, chains.flat).max())
        return cls(target, chains, greatest, np.array(patients), error)

    def diagnostics(self, least: int) -> dict[str, Any]:
        """Return what its checks look at, for `posterior.json`; `least` patients are wanted."""
        chains = self.chains
        found = {
            "ess_min": short(chains.effective),
            "rhat_max": short(chains.rhat),
            "pareto_k_max": short(self.pareto_k) if math.isfinite(self.pareto_k) else None,
            "draws": len(chains.flat),
            "steps": chains.steps,
            "length": short(chains.length),
            "pool_patients": len(self.target.infused["seed"]),
            "pool_effective_min": short(self.patients.min()),
            "pool_near_least": short(np.mean(self.patients < NEAR * least)),
        }
        if self.target.courses is not None:
            found["pool_error"] = short(self.pool_error)
        return found

    def pool_suffices(self, least: int) -> bool:
        """Tell whether the pool speaks to all of the posterior."""
        return all(check.met for check in of_pool(self.diagnostics(least), least))


def pool_error(target: Target, draws: np.ndarray) -> np.ndarray:
    """Return how far another pool would move posterior means, in standard deviations, by key.

    Patients of the pool are resampled (bootstrap); the draws are weighted by what their likelihood
    then is over what it was. Individual courses rest on few virtual patients each, which neither
    effective patients of the whole pool nor Pareto k shows.

    Parameters
    ----------
    target : Target
        What was sampled.
    draws : ndarray, shape (draws, keys)
        Of the posterior.
    """
    looked_at = some(draws)
    weights = target.weighting.weights(looked_at)
    before = target.log_likelihood(weights)
    rng = np.random.default_rng(len(draws))
    means = []
    for _ in range(RESAMPLED):
        other = weights * rng.poisson(1.0, weights.shape[1])
        moved = target.log_likelihood(other / other.sum(axis=1, keepdims=True)) - before
        means.append(normalized(moved) @ looked_at)
    error: np.ndarray = np.std(means, axis=0) / np.std(looked_at, axis=0)
    return error


def individuals(fit: Fit) -> dict[str, Any]:
    """Return the report on each individual whose course was fitted; empty if there is none.

    `values`, `censored`; `effective`, virtual patients that the likelihood rests on, median over
    draws; `ranks`, of the values that were quantified among those of the population.
    """
    courses = fit.target.courses
    if courses is None:
        return {}
    weights = fit.target.weighting.weights(some(fit.chains.flat))
    sizes = np.median(courses.effective(weights), axis=0)
    ranks = courses.ranks(weights.mean(axis=0))
    each = zip(courses.individuals, sizes, ranks, strict=True)
    return {"individuals": {person.name: _individual(person, *own) for person, *own in each}}


def _individual(person: Individual, effective: float, ranks: np.ndarray) -> dict[str, Any]:
    return {
        "values": len(person.days),
        "censored": int(person.censored.sum()),
        "effective": short(float(effective)),
        "ranks": [round(float(rank), 4) for rank in ranks[~person.censored]],
    }


def some(draws: np.ndarray) -> np.ndarray:
    """Return as many draws as predictions are made of, spread over all."""
    places = np.linspace(0, len(draws) - 1, min(PREDICTED, len(draws))).astype(int)
    chosen: np.ndarray = draws[places]
    return chosen


def predicted(
    row: Row, target: Target, weights: np.ndarray, rng: np.random.Generator
) -> dict[str, Any]:
    """Return the figure of a row over draws and patients, and how far the published one is off.

    Parameters
    ----------
    row : Row
        Published.
    target : Target
        The weighted pool.
    weights : ndarray, shape (draws, patients)
        Of the pool at each draw; they sum to 1.
    rng : numpy.random.Generator
        Of the cohorts.

    Returns
    -------
    dict
        `form`, `n`, `published`; `simulated`, of the population, over draws; `low`, `high`, 95 % of
        cohorts of n; `z`, the simulated less the published, over both errors, on the scale of
        `differs` with the sign of the figure itself. Only the first three where no cohort has such
        a patient.
    """
    figures = target.with_rows([row]).likelihood.figures(weights)[:, 0]
    cohorts = [simulated(row, target.infused, own, rng) for own in weights]
    values = np.array([math.nan if cohort is None else cohort.value for cohort in cohorts])
    known = values[np.isfinite(values)]
    if not len(known):
        return {"form": row.form, "n": row.n, "published": row.value}
    low, high = np.quantile(known, [0.025, 0.975])
    off = differs(row, known)
    off = off[np.isfinite(off)]
    spread = math.hypot(float(np.std(off)), row.tolerance) / math.sqrt(row.weight)
    sign = -1.0 if row.form == "kaplan_meier" else 1.0  # log(-log S) falls where S rises
    return {
        "form": row.form,
        "n": row.n,
        "published": row.value,
        "simulated": short(float(np.nanmean(figures))),
        "low": short(float(low)),
        "high": short(float(high)),
        "z": round(sign * float(np.mean(off)) / spread, 2) if spread > 0.0 else None,
    }


def short(value: float) -> float:
    """Return a number with six digits that count."""
    return float(f"{value:.6g}")
