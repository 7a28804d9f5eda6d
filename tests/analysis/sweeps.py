"""Made-up sweeps whose truth is known: runs of the same patients at every point of a grid."""

import math

import numpy as np
import pandas as pd
from scipy.stats import norm

DOSE, HALF_LIFE = "product.dose_cells_per_kg", "product.persistence_half_life_days"
DOSES = [1e4, 1e5, 5e5, 3e6, 5e6, 2e7, 1e8]
HALF_LIVES = [15.0, 30.0, 60.0, 120.0, 220.0]
REFERENCE = {DOSE: 3e6, HALF_LIFE: 120.0}


def grid(doses=DOSES, half_lives=HALF_LIVES):
    """Every combination, the half-life running fastest."""
    return pd.DataFrame([(d, h) for d in doses for h in half_lives], columns=[DOSE, HALF_LIFE])


def alike(rates, patients, rng, common=0.8):
    """Whether it happened, (patients, points): runs of one patient end alike, by their rates."""
    own = np.sqrt(common) * rng.standard_normal((patients, 1))
    each = np.sqrt(1 - common) * rng.standard_normal((patients, len(rates)))
    return norm.cdf(own + each) < rates


def outcomes(points, remission, severe, covariates=None):
    """The table of a sweep: remission lasts the year, CRS is of grade 3 where severe."""
    patients, size = remission.shape
    table = pd.DataFrame(
        {key: np.repeat(points[key].to_numpy(), patients) for key in points},
    )
    table["patient"] = np.tile(np.arange(patients), size)
    table["seed"] = table["patient"] + 1000
    table["remission"] = remission.T.ravel()
    table["crs_grade_penn"] = np.where(severe.T.ravel(), 3, 1)
    for name, value in (covariates or {}).items():
        table[name] = np.tile(value, size)
    blank = {"relapse_day": math.nan, "death_day": math.nan, "followed_days": 365.0, "error": ""}
    return table.assign(**blank)


def sweep(remission, severe, patients=240, seed=1, points=None):
    """A sweep with these rates at its points, each rate by a stream of its own."""
    points = grid() if points is None else points
    rng = np.random.default_rng(seed)
    rates = [np.broadcast_to(rate, len(points)) for rate in (remission, severe)]
    return outcomes(points, *(alike(rate, patients, rng) for rate in rates))


def along_dose(low, high, points=None):
    """A rate that goes from low to high with the log of the dose."""
    dose = (grid() if points is None else points)[DOSE].to_numpy()
    share = np.log(dose / DOSES[0]) / np.log(DOSES[-1] / DOSES[0])
    return low + (high - low) * share
