"""Cytokines: secreted into voxels, spread by diffusion and perfusion, cleared from plasma."""

from typing import NamedTuple

import numpy as np
from scipy import fft

from tcellabm.biology import rates
from tcellabm.biology.marrow import CYTOKINES, UL_PER_ML, Marrow
from tcellabm.kernels import fields
from tcellabm.params import Parameters

FROM_MYELOID = ("il6", "il1")  # CAR T cells make the others (Norelli, Giavridis 2018)
SLOWEST_DIFFUSION = 1e-2  # exchange between voxels per day, below which perfusion does it all


class Effect(NamedTuple):
    """What drugs do to cytokines in this tick, as factors."""

    secretion: float = 1.0
    il6_clearance: float = 1.0


class Cytokines:
    """Concentrations (pg/mL) of the four cytokines in voxels and plasma.

    Attributes
    ----------
    plasma : array, float, shape (4,)
        Serum concentrations in the order of `marrow.CYTOKINES`.
    """

    def __init__(self, params: Parameters, marrow: Marrow) -> None:
        """Start every compartment at its baseline."""
        laws = [getattr(params.cytokines, name) for name in CYTOKINES]
        per_cell = np.array([law.secretion_pg_per_cell_per_day for law in laws]) * UL_PER_ML
        myeloid = np.array([name in FROM_MYELOID for name in CYTOKINES])
        self._per_myeloid = per_cell * myeloid * params.patient.myeloid_sensitivity
        self._per_car_t = per_cell * ~myeloid
        self._clearance = np.array([law.clearance_per_day for law in laws])
        self._exchange = params.cytokines.perfusion_per_day
        fraction = params.resolution.represented_fraction
        plasma_ml = params.cytokines.plasma_ml_per_kg * params.patient.weight_kg * fraction
        self._marrow_to_plasma = marrow.voxel_ul * marrow.voxels / UL_PER_ML / plasma_ml
        self._blood_to_plasma = marrow.blood_ul / UL_PER_ML / plasma_ml
        self._spread = _spread_rates(params, marrow)
        self._marrow = marrow
        self._sources = np.zeros((len(CYTOKINES), marrow.voxels + 1))
        self.plasma = np.array([law.baseline_pg_per_ml for law in laws])
        self._production = self._clearance * self.plasma
        for name, level in zip(CYTOKINES, self.plasma, strict=True):
            marrow.field(name)[:] = level

    def advance(self, dt: float, effect: Effect) -> None:
        """Advance all cytokines by one tick of `dt` days, exactly for constant secretion."""
        clearance = self._clearance.copy()
        clearance[CYTOKINES.index("il6")] *= effect.il6_clearance
        secretion = (self._per_myeloid * effect.secretion, self._per_car_t * effect.secretion)
        fields.secrete(self._marrow.sites, *secretion, self._sources)
        into_plasma = self._production + self._sources[:, -1] * self._blood_to_plasma
        if self._spread is not None:
            return self._diffuse(dt, into_plasma, clearance)
        fields.perfuse(
            dt,
            self._marrow.fields,
            self._sources,
            self.plasma,
            into_plasma,
            clearance,
            self._exchange,
            self._marrow_to_plasma,
        )

    def _diffuse(self, dt: float, into_plasma: np.ndarray, clearance: np.ndarray) -> None:
        """Advance by cosine modes, each of which decays on its own; the first is the mean."""
        shape = (len(CYTOKINES), *self._marrow.shape)
        levels = np.reshape(self._marrow.fields, shape)
        modes = fft.dctn(levels, axes=(1, 2), norm="forward")
        sources = fft.dctn(self._sources[:, :-1].reshape(shape), axes=(1, 2), norm="forward")
        assert self._spread is not None
        loss = self._exchange + self._spread
        kept = np.exp(-loss * dt)
        spread = modes * kept + sources * ((1.0 - kept) / loss)
        for c in range(len(CYTOKINES)):
            spread[c, 0, 0], self.plasma[c] = fields.mix(
                dt,
                modes[c, 0, 0],
                sources[c, 0, 0],
                self.plasma[c],
                into_plasma[c],
                self._exchange,
                self._marrow_to_plasma,
                clearance[c],
            )
        after = np.maximum(fft.idctn(spread, axes=(1, 2), norm="forward"), 0.0)
        for field, level in zip(self._marrow.fields, after, strict=True):
            field[:] = level.reshape(-1)


def _spread_rates(params: Parameters, marrow: Marrow) -> np.ndarray | None:
    """Return the decay of each cosine mode by diffusion, per day; None in large voxels."""
    rate = params.cytokines.diffusion_um2_per_day / rates.voxel_edge_um(params) ** 2
    if rate < SLOWEST_DIFFUSION:
        return None
    axes = [2.0 * (1.0 - np.cos(np.pi * np.arange(n) / n)) for n in marrow.shape]
    modes: np.ndarray = rate * (axes[0][:, None] + axes[1][None, :])
    return modes
