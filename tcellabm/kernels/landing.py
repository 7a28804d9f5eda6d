"""Where moving cells come to: they gather by site and state, then land in rows."""

import numpy as np
from numpy.random import Generator

from tcellabm.kernels.draws import scatter
from tcellabm.kernels.jit import kernel, row_kernel
from tcellabm.kernels.layout import (
    DISORDER,
    EFFECTOR,
    LOST,
    MEMORY,
    NEXT_ID,
    ROWS,
    STATES,
    Cells,
    Column,
    Work,
)


@row_kernel
def divides(state: int) -> bool:
    """Tell whether a state counts its divisions: CAR T cells that are not exhausted."""
    return MEMORY <= state <= EFFECTOR


@row_kernel
def append(cells: Cells, count: int, site: int, state: int, divisions: int) -> int:
    """Add a row and return it; without room it is counted as lost, an error to the caller.

    Parameters
    ----------
    cells : Cells
        Changed in place.
    count : int
        Cells of the new row.
    site, state : int
        Where and what they are.
    divisions : int
        Divisions left; 0 for states without.

    Returns
    -------
    int
        The new row; the last one if there was no room.
    """
    row = cells.meta[ROWS]
    if row == cells.count.size:
        cells.meta[LOST] += 1
        return row - 1
    cells.count[row] = count
    cells.site[row] = site
    cells.state[row] = state
    cells.divisions[row] = divisions
    cells.unique_id[row] = cells.meta[NEXT_ID]
    cells.meta[ROWS] = row + 1
    cells.meta[NEXT_ID] += 1
    cells.meta[DISORDER] += 1
    return row


@kernel
def index_rows(cells: Cells, work: Work) -> None:
    """Note which rows there are of each site and state."""
    work.row_of[:] = -1
    work.rows_in[:] = 0
    for i in range(cells.meta[ROWS]):
        if cells.count[i] > 0:
            work.row_of[cells.site[i], cells.state[i]] = i
            work.rows_in[cells.state[i]] += 1


@row_kernel
def gather(
    rng: Generator,
    moving: int,
    site: int,
    state: int,
    divisions: int,
    arrivals: Column,
    arrival_divisions: Column,
) -> None:
    """Let `moving` cells head for a site and state.

    Movers from several rows share one number of divisions left, drawn in proportion to count.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    moving : int
        Cells, above 0.
    site, state : int
        Where they go and what they will be.
    divisions : int
        Divisions left of the movers.
    arrivals : ndarray, int64, shape (sites, STATES)
        Cells on their way, raised in place.
    arrival_divisions : ndarray, int16, shape (sites, STATES)
        Divisions left of those that arrive, changed in place.
    """
    gathered = arrivals[site, state] + moving
    arrivals[site, state] = gathered
    if divides(state) and (gathered == moving or rng.random() * gathered < moving):
        arrival_divisions[site, state] = divisions


@kernel
def bring_home(rng: Generator, work: Work) -> None:
    """Spread the cells that left blood for marrow over the voxels, each equally likely."""
    homing, arrivals, arrival_divisions = work.homing, work.arrivals, work.arrival_divisions
    voxels = arrivals.shape[0] - 1
    tally = np.zeros(voxels, np.int64)
    for state in range(STATES):
        for divisions in range(homing.shape[1]):
            total = homing[state, divisions]
            if total > 0:
                homing[state, divisions] = 0
                tally[:] = 0
                scatter(rng, total, voxels, tally)
                for site in range(voxels):
                    moving = tally[site]
                    if moving > 0:
                        gather(rng, moving, site, state, divisions, arrivals, arrival_divisions)
            if not divides(state):
                break


@kernel
def land(rng: Generator, cells: Cells, budget: int, work: Work) -> None:
    """Turn gathered cells into rows: a new one within the budget, else into a like one there.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    cells : Cells
        Changed in place.
    budget : int
        Rows of a phenotype up to which movers get a row of their own.
    work : Work
        `arrivals` are emptied; `row_of` and `rows_in` follow the new rows.
    """
    arrivals, arrival_divisions = work.arrivals, work.arrival_divisions
    row_of, rows_in = work.row_of, work.rows_in
    for site in range(arrivals.shape[0]):
        for state in range(STATES):
            moving = arrivals[site, state]
            if moving == 0:
                continue
            arrivals[site, state] = 0
            divisions = arrival_divisions[site, state] if divides(state) else 0
            row = row_of[site, state]
            if row < 0 or (divides(state) and rows_in[state] < budget):
                row_of[site, state] = append(cells, moving, site, state, divisions)
                rows_in[state] += 1
            else:
                join(rng, row, moving, divisions, cells)


@row_kernel
def join(rng: Generator, row: int, moving: int, divisions: int, cells: Cells) -> None:
    """Add cells to a like row; its divisions left are drawn in proportion to count.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    row : int
        Row that they join.
    moving : int
        Cells that join.
    divisions : int
        Divisions left of those that join.
    cells : Cells
        Changed in place.
    """
    cells.count[row] += moving
    if divides(cells.state[row]) and rng.random() * cells.count[row] < moving:
        cells.divisions[row] = divisions
