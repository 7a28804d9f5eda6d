"""One tick of single cells: the same law as for groups, one draw for most cells."""

import math

from tcellabm.kernels.jit import kernel
from tcellabm.kernels.landing import append
from tcellabm.kernels.layout import B_CELL, DISORDER, LEUKEMIA, RESTING, ROWS
from tcellabm.kernels.rules import birth_and_death, changes, neighbor, newcomer, travel

LIVING_AT_ONCE = 64  # descendants of one cell in one tick; a tick holds far below one division


@kernel
def step_cells(rng, dt, cells, sites, ladder, rates, drive, rows, cols, stack):
    """Advance every cell by one tick.

    A cell spends a budget H, exponential with mean 1, on its hazards in their order: half of
    birth and death, exits, half of birth and death. Where H exceeds the sum of all, nothing
    happens to it, and since H = -ln(1-u) >= u most cells are done with one comparison.

    Parameters
    ----------
    stack : array, float64, shape (LIVING_AT_ONCE, 4)
        Scratch: site, state, divisions left, stage of the descendants still to be followed.
    """
    blood = sites.volume.size - 1
    for i in range(cells.meta[ROWS]):
        if cells.count[i] == 0:
            continue
        site, state, divisions = cells.site[i], cells.state[i], cells.divisions[i]
        birth, death = birth_and_death(state, divisions, site, sites, ladder, rates, drive)
        _, first, _, second = changes(state, site, sites, ladder, rates)
        passing, hop = travel(state, site == blood, rates, drive)
        u = rng.random()
        if u < (birth + death + first + second + passing + hop) * dt:
            budget = -math.log1p(-u)
            follow(rng, budget, i, dt, cells, sites, ladder, rates, drive, rows, cols, stack)
    supply(rng, dt, drive.b_output, rates.b_state, cells, sites, ladder, rates, drive)
    supply(rng, dt, drive.myeloid_output, RESTING, cells, sites, ladder, rates, drive)


@kernel
def supply(rng, dt, output, state, cells, sites, ladder, rates, drive):
    """Let new cells of one state enter the marrow during the tick."""
    for _ in range(rng.poisson(output * dt)):
        site, alive = newcomer(rng, dt, state, sites, ladder, rates, drive)
        if alive:
            append(cells, 1, site, state, 0)


@kernel
def follow(rng, budget, row, dt, cells, sites, ladder, rates, drive, rows, cols, stack):
    """Follow the cell of `row` and its descendants to the end of the tick."""
    half, blood = 0.5 * dt, sites.volume.size - 1
    site, state, divisions, time = cells.site[row], cells.state[row], cells.divisions[row], 0.0
    cells.count[row] = 0
    waiting = 0
    while True:
        birth, death = birth_and_death(state, divisions, site, sites, ladder, rates, drive)
        rate = birth + death
        left = half - time if time < half else dt - time
        if budget < rate * left:
            time += budget / rate
            budget = -math.log1p(-rng.random())
            if rng.random() * rate >= birth:
                alive = False
            else:
                alive = True
                if LEUKEMIA < state < B_CELL and rng.random() < rates.cd19_loss:
                    append(cells, 1, site, LEUKEMIA, 0)
                    continue
                divisions = max(0, divisions - 1)
                if waiting == LIVING_AT_ONCE:  # never with a sensible tick
                    settle(cells, row, site, state, divisions)
                    continue
                stack[waiting, 0], stack[waiting, 1], stack[waiting, 2] = site, state, divisions
                stack[waiting, 3] = time
                waiting += 1
        elif time < half:
            budget -= rate * left
            site, state, budget = leave(
                rng, budget, dt, site, state, site == blood, sites, ladder, rates, drive, rows, cols
            )
            time, alive = half, True
        else:
            settle(cells, row, site, state, divisions)
            alive = False
        if not alive:
            if waiting == 0:
                cells.meta[DISORDER] += cells.count[row] == 0
                return
            waiting -= 1
            site, state = int(stack[waiting, 0]), int(stack[waiting, 1])
            divisions, time = int(stack[waiting, 2]), stack[waiting, 3]
            budget = -math.log1p(-rng.random())


@kernel
def settle(cells, row, site, state, divisions):
    """Write a cell that lives at the end of the tick: in its old row, or in a new one."""
    if cells.count[row] > 0:
        append(cells, 1, site, state, divisions)
        return
    if site != cells.site[row]:
        cells.meta[DISORDER] += 1
    cells.count[row] = 1
    cells.site[row] = site
    cells.state[row] = state
    cells.divisions[row] = divisions


@kernel
def leave(rng, budget, dt, site, state, in_blood, sites, ladder, rates, drive, rows, cols):
    """Draw the exit of one cell, if any; return (site, state, budget left)."""
    first, rate_first, second, rate_second = changes(state, site, sites, ladder, rates)
    passing, hop = travel(state, in_blood, rates, drive)
    rate = rate_first + rate_second + passing + hop
    if budget >= rate * dt:
        return site, state, budget - rate * dt
    aim = rng.random() * rate
    if aim < rate_first:
        state = first
    elif aim < rate_first + rate_second:
        state = second
    elif aim < rate_first + rate_second + passing:
        voxels = sites.volume.size - 1
        site = min(voxels - 1, int(rng.random() * voxels)) if in_blood else voxels
    else:
        for _ in range(1 + rng.poisson(hop * (dt - budget / rate))):
            site = neighbor(int(rng.random() * 4.0), site, rows, cols)
    return site, state, -math.log1p(-rng.random())
