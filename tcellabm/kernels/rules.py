"""Rates of one cell, given its state and what its site offers.

They take numbers, not the tables: where tables of arrays are passed once a row, counting references
to the arrays costs more than the rules.
"""

from tcellabm.kernels.jit import row_kernel
from tcellabm.kernels.layout import (
    ACTIVATED,
    B_CELL,
    EFFECTOR,
    EXHAUSTED,
    MEMORY,
    NICHE,
    RESTING,
    Column,
    Drive,
    Rates,
    Sites,
)


@row_kernel
def rung_of(state: int) -> int:
    """Return the rung of a state, or the niche; 0, no antigen, for those that are no target."""
    if state < B_CELL:
        return state
    return state - B_CELL if state < MEMORY else 0


@row_kernel
def birth_and_death(
    state: int,
    divisions: int,
    killed: float,
    supply: float,
    phi: float,
    rates: Rates,
) -> tuple[float, float]:
    """Return (birth, death) per day of one cell.

    Parameters
    ----------
    state : int
        Of the cell.
    divisions : int
        Left to a CAR T cell; without any it does not divide.
    killed : float
        Hazard of being killed here, per day, see `kill_hazard`.
    supply : float
        What its division depends on here, see `supply_of`.
    phi : float
        Stimulation of CAR T cells here, 0 to 1.
    rates : Rates
        Constants of the patient.

    Returns
    -------
    birth, death : float
        Per day.
    """
    if state == NICHE:
        return 0.0, killed
    if state < B_CELL:
        return rates.leukemia_division * supply, rates.leukemia_death + killed
    if state < MEMORY:
        return supply, rates.b_death + killed
    if state > EXHAUSTED:
        return 0.0, rates.myeloid_loss
    if state == EXHAUSTED:
        return 0.0, rates.exhausted_loss + killed
    birth = rates.t_division * phi * supply if divisions > 0 else 0.0
    if state == MEMORY:
        return birth * rates.memory_division_share, rates.memory_loss + killed
    spared = 1.0 - rates.contraction_protection * phi
    return birth, rates.contraction * spared + killed


@row_kernel
def supply_of(state: int, site: int, sites: Sites, drive: Drive) -> float:
    """Return what division depends on: free room, the rate of B cells, or IL-7, IL-15 and drugs.

    Parameters
    ----------
    state : int
        Of the cell.
    site : int
        Where it is.
    sites : Sites
        Room and supply of each site.
    drive : Drive
        Of this tick.

    Returns
    -------
    float
        A factor of leukemic and CAR T cells; of B cells their rate, per day.
    """
    if state < B_CELL:
        return sites.room[site]
    if state < MEMORY:
        return drive.b_division if site < sites.volume.size - 1 else 0.0
    return sites.supply[site] * drive.division


@row_kernel
def kill_hazard(state: int, site: int, sites: Sites, lysis: Column, drive: Drive) -> float:
    """Return the hazard of being killed, per day: targets by CAR T cells, those by the host.

    Parameters
    ----------
    state : int
        Of the cell.
    site : int
        Where it is.
    sites : Sites
        Of it the hazard of a target with g = 1, per day.
    lysis : ndarray, shape (RUNGS,)
        g of each antigen rung, 0 to 1.
    drive : Drive
        Of it the rejection of CAR T cells, per day.

    Returns
    -------
    float
        Per day; 0 of myeloid cells.
    """
    if state < MEMORY:
        return sites.killing[site] * lysis[rung_of(state)]
    return drive.rejection if state <= EXHAUSTED else 0.0


@row_kernel
def changes(
    state: int,
    up: float,
    down: float,
    phi: float,
    release: float,
    activation: float,
    rates: Rates,
) -> tuple[float, float]:
    """Return the rates, per day, of the two changes of state that `targets` names.

    Parameters
    ----------
    state : int
        Of the cell.
    up, down : float
        Rates of expression noise on its rung, per day.
    phi : float
        Stimulation of CAR T cells here, 0 to 1.
    release : float
        Cytokine engagement of CAR T cells here, see `encounter.meet`.
    activation : float
        Hazard of a resting myeloid cell here, per day.
    rates : Rates
        Constants of the patient.

    Returns
    -------
    (float, float)
        Per day, in the order of `targets`.
    """
    if state == NICHE:
        return rates.niche_exit, 0.0
    if state < B_CELL:
        return up, down
    if state == MEMORY:
        return rates.memory_activation * phi, 0.0
    if state == EFFECTOR:
        return rates.exhaustion * release, rates.memory_return * (1.0 - phi)
    if state == RESTING:
        return activation, 0.0
    if state == ACTIVATED:
        return rates.myeloid_deactivation, 0.0
    return 0.0, 0.0


@row_kernel
def targets(state: int, rates: Rates) -> tuple[int, int]:
    """Return the two states that a cell may change to."""
    if state == NICHE:
        return rates.niche_exit_state, state
    if state < B_CELL:
        return state + 1, state - 1
    if state == EFFECTOR:
        return EXHAUSTED, MEMORY
    if state == ACTIVATED:
        return RESTING, state
    return state + 1, state  # memory to effector, resting to activated


@row_kernel
def travel(state: int, in_blood: bool, rates: Rates, drive: Drive) -> tuple[float, float]:
    """Return (rate of passing between marrow and blood, rate of hopping to a neighbor voxel).

    Parameters
    ----------
    state : int
        Of the cell.
    in_blood : bool
        It is in blood; else in a voxel.
    rates : Rates
        Of it the hops, per day.
    drive : Drive
        Of it the rates of leaving and coming home, per day.

    Returns
    -------
    passing, hopping : float
        Per day; 0 for niche and myeloid cells.
    """
    if state == NICHE:
        return 0.0, 0.0
    if state < B_CELL:
        leave, home, hop = drive.leukemia_leave, drive.leukemia_home, rates.leukemia_hop
    elif state < MEMORY:
        leave, home, hop = drive.b_leave, drive.b_home, rates.b_hop
    elif state <= EXHAUSTED:
        leave, home, hop = drive.t_leave, drive.t_home, rates.t_hop
    else:
        return 0.0, 0.0
    if in_blood:
        return home, 0.0
    return leave, hop


@row_kernel
def neighbor(way: int, site: int, rows: int, cols: int) -> int:
    """Return the neighbor of a voxel in one of four ways; a step over the edge stays in place.

    Parameters
    ----------
    way : int
        0 to 3: the row before, the row after, the column before, the column after.
    site : int
        Voxel, in row-major order.
    rows, cols : int
        Size of the marrow, voxels.

    Returns
    -------
    int
        Voxel.
    """
    row, col = site // cols, site % cols
    if way == 0:
        row = max(row - 1, 0)
    elif way == 1:
        row = min(row + 1, rows - 1)
    elif way == 2:
        col = max(col - 1, 0)
    else:
        col = min(col + 1, cols - 1)
    return row * cols + col
