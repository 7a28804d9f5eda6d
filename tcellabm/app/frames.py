"""From a model to what is drawn of it: an immutable picture of one moment, as bytes and numbers.

How many dots stand for the cells, and where they lie, is for the page to say (`static/dots.js`).
"""

import math
from typing import Any, NamedTuple

import numpy as np

from tcellabm.app.bedside import bedside
from tcellabm.app.flows import flows
from tcellabm.clinic.assays import normal_marrow
from tcellabm.kernels import layout
from tcellabm.kernels.layout import SERIES_CELLS
from tcellabm.model import TumorTCellModel

DRAWN = tuple(SERIES_CELLS)
KINDS = (*DRAWN, "myeloid_resting")  # those are seen under the microscope alone
GLOWS = {"il6": (5.0, 5e4), "ifng": (5.0, 1e4)}  # pg/mL: from no glow to full glow, on a log scale
SMEAR_CELLS = 60
MOST_IN_BYTE = 255
# Columns of the record that the charts show.
CHART_COLUMNS = (
    "day",
    "leukemia_cd19_positive",
    "leukemia_cd19_negative",
    "car_t",
    "b_cell",
    "temperature_c",
    "crs_grade_astct",
    "icans_grade",
)
_CAR_T_COLUMNS = ("car_t_memory", "car_t_effector", "car_t_exhausted")


def _kind_of_state() -> np.ndarray:
    kinds = np.full(layout.STATES, KINDS.index("myeloid_resting"))
    for kind, states in enumerate(SERIES_CELLS.values()):
        kinds[states] = kind
    return kinds


_KIND_OF_STATE = _kind_of_state()


class Picture(NamedTuple):
    """One patient at one moment: what each voxel holds as bytes, plain numbers for the rest."""

    # Cells[len(DRAWN), voxels], then glow[len(GLOWS), voxels], 0 to 1, as float32; of single cells,
    # of which a voxel holds few, as uint8, with glow 0 to 255.
    places: bytes
    facts: dict[str, Any]


def picture(model: TumorTCellModel, voxel: int | None = None) -> Picture:
    """Take a picture of a model, which may go on at once.

    Parameters
    ----------
    model : TumorTCellModel
        Not changed.
    voxel : int, optional
        The voxel under the microscope, in row-major order, the middle one if not given; clipped to
        those that there are.
    """
    cells = cells_by_voxel(model)
    marrow = model.params.marrow
    middle = marrow.rows // 2 * marrow.cols + marrow.cols // 2
    voxel = middle if voxel is None else min(max(voxel, 0), cells.shape[1] - 1)
    facts = {
        "cells": dict(zip(KINDS, _in_body(model), strict=True)),
        "smear": {"voxel": voxel, **_smear(model, cells[:, voxel])},
        "flows": flows(model),
        **bedside(model),
    }
    drawn, glow = cells[: len(DRAWN)], _glow(model)
    if model.params.resolution.single_cell:
        parts = np.minimum(drawn, MOST_IN_BYTE).astype(np.uint8), (MOST_IN_BYTE * glow).astype("u1")
    else:
        parts = drawn.astype(np.float32), glow
    return Picture(b"".join(part.tobytes() for part in parts), facts)


def cells_by_voxel(model: TumorTCellModel) -> np.ndarray:
    """Count the simulated cells of each kind in each voxel, float, shape (len(KINDS), voxels)."""
    cells, voxels = model.tissue.cells, model.tissue.marrow.voxels
    used = int(cells.meta[layout.ROWS])
    place = _KIND_OF_STATE[cells.state[:used]] * (voxels + 1) + cells.site[:used]
    counted = np.bincount(place, cells.count[:used], len(KINDS) * (voxels + 1))
    return counted.reshape(len(KINDS), voxels + 1)[:, :voxels]


def _glow(model: TumorTCellModel) -> np.ndarray:
    """Return how much each voxel glows, 0 to 1, float32, shape (len(GLOWS), voxels)."""
    rows = []
    for name, (low, high) in GLOWS.items():
        levels = model.tissue.marrow.field(name)
        level = np.log(np.maximum(levels, low) / low) / math.log(high / low)
        rows.append(np.minimum(level, 1.0))
    return np.array(rows, np.float32)


def _in_body(model: TumorTCellModel) -> list[int]:
    """Return the simulated cells of each kind, blood included."""
    counted = np.zeros(len(KINDS), np.int64)
    np.add.at(counted, _KIND_OF_STATE, np.array(model.tissue.state.body, np.int64))
    numbers: list[int] = counted.tolist()
    return numbers


def _smear(model: TumorTCellModel, cells: np.ndarray) -> dict[str, Any]:
    """Return what a smear of one voxel shows: cells of each kind, the last normal marrow cells."""
    params = model.params
    whole = params.marrow.capacity_cells * params.resolution.represented_fraction
    capacity = whole / (params.marrow.rows * params.marrow.cols)
    normal = normal_marrow(model.time, capacity, model.params)
    there = np.append(cells, normal)
    total = float(there.sum())
    if total <= SMEAR_CELLS:
        shown = np.round(there)
    else:
        shown = np.floor(there * (SMEAR_CELLS / total) + 0.5)
    return {"shown": shown.astype(int).tolist(), "cells": total}


def rows_up_to(model: TumorTCellModel, day: float) -> int:
    """Return how many rows of the record are of a day or before."""
    return int(np.searchsorted(model.record.column("day"), day, side="right"))


def chart_rows(model: TumorTCellModel, first: int) -> np.ndarray:
    """Return what the charts show of the record from row `first` on, float32."""
    record = model.record
    columns = [
        sum(record.column(part)[first:] for part in _CAR_T_COLUMNS)
        if name == "car_t"
        else record.column(name)[first:]
        for name in CHART_COLUMNS
    ]
    return np.array(columns, np.float32).T
