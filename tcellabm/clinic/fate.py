"""What chance decides outside of cells: death, and background neutropenic fevers."""

import math

import numpy as np

from tcellabm.body import capacity_cells
from tcellabm.kernels.course import FateLaw
from tcellabm.params import Parameters

CAUSES = ("crs", "icans", "progression")  # in the order of `kernels.course`
LOW_WHITE_CELLS = 2.0  # times the nadir: below it neutropenic fevers come


def fate_law(params: Parameters) -> FateLaw:
    """Return the hazards of death, and what brings them about."""
    p = params.physiology
    return FateLaw(
        crs_per_day=p.crs_death_per_day,
        ventilated_factor=p.ventilated_death_factor,
        icans_per_day=params.neurotoxicity.icans_death_per_day,
        progression_per_day=p.progression_death_per_day,
        capacity_cells=capacity_cells(params),
    )


def thresholds(rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw how much hazard of each cause a patient survives: exponential, mean 1.

    Death comes when the cumulative hazard passes it, so that two courses with equal hazards die
    on the same day, whatever their cells draw.
    """
    crs, icans, progression = rng.standard_exponential(len(CAUSES)).tolist()
    return crs, icans, progression


def infections(params: Parameters, rng: np.random.Generator, after: float = 0.0) -> np.ndarray:
    """Draw the days on which background fevers begin, from `after` on while white cells are low.

    Returns
    -------
    array, float
        Days after infusion, rising; a Poisson process.
    """
    rate, end = params.physiology.neutropenic_fever_per_day, neutropenia_ends(params)
    if rate == 0.0 or end <= after:
        return np.zeros(0)
    number = int(rng.poisson(rate * (end - after)))
    return np.sort(rng.uniform(after, end, number))


def neutropenia_ends(params: Parameters) -> float:
    """Return the day on which white cells come above twice their nadir; 0 if never below."""
    patient, depletion = params.patient, params.lymphodepletion
    rise = patient.white_cell_normal_per_ul - patient.white_cell_nadir_per_ul
    limit = (LOW_WHITE_CELLS - 1.0) * patient.white_cell_nadir_per_ul
    if not depletion.given:
        return 0.0 if rise >= limit else params.time.days
    share = limit / rise if rise > 0.0 else math.inf
    if share >= 1.0:
        return params.time.days
    return patient.white_cell_recovery_days * (share / (1.0 - share)) ** (
        1.0 / depletion.white_cell_steepness
    )
