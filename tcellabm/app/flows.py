"""What happens in a patient at this moment, in cells a day: who is killed, divides, changes.

The rates are those of the kernels' own rules, asked state by state for all sites at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tcellabm.kernels import rules
from tcellabm.kernels.drugs import division_factor
from tcellabm.kernels.layout import (
    B_CELL,
    EFFECTOR,
    LEUKEMIA,
    MEMORY,
    RESTING,
    ROWS,
    STATES,
)
from tcellabm.model import TumorTCellModel

FLOWS = ("leukemia_killed", "b_cell_killed", "car_t_divided", "car_t_exhausted", "car_t_activated")
MYELOID = "myeloid_activated"
_DIVIDES = 1  # any number of divisions left


def flows(model: TumorTCellModel) -> dict[str, float]:
    """Return what happens, in cells of the body a day.

    Parameters
    ----------
    model : TumorTCellModel
        Not changed.

    Returns
    -------
    dict of str to float
        By the names of FLOWS, and MYELOID: leukemic and B cells killed by CAR T cells; divisions
        of CAR T cells; effectors exhausted; memory cells turned effectors; myeloid cells
        activated.
    """
    state, law = model.tissue.state, model.tissue.law
    sites, rates, lysis = state.sites, law.rates, law.ladder.lysis
    cells, dividing = _by_site(model)
    phi, release = sites.stimulation, sites.release
    factor = division_factor(model.course.now.drugs, model.course.rules.drugs)

    def killed(first: int, end: int) -> float:
        hazard = _plain(rules.kill_hazard)
        everywhere = slice(None)
        of_each = (cells[s] * hazard(s, everywhere, sites, lysis, None) for s in range(first, end))
        return float(sum(rates.sum() for rates in of_each))

    def divided(which: int) -> float:
        supply = sites.supply * factor
        birth, _ = _plain(rules.birth_and_death)(which, _DIVIDES, 0.0, supply, phi, rates)
        return float((dividing[which] * birth).sum())

    def changed(which: int) -> float:
        parts = (0.0, 0.0, phi, release, sites.activation)
        first, _ = _plain(rules.changes)(which, *parts, rates)
        return float((cells[which] * first).sum())

    found = (
        killed(LEUKEMIA, B_CELL),
        killed(B_CELL, MEMORY),
        divided(MEMORY) + divided(EFFECTOR),
        changed(EFFECTOR),
        changed(MEMORY),
    )
    fraction = model.params.resolution.represented_fraction
    named = dict(zip(FLOWS, found, strict=True)) | {MYELOID: changed(RESTING)}
    return {name: rate / fraction for name, rate in named.items()}


def _by_site(model: TumorTCellModel) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells of each state and site, and those with divisions left: (STATES, sites)."""
    cells, sites = model.tissue.cells, model.tissue.marrow.voxels + 1
    used = int(cells.meta[ROWS])
    place = cells.state[:used].astype(np.int64) * sites + cells.site[:used]
    count = cells.count[:used].astype(float)
    able = count * (cells.divisions[:used] > 0)
    shape = (STATES, sites)
    return tuple(
        np.bincount(place, weights, STATES * sites).reshape(shape) for weights in (count, able)
    )  # type: ignore[return-value]


def _plain(rule: Callable[..., Any]) -> Callable[..., Any]:
    """Return a rule as Python has it, which takes arrays where the compiled one takes numbers."""
    plain: Callable[..., Any] = getattr(rule, "py_func", rule)
    return plain
