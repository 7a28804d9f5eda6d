"""From a model to what is drawn of it: an immutable picture of one moment, as bytes and numbers.

Cells become dots. How many dots a population is drawn with goes with the fourth root of its cells,
so that 10^12 and 10^6 fit one picture; a population of few cells is drawn cell by cell.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from tcellabm.app.bedside import bedside
from tcellabm.clinic.assays import normal_marrow
from tcellabm.kernels import layout
from tcellabm.kernels.layout import SERIES_CELLS
from tcellabm.model import TumorTCellModel
from tcellabm.params import Parameters

DRAWN = tuple(SERIES_CELLS)
KINDS = (*DRAWN, "myeloid_resting")  # those are seen under the microscope alone
# Populations whose dots stand for the same number of cells: places in DRAWN.
POPULATIONS = {"leukemia": (0, 1), "car_t": (2, 3, 4), "b_cell": (5,), "myeloid": (6,)}
MOST_DOTS, MOST_CELLS = 9000, 1e12  # so many dots draw so many cells
DOTS_POWER = 0.25
FEW_CELLS = 250  # so many are drawn cell by cell
GLOWS = {"il6": (5.0, 5e4), "ifng": (5.0, 1e4)}  # pg/mL: from no glow to full glow, on a log scale
SMEAR_CELLS = 60
MOST_DOTS_PER_VOXEL, FULL_VOXEL = 255, 150  # what a byte holds; what is drawn on average
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
# A well-mixed marrow has one voxel; the page spreads its cells evenly over a grid of tiles.
TILES = (16, 16)
_CAR_T_COLUMNS = ("car_t_memory", "car_t_effector", "car_t_exhausted")


def _kind_of_state() -> np.ndarray:
    kinds = np.full(layout.STATES, KINDS.index("myeloid_resting"))
    for kind, states in enumerate(SERIES_CELLS.values()):
        kinds[states] = kind
    return kinds


_KIND_OF_STATE = _kind_of_state()


def grid_of(params: Parameters) -> tuple[int, int]:
    """Return rows and columns of what is drawn: voxels, or tiles of a well-mixed marrow."""
    shape = (params.marrow.rows, params.marrow.cols)
    return TILES if shape == (1, 1) else shape


class Picture(NamedTuple):
    """One patient at one moment: bytes for the canvas, plain numbers for the rest."""

    pixels: bytes  # uint8 dots[len(DRAWN), voxels], then uint8 glow[len(GLOWS), voxels]
    facts: dict[str, Any]


def picture(model: TumorTCellModel, voxel: int | None = None, detail: float = 1.0) -> Picture:
    """Take a picture of a model, which may go on at once.

    Parameters
    ----------
    model : TumorTCellModel
        Not changed.
    voxel : int, optional
        The voxel under the microscope, in row-major order, the middle one if not given; clipped to
        those that there are.
    detail : float
        Share of the dots that the largest canvas has room for.
    """
    cells = cells_by_tile(model)
    fraction = model.params.resolution.represented_fraction
    per_dot = {name: cells_per_dot(cells, name, detail, fraction) for name in POPULATIONS}
    dots = _dots(cells, per_dot)
    rows, cols = grid_of(model.params)
    middle = rows // 2 * cols + cols // 2
    voxel = middle if voxel is None else min(max(voxel, 0), cells.shape[1] - 1)
    facts = {
        "cells": dict(zip(KINDS, _in_body(model), strict=True)),
        "per_dot": per_dot,
        "dots": int(dots.sum(dtype=np.int64)),
        "smear": {"voxel": voxel, **_smear(model, cells[:, voxel])},
        **bedside(model),
    }
    return Picture(dots.tobytes() + _glow(model).tobytes(), facts)


def cells_by_tile(model: TumorTCellModel) -> np.ndarray:
    """Count the cells of each kind in each tile, float, shape (len(KINDS), tiles).

    Tiles are voxels, or even parts of the one voxel of a well-mixed marrow.
    """
    cells, voxels = model.tissue.cells, model.tissue.marrow.voxels
    used = int(cells.meta[layout.ROWS])
    place = _KIND_OF_STATE[cells.state[:used]] * (voxels + 1) + cells.site[:used]
    counted = np.bincount(place, cells.count[:used], len(KINDS) * (voxels + 1))
    tiles = math.prod(grid_of(model.params))
    by_voxel = counted.reshape(len(KINDS), voxels + 1)[:, :voxels]
    return np.repeat(by_voxel, tiles // voxels, axis=1) / (tiles // voxels)


def cells_per_dot(
    cells: np.ndarray, population: str, detail: float = 1.0, fraction: float = 1.0
) -> int:
    """Return how many cells one dot of a population stands for: two digits, at least 1.

    A biopsy, a `fraction` of the body, has the dots of the body.
    """
    total = float(cells[list(POPULATIONS[population])].sum())
    wanted = max(FEW_CELLS, detail * MOST_DOTS * (total / fraction / MOST_CELLS) ** DOTS_POWER)
    wanted = min(wanted, FULL_VOXEL * cells.shape[1])
    if total <= wanted:
        return 1
    exact = total / wanted
    unit = 10.0 ** max(0, math.floor(math.log10(exact)) - 1)
    return max(1, round(math.ceil(exact / unit) * unit))


def _dots(cells: np.ndarray, per_dot: dict[str, int]) -> np.ndarray:
    """Return the dots of each drawn kind and voxel; what is left over counts by a fixed chance."""
    scale = np.ones(len(KINDS))
    for name, kinds in POPULATIONS.items():
        scale[list(kinds)] = per_dot[name]
    exact = cells / scale[:, None]
    dots = np.floor(exact + _thresholds(*cells.shape))
    return np.minimum(dots, MOST_DOTS_PER_VOXEL).astype(np.uint8)[: len(DRAWN)]


def _thresholds(kinds: int, voxels: int) -> np.ndarray:
    """Return numbers in [0, 1), evenly spread over voxels and always the same: no flicker."""
    turn = np.arange(voxels) * 0.6180339887498949
    start = np.arange(kinds)[:, None] * 0.7548776662466927
    thresholds: np.ndarray = (start + turn) % 1.0
    return thresholds


def _glow(model: TumorTCellModel) -> np.ndarray:
    marrow, tiles = model.tissue.marrow, math.prod(grid_of(model.params))
    rows = []
    for name, (low, high) in GLOWS.items():
        levels = np.repeat(marrow.field(name), tiles // marrow.voxels)
        level = np.log(np.maximum(levels, low) / low) / math.log(high / low)
        rows.append(255.0 * np.minimum(level, 1.0))
    return np.array(rows).astype(np.uint8)


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
    capacity = whole / math.prod(grid_of(params))
    normal = normal_marrow(model.time, capacity, model.params)
    there = np.append(cells, normal)
    total = float(there.sum())
    if total <= SMEAR_CELLS:
        shown = np.round(there)
    else:
        shown = np.floor(there * (SMEAR_CELLS / total) + 0.5)
    return {"shown": shown.astype(int).tolist(), "cells": total}


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
