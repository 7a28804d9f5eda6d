"""Counting cells: densities at each site, totals by state."""

import numpy as np

from tcellabm.kernels.jit import kernel, row_kernel
from tcellabm.kernels.layout import (
    ACTIVATED,
    EXHAUSTED,
    MEMORY,
    ROWS,
    STATES,
    Law,
    Rates,
    State,
)
from tcellabm.kernels.rules import rung_of


@kernel
def census(state: State, law: Law) -> None:
    """Count all cells: what the next tick starts from, and what is seen of this one.

    The totals of the body and of blood and the sums of the sites are set again.
    """
    cells, sites, body, in_blood = state.cells, state.sites, state.body, state.blood
    ladder, rates = law.ladder, law.rates
    effectors, targets, activated = sites.effectors, sites.targets, sites.activated
    lysis, lysis_squared = sites.lysis, sites.lysis_squared
    activating, releasing = sites.activating, sites.releasing
    count, place, kind = cells.count, cells.site, cells.state
    clear(state)
    blood = targets.size - 1
    for i in range(cells.meta[ROWS]):
        s, which = np.uint64(place[i]), kind[i]  # without a sign, its sign is not looked at
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
        elif which <= EXHAUSTED:
            effectors[s] += activity(which, rates) * n
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
def clear(state: State) -> None:
    """Start from nothing, and remember the activated myeloid cells of the count before."""
    sites = state.sites
    for which in range(STATES):
        state.body[which] = state.blood[which] = 0
    for s in range(sites.volume.size):
        sites.activated_before[s] = sites.activated[s]
        sites.effectors[s] = sites.targets[s] = sites.activated[s] = 0.0
        sites.lysis[s] = sites.lysis_squared[s] = 0.0
        sites.activating[s] = sites.releasing[s] = 0.0


@row_kernel
def scale(state: State) -> None:
    """Turn numbers of cells into cells/uL."""
    sites = state.sites
    for s in range(sites.volume.size):
        volume = sites.volume[s]
        sites.effectors[s] /= volume
        sites.targets[s] /= volume
        sites.activated[s] /= volume
        sites.lysis[s] /= volume
        sites.lysis_squared[s] /= volume
        sites.activating[s] /= volume
        sites.releasing[s] /= volume
