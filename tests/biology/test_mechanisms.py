"""Each mechanism measured by its own quantity in a running patient.

What a test does not look at is held still, so that the quantity stands alone: an exponent, a
half-life, a ratio of two patients. No measurement is compared with the value of its parameter by
way of the rule that uses it.
"""

import math

import numpy as np
import pytest
from population import COARSE

from tcellabm import TumorTCellModel, load
from tcellabm.kernels import layout

CAR_T = ["car_t_memory", "car_t_effector", "car_t_exhausted"]
LEUKEMIA = ["leukemia_cd19_positive", "leukemia_cd19_negative"]
ALONE = {"care.policy": "none", "patient.weight_kg": 40.0}
NO_B_CELLS = {
    "lymphodepletion.b_cells_left": 0.0,
    "b_cell.influx_per_day": 0.0,
    "b_cell.most_cells": 0.0,
}
NO_ANTIGEN = NO_B_CELLS | {"patient.leukemic_burden": 0.0}
# A leukemia that stays as it is, and effectors in the marrow that neither die nor change.
HELD = NO_B_CELLS | {
    "patient.leukemic_burden": 5e11,
    "patient.net_growth_per_day": 0.0,
    "patient.homeostatic_cytokines": 1.0,
    "patient.anti_car_response": 0.0,
    "patient.niche_fraction": 0.0,
    "patient.cd19_negative_fraction": 0.0,
    "leukemia.death_per_day": 0.0,
    "leukemia.leave_marrow_per_day": 0.0,
    "product.killing": 0.0,
    "product.divisions": 1000,
    "product.memory_fraction": 0.0,
    "product.exhaustion": 0.0,
    "product.fitness": 1.0,
    "car_t.division_per_day": 1.0,
    "car_t.contraction_per_day": 0.0,
    "car_t.memory_return_per_day": 0.0,
    "car_t.leave_marrow_per_day": 0.0,
}
# Division goes with the level of IL-7 and IL-15 itself, which falls by half in 7 days.
IN_PROPORTION = {"homeostatic.half_level": 1e3, "homeostatic.floor": 0.0}
HALVING = {"homeostatic.decay_days": 7.0 / math.log(2.0)}
UNSHARED = {"homeostatic.consumption_half_per_ul": 1e12}


def follow(days, *settings, seed=1):
    """Run one patient, whatever the fit made of the values that the settings name."""
    overrides = COARSE | ALONE
    for one in settings:
        overrides = overrides | one
    model = TumorTCellModel(load("scenarios/kymriah.toml", overrides), rng=seed)
    model.run_until(days)
    return model


def cells(model, names, day):
    """Return the cells of the body on the last tick up to a day."""
    series = model.series
    return float(series.loc[series["day"] <= day, names].iloc[-1].sum())


def rate(model, names, start, end):
    """Return the net growth between two days, per day."""
    return math.log(cells(model, names, end) / cells(model, names, start)) / (end - start)


def half_life(model, names, start, end):
    return -math.log(2.0) / rate(model, names, start, end)


# --- size -----------------------------------------------------------------------------------------


def test_patients_of_two_weights_have_the_same_cmax_and_grade():
    """At the same densities, 8 pairs; catches 10 % in Cmax, and any grade that moves with size."""
    logs, grades = [], []
    for seed in range(1, 9):
        pair = [
            follow(28.0, {"patient.weight_kg": kg, "patient.leukemic_burden": 4e9 * kg}, seed=seed)
            for kg in (12.0, 80.0)
        ]
        light, heavy = (model.outcomes() for model in pair)
        logs.append(math.log(heavy["cmax_copies_per_ug"] / light["cmax_copies_per_ug"]))
        grades.append((light["crs_grade_penn"], heavy["crs_grade_penn"]))
    assert abs(np.mean(logs)) < 0.05 and np.abs(logs).max() < 0.25
    assert sum(one != other for one, other in grades) <= 1
    assert len({one for one, _ in grades}) > 1


# --- assay ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("others", ["blasts", "b_cells"])
def test_dna_of_blasts_and_b_cells_lowers_copies_per_ug(others):
    """CAR T cells that see nothing: as many with and without the others; catches 5 %."""
    blind = {f"antigen.{name}_half_point": 1e8 for name in ("lysis", "activation", "cytokine")}
    there = {
        "blasts": {"patient.leukemic_burden": 5e11},
        "b_cells": {"lymphodepletion.b_cells_left": 5e11, "b_cell.most_cells": 5e11},
    }
    column = {"blasts": "blood_blasts_per_ul", "b_cells": "b_cells_per_ul"}[others]
    white = {f"patient.white_cell_{name}_per_ul": 1000.0 for name in ("nadir", "normal")}
    without, with_ = (follow(2.0, NO_ANTIGEN, blind, white, more) for more in ({}, there[others]))
    car_t = [cells(model, CAR_T, 2.0) for model in (without, with_)]
    assert car_t[0] == pytest.approx(car_t[1], rel=0.02)
    copies = [model.series["copies_per_ug"].iloc[-1] for model in (without, with_)]
    more = with_.record.column(column)[-1]
    assert more > 500.0
    assert copies[0] / copies[1] == pytest.approx((1000.0 + more) / 1000.0, rel=0.05)


# --- IL-7 and IL-15 -------------------------------------------------------------------------------


def test_few_cells_divide_less_from_day_to_day_as_cytokines_of_lymphodepletion_decay():
    """The rate of division halves in 7 days, and again; catches 10 % in that time."""
    model = follow(18.0, HELD, IN_PROPORTION, HALVING, UNSHARED, {"product.dose_cells_per_kg": 1e5})
    early, week, fortnight = (rate(model, CAR_T, day, day + 2.0) for day in (2.0, 9.0, 16.0))
    assert early > 0.5
    assert week / early == pytest.approx(0.5, rel=0.05)
    assert fortnight / week == pytest.approx(0.5, rel=0.05)


def test_many_cells_divide_slower_than_few_by_what_they_consume():
    """At the density that halves the level they divide at half the rate; catches 10 %."""
    share, lasting = {"homeostatic.consumption_half_per_ul": 2000.0}, {"homeostatic.floor": 1.0}
    few, many = (
        follow(10.0, HELD, IN_PROPORTION, lasting, share, {"product.dose_cells_per_kg": dose})
        for dose in (1e3, 2e7)
    )
    series = many.series
    per_ul = series[CAR_T].sum(axis=1).to_numpy() / 1e6  # of a marrow of 1e12 cells
    crossed = series["day"].to_numpy()[np.argmax(per_ul >= 2000.0)]
    assert 2.0 < crossed < 9.0
    crowded = rate(many, CAR_T, crossed - 0.25, crossed + 0.25)
    assert crowded / rate(few, CAR_T, 2.0, 5.0) == pytest.approx(0.5, rel=0.08)


def above_baseline(model, day):
    series = model.series
    level = series.loc[series["day"] <= day, "ifng_pg_per_ml"].iloc[-1]
    return level - model.params.cytokines.ifng.baseline_pg_per_ml


@pytest.mark.parametrize(("least", "left"), [(0.0, 0.5), (1.0, 1.0)])
def test_as_many_engaged_cells_release_less_as_il15_decays(least, left):
    """IFN-gamma in plasma of cells that neither divide nor die, a week apart; catches 5 %."""
    model = follow(
        9.0,
        HELD,
        HALVING,
        {"homeostatic.floor": 0.0, "homeostatic.release_exponent": 1.0},
        {"homeostatic.release_least": least, "car_t.division_per_day": 0.0},
        {"product.dose_cells_per_kg": 1e8},
    )
    assert cells(model, CAR_T, 9.0) == cells(model, CAR_T, 2.0)
    before, after = (above_baseline(model, day) for day in (2.0, 9.0))
    assert before > 10.0
    assert after / before == pytest.approx(left, rel=0.05)


# --- rejection and memory -------------------------------------------------------------------------

RESTING = NO_ANTIGEN | {
    "product.memory_fraction": 1.0,
    "product.persistence_half_life_days": 1e5,
    "product.dose_cells_per_kg": 5e6,
    "rejection.threshold": 3.0,
    "rejection.loss_per_day": 0.1,
    "rejection.half_way_days": 20.0,
    "rejection.steepness": 6.0,
    "rejection.loss_without_depletion_per_day": 0.02,
}
ACCEPTS, REJECTS = {"patient.anti_car_response": 2.9}, {"patient.anti_car_response": 3.1}
UNDEPLETED = {"lymphodepletion.given": False}


def test_cells_of_a_rejecter_are_lost_within_weeks_and_those_of_others_stay():
    rejecter, other = (follow(74.0, RESTING, who) for who in (REJECTS, ACCEPTS))
    assert half_life(rejecter, CAR_T, 60.0, 74.0) == pytest.approx(math.log(2.0) / 0.1, rel=0.05)
    assert half_life(rejecter, CAR_T, 1.0, 8.0) > 100.0  # the response takes weeks
    assert half_life(other, CAR_T, 60.0, 74.0) > 1e4


def test_rejection_is_stronger_and_sooner_without_lymphodepletion():
    """Half-lives of days 1 to 8; catches 5 %."""
    models = (follow(8.0, RESTING, UNDEPLETED, who) for who in (REJECTS, ACCEPTS))
    found = [half_life(model, CAR_T, 1.0, 8.0) for model in models]
    assert found == pytest.approx([math.log(2.0) / 0.12, math.log(2.0) / 0.02], rel=0.05)


@pytest.mark.parametrize("burden", [0.0, 1e9], ids=["no antigen", "antigen cleared"])
def test_the_half_life_of_persistence_is_that_of_memory(burden):
    """Of a usual product in a patient who does not reject, from day 60 to 300; within a fifth."""
    settings = NO_B_CELLS | {
        "patient.leukemic_burden": burden,
        "patient.niche_fraction": 0.0,
        "patient.cd19_negative_fraction": 0.0,
        "patient.anti_car_response": 0.0,
        "product.killing": 20.0,
        "product.persistence_half_life_days": 120.0,
    }
    model = follow(300.0, settings)
    assert cells(model, LEUKEMIA, 60.0) == 0.0
    assert half_life(model, ["car_t_memory"], 60.0, 300.0) == pytest.approx(120.0, rel=0.2)


# --- B cells --------------------------------------------------------------------------------------


def test_b_cells_come_back_by_doubling():
    """After day 21 they double in about a week, and again in as long; a steady output would not."""
    few = {"lymphodepletion.b_cells_left": 0.0, "patient.b_cell_output": 1.0}
    model = follow(60.0, {"patient.leukemic_burden": 0.0, "product.dose_cells_per_kg": 0.0}, few)
    rates = [rate(model, ["b_cell"], day, day + 7.0) for day in (29.0, 36.0)]
    doubling = [math.log(2.0) / one for one in rates]
    assert all(4.0 < days < 10.0 for days in doubling)
    assert doubling[1] < 1.25 * doubling[0]


def test_b_cells_are_back_within_about_a_month_and_later_where_car_t_cells_are():
    free = {"patient.leukemic_burden": 0.0, "patient.b_cell_output": 1.0}
    without, with_ = (
        follow(120.0, free | {"product.dose_cells_per_kg": dose, "product.killing": 1.0})
        for dose in (0.0, 3e6)
    )
    assert 18.0 < first_normal(without) < 50.0
    assert cells(with_, ["b_cell"], 60.0) < 0.05 * cells(without, ["b_cell"], 60.0)


def first_normal(model):
    """Return the day from which blood holds 50 B cells/uL or more."""
    days = model.series["day"].to_numpy()
    return days[np.flatnonzero(model.record.column("b_cells_per_ul") < 50.0)[-1]]


# --- niche ----------------------------------------------------------------------------------------


def hidden(model):
    return int(model.tissue.state.body[layout.LEUKEMIA + layout.NICHE])


def test_cells_in_a_niche_survive_killing_and_leak_out_at_their_half_life():
    """Half of them are gone after 100 days; of those outside few outlive the first four weeks."""
    settings = NO_B_CELLS | {
        "patient.leukemic_burden": 2e9,
        "patient.niche_fraction": 0.5,
        "patient.cd19_negative_fraction": 0.0,
        "patient.anti_car_response": 0.0,
        "product.killing": 10.0,
        "leukemia.niche_reach": 0.0,
        "leukemia.niche_exit_per_day": math.log(2.0) / 100.0,
    }
    model = follow(28.0, settings)
    first, outside = hidden(model), model.counts()["leukemia"] - hidden(model)
    assert first > 5e8 and outside < 0.05 * first
    model.run_until(128.0)
    assert hidden(model) / first == pytest.approx(0.5, rel=0.001)
