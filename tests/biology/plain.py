"""Parameters that tests lean on, at plain values of their own: a new fit must not move a test."""

from tcellabm.params import load

PLAIN = {
    "patient.weight_kg": 40.0,
    "patient.leukemic_burden": 1.5e11,
    "patient.net_growth_per_day": 0.09,
    "patient.cd19_negative_fraction": 1e-12,
    "patient.white_cell_nadir_per_ul": 500.0,
    "patient.white_cell_normal_per_ul": 5000.0,
    "patient.white_cell_recovery_days": 18.0,
    "patient.myeloid_sensitivity": 1.0,
    "leukemia.death_per_day": 0.04,
    "leukemia.leave_marrow_per_day": 0.02,
    "leukemia.home_per_day": 2.0,
    "leukemia.antigen_median": 6000.0,
    "leukemia.antigen_sigma_ln": 0.6,
    "leukemia.antigen_relaxation_days": 5.0,
    "antigen.ladder_low": 10.0,
    "antigen.ladder_high": 1e5,
    "antigen.lysis_half_point": 300.0,
    "antigen.activation_half_point": 2000.0,
    "antigen.cytokine_half_point": 5000.0,
    "antigen.hill": 1.5,
    "product.affinity": 1.0,
    "product.engrafting_fraction": 0.3,
    "product.memory_fraction": 0.3,
    "lymphodepletion.b_cells_left": 1e9,
    "lymphodepletion.myeloid_share_left": 0.1,
    "lymphodepletion.window_floor": 0.3,
    "lymphodepletion.window_decay_days": 8.0,
    "b_cell.output_early_per_day": 3e7,
    "b_cell.output_steady_per_day": 4e8,
    "b_cell.output_recovery_days": 45.0,
    "b_cell.death_per_day": 0.0167,
    "b_cell.leave_marrow_per_day": 0.1,
    "b_cell.home_per_day": 2.0,
    "b_cell.antigen_median": 15_000.0,
    "myeloid.pool_cells": 1e10,
    "myeloid.turnover_per_day": 0.3,
    "cytokines.diffusion_um2_per_day": 8e6,
    "cytokines.perfusion_per_day": 50.0,
    "cytokines.plasma_ml_per_kg": 45.0,
    "marrow.rows": 4,
    "marrow.cols": 4,
    "marrow.capacity_cells": 1e12,
    "marrow.cells_per_ul": 1e6,
    "blood.ml_per_kg": 75.0,
    "resolution.represented_fraction": 1.0,
}


def plain(overrides=None):
    """Parameters at plain values, with some set otherwise."""
    return load(None, PLAIN | dict(overrides or {}))
