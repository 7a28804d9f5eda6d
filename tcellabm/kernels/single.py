"""One tick of single cells: the same law as for groups, no draw for most cells."""

import math

import numpy as np
from numpy.random import Generator

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
    Cells,
    Column,
    Drive,
    Law,
    State,
)
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

LIVING_AT_ONCE = 64  # descendants of one cell in one tick; a tick holds far below one division


@kernel
def step_cells(rng: Generator, dt: float, state: State, law: Law, drive: Drive) -> None:
    """Advance every cell by one tick.

    A cell spends a budget, exponential with mean 1, on its hazards in their order: half of
    birth and death, exits, half of birth and death. Where the budget exceeds the sum of all,
    nothing happens to it. Exits are a change of state, then passing between marrow and blood, then
    hops, each on its own. Who uses up the budget is found first, and followed in a second pass:
    in one, references to all tables would be counted at each of those cells.

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
    """
    used = state.cells.meta[ROWS]
    rows, budgets = np.empty(used, np.int64), np.empty(used)
    found = find(rng, dt, state, law, drive, rows, budgets)
    follow(rng, dt, rows[:found], budgets[:found], state, law, drive)
    supply(rng, dt, law.rates.b_state, state, law, drive)
    supply(rng, dt, RESTING, state, law, drive)


@kernel
def find(
    rng: Generator,
    dt: float,
    state: State,
    law: Law,
    drive: Drive,
    rows: Column,
    budgets: Column,
) -> int:
    """Find the cells that use up their budget of hazard in a tick.

    What a cell leaves of its budget is exponential again, with the same mean: it goes on to the
    next cell, and a new one is drawn only where it was used up. As cells are passed with the
    greatest sum of hazards that their state meets in voxels or in blood, most cost one comparison.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    dt : float
        Tick length, days.
    state : State
        Cells and sites.
    law : Law
        Constants of the patient.
    drive : Drive
        Of this tick.
    rows : ndarray, int64, as many as there are rows
        Those of the cells found, written in place.
    budgets : ndarray, float64, as many
        The budget of each, below the sum of its hazards over the tick; written in place.

    Returns
    -------
    int
        How many there are.
    """
    most = greatest_hazards(state, law, drive) * dt
    budget, found = rng.standard_exponential(), 0
    count, kind, place = state.cells.count, state.cells.state, state.cells.site
    blood = state.sites.volume.size - 1
    for i in range(state.cells.meta[ROWS]):
        if count[i] == 0:
            continue
        bound = most[int(place[i] == blood), kind[i]]
        if budget >= bound:
            budget -= bound
            continue
        if budget < hazard(i, state, law, drive) * dt:
            rows[found], budgets[found] = i, budget
            found += 1
        budget = rng.standard_exponential()
    return found


@row_kernel
def hazard(row: int, state: State, law: Law, drive: Drive) -> float:
    """Return the sum of all hazards of one cell where it is, per day.

    Parameters
    ----------
    row : int
        Of the cell.
    state : State
        Cells and sites.
    law : Law
        Constants of the patient.
    drive : Drive
        Of this tick.

    Returns
    -------
    float
        Per day.
    """
    sites, rates = state.sites, law.rates
    site, which = state.cells.site[row], state.cells.state[row]
    rung = rung_of(which)
    birth, death = birth_and_death(
        which,
        state.cells.divisions[row],
        kill_hazard(which, site, sites, law.ladder.lysis, drive),
        supply_of(which, site, sites, drive),
        sites.stimulation[site],
        rates,
    )
    first, second = changes(
        which,
        drive.up[rung],
        drive.down[rung],
        sites.stimulation[site],
        sites.release[site],
        sites.activation[site],
        rates,
    )
    passing, hop = travel(which, site == sites.volume.size - 1, rates, drive)
    return birth + death + first + second + passing + hop


@kernel
def greatest_hazards(state: State, law: Law, drive: Drive) -> Column:
    """Return bounds on the sum of hazards of a cell of each state: in any voxel, and in blood.

    Hazards rise or fall with stimulation, and rise with all else that a site offers.

    Parameters
    ----------
    state : State
        Of it the sites.
    law : Law
        Constants of the patient.
    drive : Drive
        Of this tick.

    Returns
    -------
    ndarray, shape (2, STATES)
        Per day; first in a voxel, then in blood.
    """
    sites, rates = state.sites, law.rates
    phi = release = activation = 0.0
    deadliest = roomiest = richest = 0
    for s in range(sites.volume.size):
        phi = max(phi, sites.stimulation[s])
        release = max(release, sites.release[s])
        activation = max(activation, sites.activation[s])
        deadliest = s if sites.killing[s] > sites.killing[deadliest] else deadliest
        roomiest = s if sites.room[s] > sites.room[roomiest] else roomiest
        richest = s if sites.supply[s] > sites.supply[richest] else richest
    bound = np.zeros((2, STATES))
    for which in range(STATES):
        rung = rung_of(which)
        up, down = drive.up[rung], drive.down[rung]
        killed = kill_hazard(which, deadliest, sites, law.ladder.lysis, drive)
        supply = max(
            supply_of(which, roomiest, sites, drive), supply_of(which, richest, sites, drive)
        )
        birth, spared = birth_and_death(which, 1, killed, supply, phi, rates)
        _, death = birth_and_death(which, 1, killed, supply, 0.0, rates)
        first, _ = changes(which, up, down, phi, release, activation, rates)
        _, second = changes(which, up, down, 0.0, release, activation, rates)
        passing, hop = travel(which, False, rates, drive)
        home, _ = travel(which, True, rates, drive)
        elsewhere = birth + max(spared, death) + first + second
        bound[0, which], bound[1, which] = elsewhere + passing + hop, elsewhere + home
    return bound


@kernel
def supply(rng: Generator, dt: float, kind: int, state: State, law: Law, drive: Drive) -> None:
    """Let new cells of one state enter the marrow, each at a random voxel and time of the tick.

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
        New cells are appended in place.
    law : Law
        Constants of the patient.
    drive : Drive
        Of it the outputs, cells per day into all voxels.
    """
    sites = state.sites
    voxels = sites.volume.size - 1
    output = drive.myeloid_output if kind == RESTING else drive.b_output
    for _ in range(rng.poisson(output * dt)):
        site = min(voxels - 1, int(rng.random() * voxels))
        killed = kill_hazard(kind, site, sites, law.ladder.lysis, drive)
        _, death = birth_and_death(kind, 0, killed, 0.0, 0.0, law.rates)
        time = dt * rng.random()
        if rng.random() < math.exp(-death * time):
            active = kind == RESTING and rng.random() < -math.expm1(-sites.activation[site] * time)
            append(state.cells, 1, site, ACTIVATED if active else kind, 0)


@kernel
def follow(
    rng: Generator,
    dt: float,
    rows: Column,
    budgets: Column,
    state: State,
    law: Law,
    drive: Drive,
) -> None:
    """Follow some cells, and their descendants, through a tick.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    dt : float
        Tick length, days.
    rows : ndarray, int64
        Of the cells.
    budgets : ndarray, float64, as many
        The budget of hazard of each, as `find` gives it.
    state : State
        Its cells are changed in place.
    law : Law
        Constants of the patient.
    drive : Drive
        Of this tick.
    """
    cells, sites, rates, lysis = state.cells, state.sites, law.rates, law.ladder.lysis
    half, stack = 0.5 * dt, np.zeros((LIVING_AT_ONCE, 4))  # descendants still to be followed
    for each in range(rows.size):
        row, spend = rows[each], budgets[each]
        time, waiting = 0.0, 0
        site, which, divisions = cells.site[row], cells.state[row], cells.divisions[row]
        cells.count[row] = 0
        while True:
            killed = kill_hazard(which, site, sites, lysis, drive)
            supplied = supply_of(which, site, sites, drive)
            birth, death = birth_and_death(
                which, divisions, killed, supplied, sites.stimulation[site], rates
            )
            left = half - time if time < half else dt - time
            going = False
            if spend < (birth + death) * left:
                time += spend / (birth + death)
                going = rng.random() * (birth + death) < birth
                spend = rng.standard_exponential()
                if going and LEUKEMIA < which < B_CELL and rng.random() < rates.cd19_loss:
                    append(cells, 1, site, LEUKEMIA, 0)
                elif going and waiting < LIVING_AT_ONCE:
                    divisions = max(0, divisions - 1)
                    stack[waiting, 0], stack[waiting, 1] = site, which
                    stack[waiting, 2], stack[waiting, 3] = divisions, time
                    waiting += 1
            elif time < half:  # exits come at half of the tick
                going = True
                rest = spend - (birth + death) * left
                site, which, spend = leave(rng, rest, dt, (site, which), state, law, drive)
                time = half
            else:
                settle(cells, row, site, which, divisions)
            if not going:
                if waiting == 0:
                    break
                waiting -= 1
                site, which = int(stack[waiting, 0]), int(stack[waiting, 1])
                divisions, time = int(stack[waiting, 2]), stack[waiting, 3]
                spend = rng.standard_exponential()
        cells.meta[DISORDER] += cells.count[row] == 0


@row_kernel
def settle(cells: Cells, row: int, site: int, state: int, divisions: int) -> None:
    """Write a cell that lives at the end of the tick: in its old row, or in a new one.

    Parameters
    ----------
    cells : Cells
        Changed in place.
    row : int
        Old row of the cell; free if its count is 0.
    site, state : int
        Where and what the cell is now.
    divisions : int
        Divisions left.
    """
    if cells.count[row] > 0:
        append(cells, 1, site, state, divisions)
    else:
        cells.meta[DISORDER] += site != cells.site[row]
        cells.count[row] = 1
        cells.site[row] = site
        cells.state[row] = state
        cells.divisions[row] = divisions


@row_kernel
def leave(
    rng: Generator,
    spend: float,
    dt: float,
    cell: tuple[int, int],
    state: State,
    law: Law,
    drive: Drive,
) -> tuple[int, int, float]:
    """Draw whether and how a cell (site, state) changes state or place.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    spend : float
        Budget of hazard, above 0.
    dt : float
        Tick length, days.
    cell : (int, int)
        Site and state.
    state : State
        Of it the sites.
    law : Law
        Constants of the patient.
    drive : Drive
        Of this tick.

    Returns
    -------
    (int, int, float)
        Site, state, and the budget that is left.
    """
    sites, (site, which) = state.sites, cell
    rung = rung_of(which)
    first, second = changes(
        which,
        drive.up[rung],
        drive.down[rung],
        sites.stimulation[site],
        sites.release[site],
        sites.activation[site],
        law.rates,
    )
    change = first + second
    if spend < change * dt:
        which = targets(which, law.rates)[int(rng.random() * change >= first)]
        spend = rng.standard_exponential()
    else:
        spend -= change * dt
    ways = travel(which, site == sites.volume.size - 1, law.rates, drive)
    if spend < (ways[0] + ways[1]) * dt:
        site = go(rng, spend, dt, site, ways, law)
        spend = rng.standard_exponential()
    else:
        spend -= (ways[0] + ways[1]) * dt
    return site, which, spend


@row_kernel
def go(
    rng: Generator, spend: float, dt: float, site: int, ways: tuple[float, float], law: Law
) -> int:
    """Return where a cell comes to whose budget ends in passing or hopping.

    Passing to or from blood comes first, and only who stays hops, again and again.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    spend : float
        Budget of hazard, below the sum of `ways` times `dt`.
    dt : float
        Tick length, days.
    site : int
        Where the cell is.
    ways : (float, float)
        Rates of passing and of hopping, per day, see `travel`.
    law : Law
        Of it the size of the marrow.

    Returns
    -------
    int
        Site.
    """
    (passing, hop), blood = ways, law.rows * law.cols
    if spend < passing * dt:
        return min(blood - 1, int(rng.random() * blood)) if site == blood else blood
    first = (spend - passing * dt) / hop
    for _ in range(1 + rng.poisson(hop * (dt - first))):
        site = neighbor(int(rng.random() * 4.0), site, law.rows, law.cols)
    return site
