"""Cytokines in voxels and plasma: secretion, spread, clearance, exactly over one tick."""

import math

import numba
import numpy as np

from tcellabm.kernels.jit import holding_kernel, kernel, row_kernel
from tcellabm.kernels.layout import IL6, Column, Cytokines, Effect, Law, Sites, State
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
    if state.spread.size > 0:
        diffuse_interpreted(dt, state, law, effect)
    else:
        perfuse(dt, state, law, effect)


@holding_kernel
def diffuse_interpreted(dt: float, state: State, law: Law, effect: Effect) -> None:
    """Leave the kernels for `diffuse`: SciPy's transform is not to be had in compiled code.

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
    with numba.objmode():
        diffuse(dt, state, law, effect)


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
    activated = 0.5 * (sites.activated_before[site] + sites.activated[site])
    return cytokines.per_myeloid[c] * activated + cytokines.per_car_t[c] * sites.engaged[site]


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


def diffuse(dt: float, state: State, law: Law, effect: Effect) -> None:
    """Advance by cosine modes, each of which decays on its own; the first is the mean.

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
    from scipy import fft  # takes a while to import, and one well-mixed marrow does without

    cytokines, shape = law.cytokines, (state.plasma.size, law.rows, law.cols)
    levels = np.reshape(state.fields, shape)
    sources = effect.secretion * sources_of(state, cytokines).reshape(shape)
    modes = fft.dctn(levels, axes=(1, 2), norm="forward")
    produced = fft.dctn(sources, axes=(1, 2), norm="forward")
    loss = cytokines.exchange + state.spread
    left = np.exp(-loss * dt)
    spread = modes * left + produced * ((1.0 - left) / loss)
    for c in range(state.plasma.size):
        marrow = Pair(float(modes[c, 0, 0]), float(produced[c, 0, 0]))
        spread[c, 0, 0] = mix(dt, c, marrow, state, law, effect)
    after = np.maximum(fft.idctn(spread, axes=(1, 2), norm="forward"), 0.0)
    for field, level in zip(state.fields, after, strict=True):
        field[:] = level.reshape(-1)


def sources_of(state: State, cytokines: Cytokines) -> Column:
    """Return the secretion of each cytokine in each voxel, pg/mL/d, shape (4, voxels)."""
    sites = state.sites
    activated = 0.5 * (sites.activated_before + sites.activated)[:-1]
    engaged = sites.engaged[:-1]
    per_myeloid, per_car_t = cytokines.per_myeloid[:, None], cytokines.per_car_t[:, None]
    sources: Column = per_myeloid * activated + per_car_t * engaged
    return sources
