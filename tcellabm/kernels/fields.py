"""Cytokines in voxels and plasma: secretion, spread, clearance, exactly over one tick."""

import math

import numba
import numpy as np
from numba.extending import overload
from numba.types import NoneType  # type: ignore[attr-defined]

from tcellabm.kernels.jit import holding_kernel, kernel, row_kernel
from tcellabm.kernels.layout import (
    IFNG,
    IL6,
    Column,
    Cytokines,
    Effect,
    Law,
    Sites,
    Spread,
    State,
)
from tcellabm.kernels.linear import Flow, Pair, decay, two_compartments


@kernel
def advance_fields(dt: float, state: State, law: Law, effect: Effect) -> None:
    """Advance all cytokines by a tick of `dt` days, exactly for constant secretion.

    Parameters
    ----------
    dt : float
        Tick length, days.
    state : State
        Fields and plasma, pg/mL, are changed in place.
    law : Law
        Constants of the patient.
    effect : Effect
        Of drugs in this tick.
    """
    diffuse_or_perfuse(dt, state, law, effect)


def diffuse_or_perfuse(dt: float, state: State, law: Law, effect: Effect) -> None:
    """Advance all cytokines by a tick of `dt` days, with or without diffusion between voxels.

    Parameters
    ----------
    dt : float
        Tick length, days.
    state : State
        Fields and plasma, pg/mL, are changed in place.
    law : Law
        Constants of the patient.
    effect : Effect
        Of drugs in this tick.
    """
    if state.spread is None:
        perfuse(dt, state, law, effect)
    else:
        diffuse(dt, state, state.spread, law, effect)


@overload(diffuse_or_perfuse, strict=False, inline="always")
def _diffuse_or_perfuse(dt, state, law, effect):  # type: ignore[no-untyped-def]
    """Choose by type, so that what is not run is not compiled."""
    still = isinstance(state[State._fields.index("spread")], NoneType)
    return _perfuse if still else _diffuse


def _perfuse(dt: float, state: State, law: Law, effect: Effect) -> None:
    perfuse(dt, state, law, effect)


def _diffuse(dt, state, law, effect):  # type: ignore[no-untyped-def]
    diffuse(dt, state, state.spread, law, effect)


@row_kernel
def secretion(c: int, site: int, sites: Sites, cytokines: Cytokines) -> float:
    """Return what the cells of a site secrete of a cytokine over the last tick, pg/mL/d.

    Parameters
    ----------
    c : int
        Cytokine: IL6, IL1, IL2 or IFNG.
    site : int
        Voxel, or the last for blood.
    sites : Sites
        Densities, cells/uL.
    cytokines : Cytokines
        Constants of the patient.

    Returns
    -------
    float
        Without the effect of drugs, pg/mL/d.
    """
    return produced(c, activated_at(site, sites), sites.engaged[site], cytokines)


@row_kernel
def activated_at(site: int, sites: Sites) -> float:
    """Return the activated myeloid cells of a site over the last tick, cells/uL."""
    return 0.5 * (sites.activated_before[site] + sites.activated[site])


@kernel
def perfuse(dt: float, state: State, law: Law, effect: Effect) -> None:
    """Advance all cytokines by a tick without diffusion between voxels.

    Parameters
    ----------
    dt : float
        Tick length, days.
    state : State
        Fields and plasma, pg/mL, are changed in place.
    law : Law
        Constants of the patient.
    effect : Effect
        Of drugs in this tick.

    Notes
    -----
    The mean of the voxels exchanges with plasma (`mix`). What a voxel differs by from the mean
    fades with the exchange, and grows by what its secretion differs by.
    """
    sites, cytokines, voxels = state.sites, law.cytokines, state.sites.volume.size - 1
    left, gained = math.exp(-cytokines.exchange * dt), decay(cytokines.exchange, dt)
    for c in range(state.plasma.size):
        field = state.fields[c]
        mean = mean_source = 0.0  # in plain order: NumPy's pairwise sum differs with the JIT off
        for v in range(voxels):
            mean += field[v]
            mean_source += secretion(c, v, sites, cytokines)
        mean, mean_source = mean / voxels, effect.secretion * mean_source / voxels
        after = mix(dt, c, Pair(mean, mean_source), state, law, effect)
        for v in range(voxels):
            source = effect.secretion * secretion(c, v, sites, cytokines)
            level = after + (field[v] - mean) * left + (source - mean_source) * gained
            field[v] = max(level, 0.0)  # rounding, where nothing is left


@kernel
def mix(dt: float, c: int, marrow: Pair, state: State, law: Law, effect: Effect) -> float:
    """Exchange one cytokine between marrow, on average, and plasma; return the mean after.

    Parameters
    ----------
    dt : float
        Tick length, days.
    c : int
        Which cytokine; its level in plasma is changed in place.
    marrow : Pair
        Mean level, pg/mL, and mean secretion, pg/mL/d, of all voxels.
    state : State
        Its plasma is changed in place.
    law : Law
        Constants of the patient.
    effect : Effect
        Of drugs in this tick.

    Returns
    -------
    float
        Mean level of all voxels, pg/mL.
    """
    cytokines, blood = law.cytokines, state.sites.volume.size - 1
    ratio, exchange = cytokines.marrow_to_plasma, cytokines.exchange
    clearance = cytokines.clearance[c] * (effect.il6_clearance if c == IL6 else 1.0)
    by_blood = effect.secretion * secretion(c, blood, state.sites, cytokines)
    into = cytokines.production[c] + by_blood * cytokines.blood_to_plasma
    after = two_compartments(
        Pair(marrow.x * ratio, state.plasma[c]),
        Flow(exchange, exchange * ratio, 0.0, clearance),
        Pair(marrow.y * ratio, into),
        dt,
    )
    state.plasma[c] = after.y
    return after.x / ratio


@kernel
def diffuse(dt: float, state: State, spread: Spread, law: Law, effect: Effect) -> None:
    """Advance cosine modes; of the fields in space, that which cells feel is painted.

    Parameters
    ----------
    dt : float
        Tick length, days.
    state : State
        Plasma and the field of IFN-gamma, pg/mL, are changed in place.
    spread : Spread
        `state.spread`; its levels are changed in place.
    law : Law
        Constants of the patient.
    effect : Effect
        Of drugs in this tick.
    """
    cytokines, levels = law.cytokines, spread.levels
    modes = modes_of(secreting(state, law))
    activated, engaged = modes[0], modes[1]
    left, gained = fading(dt, law, spread.losses)
    for c in range(state.plasma.size):
        level = levels[c]
        source = effect.secretion * produced(c, activated[0, 0], engaged[0, 0], cytokines)
        mean = mix(dt, c, Pair(level[0, 0], source), state, law, effect)
        for row in range(law.rows):
            for col in range(law.cols):
                source = produced(c, activated[row, col], engaged[row, col], cytokines)
                source *= effect.secretion * gained[row, col]
                level[row, col] = level[row, col] * left[row, col] + source
        level[0, 0] = mean
    paint_field(IFNG, state, spread)


@kernel
def paint_field(c: int, state: State, spread: Spread) -> None:
    """Set the field of a cytokine in space from its cosine modes.

    Parameters
    ----------
    c : int
        Cytokine: IL6, IL1, IL2 or IFNG.
    state : State
        Its field, pg/mL, is set in place.
    spread : Spread
        `state.spread`.
    """
    field, level = state.fields[c], levels_of(spread.levels[c]).reshape(-1)
    for v in range(field.size):
        field[v] = max(level[v], 0.0)  # rounding, where nothing is left


@kernel
def fading(dt: float, law: Law, losses: Column) -> tuple[Column, Column]:
    """Return what is left of each cosine mode after a tick, and what steady secretion adds.

    Parameters
    ----------
    dt : float
        Tick length, days.
    law : Law
        Of it the exchange with plasma.
    losses : ndarray, shape (rows, cols)
        Loss of each mode by diffusion, per day: that of its row and that of its column.

    Returns
    -------
    left : ndarray, shape (rows, cols)
        Share, 0 to 1.
    gained : ndarray, shape (rows, cols)
        Days' worth of secretion.
    """
    exchange = law.cytokines.exchange
    left, gained = np.empty(losses.shape), np.empty(losses.shape)
    by_col = np.empty(law.cols)
    for col in range(law.cols):
        by_col[col] = math.exp(-losses[0, col] * dt)
    for row in range(law.rows):
        by_row = math.exp(-(exchange + losses[row, 0]) * dt)
        for col in range(law.cols):
            left[row, col] = by_row * by_col[col]
            gained[row, col] = (1.0 - left[row, col]) / (exchange + losses[row, col])
    return left, gained


@kernel
def secreting(state: State, law: Law) -> Column:
    """Return the densities of the cells that secrete, in space.

    Returns
    -------
    ndarray, float64, shape (2, rows, cols)
        Activated myeloid and engaged CAR T cells, cells/uL.
    """
    densities = np.empty((2, law.rows, law.cols))
    activated, engaged = densities[0].reshape(-1), densities[1].reshape(-1)
    for v in range(activated.size):
        activated[v] = activated_at(v, state.sites)
        engaged[v] = state.sites.engaged[v]
    return densities


@row_kernel
def produced(c: int, activated: float, engaged: float, cytokines: Cytokines) -> float:
    """Return what cells secrete of a cytokine, pg/mL/d.

    Parameters
    ----------
    c : int
        Cytokine: IL6, IL1, IL2 or IFNG.
    activated, engaged : float
        Myeloid and CAR T cells, cells/uL.
    cytokines : Cytokines
        Constants of the patient.

    Returns
    -------
    float
        Without the effect of drugs, pg/mL/d.
    """
    return cytokines.per_myeloid[c] * activated + cytokines.per_car_t[c] * engaged


@holding_kernel
def modes_of(densities: Column) -> Column:
    """Return the cosine modes of tables in space; SciPy's transform is not in compiled code.

    Parameters
    ----------
    densities : ndarray, float64, shape (tables, rows, cols)
        Overwritten.

    Returns
    -------
    ndarray, of the same shape
        Mode (0, 0) of each is its mean.
    """
    with numba.objmode(modes="float64[:, :, ::1]"):
        modes = in_modes(densities)
    return modes


@holding_kernel
def levels_of(modes: Column) -> Column:
    """Return what a table is in space, from its cosine modes, shape (rows, cols)."""
    with numba.objmode(levels="float64[:, ::1]"):
        levels = in_space(modes)
    return levels


def in_modes(tables: np.ndarray) -> np.ndarray:
    """Return the cosine modes of tables of shape (tables, rows, cols), which are overwritten."""
    from scipy import fft  # takes a while to import, and one well-mixed marrow does without

    modes: np.ndarray = fft.dctn(tables, axes=(1, 2), norm="forward", overwrite_x=True)
    return modes


def in_space(modes: np.ndarray) -> np.ndarray:
    """Return what a table is in space, from its cosine modes, shape (rows, cols)."""
    from scipy import fft

    levels: np.ndarray = fft.idctn(modes, norm="forward")
    return levels
