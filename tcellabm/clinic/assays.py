"""What a blood draw or a marrow aspirate sees of the cells that are there."""

from typing import NamedTuple

import numpy as np

from tcellabm.clinic.record import Assessment
from tcellabm.params import Parameters

BLOOD_DRAW_DAYS = (0.0, 1.0, 4.0, 7.0, 11.0, 14.0, 21.0, 28.0)
VISIT_DAYS = 30.0  # between monthly visits
MONTHLY_UNTIL = 360.0
FIRST_ASSESSMENT = 28.0
MOMENTS_PER_DAY = 2**20  # finer than any tick
LATER_VISITS = 3.0  # months between assessments after that


def next_draw(day: float) -> float:
    """Return the day of the first blood draw after `day`: as listed to day 28, monthly after."""
    for planned in BLOOD_DRAW_DAYS:
        if planned > day:
            return planned
    return VISIT_DAYS * (int(day // VISIT_DAYS) + 1) if day >= VISIT_DAYS else 2.0 * VISIT_DAYS


def next_assessment(day: float) -> float:
    """Return the day of the first marrow assessment after `day`: 28, 60, 90, ... 360, 450, ..."""
    if day < FIRST_ASSESSMENT:
        return FIRST_ASSESSMENT
    step = LATER_VISITS * VISIT_DAYS if day >= MONTHLY_UNTIL else VISIT_DAYS
    return max(step * (int(day // step) + 1), 2.0 * VISIT_DAYS)


class Marrow(NamedTuple):
    """What there is to be seen, in the simulated part of the body."""

    blasts_by_density: np.ndarray  # leukemic cells in marrow per antigen rung, int64
    rungs: np.ndarray  # molecules per cell of each rung
    other_cells: int  # simulated marrow cells that are not leukemic
    capacity: float  # cells
    blood_blasts_per_ul: float


def normal_marrow(day: float, capacity: float, params: Parameters) -> float:
    """Return the normal nucleated cells that the model does not simulate, cells.

    Parameters
    ----------
    day : float
        Day after infusion.
    capacity : float
        Cells of the simulated marrow at most.
    params : Parameters
        `assay` says how they recover.

    Returns
    -------
    float
        Cells, from the share at the start to that at the end of recovery.
    """
    assay = params.assay
    back = min(1.0, max(0.0, day / assay.normal_marrow_recovery_days))
    start, end = assay.normal_marrow_start_share, assay.normal_marrow_end_share
    return capacity * (start + (end - start) * back)


def blast_share(day: float, marrow: Marrow, params: Parameters) -> float:
    """Return leukemic cells over all nucleated cells of the marrow.

    Parameters
    ----------
    day : float
        Day after infusion, for the normal cells.
    marrow : Marrow
        Cells of the simulated part.
    params : Parameters
        `assay` is used.

    Returns
    -------
    float
        0 to 1; 0 in an empty marrow.
    """
    blasts = float(marrow.blasts_by_density.sum())
    total = blasts + marrow.other_cells + normal_marrow(day, marrow.capacity, params)
    return blasts / total if total > 0.0 else 0.0


def assess(day: float, marrow: Marrow, params: Parameters, rng: np.random.Generator) -> Assessment:
    """Take a marrow aspirate: a differential, flow cytometry, and a look at the blood.

    Parameters
    ----------
    day : float
        Day after infusion.
    marrow : Marrow
        Cells of the simulated part.
    params : Parameters
        `assay` says how many cells are counted, and the limits.
    rng : numpy.random.Generator
        Of the assays of that day, see `chance`.

    Returns
    -------
    Assessment
        Shares are of binomial counts.
    """
    assay = params.assay
    share = blast_share(day, marrow, params)
    dim = marrow.blasts_by_density[marrow.rungs < assay.cytometer_limit_molecules].sum()
    return Assessment(
        day=day,
        blast_share=int(rng.binomial(assay.marrow_cells_counted, share))
        / assay.marrow_cells_counted,
        mrd=int(rng.binomial(assay.flow_events, share)) / assay.flow_events,
        circulating=marrow.blood_blasts_per_ul >= assay.circulating_blasts_per_ul,
        mostly_cd19_negative=bool(2 * dim > marrow.blasts_by_density.sum()),
    )


def chance(entropy: int, day: float) -> np.random.Generator:
    """Return the stream of the assays of one day: two courses draw alike however they went."""
    moment = round(day * MOMENTS_PER_DAY)
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(moment,)))
