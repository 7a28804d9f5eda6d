"""Cells of day 0, what is infused, and how populations fare that nothing disturbs."""

import math

import numpy as np
import pytest
from biology.living import advance
from biology.plain import plain
from kernels.lab import assert_close

from tcellabm.biology import rates
from tcellabm.biology.recovery import recovery_law
from tcellabm.biology.tissue import Tissue
from tcellabm.kernels import layout, recovery
from tcellabm.params.size import TooManyAgentsError

LEUKEMIA = slice(layout.LEUKEMIA, layout.B_CELL)
B_CELLS = slice(layout.B_CELL, layout.MEMORY)
CAR_T = slice(layout.MEMORY, layout.RESTING)
MYELOID = slice(layout.RESTING, layout.STATES)
NICHE = layout.LEUKEMIA + layout.NICHE
ALONE = {  # nothing but leukemia
    "myeloid.pool_cells": 0.0,
    "lymphodepletion.b_cells_left": 0.0,
    "b_cell.influx_per_day": 0.0,
}


def tissue(seed=1, **overrides):
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return Tissue(plain(given), np.random.default_rng(seed))


def live(body, days, tick):
    """Let a tissue live for some days without drugs."""
    for i in range(round(days / tick)):
        advance(body, i * tick, tick)
    return body


def cells(body, states):
    return body.body(states)


# --- day 0 -----------------------------------------------------------------------------------


def test_day_0_has_exactly_the_burden():
    for burden in (0, 1, 17, 10**11):
        assert cells(tissue(patient__leukemic_burden=float(burden)), LEUKEMIA) == burden


def test_day_0_reaches_the_dim_tail():
    """10^11 cells reach 6 SD below the median; 400 equal groups would stop at 2.8 SD."""
    params = plain({"patient.leukemic_burden": 1e11})
    body = Tissue(params, np.random.default_rng(91))
    found = np.array(body.state.body[LEUKEMIA])
    expected = 1e11 * rates.rung_law(params)
    for rung in range(1, layout.NICHE):
        if expected[rung] > 100:  # far above chance: catches 5 SE on every rung
            assert_close(found[rung], expected[rung], math.sqrt(expected[rung]))
    dimmest = rates.rungs(params)[np.flatnonzero(found[1:])[0] + 1]
    assert math.log(dimmest / 6000.0) / 0.6 < -6.0


def test_day_0_has_the_cd19_negative_clone():
    """Catches 5 % in its size."""
    body = tissue(92, patient__leukemic_burden=1e10, patient__cd19_negative_fraction=1e-6)
    assert_close(body.state.body[layout.LEUKEMIA], 1e4, 100.0)
    assert tissue(93, patient__cd19_negative_fraction=0.0).state.body[layout.LEUKEMIA] == 0


def test_day_0_after_lymphodepletion_and_without():
    depleted, full = tissue(), tissue(lymphodepletion__given=False)
    assert cells(depleted, B_CELLS) == 10**9 and cells(depleted, MYELOID) == 10**9
    assert cells(full, B_CELLS) == 0.25 * 2.4e10 and cells(full, MYELOID) == 10**10
    assert cells(depleted, CAR_T) == 0


def test_day_0_has_the_niche_in_the_marrow():
    """Catches 5 % in its size, and any cell of it in blood."""
    body = tissue(102, patient__leukemic_burden=1e10, patient__niche_fraction=1e-6)
    assert_close(body.state.body[NICHE], 1e4, 100.0)
    assert body.state.blood[NICHE] == 0
    assert cells(body, LEUKEMIA) == 10**10
    assert tissue(103).state.body[NICHE] == 0


def test_a_body_of_twice_the_weight_has_twice_of_all_at_the_same_density():
    """But for its leukemia, which is that patient's."""
    single, double = (tissue(patient__weight_kg=kg) for kg in (40.0, 80.0))
    for kind in (B_CELLS, MYELOID):
        assert cells(double, kind) == 2 * cells(single, kind)
    assert cells(double, LEUKEMIA) == cells(single, LEUKEMIA)
    for name in ("voxel_ul", "blood_ul"):
        twice = 2 * getattr(single.marrow, name)
        assert getattr(double.marrow, name) == pytest.approx(twice)
    for name in ("b_influx", "b_most", "myeloid_steady"):
        twice = 2 * getattr(single.law.recovery, name)
        assert getattr(double.law.recovery, name) == pytest.approx(twice)
    assert double.law.rates.voxel_capacity == pytest.approx(2 * single.law.rates.voxel_capacity)


def test_a_biopsy_holds_its_fraction_of_every_cell():
    fraction = 1e-8
    body = tissue(94, resolution__represented_fraction=fraction, resolution__single_cell=True)
    assert [cells(body, kind) for kind in (LEUKEMIA, B_CELLS, MYELOID)] == [1500, 10, 10]
    assert (body.cells.count[: body.cells.meta[layout.ROWS]] == 1).all()
    body.infuse(1e10)
    assert_close(cells(body, CAR_T), 30, math.sqrt(30 * 0.7))
    assert body.marrow.blood_ul == pytest.approx(75.0 * 1000 * 40 * fraction)


def test_day_0_spreads_cells_evenly_over_the_marrow():
    """Catches 0.02 % too many or too few in a voxel, of 10^10."""
    body = tissue(95, patient__leukemic_burden=1.6e11)
    density = body.marrow.field("leukemia") * body.marrow.voxel_ul
    assert np.abs(density - density.mean()).max() <= 5 * math.sqrt(density.mean())


def test_the_infusion_engrafts_in_part_and_starts_in_blood():
    """Catches 0.07 % in the engrafted share (10^8 cells given)."""
    body = tissue(96)
    body.infuse(1e8)
    engrafted, memory = cells(body, CAR_T), body.state.body[layout.MEMORY]
    assert_close(engrafted, 3e7, math.sqrt(1e8 * 0.3 * 0.7))
    assert_close(memory / engrafted, 0.3, math.sqrt(0.21 / engrafted))
    assert sum(body.state.blood[CAR_T]) == engrafted and body.state.body[layout.EXHAUSTED] == 0


def test_an_infusion_of_nothing_adds_nothing():
    body = tissue()
    body.infuse(0.0)
    assert cells(body, CAR_T) == 0


# --- populations that nothing disturbs -------------------------------------------------------


@pytest.mark.parametrize("tick", [1 / 8, 1.0])
@pytest.mark.parametrize("growth", [-0.025, 0.0, 0.09, 0.25])
def test_untreated_leukemia_far_from_capacity_grows_as_asked(growth, tick):
    """Marrow and blood together, over 24 days; catches 3e-4 /d, 0.4 % of the usual growth.

    Blood may hold 5 % less than its share: in a tick of a day its cells do not divide.
    """
    days, burden, death = 24.0, 1e6, 0.04
    params = plain(
        ALONE | {"patient.net_growth_per_day": growth, "patient.leukemic_burden": burden}
    )
    body = live(Tissue(params, np.random.default_rng(97)), days, tick)
    grown, birth = math.exp(growth * days), growth + death
    spread = (birth + death) / growth * grown * (grown - 1) if growth else 2 * birth * days
    assert_close(cells(body, LEUKEMIA), burden * grown, math.sqrt(burden * spread))
    in_blood = burden * grown * rates.blood_share(0.02, 2.0, death + growth)
    found = sum(body.state.blood[LEUKEMIA])
    assert abs(found - in_blood) <= 0.05 * in_blood + 5 * math.sqrt(in_blood)


def test_leukemia_stops_growing_where_the_marrow_is_full():
    """Logistic division: balance where b0 (1 - N/N_max) is the loss; catches 1 % of it."""
    capacity, growth = 1e9, 0.25
    given = {
        "marrow.capacity_cells": capacity,
        "patient.net_growth_per_day": growth,
        "patient.leukemic_burden": 5e8,
    }
    params = plain(ALONE | given)
    body = live(Tissue(params, np.random.default_rng(98)), 120.0, 0.5)
    balance = rates.division_for_growth(0.0, 0.04, 0.02, 2.0)
    full = 1 - balance / rates.division_for_growth(growth, 0.04, 0.02, 2.0)
    in_marrow = cells(body, LEUKEMIA) - sum(body.state.blood[LEUKEMIA])
    assert in_marrow == pytest.approx(full * capacity, rel=0.01)


@pytest.mark.parametrize("tick", [1 / 8, 1.0])
def test_undisturbed_myeloid_cells_stay_as_many(tick):
    """Output balances loss: catches 7e-5 of them."""
    body = tissue(99, lymphodepletion__given=False, patient__leukemic_burden=0.0)
    live(body, 20.0, tick)
    assert_close(cells(body, MYELOID), 1e10, math.sqrt(2 * 1e10))


@pytest.mark.parametrize("tick", [1 / 8, 1.0])
def test_b_cells_settle_where_division_and_influx_balance_death(tick):
    """Logistic division in the marrow, death everywhere; catches 1 % of the cells of health.

    In a tick of a day cells in blood do not divide, as they do not in life: 2 % are too few there.
    """
    body = tissue(104, lymphodepletion__given=False, patient__leukemic_burden=0.0)
    live(body, 200.0, tick)
    found, in_blood = cells(body, B_CELLS), sum(body.state.blood[B_CELLS])
    share = 0.1 / (0.1 + 2.0 + 0.0167)  # of cells in blood, which come from the marrow and die
    made = 6e6 + 0.14 * (1 - found / 2.4e10) * (1 - share) * found
    assert found == pytest.approx(made / 0.0167, rel=0.01)
    assert in_blood == pytest.approx(share * found, rel=0.02)


def test_single_cells_and_groups_are_put_in_the_same_places():
    """One tissue twice, as groups and as single cells; catches 5 SE in every kind and place."""
    given = {"resolution__represented_fraction": 1e-6, "marrow__rows": 2, "marrow__cols": 2}
    groups, single = (tissue(100, resolution__single_cell=way, **given) for way in (False, True))
    for body in (groups, single):
        body.infuse(1e9)
    for states in (LEUKEMIA, B_CELLS, MYELOID, CAR_T):
        a, b = cells(groups, states), cells(single, states)
        assert abs(a - b) <= 5 * math.sqrt(a + b)
        a, b = sum(groups.state.blood[states]), sum(single.state.blood[states])
        assert abs(a - b) <= 5 * math.sqrt(a + b)


def test_too_many_agents_are_refused_by_name():
    with pytest.raises(TooManyAgentsError, match="resolution.max_agents"):
        tissue(marrow__rows=40, marrow__cols=40, resolution__max_agents=1000)


# --- room ------------------------------------------------------------------------------------


@pytest.mark.parametrize("single_cell", [False, True], ids=["groups", "cells"])
def test_columns_have_room_for_all_rows_that_a_tick_adds(single_cell):
    """Kernels do not look at bounds: a row too many would be written into other memory.

    Many agents for few groups at first; cells that divide forty times a day. Ticks run in far
    wider columns, so that a test that fails does not write beyond them.
    """
    given = {"resolution__agents_per_population": 20_000}
    if single_cell:
        given = {
            "resolution__single_cell": True,
            "resolution__represented_fraction": 2e-7,
            "car_t__division_per_day": 10.0,
            "product__fitness": 4.0,
        }
    body = tissue(101, **given)
    body.infuse(1e11 if single_cell else 1e8)
    grown = 0
    for i in range(4):
        used, born = (int(body.cells.meta[n]) for n in (layout.ROWS, layout.NEXT_ID))
        free = body.room.spare + int(body.room.spare_per_row * used)
        body._enlarge(body.cells.count.size + 20 * (used + free))
        advance(body, i / 8, 1 / 8)
        added = int(body.cells.meta[layout.NEXT_ID]) - born
        assert added <= free, f"a tick added {added} rows to columns with room for {free}"
        assert not body.cells.meta[layout.LOST]
        grown += added
    assert grown > 1000


# --- what returns after lymphodepletion ------------------------------------------------------


class Host:
    """What returns in a patient, by day."""

    def __init__(self, **overrides):
        given = {key.replace("__", "."): value for key, value in overrides.items()}
        self.law = recovery_law(plain(given))

    def __getattr__(self, name):
        return lambda *now: getattr(recovery, name)(*now, self.law)


def test_the_host_returns_after_lymphodepletion():
    host = Host()
    assert host.white_cells(0.0) == 500.0
    assert host.white_cells(18.0) == pytest.approx(2750.0)
    assert host.white_cells(28.0) > 4000.0
    assert [host.b_influx(day) for day in (0.0, 20.0, 1e5)] == pytest.approx((0.0, 3e6, 6e6))
    assert host.b_division(20.0, 0.6e10) == pytest.approx(0.5 * 0.14 * 0.75)
    assert host.b_division(1e5, 2.5e10) == 0.0
    assert (host.myeloid_output(0.0), host.myeloid_output(1e5)) == pytest.approx((3e8, 3e9))


def test_cytokines_of_lymphodepletion_decay_to_their_floor_and_release_with_them():
    host = Host()
    level = [host.homeostatic(day) for day in (0.0, 8.0, 1e4)]
    assert level == pytest.approx((1.0, 0.3 + 0.7 / math.e, 0.3))
    released = [host.release_factor(day) for day in (0.0, 8.0, 1e4)]
    assert released == pytest.approx((1.0, 0.1 + 0.9 * level[1] ** 2, 0.1 + 0.9 * 0.09))


def test_who_responds_above_the_threshold_rejects_and_sooner_without_lymphodepletion():
    weak, strong = Host(), Host(patient__anti_car_response=3.1)
    assert [weak.rejection(day) for day in (0.0, 20.0, 1e5)] == [0.0, 0.0, 0.0]
    assert [strong.rejection(day) for day in (0.0, 20.0, 1e5)] == pytest.approx((0.0, 0.05, 0.1))
    for response, loss in ((1.0, 0.01), (3.1, 0.11)):
        host = Host(patient__anti_car_response=response, lymphodepletion__given=False)
        assert [host.rejection(day) for day in (0.0, 1e5)] == pytest.approx((loss, loss))


def test_without_lymphodepletion_nothing_was_taken():
    host = Host(lymphodepletion__given=False)
    for day in (0.0, 5.0, 100.0):
        assert host.homeostatic(day) == pytest.approx(0.3)
        assert host.white_cells(day) == 5000.0
        assert (host.b_influx(day), host.myeloid_output(day)) == pytest.approx((6e6, 3e9))
        assert host.b_division(day, 0) == pytest.approx(0.14)


def test_outputs_are_of_the_simulated_part():
    whole, part = (Host(resolution__represented_fraction=f) for f in (1.0, 1e-6))
    for day in (0.0, 20.0):
        assert part.b_influx(day) == pytest.approx(1e-6 * whole.b_influx(day))
        assert part.myeloid_output(day) == pytest.approx(1e-6 * whole.myeloid_output(day))
        assert part.b_division(day, 1e4) == pytest.approx(whole.b_division(day, 1e10))
