"""One tick of all cells and cytokines, in order."""

from numpy.random import Generator

from tcellabm.kernels.budget import drop_dead, resample
from tcellabm.kernels.census import census
from tcellabm.kernels.encounter import encounter
from tcellabm.kernels.fields import advance_fields
from tcellabm.kernels.groups import step_groups
from tcellabm.kernels.jit import kernel
from tcellabm.kernels.layout import Drive, Effect, Law, State, Work
from tcellabm.kernels.single import step_cells


@kernel
def tick(
    rng: Generator,
    dt: float,
    state: State,
    law: Law,
    drive: Drive,
    effect: Effect,
    work: Work | None,
) -> float:
    """Advance all cells and cytokines by one tick of `dt` days.

    It starts from the densities of the last census, and ends with the next.

    Parameters
    ----------
    work : Work or None
        Scratch of groups; None if every agent is one cell. Numba compiles each case on its own.

    Returns
    -------
    float
        How fast hazards change, per day.
    """
    fastest = encounter(dt, state, law, drive)
    if work is None:
        step_cells(rng, dt, state, law, drive)
    else:
        step_groups(rng, dt, state, law, drive, work)
        resample(rng, state.cells, law.budget, work)
        drop_dead(state.cells)
    census(state, law)
    advance_fields(dt, state, law, effect)
    return fastest
