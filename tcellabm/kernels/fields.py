"""Cytokines in voxels and plasma: secretion, perfusion, clearance, exactly over one tick."""

import math

from tcellabm.kernels.jit import kernel
from tcellabm.kernels.linear import decay, two_compartments


@kernel
def secrete(sites, per_myeloid, per_car_t, sources):
    """Set the secretion of each cytokine at each site over the last tick.

    Parameters
    ----------
    per_myeloid, per_car_t : array, float, shape (cytokines,)
        Secretion of an activated myeloid cell and of an engaged CAR T cell, pg/d.
    sources : array, float, shape (cytokines, sites)
        Set to the secretion, pg/uL/d.
    """
    for s in range(sites.volume.size):
        activated = 0.5 * (sites.activated_before[s] + sites.activated[s])
        for c in range(per_myeloid.size):
            sources[c, s] = per_myeloid[c] * activated + per_car_t[c] * sites.engaged[s]


@kernel
def perfuse(dt, fields, sources, plasma, into_plasma, clearance, exchange, marrow_to_plasma):
    """Advance all cytokines by a tick without diffusion between voxels.

    Parameters
    ----------
    dt : float
        Days.
    fields : tuple of arrays, float, shape (voxels,)
        Concentrations, changed in place.
    sources : array, float, shape (cytokines, sites)
        Secretion per volume and day; the last site, blood, is not looked at.
    plasma, into_plasma, clearance : array, float, shape (cytokines,)
        Concentration in plasma, changed in place; influx there and loss, per day.
    exchange : float
        Exchange of voxel fluid with plasma, per day.
    marrow_to_plasma : float
        Volume of all voxels over that of plasma.
    """
    kept, gained = math.exp(-exchange * dt), decay(exchange, dt)
    for c in range(plasma.size):
        field, source = fields[c], sources[c, :-1]
        mean, mean_source = mean_of(field), mean_of(source)
        after, plasma[c] = mix(
            dt,
            mean,
            mean_source,
            plasma[c],
            into_plasma[c],
            exchange,
            marrow_to_plasma,
            clearance[c],
        )
        for v in range(field.size):
            level = after + (field[v] - mean) * kept + (source[v] - mean_source) * gained
            field[v] = max(level, 0.0)  # rounding, where nothing is left


@kernel
def mix(dt, mean, mean_source, plasma, into_plasma, exchange, marrow_to_plasma, clearance):
    """Return (mean over voxels, plasma), pg/mL, after secretion, exchange and clearance."""
    amount, plasma = two_compartments(
        mean * marrow_to_plasma,
        plasma,
        exchange,
        exchange * marrow_to_plasma,
        0.0,
        clearance,
        mean_source * marrow_to_plasma,
        into_plasma,
        dt,
    )
    return amount / marrow_to_plasma, plasma


@kernel
def mean_of(values):
    """Return the mean in plain order: NumPy's pairwise sum differs with the JIT off."""
    total = 0.0
    for v in range(values.size):
        total += values[v]
    return total / values.size
