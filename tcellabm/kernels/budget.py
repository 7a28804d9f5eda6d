"""Keeping the number of rows within the agent budget: split, merge, sort. No cell is lost."""

import numpy as np
from numpy.random import Generator

from tcellabm.kernels.jit import kernel
from tcellabm.kernels.landing import append, divides, join
from tcellabm.kernels.layout import DISORDER, DIVIDING, MEMORY, ROWS, Cells, Column, Work


@kernel
def resample(rng: Generator, cells: Cells, budget: int, work: Work) -> None:
    """Keep memory and effector cells near their budgets: merge small groups, split great ones.

    The mean group holds the cells of a phenotype over `budget`. Over budget, a group below half
    of it joins a like one at its site; within, a group above twice of it is halved. Counts are
    conserved exactly, the sum of divisions left without bias. Other cells have nothing of
    their own beside site and state: one row each holds them without loss, splitting gains nothing.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    cells : Cells
        Changed in place.
    budget : int
        Agents (rows) of each of the two phenotypes.
    work : Work
        Scratch; `row_of` is overwritten.
    """
    rows = np.zeros(DIVIDING, np.int64)
    mean = np.zeros(DIVIDING, np.float64)
    for i in range(cells.meta[ROWS]):
        if divides(cells.state[i]) and cells.count[i] > 0:
            rows[cells.state[i] - MEMORY] += 1
            mean[cells.state[i] - MEMORY] += cells.count[i] / budget
    merge(rng, cells, budget, rows, mean, work)
    split(cells, budget, rows, mean)


@kernel
def merge(
    rng: Generator, cells: Cells, budget: int, rows: Column, mean: Column, work: Work
) -> None:
    """Join small groups with a like one at their site, where a phenotype is over budget.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    cells : Cells
        Changed in place: joined rows are left with count 0.
    budget : int
        Agents (rows) of each phenotype.
    rows : ndarray, int64, shape (2,)
        Living rows of memory and effector cells; lowered in place.
    mean : ndarray, float64, shape (2,)
        Cells of each phenotype over `budget`.
    work : Work
        Scratch; `row_of` is overwritten.
    """
    work.row_of[:] = -1
    for i in range(cells.meta[ROWS]):
        state = cells.state[i]
        if not divides(state) or cells.count[i] == 0:
            continue
        which, like = state - MEMORY, work.row_of[cells.site[i], state]
        if rows[which] > budget and cells.count[i] < 0.5 * mean[which] and like >= 0:
            join(rng, like, cells.count[i], cells.divisions[i], cells)
            cells.count[i] = 0
            rows[which] -= 1
        else:
            work.row_of[cells.site[i], state] = i


@kernel
def split(cells: Cells, budget: int, rows: Column, mean: Column) -> None:
    """Halve great groups, within the budget.

    Parameters
    ----------
    cells : Cells
        Changed in place: halves are appended.
    budget : int
        Agents (rows) of each phenotype.
    rows : ndarray, int64, shape (2,)
        Living rows of memory and effector cells; raised in place.
    mean : ndarray, float64, shape (2,)
        Cells of each phenotype over `budget`.
    """
    for i in range(cells.meta[ROWS]):
        if not divides(cells.state[i]):
            continue
        which = cells.state[i] - MEMORY
        while rows[which] < budget and cells.count[i] > max(1.0, 2.0 * mean[which]):
            part = cells.count[i] // 2
            cells.count[i] -= part
            append(cells, part, cells.site[i], cells.state[i], cells.divisions[i])
            rows[which] += 1


@kernel
def drop_dead(cells: Cells) -> None:
    """Close the gaps that dead rows leave; order is kept."""
    row = 0
    for i in range(cells.meta[ROWS]):
        if cells.count[i] > 0:
            if row < i:
                cells.count[row] = cells.count[i]
                cells.site[row] = cells.site[i]
                cells.state[row] = cells.state[i]
                cells.divisions[row] = cells.divisions[i]
                cells.unique_id[row] = cells.unique_id[i]
            row += 1
    cells.meta[ROWS] = row
    cells.meta[DISORDER] = 0


@kernel
def sort_by_site(cells: Cells, sorted_cells: Cells, sites: int) -> None:
    """Copy the living rows to `sorted_cells` in the order of their sites: a counting sort.

    Agents of one site lie together, so that the loops over them stay in the cache.

    Parameters
    ----------
    cells : Cells
        Left as it is.
    sorted_cells : Cells
        Columns of at least as many rows, overwritten.
    sites : int
        Number of sites, blood included.
    """
    used = cells.meta[ROWS]
    start = np.zeros(sites + 1, np.int64)
    for i in range(used):
        if cells.count[i] > 0:
            start[cells.site[i] + 1] += 1
    for site in range(sites):
        start[site + 1] += start[site]
    for i in range(used):
        if cells.count[i] > 0:
            row = start[cells.site[i]]
            start[cells.site[i]] += 1
            sorted_cells.count[row] = cells.count[i]
            sorted_cells.site[row] = cells.site[i]
            sorted_cells.state[row] = cells.state[i]
            sorted_cells.divisions[row] = cells.divisions[i]
            sorted_cells.unique_id[row] = cells.unique_id[i]
    sorted_cells.meta[:] = cells.meta
    sorted_cells.meta[ROWS] = start[sites]
    sorted_cells.meta[DISORDER] = 0
