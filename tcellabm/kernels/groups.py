"""One tick of groups of identical cells: half the births and deaths, exits, the other half."""

import math

import numpy as np

from tcellabm.kernels.draws import binomial, birth_death, birth_death_law
from tcellabm.kernels.jit import kernel, row_kernel
from tcellabm.kernels.landing import bring_home, divides, gather, index_rows, land
from tcellabm.kernels.layout import ACTIVATED, B_CELL, LEUKEMIA, RESTING, ROWS, STATES
from tcellabm.kernels.linear import decay
from tcellabm.kernels.rules import (
    birth_and_death,
    changes,
    neighbor,
    rung_of,
    targets,
    travel,
)


@kernel
def step_groups(rng, dt, cells, sites, ladder, rates, drive, budget, rows, cols, work):
    """Advance every group by one tick.

    Parameters
    ----------
    rng : numpy.random.Generator
    dt : float
        Tick length, days.
    budget : int
        Rows that a population may have before arrivals merge.
    rows, cols : int
        Shape of the marrow, voxels.
    """
    index_rows(cells, work)
    before = cells.meta[ROWS]
    fate(rng, 0.5 * dt, 0, cells, sites, ladder, rates, drive, work)
    use_divisions(rng, dt, cells, sites, rates, drive)
    change_state(rng, dt, cells, sites, ladder, rates, work)
    land(rng, cells, budget, work)
    change_place(rng, dt, cells, sites, rates, drive, rows, cols, work)
    bring_home(rng, work)
    land(rng, cells, budget, work)
    fate(rng, 0.5 * dt, before, cells, sites, ladder, rates, drive, work)
    mutate(rng, cells, rates, work)
    supply(rng, dt, cells, sites, ladder, rates, drive, work)
    land(rng, cells, budget, work)


@kernel
def fate(rng, dt, known, cells, sites, ladder, rates, drive, work):
    """Draw births and deaths of every group over `dt`, exactly given its rates.

    Parameters
    ----------
    known : int
        Rows whose law is still that of the last call; of cells that count their divisions it is
        not, as they may have used the last one.
    """
    killing, room, phi, lysis = sites.killing, sites.room, sites.stimulation, ladder.lysis
    count, place, kind, left = cells.count, cells.site, cells.state, cells.divisions
    alphas, betas, births = work.alpha, work.beta, work.births
    for i in range(cells.meta[ROWS]):
        n, s, state = count[i], place[i], kind[i]
        if i >= known or divides(state):
            killed = killing[s] * lysis[rung_of(state)]
            birth, death = birth_and_death(state, left[i], killed, room[s], phi[s], rates, drive)
            alphas[i], betas[i] = birth_death_law(birth, death, dt)
        if i >= known:
            births[i] = 0.0
        if n > 0:
            count[i] = birth_death(rng, n, alphas[i], betas[i])
            if LEUKEMIA < state < B_CELL:
                births[i] += n * betas[i] / (1.0 - betas[i])


@kernel
def use_divisions(rng, dt, cells, sites, rates, drive):
    """Count down the divisions left of CAR T cells, one draw per group.

    A lineage that is alive at the end of the tick has divided at twice the rate of one cell.
    """
    phi, count, place = sites.stimulation, cells.count, cells.site
    kind, left = cells.state, cells.divisions
    for i in range(cells.meta[ROWS]):
        state, divisions = kind[i], left[i]
        if divides(state) and divisions > 0 and count[i] > 0:
            here = phi[place[i]]
            birth, _ = birth_and_death(state, divisions, 0.0, 0.0, here, rates, drive)
            left[i] = max(0, divisions - rng.poisson(2.0 * birth * dt))


@kernel
def change_state(rng, dt, cells, sites, ladder, rates, work):
    """Draw, per cell, who changes state: two exits, the second among those the first left."""
    phi, release, activation = sites.stimulation, sites.release, sites.activation
    up, down = ladder.up, ladder.down
    count, place, kind, left = cells.count, cells.site, cells.state, cells.divisions
    arrivals, arrival_divisions = work.arrivals, work.arrival_divisions
    for i in range(cells.meta[ROWS]):
        n, site, state = count[i], place[i], kind[i]
        rung = rung_of(state)
        rate_first, rate_second = changes(
            state, up[rung], down[rung], phi[site], release[site], activation[site], rates
        )
        total = rate_first + rate_second
        if n == 0 or total == 0.0:
            continue
        first, second = targets(state)
        share = -math.expm1(-total * dt) / total
        moving = binomial(rng, n, rate_first * share)
        if moving > 0:
            gather(rng, moving, site, first, left[i], arrivals, arrival_divisions)
        others = binomial(rng, n - moving, rate_second * share / (1.0 - rate_first * share))
        if others > 0:
            gather(rng, others, site, second, left[i], arrivals, arrival_divisions)
        count[i] = n - moving - others


@kernel
def change_place(rng, dt, cells, sites, rates, drive, rows, cols, work):
    """Draw, per cell, who passes between marrow and blood, and who of the others hops."""
    count, place, kind, left = cells.count, cells.site, cells.state, cells.divisions
    arrivals, arrival_divisions, homing = work.arrivals, work.arrival_divisions, work.homing
    blood, (leaves, comes_home, hops) = sites.volume.size - 1, chances(dt, rates, drive)
    for i in range(cells.meta[ROWS]):
        n, site, state, divisions = count[i], place[i], kind[i], left[i]
        if n == 0:
            continue
        passing = binomial(rng, n, comes_home[state] if site == blood else leaves[state])
        if passing > 0 and site == blood:
            homing[state, divisions] += passing
        elif passing > 0:
            gather(rng, passing, blood, state, divisions, arrivals, arrival_divisions)
        count[i] = n - passing
        if site < blood and hops[state] > 0.0:
            hopping = binomial(rng, n - passing, hops[state])
            count[i] -= hopping
            hop(rng, hopping, site, state, divisions, rows, cols, arrivals, arrival_divisions)


@kernel
def chances(dt, rates, drive):
    """Return a cell's chances, by state, to leave for blood, to come home from it, to hop."""
    leaves, comes_home, hops = np.zeros(STATES), np.zeros(STATES), np.zeros(STATES)
    for state in range(STATES):
        leave, hop_rate = travel(state, False, rates, drive)
        home, _ = travel(state, True, rates, drive)
        leaves[state] = -math.expm1(-leave * dt)
        comes_home[state] = -math.expm1(-home * dt)
        hops[state] = -math.expm1(-hop_rate * dt)
    return leaves, comes_home, hops


@row_kernel
def hop(rng, moving, site, state, divisions, rows, cols, arrivals, arrival_divisions):
    """Let cells step to the four neighbor voxels, each equally likely."""
    for way in range(4):
        part = binomial(rng, moving, 1.0 / (4 - way))
        moving -= part
        if part > 0:
            to = neighbor(way, site, rows, cols)
            gather(rng, part, to, state, divisions, arrivals, arrival_divisions)


@kernel
def mutate(rng, cells, rates, work):
    """Let daughters of CD19+ leukemic cells lose the antigen; each starts a group of one."""
    arrivals, arrival_divisions = work.arrivals, work.arrival_divisions
    births = 0.0
    for i in range(cells.meta[ROWS]):
        births += work.births[i]
    mutants = rng.poisson(rates.cd19_loss * births)
    for i in range(cells.meta[ROWS]):
        if mutants == 0:
            break
        if work.births[i] > 0.0:
            mine = binomial(rng, mutants, work.births[i] / max(births, work.births[i]))
            mutants, births = mutants - mine, births - work.births[i]
            mine = min(mine, cells.count[i])
            if mine > 0:
                cells.count[i] -= mine
                gather(rng, mine, cells.site[i], LEUKEMIA, 0, arrivals, arrival_divisions)


@kernel
def supply(rng, dt, cells, sites, ladder, rates, drive, work):
    """Let new B cells and resting myeloid cells enter the marrow during the tick."""
    if drive.b_output > 0.0:
        enter(rng, dt, drive.b_output, rates.b_state, sites, ladder, rates, drive, work)
    if drive.myeloid_output > 0.0:
        enter(rng, dt, drive.myeloid_output, RESTING, sites, ladder, rates, drive, work)


@kernel
def enter(rng, dt, output, state, sites, ladder, rates, drive, work):
    """Draw the survivors of a constant influx; exact given the death rates of the sites.

    Resting cells that were activated since they came are activated.
    """
    arrivals, arrival_divisions = work.arrivals, work.arrival_divisions
    voxels = sites.volume.size - 1
    for site in range(voxels):
        killed = sites.killing[site] * ladder.lysis[rung_of(state)]
        _, death = birth_and_death(state, 0, killed, 0.0, 0.0, rates, drive)
        alive = decay(death, dt)
        came = rng.poisson(output / voxels * alive)
        if state == RESTING and came > 0:
            active = binomial(rng, came, 1.0 - decay(death + sites.activation[site], dt) / alive)
            came -= active
            if active > 0:
                gather(rng, active, site, ACTIVATED, 0, arrivals, arrival_divisions)
        if came > 0:
            gather(rng, came, site, state, 0, arrivals, arrival_divisions)
