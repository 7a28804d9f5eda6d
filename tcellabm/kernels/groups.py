"""One tick of groups of identical cells: half the births and deaths, exits, the other half."""

import math

from tcellabm.kernels.draws import binomial, birth_death, birth_death_law
from tcellabm.kernels.jit import kernel, row_kernel
from tcellabm.kernels.landing import bring_home, divides, gather, index_rows, land
from tcellabm.kernels.layout import B_CELL, LEUKEMIA, RESTING, ROWS
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
    work.births[:] = 0.0
    index_rows(cells, work)
    fate(rng, 0.5 * dt, cells, sites, ladder, rates, drive, work)
    use_divisions(rng, dt, cells, sites, rates, drive)
    change_state(rng, dt, cells, sites, ladder, rates, work)
    land(rng, cells, budget, work)
    change_place(rng, dt, cells, sites, rates, drive, rows, cols, work)
    bring_home(rng, work)
    land(rng, cells, budget, work)
    fate(rng, 0.5 * dt, cells, sites, ladder, rates, drive, work)
    mutate(rng, cells, rates, work)
    supply(rng, dt, cells, sites, ladder, rates, drive, work)
    land(rng, cells, budget, work)


@kernel
def fate(rng, dt, cells, sites, ladder, rates, drive, work):
    """Draw births and deaths of every group over `dt`, exactly given its rates."""
    killing, room, phi, lysis = sites.killing, sites.room, sites.stimulation, ladder.lysis
    for i in range(cells.meta[ROWS]):
        n, s, state = cells.count[i], cells.site[i], cells.state[i]
        if n == 0:
            continue
        killed = killing[s] * lysis[rung_of(state)]
        birth, death = birth_and_death(
            state, cells.divisions[i], killed, room[s], phi[s], rates, drive
        )
        alpha, beta = birth_death_law(birth, death, dt)
        cells.count[i] = birth_death(rng, n, alpha, beta)
        if beta > 0.0 and LEUKEMIA < state < B_CELL:
            work.births[i] += n * beta / (1.0 - beta)


@kernel
def use_divisions(rng, dt, cells, sites, rates, drive):
    """Count down the divisions left of CAR T cells, one draw per group.

    A lineage that is alive at the end of the tick has divided at twice the rate of one cell.
    """
    phi = sites.stimulation
    for i in range(cells.meta[ROWS]):
        state, divisions = cells.state[i], cells.divisions[i]
        if divides(state) and divisions > 0 and cells.count[i] > 0:
            here = phi[cells.site[i]]
            birth, _ = birth_and_death(state, divisions, 0.0, 0.0, here, rates, drive)
            cells.divisions[i] = max(0, divisions - rng.poisson(2.0 * birth * dt))


@kernel
def change_state(rng, dt, cells, sites, ladder, rates, work):
    """Draw, per cell, who changes state: two exits, the second among those the first left."""
    phi, release, activation = sites.stimulation, sites.release, sites.activation
    up, down = ladder.up, ladder.down
    for i in range(cells.meta[ROWS]):
        n, site, state = cells.count[i], cells.site[i], cells.state[i]
        rung = rung_of(state)
        rate_first, rate_second = changes(
            state, up[rung], down[rung], phi[site], release[site], activation[site], rates
        )
        if n == 0 or rate_first + rate_second == 0.0:
            continue
        first, second = targets(state)
        share = -math.expm1(-(rate_first + rate_second) * dt) / (rate_first + rate_second)
        moving = binomial(rng, n, rate_first * share)
        if moving > 0:
            gather(rng, moving, site, first, cells.divisions[i], work)
        chance = rate_second * share / (1.0 - rate_first * share)
        others = binomial(rng, n - moving, chance)
        if others > 0:
            gather(rng, others, site, second, cells.divisions[i], work)
        cells.count[i] = n - moving - others


@kernel
def change_place(rng, dt, cells, sites, rates, drive, rows, cols, work):
    """Draw, per cell, who passes between marrow and blood, and who of the others hops."""
    blood = sites.volume.size - 1
    for i in range(cells.meta[ROWS]):
        n, site, state = cells.count[i], cells.site[i], cells.state[i]
        rate_pass, rate_hop = travel(state, site == blood, rates, drive)
        if n == 0 or rate_pass + rate_hop == 0.0:
            continue
        passing = binomial(rng, n, -math.expm1(-rate_pass * dt))
        if passing > 0 and site == blood:
            work.homing[state, cells.divisions[i]] += passing
        elif passing > 0:
            gather(rng, passing, blood, state, cells.divisions[i], work)
        hopping = binomial(rng, n - passing, -math.expm1(-rate_hop * dt))
        hop(rng, hopping, site, state, cells.divisions[i], rows, cols, work)
        cells.count[i] = n - passing - hopping


@row_kernel
def hop(rng, moving, site, state, divisions, rows, cols, work):
    """Let cells step to the four neighbor voxels, each equally likely."""
    for way in range(4):
        part = binomial(rng, moving, 1.0 / (4 - way))
        moving -= part
        if part > 0:
            gather(rng, part, neighbor(way, site, rows, cols), state, divisions, work)


@kernel
def mutate(rng, cells, rates, work):
    """Let daughters of CD19+ leukemic cells lose the antigen; each starts a group of one."""
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
                gather(rng, mine, cells.site[i], LEUKEMIA, 0, work)


@kernel
def supply(rng, dt, cells, sites, ladder, rates, drive, work):
    """Let new B cells and resting myeloid cells enter the marrow during the tick."""
    if drive.b_output > 0.0:
        enter(rng, dt, drive.b_output, rates.b_state, sites, ladder, rates, drive, work)
    if drive.myeloid_output > 0.0:
        enter(rng, dt, drive.myeloid_output, RESTING, sites, ladder, rates, drive, work)


@kernel
def enter(rng, dt, output, state, sites, ladder, rates, drive, work):
    """Draw the survivors of a constant influx; exact given the death rates of the sites."""
    voxels = sites.volume.size - 1
    for site in range(voxels):
        killed = sites.killing[site] * ladder.lysis[rung_of(state)]
        _, death = birth_and_death(state, 0, killed, 0.0, 0.0, rates, drive)
        came = rng.poisson(output / voxels * decay(death, dt))
        if came > 0:
            gather(rng, came, site, state, 0, work)
