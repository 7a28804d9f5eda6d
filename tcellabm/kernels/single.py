"""One tick of single cells: the same law as for groups, no draw for most cells."""

import math

import numpy as np

from tcellabm.kernels.jit import kernel, row_kernel
from tcellabm.kernels.landing import append
from tcellabm.kernels.layout import (
    ACTIVATED,
    B_CELL,
    DISORDER,
    LEUKEMIA,
    RESTING,
    ROWS,
    STATES,
)
from tcellabm.kernels.rules import (
    birth_and_death,
    changes,
    neighbor,
    rung_of,
    targets,
    travel,
)

LIVING_AT_ONCE = 64  # descendants of one cell in one tick; a tick holds far below one division


@kernel
def step_cells(rng, dt, cells, sites, ladder, rates, drive, rows, cols, stack):
    """Advance every cell by one tick.

    A cell spends a budget, exponential with mean 1, on its hazards in their order: half of
    birth and death, exits, half of birth and death. Where the budget exceeds the sum of all,
    nothing happens to it. Exits are a change of state, then passing between marrow and blood, then
    hops, each on its own.

    What a cell leaves of its budget is exponential again, with the same mean: it goes on to the
    next cell, and a new one is drawn only where it was used up. As cells are passed with the
    greatest sum of hazards that their state meets anywhere, most cost one comparison.

    Parameters
    ----------
    stack : array, float64, shape (LIVING_AT_ONCE, 4)
        Scratch: site, state, divisions left, stage of the descendants still to be followed.
    """
    half, blood = 0.5 * dt, sites.volume.size - 1
    most = greatest_hazards(sites, ladder, rates, drive) * dt
    budget = exponential(rng)
    killing, room, phi = sites.killing, sites.room, sites.stimulation
    release, activation = sites.release, sites.activation
    lysis, up, down = ladder.lysis, ladder.up, ladder.down
    count, place, kind, left = cells.count, cells.site, cells.state, cells.divisions
    for i in range(cells.meta[ROWS]):
        if count[i] == 0:
            continue
        state = kind[i]
        if budget >= most[state]:
            budget -= most[state]
            continue
        spend, budget = budget, exponential(rng)
        s, rung = place[i], rung_of(state)
        killed = killing[s] * lysis[rung]
        birth, death = birth_and_death(state, left[i], killed, room[s], phi[s], rates, drive)
        first, second = changes(
            state, up[rung], down[rung], phi[s], release[s], activation[s], rates
        )
        passing, hop = travel(state, s == blood, rates, drive)
        change = first + second
        if spend >= (birth + death + change + passing + hop) * dt:
            continue
        time = 0.0
        if spend >= (birth + death) * half:
            spend, time = spend - (birth + death) * half, half
            if spend < change * dt:
                kind[i] = state = targets(state)[int(rng.random() * change >= first)]
                spend = exponential(rng)
            else:
                spend -= change * dt
            if spend < (passing + hop) * dt:
                s, spend = go(rng, spend, dt, s, passing, hop, blood, rows, cols)
                cells.meta[DISORDER] += s != place[i]
                place[i] = s
            else:
                spend -= (passing + hop) * dt
            killed = killing[s] * lysis[rung_of(state)]
            birth, death = birth_and_death(state, left[i], killed, room[s], phi[s], rates, drive)
            if spend >= (birth + death) * half:
                continue
        follow(rng, spend, time, i, dt, cells, sites, ladder, rates, drive, rows, cols, stack)
    supply(rng, dt, drive.b_output, rates.b_state, cells, sites, ladder, rates, drive)
    supply(rng, dt, drive.myeloid_output, RESTING, cells, sites, ladder, rates, drive)


@row_kernel
def exponential(rng):
    """Draw a budget of hazard, exponential with mean 1."""
    return -math.log1p(-rng.random())


@kernel
def greatest_hazards(sites, ladder, rates, drive):
    """Return a bound on the sum of hazards of a cell of each state, per day, shape (STATES,).

    Hazards rise or fall with stimulation, and rise with all else that a site offers.
    """
    killing, room, phi = sites.killing.max(), sites.room.max(), sites.stimulation.max()
    release, activation = sites.release.max(), sites.activation.max()
    bound = np.zeros(STATES)
    for state in range(STATES):
        rung = rung_of(state)
        killed, up, down = killing * ladder.lysis[rung], ladder.up[rung], ladder.down[rung]
        birth, spared = birth_and_death(state, 1, killed, room, phi, rates, drive)
        _, death = birth_and_death(state, 1, killed, room, 0.0, rates, drive)
        first, _ = changes(state, up, down, phi, release, activation, rates)
        _, second = changes(state, up, down, 0.0, release, activation, rates)
        passing, hop = travel(state, False, rates, drive)
        home, _ = travel(state, True, rates, drive)
        bound[state] = birth + max(spared, death) + first + second + max(passing + hop, home)
    return bound


@kernel
def supply(rng, dt, output, state, cells, sites, ladder, rates, drive):
    """Let new cells of one state enter the marrow, each at a random voxel and time of the tick.

    Resting cells that were activated since they came are activated.
    """
    voxels = sites.volume.size - 1
    for _ in range(rng.poisson(output * dt)):
        site = min(voxels - 1, int(rng.random() * voxels))
        killed = sites.killing[site] * ladder.lysis[rung_of(state)]
        _, death = birth_and_death(state, 0, killed, 0.0, 0.0, rates, drive)
        time = dt * rng.random()
        if rng.random() < math.exp(-death * time):
            active = state == RESTING and rng.random() < -math.expm1(-sites.activation[site] * time)
            append(cells, 1, site, ACTIVATED if active else state, 0)


@kernel
def follow(rng, spend, time, row, dt, cells, sites, ladder, rates, drive, rows, cols, stack):
    """Follow the cell of `row`, which divides or dies, and its descendants to the end.

    Parameters
    ----------
    spend : float
        What is left of its budget.
    time : float
        How much of births and deaths is done, 0 to `dt`; exits come at half of it.
    """
    half = 0.5 * dt
    site, state, divisions = cells.site[row], cells.state[row], cells.divisions[row]
    cells.count[row] = 0
    waiting = 0
    while True:
        killed = sites.killing[site] * ladder.lysis[rung_of(state)]
        birth, death = birth_and_death(
            state, divisions, killed, sites.room[site], sites.stimulation[site], rates, drive
        )
        left = half - time if time < half else dt - time
        going = False
        if spend < (birth + death) * left:
            time += spend / (birth + death)
            going = rng.random() * (birth + death) < birth
            spend = exponential(rng)
            if going and LEUKEMIA < state < B_CELL and rng.random() < rates.cd19_loss:
                append(cells, 1, site, LEUKEMIA, 0)
            elif going and waiting < LIVING_AT_ONCE:
                divisions = max(0, divisions - 1)
                stack[waiting, 0], stack[waiting, 1] = site, state
                stack[waiting, 2], stack[waiting, 3] = divisions, time
                waiting += 1
        elif time < half:
            going = True
            rest = spend - (birth + death) * left
            site, state, spend = leave(
                rng, rest, dt, site, state, sites, ladder, rates, drive, rows, cols
            )
            time = half
        else:
            settle(cells, row, site, state, divisions)
        if not going:
            if waiting == 0:
                break
            waiting -= 1
            site, state = int(stack[waiting, 0]), int(stack[waiting, 1])
            divisions, time = int(stack[waiting, 2]), stack[waiting, 3]
            spend = exponential(rng)
    cells.meta[DISORDER] += cells.count[row] == 0


@row_kernel
def settle(cells, row, site, state, divisions):
    """Write a cell that lives at the end of the tick: in its old row, or in a new one."""
    if cells.count[row] > 0:
        append(cells, 1, site, state, divisions)
    else:
        cells.meta[DISORDER] += site != cells.site[row]
        cells.count[row] = 1
        cells.site[row] = site
        cells.state[row] = state
        cells.divisions[row] = divisions


@kernel
def leave(rng, spend, dt, site, state, sites, ladder, rates, drive, rows, cols):
    """Draw whether and how a cell changes state or place; return (site, state, budget left)."""
    blood, rung = sites.volume.size - 1, rung_of(state)
    rate_first, rate_second = changes(
        state,
        ladder.up[rung],
        ladder.down[rung],
        sites.stimulation[site],
        sites.release[site],
        sites.activation[site],
        rates,
    )
    change = rate_first + rate_second
    if spend < change * dt:
        state = targets(state)[int(rng.random() * change >= rate_first)]
        spend = exponential(rng)
    else:
        spend -= change * dt
    passing, hop = travel(state, site == blood, rates, drive)
    if spend < (passing + hop) * dt:
        site, spend = go(rng, spend, dt, site, passing, hop, blood, rows, cols)
    else:
        spend -= (passing + hop) * dt
    return site, state, spend


@row_kernel
def go(rng, spend, dt, site, passing, hop, blood, rows, cols):
    """Move a cell whose budget ends in passing or hopping; return (site, budget left).

    Passing to or from blood comes first, and only who stays hops, again and again.
    """
    if spend < passing * dt:
        site = min(blood - 1, int(rng.random() * blood)) if site == blood else blood
    else:
        first = (spend - passing * dt) / hop
        for _ in range(1 + rng.poisson(hop * (dt - first))):
            site = neighbor(int(rng.random() * 4.0), site, rows, cols)
    return site, exponential(rng)
