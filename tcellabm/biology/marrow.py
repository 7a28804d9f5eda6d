"""Sites: the voxels of the marrow, seen from Mesa as property layers, and the blood."""

from functools import cached_property
from random import Random

import numpy as np
from mesa.discrete_space import OrthogonalVonNeumannGrid, PropertyLayer

from tcellabm.biology import rates
from tcellabm.kernels import layout
from tcellabm.kernels.records import columns_of
from tcellabm.params import Parameters

CYTOKINES = ("il6", "il1", "il2", "ifng")
DENSITIES = ("leukemia", "car_t", "b_cell", "myeloid_activated")
UL_PER_ML = 1000.0


class Marrow:
    """Volumes, densities and hazards of the sites.

    Attributes
    ----------
    sites : layout.Sites
        Records over all sites, voxels in row-major order and blood last.
    layers : dict of str to mesa.discrete_space.PropertyLayer
        Pictures of shape (rows, cols): densities in cells/uL, cytokines in pg/mL. The kernels
        paint the layers' own arrays, for others to read.
    """

    def __init__(self, params: Parameters) -> None:
        """Lay out the marrow of the simulated part of the body."""
        self.shape = (params.marrow.rows, params.marrow.cols)
        self.voxels = rates.voxels(params)
        self.blood = self.voxels
        fraction = params.resolution.represented_fraction
        self.blood_ul = params.blood.ml_per_kg * UL_PER_ML * params.patient.weight_kg * fraction
        self.voxel_ul = rates.marrow_ul(params) / self.voxels
        self.sites: layout.Sites = columns_of(layout.Sites._fields, self.voxels + 1)
        self.sites.volume[:-1] = self.voxel_ul
        self.sites.volume[-1] = self.blood_ul
        self.layers = {name: PropertyLayer(name, self.shape) for name in CYTOKINES + DENSITIES}
        self._look_at_layers()

    def _look_at_layers(self) -> None:
        self.fields = tuple(self.field(name) for name in CYTOKINES)
        self.densities = tuple(self.field(name) for name in DENSITIES)

    def field(self, name: str) -> np.ndarray:
        """Return a layer's own array as a flat view, shape (voxels,)."""
        flat: np.ndarray = self.layers[name].data.reshape(-1)
        return flat

    @cached_property
    def grid(self) -> OrthogonalVonNeumannGrid:
        """A Mesa grid with the layers on it, made when first asked for: its cells are costly."""
        grid = OrthogonalVonNeumannGrid(self.shape, torus=False, random=Random(0))
        for layer in self.layers.values():
            grid.add_property_layer(layer)
        return grid

    def __getstate__(self) -> dict[str, object]:
        """Leave out the views and the grid: a copy makes its own, on its own layers."""
        derived = ("fields", "densities", "grid")
        return {name: part for name, part in self.__dict__.items() if name not in derived}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Restore the views."""
        self.__dict__.update(state)
        self._look_at_layers()
