"""Counting cells: densities at each site, totals by state, a map of four kinds."""

from tcellabm.kernels.jit import kernel, row_kernel
from tcellabm.kernels.layout import (
    ACTIVATED,
    B_CELL,
    EXHAUSTED,
    MEMORY,
    ROWS,
    Column,
    Law,
    Rates,
    Sites,
    State,
)
from tcellabm.kernels.rules import rung_of


@kernel
def census(state: State, law: Law) -> None:
    """Count all cells: what the next tick starts from, and what is seen of this one.

    The totals of the body and of blood, the densities of the layers and the sums of the sites
    are set anew.
    """
    cells, sites, body, in_blood = state.cells, state.sites, state.body, state.blood
    ladder, rates = law.ladder, law.rates
    leukemia, car_t, b_cell, _ = state.densities
    effectors, targets, activated = sites.effectors, sites.targets, sites.activated
    lysis, lysis_squared = sites.lysis, sites.lysis_squared
    activating, releasing = sites.activating, sites.releasing
    count, place, kind = cells.count, cells.site, cells.state
    sites.activated_before[:] = activated
    clear(state)
    blood = targets.size - 1
    for i in range(cells.meta[ROWS]):
        s, which = place[i], kind[i]
        body[which] += count[i]
        n = float(count[i])
        if s == blood:
            in_blood[which] += count[i]
        if which < MEMORY:
            rung = rung_of(which)
            g = ladder.lysis[rung] * n
            targets[s] += n
            lysis[s] += g
            lysis_squared[s] += ladder.lysis[rung] * g
            activating[s] += ladder.activation[rung] * n
            releasing[s] += ladder.release[rung] * n
            if s < blood:
                if which < B_CELL:
                    leukemia[s] += n
                else:
                    b_cell[s] += n
        elif which <= EXHAUSTED:
            effectors[s] += activity(which, rates) * n
            if s < blood:
                car_t[s] += n
        elif which == ACTIVATED:
            activated[s] += n
    scale(state)


@row_kernel
def activity(state: int, rates: Rates) -> float:
    """Return the weight of a CAR T cell in killing and among its like; an effector weighs 1."""
    if state == MEMORY:
        return rates.memory_activity
    if state == EXHAUSTED:
        return rates.exhausted_activity
    return 1.0


@row_kernel
def sums(sites: Sites) -> tuple[Column, ...]:
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
def clear(state: State) -> None:
    """Start from nothing."""
    state.body[:] = 0
    state.blood[:] = 0
    for layer in state.densities:
        layer[:] = 0.0
    for column in sums(state.sites):
        column[:] = 0.0


@row_kernel
def scale(state: State) -> None:
    """Turn numbers of cells into cells/uL."""
    volume = state.sites.volume
    for column in sums(state.sites):
        for s in range(column.size):
            column[s] /= volume[s]
    for layer in state.densities[:3]:
        for s in range(layer.size):
            layer[s] /= volume[s]
    state.densities[3][:] = state.sites.activated[:-1]
