"""Cytokines: from parameters to what `kernels.fields` follows."""

import numpy as np

from tcellabm.biology import rates
from tcellabm.biology.marrow import CYTOKINES, UL_PER_ML, Marrow
from tcellabm.kernels.layout import Cytokines, Spread
from tcellabm.params import Parameters

FROM_MYELOID = ("il6", "il1")  # CAR T cells make the others (Norelli, Giavridis 2018)
SLOWEST_DIFFUSION = 1e-2  # exchange between voxels per day, below which perfusion does it all


def cytokine_law(params: Parameters, marrow: Marrow) -> Cytokines:
    """Return secretion, spread and clearance in the simulated part of one patient."""
    laws = [getattr(params.cytokines, name) for name in CYTOKINES]
    per_cell = np.array([law.secretion_pg_per_cell_per_day for law in laws]) * UL_PER_ML
    myeloid = np.array([name in FROM_MYELOID for name in CYTOKINES])
    clearance = np.array([law.clearance_per_day for law in laws])
    fraction = params.resolution.represented_fraction
    plasma_ul = params.cytokines.plasma_ml_per_kg * params.patient.weight_kg * fraction * UL_PER_ML
    return Cytokines(
        per_myeloid=per_cell * myeloid * params.patient.myeloid_sensitivity,
        per_car_t=per_cell * ~myeloid,
        clearance=clearance,
        production=clearance * baselines(params),
        exchange=params.cytokines.perfusion_per_day,
        marrow_to_plasma=marrow.voxel_ul * marrow.voxels / plasma_ul,
        blood_to_plasma=marrow.blood_ul / plasma_ul,
    )


def baselines(params: Parameters) -> np.ndarray:
    """Return the levels of health in the order of `marrow.CYTOKINES`, pg/mL."""
    return np.array([getattr(params.cytokines, name).baseline_pg_per_ml for name in CYTOKINES])


def spread_of(params: Parameters, marrow: Marrow) -> Spread | None:
    """Return the cosine modes of cytokines at their levels of health; None in large voxels."""
    rate = params.cytokines.diffusion_um2_per_day / rates.voxel_edge_um(params) ** 2
    if rate < SLOWEST_DIFFUSION:
        return None
    axes = [2.0 * (1.0 - np.cos(np.pi * np.arange(n) / n)) for n in marrow.shape]
    levels = np.zeros((len(CYTOKINES), *marrow.shape))
    levels[:, 0, 0] = baselines(params)
    return Spread(rate * (axes[0][:, None] + axes[1][None, :]), levels)
