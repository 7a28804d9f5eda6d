"""One tick of all cells, in order; one compiled call, since entering a kernel is not free."""

from tcellabm.kernels.budget import drop_dead, resample
from tcellabm.kernels.census import census
from tcellabm.kernels.encounter import encounter
from tcellabm.kernels.groups import step_groups
from tcellabm.kernels.jit import kernel
from tcellabm.kernels.single import step_cells


@kernel
def tick_groups(
    rng, dt, cells, sites, ifng, ladder, rates, drive, shape, totals, densities, budget, work
):
    """Advance groups of cells by one tick of `dt` days; return how fast hazards change, per day.

    It starts from the densities of the last census, and ends with the next.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the marrow.
    totals : tuple of arrays, int64, shape (STATES,)
        Set to the cells of each state in all, and in blood.
    """
    fastest = encounter(dt, ifng, sites, ladder, rates, drive)
    step_groups(rng, dt, cells, sites, ladder, rates, drive, budget, shape[0], shape[1], work)
    resample(rng, cells, budget, work)
    drop_dead(cells)
    census(cells, ladder, rates, sites, totals, densities)
    return fastest


@kernel
def tick_cells(rng, dt, cells, sites, ifng, ladder, rates, drive, shape, totals, densities, stack):
    """Advance single cells by one tick; see `tick_groups`."""
    fastest = encounter(dt, ifng, sites, ladder, rates, drive)
    step_cells(rng, dt, cells, sites, ladder, rates, drive, shape[0], shape[1], stack)
    census(cells, ladder, rates, sites, totals, densities)
    return fastest
