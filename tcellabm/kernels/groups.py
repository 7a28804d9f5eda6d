"""One tick of groups of identical cells: half the births and deaths, exits, the other half."""

import math

import numpy as np
from numpy.random import Generator

from tcellabm.kernels.draws import binomial, birth_death, birth_death_law
from tcellabm.kernels.jit import inlined_kernel, kernel
from tcellabm.kernels.landing import bring_home, divides, gather, index_rows, land
from tcellabm.kernels.layout import (
    ACTIVATED,
    B_CELL,
    LEUKEMIA,
    MEMORY,
    NICHE,
    RESTING,
    ROWS,
    STATES,
    Column,
    Drive,
    Law,
    Rates,
    State,
    Work,
)
from tcellabm.kernels.linear import decay
from tcellabm.kernels.rules import (
    birth_and_death,
    changes,
    kill_hazard,
    neighbor,
    rung_of,
    supply_of,
    targets,
    travel,
)


@inlined_kernel
def step_groups(
    rng: Generator, dt: float, state: State, law: Law, drive: Drive, work: Work
) -> None:
    """Advance every group by one tick of `dt` days.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    dt : float
        Tick length, days.
    state : State
        Its cells are changed in place; sites hold the hazards of this tick.
    law : Law
        Constants of the patient.
    drive : Drive
        Of this tick.
    work : Work
        Scratch, overwritten.
    """
    cells, budget = state.cells, law.budget
    index_rows(cells, work)
    before = cells.meta[ROWS]
    fate(rng, 0.5 * dt, 0, state, law, drive, work)
    use_divisions(rng, dt, state, law, drive)
    change_state(rng, dt, state, law, drive, work)
    land(rng, cells, budget, work)
    change_place(rng, dt, state, law, drive, work)
    bring_home(rng, work)
    land(rng, cells, budget, work)
    fate(rng, 0.5 * dt, before, state, law, drive, work)
    mutate(rng, state, law, work)
    supply(rng, dt, state, law, drive, work)
    land(rng, cells, budget, work)


@kernel
def fate(
    rng: Generator, dt: float, known: int, state: State, law: Law, drive: Drive, work: Work
) -> None:
    """Draw births and deaths of every group over `dt`, exactly given its rates.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    dt : float
        Days: half a tick.
    known : int
        Rows whose law is still that of the last call, unless they divided then and cannot now, or
        the other way round.
    state : State
        Counts of its cells are changed in place.
    law : Law
        Constants of the patient.
    drive : Drive
        Of this tick.
    work : Work
        `alpha`, `beta` and `births` are set, per row.
    """
    sites, rates, lysis = state.sites, law.rates, law.ladder.lysis
    phi = sites.stimulation
    count, place = state.cells.count, state.cells.site
    kind, left = state.cells.state, state.cells.divisions
    alphas, betas, births = work.alpha, work.beta, work.births
    for i in range(state.cells.meta[ROWS]):
        n, s, which = count[i], place[i], kind[i]
        if i >= known or (divides(which) and (left[i] > 0) != (betas[i] > 0.0)):
            killed = kill_hazard(which, s, sites, lysis, drive)
            supply = supply_of(which, s, sites, drive)
            birth, death = birth_and_death(which, left[i], killed, supply, phi[s], rates)
            alphas[i], betas[i] = birth_death_law(birth, death, dt)
        if i >= known:
            births[i] = 0.0
        if n > 0:
            count[i] = birth_death(rng, n, alphas[i], betas[i])
            if LEUKEMIA < which < B_CELL:
                births[i] += n * betas[i] / (1.0 - betas[i])


@kernel
def use_divisions(rng: Generator, dt: float, state: State, law: Law, drive: Drive) -> None:
    """Count down the divisions left of CAR T cells, one draw per group.

    A lineage that is alive at the end of the tick has divided at twice the rate of one cell.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    dt : float
        Tick length, days.
    state : State
        Divisions left of its cells are changed in place.
    law : Law
        Constants of the patient.
    drive : Drive
        Of this tick.
    """
    sites, count, place = state.sites, state.cells.count, state.cells.site
    kind, left = state.cells.state, state.cells.divisions
    for i in range(state.cells.meta[ROWS]):
        which, divisions = kind[i], left[i]
        if divides(which) and divisions > 0 and count[i] > 0:
            site = place[i]
            phi, supply = sites.stimulation[site], supply_of(which, site, sites, drive)
            birth, _ = birth_and_death(which, divisions, 0.0, supply, phi, law.rates)
            left[i] = max(0, divisions - rng.poisson(2.0 * birth * dt))


@kernel
def change_state(
    rng: Generator, dt: float, state: State, law: Law, drive: Drive, work: Work
) -> None:
    """Draw, per cell, who changes state: two exits, the second among those the first left.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    dt : float
        Tick length, days.
    state : State
        Counts of its cells are lowered in place by those that leave.
    law : Law
        Constants of the patient.
    drive : Drive
        Of this tick.
    work : Work
        `arrivals` and `arrival_divisions` gather those that leave.
    """
    phi, release, activation = (
        state.sites.stimulation,
        state.sites.release,
        state.sites.activation,
    )
    up, down = drive.up, drive.down
    count, place = state.cells.count, state.cells.site
    kind, left = state.cells.state, state.cells.divisions
    arrivals, arrival_divisions = work.arrivals, work.arrival_divisions
    for i in range(state.cells.meta[ROWS]):
        n, site, which = count[i], place[i], kind[i]
        rung = rung_of(which)
        rate_first, rate_second = changes(
            which, up[rung], down[rung], phi[site], release[site], activation[site], law.rates
        )
        total = rate_first + rate_second
        if n == 0 or total == 0.0:
            continue
        first, second = targets(which, law.rates)
        share = -math.expm1(-total * dt) / total
        moving = binomial(rng, n, rate_first * share)
        if moving > 0:
            gather(rng, moving, site, first, left[i], arrivals, arrival_divisions)
        others = binomial(rng, n - moving, rate_second * share / (1.0 - rate_first * share))
        if others > 0:
            gather(rng, others, site, second, left[i], arrivals, arrival_divisions)
        count[i] = n - moving - others


@kernel
def change_place(
    rng: Generator, dt: float, state: State, law: Law, drive: Drive, work: Work
) -> None:
    """Draw, per cell, who passes between marrow and blood, and who of the others hops.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    dt : float
        Tick length, days.
    state : State
        Counts of its cells are lowered in place by those that leave.
    law : Law
        Constants of the patient.
    drive : Drive
        Of this tick.
    work : Work
        `arrivals` and `arrival_divisions` gather those that leave; `homing` those out of blood.
    """
    count, place = state.cells.count, state.cells.site
    kind, left = state.cells.state, state.cells.divisions
    arrivals, arrival_divisions, homing = work.arrivals, work.arrival_divisions, work.homing
    leaves, comes_home, hops = chances(dt, law.rates, drive)
    blood = state.sites.volume.size - 1
    for i in range(state.cells.meta[ROWS]):
        n, site, which, divisions = count[i], place[i], kind[i], left[i]
        if n == 0:
            continue
        passing = binomial(rng, n, comes_home[which] if site == blood else leaves[which])
        if passing > 0 and site == blood:
            homing[which, divisions] += passing
        elif passing > 0:
            gather(rng, passing, blood, which, divisions, arrivals, arrival_divisions)
        count[i] = n - passing
        if site < blood and hops[which] > 0.0:
            hopping = binomial(rng, n - passing, hops[which])
            count[i] -= hopping
            for way in range(4):
                part = binomial(rng, hopping, 1.0 / (4 - way))
                hopping -= part
                if part > 0:
                    to = neighbor(way, site, law.rows, law.cols)
                    gather(rng, part, to, which, divisions, arrivals, arrival_divisions)


@kernel
def chances(dt: float, rates: Rates, drive: Drive) -> tuple[Column, Column, Column]:
    """Return a cell's chances, by state, to leave for blood, to come home from it, to hop.

    Parameters
    ----------
    dt : float
        Tick length, days.
    rates : Rates
        Of it the hops, per day.
    drive : Drive
        Of it the rates of passing, per day.

    Returns
    -------
    leaves, comes_home, hops : ndarray, shape (STATES,)
        Probabilities over one tick.
    """
    leaves, comes_home, hops = np.zeros(STATES), np.zeros(STATES), np.zeros(STATES)
    for kind in (LEUKEMIA, B_CELL, MEMORY):
        leave, hop_rate = travel(kind, False, rates, drive)
        home, _ = travel(kind, True, rates, drive)
        end = B_CELL if kind < B_CELL else MEMORY if kind < MEMORY else RESTING
        leaves[kind:end] = -math.expm1(-leave * dt)
        comes_home[kind:end] = -math.expm1(-home * dt)
        hops[kind:end] = -math.expm1(-hop_rate * dt)
    leaves[NICHE] = hops[NICHE] = 0.0
    return leaves, comes_home, hops


@kernel
def mutate(rng: Generator, state: State, law: Law, work: Work) -> None:
    """Let daughters of CD19+ leukemic cells lose the antigen; each starts a group of one.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    state : State
        Counts of its cells are lowered in place by the mutants.
    law : Law
        Of it the loss of CD19 per division.
    work : Work
        `births` are used; `arrivals` gather the mutants.
    """
    cells, arrivals, arrival_divisions = state.cells, work.arrivals, work.arrival_divisions
    births = 0.0
    for i in range(cells.meta[ROWS]):
        births += work.births[i]
    mutants = rng.poisson(law.rates.cd19_loss * births)
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
def supply(rng: Generator, dt: float, state: State, law: Law, drive: Drive, work: Work) -> None:
    """Let new B cells and resting myeloid cells enter the marrow during the tick.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    dt : float
        Tick length, days.
    state : State
        Sites hold the hazards of this tick.
    law : Law
        Constants of the patient.
    drive : Drive
        Of it the outputs, cells per day.
    work : Work
        `arrivals` gather the new cells.
    """
    if drive.b_output > 0.0:
        enter(rng, dt, law.rates.b_state, state, law, drive, work)
    if drive.myeloid_output > 0.0:
        enter(rng, dt, RESTING, state, law, drive, work)


@kernel
def enter(
    rng: Generator, dt: float, kind: int, state: State, law: Law, drive: Drive, work: Work
) -> None:
    """Draw the survivors of a constant influx; exact given the death rates of the sites.

    Resting cells that were activated since they came are activated.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    dt : float
        Tick length, days.
    kind : int
        State of the new cells: RESTING, or that of B cells.
    state : State
        Sites hold the hazards of this tick.
    law : Law
        Constants of the patient.
    drive : Drive
        Of it the outputs, cells per day into all voxels.
    work : Work
        `arrivals` gather the new cells.
    """
    sites, arrivals, arrival_divisions = state.sites, work.arrivals, work.arrival_divisions
    voxels = sites.volume.size - 1
    output = drive.myeloid_output if kind == RESTING else drive.b_output
    for site in range(voxels):
        killed = kill_hazard(kind, site, sites, law.ladder.lysis, drive)
        _, death = birth_and_death(kind, 0, killed, 0.0, 0.0, law.rates)
        alive = decay(death, dt)
        came = rng.poisson(output / voxels * alive)
        if kind == RESTING and came > 0:
            active = binomial(rng, came, 1.0 - decay(death + sites.activation[site], dt) / alive)
            came -= active
            if active > 0:
                gather(rng, active, site, ACTIVATED, 0, arrivals, arrival_divisions)
        if came > 0:
            gather(rng, came, site, kind, 0, arrivals, arrival_divisions)
