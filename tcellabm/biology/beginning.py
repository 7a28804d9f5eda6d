"""The cells that a patient has on day 0."""

import numpy as np

from tcellabm.biology import rates
from tcellabm.body import myeloid_pool, size
from tcellabm.kernels import layout
from tcellabm.params import Parameters


def cells_of(params: Parameters, rng: np.random.Generator) -> list[tuple[int, float, int]]:
    """Draw how many cells of each state there are; with their share in blood, and the state."""
    fraction, b_cell = params.resolution.represented_fraction, params.b_cell
    share = rates.blood_share(
        b_cell.leave_marrow_per_day, b_cell.home_per_day, b_cell.death_per_day
    )
    b_cells, myeloid = _healthy(params)
    return [
        *_leukemia(params, rng),
        (round(b_cells * fraction), share, rates.b_cell_state(params)),
        (round(myeloid * fraction), 0.0, layout.RESTING),
    ]


def _leukemia(params: Parameters, rng: np.random.Generator) -> list[tuple[int, float, int]]:
    """Draw how many leukemic cells stand on each rung: without CD19 on the first, in the niche."""
    patient, blast = params.patient, params.leukemia
    burden = round(patient.leukemic_burden * params.resolution.represented_fraction)
    negative = int(rng.binomial(burden, patient.cd19_negative_fraction))
    hidden = int(rng.binomial(burden - negative, patient.niche_fraction))
    law = rates.rung_law(params)[: layout.NICHE]
    share = rates.blood_share(
        blast.leave_marrow_per_day,
        blast.home_per_day,
        blast.death_per_day + patient.net_growth_per_day,
    )
    on_rungs = rng.multinomial(burden - negative - hidden, law)
    on_rungs[0] = negative
    parts = [(n, share, layout.LEUKEMIA + rung) for rung, n in enumerate(on_rungs.tolist())]
    return [*parts, (hidden, 0.0, layout.LEUKEMIA + layout.NICHE)]


def _healthy(params: Parameters) -> tuple[float, float]:
    """Return the B cells and myeloid cells of the body after lymphodepletion, or without."""
    b_cell, depletion = params.b_cell, params.lymphodepletion
    if depletion.given:
        left = myeloid_pool(params) * depletion.myeloid_share_left
        return depletion.b_cells_left * size(params), left
    b_cells = b_cell.most_cells * b_cell.share_undepleted * params.patient.b_cell_output
    return b_cells * size(params), myeloid_pool(params)
