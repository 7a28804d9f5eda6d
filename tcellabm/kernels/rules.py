"""Rates of one cell, given its state, its place and what the tick found there."""

import math

from tcellabm.kernels.jit import row_kernel
from tcellabm.kernels.layout import (
    ACTIVATED,
    B_CELL,
    EFFECTOR,
    EXHAUSTED,
    LEUKEMIA,
    MEMORY,
    RESTING,
)


@row_kernel
def birth_and_death(state, divisions, site, sites, ladder, rates, drive):
    """Return (birth, death) per day of one cell."""
    if state < B_CELL:
        death = rates.leukemia_death + sites.killing[site] * ladder.lysis[state - LEUKEMIA]
        return rates.leukemia_division * sites.room[site], death
    if state < MEMORY:
        return 0.0, rates.b_death + sites.killing[site] * ladder.lysis[state - B_CELL]
    if state > EXHAUSTED:
        return 0.0, rates.myeloid_loss
    if state == EXHAUSTED:
        return 0.0, rates.exhausted_loss + rates.anti_car
    phi = sites.stimulation[site]
    birth = rates.t_division * phi * drive.window if divisions > 0 else 0.0
    if state == MEMORY:
        return birth * rates.memory_division_share, rates.memory_loss + rates.anti_car
    spared = 1.0 - rates.contraction_protection * phi
    return birth, rates.contraction * spared + rates.anti_car


@row_kernel
def changes(state, site, sites, ladder, rates):
    """Return two exits to other states: (state, rate per day, state, rate per day)."""
    if state < B_CELL:
        return state + 1, ladder.up[state], state - 1, ladder.down[state]
    if state == MEMORY:
        return EFFECTOR, rates.memory_activation * sites.stimulation[site], state, 0.0
    if state == EFFECTOR:
        rest = rates.memory_return * (1.0 - sites.stimulation[site])
        return EXHAUSTED, rates.exhaustion * sites.release[site], MEMORY, rest
    if state == RESTING:
        return ACTIVATED, sites.activation[site], state, 0.0
    if state == ACTIVATED:
        return RESTING, rates.myeloid_deactivation, state, 0.0
    return state, 0.0, state, 0.0


@row_kernel
def travel(state, in_blood, rates, drive):
    """Return (rate of passing between marrow and blood, rate of hopping to a neighbor voxel)."""
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
def neighbor(way, site, rows, cols):
    """Return the neighbor of a voxel in one of four ways; a step over the edge stays in place."""
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


@row_kernel
def newcomer(rng, dt, state, sites, ladder, rates, drive):
    """Draw where a cell enters the marrow in this tick, and whether it is alive at its end."""
    voxels = sites.volume.size - 1
    site = min(voxels - 1, int(rng.random() * voxels))
    _, death = birth_and_death(state, 0, site, sites, ladder, rates, drive)
    return site, rng.random() < math.exp(-death * dt * rng.random())
