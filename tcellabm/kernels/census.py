"""Counting cells: densities at each site, totals by state, a map of four kinds."""

from tcellabm.kernels.jit import kernel, row_kernel
from tcellabm.kernels.layout import ACTIVATED, B_CELL, EXHAUSTED, MEMORY, ROWS
from tcellabm.kernels.rules import rung_of


@kernel
def census(cells, ladder, rates, sites, totals, densities):
    """Count all cells: what the next tick starts from, and what is seen of this one.

    Parameters
    ----------
    totals : tuple of arrays, int64, shape (STATES,)
        Set to the cells in all, and in blood.
    densities : tuple of arrays, float, shape (voxels,)
        Set to cells/uL: leukemia, CAR T, B cells, activated myeloid cells.
    """
    body, in_blood = totals
    leukemia, car_t, b_cell, _ = densities
    effectors, targets, activated = sites.effectors, sites.targets, sites.activated
    lysis, lysis_squared = sites.lysis, sites.lysis_squared
    activating, releasing = sites.activating, sites.releasing
    count, place, kind = cells.count, cells.site, cells.state
    sites.activated_before[:] = activated
    clear(sites, totals, densities)
    blood = targets.size - 1
    for i in range(cells.meta[ROWS]):
        s, state = place[i], kind[i]
        body[state] += count[i]
        n = float(count[i])
        if s == blood:
            in_blood[state] += count[i]
        if state < MEMORY:
            rung = rung_of(state)
            g = ladder.lysis[rung] * n
            targets[s] += n
            lysis[s] += g
            lysis_squared[s] += ladder.lysis[rung] * g
            activating[s] += ladder.activation[rung] * n
            releasing[s] += ladder.release[rung] * n
            if s < blood:
                if state < B_CELL:
                    leukemia[s] += n
                else:
                    b_cell[s] += n
        elif state <= EXHAUSTED:
            effectors[s] += activity(state, rates) * n
            if s < blood:
                car_t[s] += n
        elif state == ACTIVATED:
            activated[s] += n
    scale(sites, densities)


@row_kernel
def activity(state, rates):
    """Return the weight of a CAR T cell in killing and among its like; an effector weighs 1."""
    if state == MEMORY:
        return rates.memory_activity
    if state == EXHAUSTED:
        return rates.exhausted_activity
    return 1.0


@row_kernel
def sums(sites):
    """Return the columns that the census adds up."""
    return (
        sites.effectors,
        sites.targets,
        sites.activated,
        sites.lysis,
        sites.lysis_squared,
        sites.activating,
        sites.releasing,
    )


@row_kernel
def clear(sites, totals, densities):
    """Start from nothing."""
    for total in totals:
        total[:] = 0
    for layer in densities:
        layer[:] = 0.0
    for column in sums(sites):
        column[:] = 0.0


@row_kernel
def scale(sites, densities):
    """Turn numbers of cells into cells/uL."""
    volume = sites.volume
    for column in sums(sites):
        for s in range(column.size):
            column[s] /= volume[s]
    for layer in densities[:3]:
        for s in range(layer.size):
            layer[s] /= volume[s]
    densities[3][:] = sites.activated[:-1]
