"""A tissue as arrays, and back: what was saved is taken if a tissue can be so."""

from typing import Any

import numpy as np

from tcellabm.biology.tissue import MOST_CELLS, ROOM, Tissue
from tcellabm.kernels import layout
from tcellabm.kernels.fields import in_space
from tcellabm.kernels.records import put

_SAVED = ("body", "blood", "plasma")
_LAYERS = ("densities", "fields")
_COUNTED = ("effectors", "lysis", "lysis_squared", "activating", "releasing", "targets")
_LAST_ID = 2**62
_ROUNDING = 1e-9


def saved(tissue: Tissue) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what there is beside constants: values as JSON has them, and arrays."""
    state, used = tissue.state, int(tissue.cells.meta[layout.ROWS])
    columns = {f"cells_{name}": column[:used] for name, column in _columns(tissue).items()}
    arrays = {name: getattr(state, name) for name in _SAVED}
    arrays |= {"sites": np.asarray(state.sites), "meta": tissue.cells.meta} | columns
    arrays |= {name: np.stack(getattr(state, name)) for name in _LAYERS} | _modes(tissue)
    return {"rng": tissue.rng.bit_generator.state}, arrays


def put_back(tissue: Tissue, values: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Take what was saved.

    Parameters
    ----------
    tissue : Tissue
        New, of the same parameters; changed in place, also where it raises.
    values : dict
        `rng`, the state of the stream of cells.
    arrays : dict of str to ndarray
        As `saved` returns them.

    Raises
    ------
    ValueError, KeyError
        It is not of a tissue with these parameters.
    """
    tissue.rng.bit_generator.state = values["rng"]
    used, volumes = arrays["cells_count"].size, tissue.marrow.sites.volume.copy()
    tissue.take_rows(used + ROOM)
    for name, column in _columns(tissue).items():
        put(column[:used], arrays[f"cells_{name}"])
    put(tissue.cells.meta, arrays["meta"])
    put(np.asarray(tissue.marrow.sites), arrays["sites"])
    for name in _SAVED:
        put(getattr(tissue.state, name), arrays[name])
    _put_layers(tissue, arrays)
    for name, modes in _modes(tissue).items():
        put(modes, arrays[name])
    _check_cells(tissue, used)
    _check_levels(tissue, volumes)
    _check_modes(tissue)
    _check_counts(tissue, arrays)
    tissue.make_room()


def _put_layers(tissue: Tissue, arrays: dict[str, np.ndarray]) -> None:
    for name in _LAYERS:
        for layer, values in zip(getattr(tissue.state, name), arrays[name], strict=True):
            put(layer, values)


def _columns(tissue: Tissue) -> dict[str, np.ndarray]:
    return {name: column for name, column in tissue.cells._asdict().items() if name != "meta"}


def _modes(tissue: Tissue) -> dict[str, np.ndarray]:
    """Return what cytokines that diffuse are advanced as; nothing where they do not."""
    return {} if tissue.state.spread is None else {"modes": tissue.state.spread.levels}


def _check_cells(tissue: Tissue, used: int) -> None:
    """Check that no kernel would leave its tables."""
    cells = tissue.cells
    meta = [int(part) for part in cells.meta]
    if meta[layout.ROWS] != used or meta[layout.LOST] or meta[layout.DISORDER] < 0:
        raise ValueError(f"rows {meta}, allowed: {used} in use, none lost")
    if not 0 < meta[layout.NEXT_ID] < _LAST_ID:
        raise ValueError(f"next unique_id {meta[layout.NEXT_ID]}, allowed: 1 to {_LAST_ID}")
    limits = {
        "count": (0, tissue.most_in_a_row),
        "site": (0, tissue.marrow.voxels),
        "state": (0, layout.STATES - 1),
        "divisions": (0, tissue.most_divisions),
        "unique_id": (1, meta[layout.NEXT_ID] - 1),
    }
    for name, (least, most) in limits.items():
        column = getattr(cells, name)[:used]
        if used and not least <= column.min() <= column.max() <= most:
            raise ValueError(f"{name} out of range, allowed: {least} to {most}")
    if np.unique(cells.unique_id[:used]).size < used:
        raise ValueError("two agents of one unique_id")
    if (cells_in_all := float(cells.count[:used].sum(dtype=float))) > MOST_CELLS:
        raise ValueError(f"{cells_in_all:g} cells, allowed: {MOST_CELLS:g}")


def _check_levels(tissue: Tissue, volumes: np.ndarray) -> None:
    """Check sites and cytokines: numbers, none below 0, volumes those of this marrow."""
    state, sites = tissue.state, np.asarray(tissue.marrow.sites)
    levels = {name: sites[name] for name in layout.Sites._fields}
    levels |= {"plasma": state.plasma, "fields": np.stack(state.fields)}
    for name, values in levels.items():
        if not (np.isfinite(values).all() and (values >= 0.0).all()):
            raise ValueError(f"{name} is no number or below 0, allowed: finite numbers from 0 on")
    if not np.array_equal(state.sites.volume, volumes):
        raise ValueError("volumes are not of this marrow")


def _check_modes(tissue: Tissue) -> None:
    """Check that cosine modes are those of the fields."""
    if tissue.state.spread is None:
        return
    for modes, field in zip(tissue.state.spread.levels, tissue.state.fields, strict=True):
        # Of a sum of modes, rounding goes with the greatest level.
        if not (np.abs(in_space(modes).reshape(-1) - field) <= _ROUNDING * field.max()).all():
            raise ValueError("modes are not those of the fields")


def _check_counts(tissue: Tissue, arrays: dict[str, np.ndarray]) -> None:
    """Check what was counted by counting again; what was saved stays, to the last bit."""
    tissue.count()
    sites, stored = np.asarray(tissue.marrow.sites), arrays["sites"]
    for name in (*_COUNTED, "activated"):
        _compare(name, sites[name], stored[name], _ROUNDING)
    _compare("densities", np.stack(tissue.state.densities), arrays["densities"], _ROUNDING)
    for name in ("body", "blood"):
        _compare(name, getattr(tissue.state, name), arrays[name], 0.0)
    put(sites, stored)
    _put_layers(tissue, arrays)


def _compare(name: str, counted: np.ndarray, stored: np.ndarray, rounding: float) -> None:
    close = np.abs(counted - stored) <= rounding * np.abs(counted)
    if not (close & np.isfinite(counted)).all():
        raise ValueError(f"{name} is not the count of the cells")
