"""One tick of all cells and cytokines, in order."""

from numba.extending import overload
from numba.types import NoneType  # type: ignore[attr-defined]
from numpy.random import Generator

from tcellabm.kernels.budget import drop_dead, resample
from tcellabm.kernels.census import census
from tcellabm.kernels.encounter import encounter
from tcellabm.kernels.fields import advance_fields
from tcellabm.kernels.groups import step_groups
from tcellabm.kernels.jit import inlined_kernel
from tcellabm.kernels.layout import Drive, Effect, Law, State, Work
from tcellabm.kernels.single import step_cells


@inlined_kernel
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
    rng : Generator
        The patient's stream for cells.
    dt : float
        Tick length, days.
    state : State
        Cells and cytokines, changed in place.
    law : Law
        Constants of the patient.
    drive : Drive
        Of this tick.
    effect : Effect
        Of drugs on cytokines in this tick.
    work : Work or None
        Scratch of groups; None if every agent is one cell. Numba compiles each case on its own.

    Returns
    -------
    float
        How fast hazards change, per day.
    """
    fastest = encounter(dt, state, law, drive)
    step(rng, dt, state, law, drive, work)
    census(state, law)
    advance_fields(dt, state, law, effect)
    return fastest


def step(
    rng: Generator, dt: float, state: State, law: Law, drive: Drive, work: Work | None
) -> None:
    """Advance all cells by one tick, as groups or one by one.

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
    work : Work or None
        Scratch of groups; None if every agent is one cell.
    """
    if work is None:
        _step_cells(rng, dt, state, law, drive, work)
    else:
        _step_groups(rng, dt, state, law, drive, work)


@overload(step, strict=False, inline="always")
def _step(rng, dt, state, law, drive, work):  # type: ignore[no-untyped-def]
    """Choose by type, so that what is not run is not compiled."""
    return _step_cells if isinstance(work, NoneType) else _step_groups


def _step_cells(
    rng: Generator, dt: float, state: State, law: Law, drive: Drive, work: None
) -> None:
    step_cells(rng, dt, state, law, drive)


def _step_groups(
    rng: Generator, dt: float, state: State, law: Law, drive: Drive, work: Work
) -> None:
    step_groups(rng, dt, state, law, drive, work)
    resample(rng, state.cells, law.budget, work)
    drop_dead(state.cells)
