"""Where moving cells come to: they gather by site and state, then land in rows."""

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
)


@row_kernel
def divides(state):
    """Tell whether a state counts its divisions: CAR T cells that are not exhausted."""
    return MEMORY <= state <= EFFECTOR


@row_kernel
def append(cells, count, site, state, divisions):
    """Add a row and return it; without room it is counted as lost, an error to the caller."""
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
def index_rows(cells, work):
    """Note which rows there are of each site and state."""
    work.row_of[:] = -1
    work.rows_in[:] = 0
    for i in range(cells.meta[ROWS]):
        if cells.count[i] > 0:
            work.row_of[cells.site[i], cells.state[i]] = i
            work.rows_in[cells.state[i]] += 1


@row_kernel
def gather(rng, moving, site, state, divisions, work):
    """Let `moving` cells head for a site and state.

    Movers from several rows share one number of divisions left, drawn in proportion to count.
    """
    gathered = work.arrivals[site, state] + moving
    work.arrivals[site, state] = gathered
    if divides(state) and (gathered == moving or rng.random() * gathered < moving):
        work.arrival_divisions[site, state] = divisions


@kernel
def bring_home(rng, work):
    """Spread the cells that left blood for marrow over the voxels, each equally likely."""
    voxels = work.arrivals.shape[0] - 1
    tally = work.arrivals[:voxels, 0].copy()
    for state in range(STATES):
        for divisions in range(work.homing.shape[1]):
            total = work.homing[state, divisions]
            if total > 0:
                work.homing[state, divisions] = 0
                tally[:] = 0
                scatter(rng, total, voxels, tally)
                for site in range(voxels):
                    if tally[site] > 0:
                        gather(rng, tally[site], site, state, divisions, work)
            if not divides(state):
                break


@kernel
def land(rng, cells, budget, work):
    """Turn gathered cells into rows: a new one within the budget, else into a like one there."""
    for site in range(work.arrivals.shape[0]):
        for state in range(STATES):
            moving = work.arrivals[site, state]
            if moving == 0:
                continue
            work.arrivals[site, state] = 0
            divisions = work.arrival_divisions[site, state] if divides(state) else 0
            row = work.row_of[site, state]
            if row < 0 or (divides(state) and work.rows_in[state] < budget):
                work.row_of[site, state] = append(cells, moving, site, state, divisions)
                work.rows_in[state] += 1
            else:
                join(rng, cells, row, moving, divisions)


@row_kernel
def join(rng, cells, row, moving, divisions):
    """Add cells to a like row; its divisions left are drawn in proportion to count."""
    cells.count[row] += moving
    if divides(cells.state[row]) and rng.random() * cells.count[row] < moving:
        cells.divisions[row] = divisions
