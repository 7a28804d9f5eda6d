"""What is seen of a marrow, painted where a run ends: who lives where, and cytokines in space."""

from numba.extending import overload
from numba.types import NoneType  # type: ignore[attr-defined]

from tcellabm.kernels.fields import paint_field
from tcellabm.kernels.jit import kernel
from tcellabm.kernels.layout import B_CELL, EXHAUSTED, MEMORY, ROWS, State


@kernel
def paint(state: State) -> None:
    """Bring densities, and fields of cytokines that diffuse, up to date; nothing else changes.

    Parameters
    ----------
    state : State
        Of it cells and sites as the last census left them.
    """
    paint_cells(state)
    paint_cytokines(state)


@kernel
def paint_cells(state: State) -> None:
    """Count the cells of four kinds in each voxel, cells/uL."""
    cells, sites = state.cells, state.sites
    leukemia, car_t, b_cell, activated = state.densities
    for v in range(leukemia.size):
        leukemia[v] = car_t[v] = b_cell[v] = 0.0
        activated[v] = sites.activated[v]
    for i in range(cells.meta[ROWS]):
        s, which = cells.site[i], cells.state[i]
        if s < leukemia.size and which <= EXHAUSTED:
            layer = leukemia if which < B_CELL else b_cell if which < MEMORY else car_t
            layer[s] += float(cells.count[i])
    for v in range(leukemia.size):
        volume = sites.volume[v]
        leukemia[v] /= volume
        car_t[v] /= volume
        b_cell[v] /= volume


def paint_cytokines(state: State) -> None:
    """Set all fields from their cosine modes; without these, the fields are what is advanced."""
    if state.spread is not None:
        _paint_fields(state)


@overload(paint_cytokines, strict=False, inline="always")
def _paint_cytokines(state):  # type: ignore[no-untyped-def]
    """Choose by type, so that what is not run is not compiled."""
    still = isinstance(state[State._fields.index("spread")], NoneType)
    return _leave if still else _paint_fields


def _leave(state):  # type: ignore[no-untyped-def]
    pass


def _paint_fields(state):  # type: ignore[no-untyped-def]
    for c in range(state.plasma.size):
        paint_field(c, state, state.spread)
