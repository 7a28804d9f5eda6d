"""A population with outcomes in closed form, to test weights, likelihood and sampler with."""

from typing import NamedTuple

import numpy as np

NAN = float("nan")
KILLING, MYELOID = "product.killing", "patient.myeloid_sensitivity"
MEDIAN, SPREAD = f"population.{KILLING}.median", f"population.{KILLING}.sigma_ln"
SIGNAL = f"population.{MYELOID}.median"


class Bounded(NamedTuple):
    """A log-normal law between bounds."""

    median: float
    sigma_ln: float
    low: float
    high: float


DESCRIBED = {KILLING: Bounded(1.0, 1.0, 0.05, 20.0), MYELOID: Bounded(1.0, 1.0, 1e-4, 1e4)}


def draw(rng, law, median, sigma):
    """Draw covariates as a patient of the model has them."""
    z = rng.standard_normal(np.shape(median))
    return np.clip(median * np.exp(sigma * z), law.low, law.high)


def outcomes(rng, killing, myeloid):
    """Return columns of infused patients whose outcomes go with two covariates."""
    n = len(killing)
    remission = killing * np.exp(0.3 * rng.standard_normal(n)) > 0.5
    relapse = np.where(remission, 28.0 + rng.exponential(200.0 * killing), NAN)
    followed = rng.uniform(100.0, 460.0, n)
    seen = relapse <= followed
    grade = np.clip(np.floor(2.0 + np.log(myeloid) + 0.5 * rng.standard_normal(n)), 0, 4)
    duration = np.where(grade > 0, 4.0 * myeloid**0.5 * np.exp(0.4 * rng.standard_normal(n)), NAN)
    return {
        "seed": np.arange(n),
        "infused": np.ones(n, bool),
        "remission": remission,
        "remission_day": np.where(remission, 28.0, NAN),
        "relapse_day": np.where(seen, relapse, NAN),
        "death_day": np.full(n, NAN),
        "transplant_day": np.full(n, NAN),
        "followed_days": followed,
        "crs_grade_penn": grade.astype(int),
        "crs_duration_days": duration,
        "cmax_copies_per_ug": 2e4 * killing**0.5 * np.exp(0.6 * rng.standard_normal(n)),
        KILLING: killing,
        MYELOID: myeloid,
    }
