"""From cytokine signal to temperature, pressure and oxygen: nothing at rest, hours to react."""

import math

import numpy as np
import pytest
from clinic.faces import Physiology

from tcellabm.kernels.bedside import hill
from tcellabm.kernels.grading import Needs
from tcellabm.params import load

PLAIN = {
    "patient.vascular_sensitivity": 1.0,
    "myeloid.pool_cells": 1e10,
    "cytokines.il6.baseline_pg_per_ml": 5.0,
    "cytokines.il1.baseline_pg_per_ml": 0.5,
    "physiology.il6_half_pg_per_ml": 1000.0,
    "physiology.il6_hill": 0.5,
    "physiology.il1_half_pg_per_ml": 100.0,
    "physiology.il1_weight": 0.25,
    "physiology.normal_temperature_c": 36.8,
    "physiology.temperature_rise_c": 5.0,
    "physiology.highest_temperature_c": 41.5,
    "physiology.temperature_lag_hours": 8.0,
    "physiology.fever_c": 38.0,
    "physiology.fever_hours": 12.0,
    "physiology.high_fever_c": 39.0,
    "physiology.leak_half_life_days": 1.0,
    "physiology.fluids_leak": 0.42,
    "physiology.pressor_leak": 0.52,
    "physiology.high_pressor_leak": 0.66,
    "physiology.low_flow_leak": 0.46,
    "physiology.high_flow_leak": 0.56,
    "physiology.ventilation_leak": 0.72,
    "physiology.crp_half_life_hours": 19.0,
    "physiology.crp_maximum_mg_per_l": 220.0,
    "physiology.crp_half_pg_per_ml": 50.0,
    "physiology.crp_normal_mg_per_l": 2.0,
    "physiology.ferritin_normal_ng_per_ml": 300.0,
    "physiology.ferritin_maximum_ng_per_ml": 1e5,
    "physiology.ferritin_loss_per_day": 0.35,
    "physiology.ferritin_half_share": 0.5,
}
REST = (5.0, 0.5, 0.0)
STORM = (1e5, 50.0, 5e9)  # IL-6, IL-1, activated myeloid cells
TICK = 1 / 8


def body(**more):
    return Physiology(load(None, PLAIN | {f"physiology.{k}": v for k, v in more.items()}))


def live(patient, levels, days, tick=TICK, infected=False):
    for _ in range(round(days / tick)):
        patient.advance(tick, *levels, infected)
    return patient


def test_at_rest_nothing_moves():
    patient = live(body(), REST, 30.0)
    assert patient.signal(5.0, 0.5) == 0.0
    assert patient.temperature_c == 36.8 and patient.leak == 0.0
    assert patient.crp_mg_per_l == pytest.approx(2.0 + 220 * 5 / 55)
    assert patient.ferritin_ng_per_ml == pytest.approx(300.0)
    assert not patient.in_crs and patient.needs == Needs(False, False, 0, 0)


def test_levels_below_baseline_give_no_signal():
    assert body().signal(0.0, 0.0) == 0.0
    assert live(body(), (0.0, 0.0, 0.0), 5.0).temperature_c == 36.8


def test_signal_is_compressive_in_il6_and_adds_an_arm_of_il1():
    patient = body()

    def excess(level, normal, half):
        return 1 / (1 + math.sqrt(half / level)) - 1 / (1 + math.sqrt(half / normal))

    assert patient.signal(1e4, 0.5) == pytest.approx(excess(1e4, 5.0, 1000.0))
    assert patient.signal(5.0, 80.0) == pytest.approx(0.25 * excess(80.0, 0.5, 100.0))
    both = patient.signal(1e4, 0.5) + patient.signal(5.0, 80.0)
    assert patient.signal(1e4, 80.0) == pytest.approx(both)
    rises = np.diff([patient.signal(10.0**k, 0.5) for k in range(1, 7)])
    assert (rises > 0).all() and rises.max() < 0.3  # a tenfold level is never all or nothing


def test_hill_is_half_at_its_half_point_and_none_at_zero():
    assert [hill(x, 7.0, 0.5) for x in (0.0, -1.0, 7.0)] == [0.0, 0.0, 0.5]
    assert hill(28.0, 7.0, 0.5) == pytest.approx(2 / 3)


def test_temperature_reacts_in_hours():
    """63 % of the way in 8 h; up and down."""
    aim = 36.8 + 5.0 * body().signal(*STORM[:2])
    assert 40.0 < aim < 41.5
    patient = live(body(), STORM, 8 / 24, tick=8 / 24)
    assert patient.temperature_c == pytest.approx(aim - (aim - 36.8) / math.e)
    live(patient, STORM, 5.0)
    assert patient.temperature_c == pytest.approx(aim, abs=1e-5)
    live(patient, REST, 8 / 24, tick=8 / 24)
    assert patient.temperature_c == pytest.approx(36.8 + (aim - 36.8) / math.e, abs=1e-4)


@pytest.mark.parametrize("tick", [1 / 64, 1 / 2])
def test_the_bedside_does_not_depend_on_the_tick(tick):
    found, usual = live(body(), STORM, 2.0, tick), live(body(), STORM, 2.0)
    for name in ("temperature_c", "leak", "crp_mg_per_l", "ferritin_ng_per_ml"):
        assert getattr(found, name) == pytest.approx(getattr(usual, name), rel=1e-12)


def test_temperature_has_a_ceiling():
    patient = live(body(temperature_rise_c=20.0), STORM, 10.0)
    assert 41.4 < patient.temperature_c <= 41.5


def test_fever_counts_after_twelve_hours_only():
    patient, hours_in_crs, feverish = body(), [], 0.0
    for tick in range(24):
        patient.advance(1 / 24, *STORM)
        feverish += patient.temperature_c >= 38.0
        assert patient.fever_hours == pytest.approx(feverish)
        assert patient.in_crs is (feverish >= 12) is patient.needs.fever
        hours_in_crs += [tick + 1] if patient.in_crs else []
    assert 13 <= hours_in_crs[0] <= 18


def test_a_break_in_the_fever_starts_the_count_anew():
    patient = body(temperature_lag_hours=0.1)
    live(patient, STORM, 11 / 24, tick=1 / 24)
    live(patient, REST, 1 / 24, tick=1 / 24)
    assert patient.fever_hours == 0.0
    live(patient, STORM, 11 / 24, tick=1 / 24)
    assert not patient.in_crs
    live(patient, STORM, 1 / 24, tick=1 / 24)
    assert patient.in_crs


def test_crs_lasts_until_neither_fever_nor_needs_are_left():
    patient = live(body(), STORM, 5.0)
    assert patient.needs == Needs(True, True, 3, 3)
    course = []
    for _ in range(40):
        patient.advance(TICK, *REST)
        course.append((patient.temperature_c >= 38.0, patient.blood_pressure_need, patient.in_crs))
    afebrile = [i for i, (fever, need, _) in enumerate(course) if not fever and need]
    assert afebrile and all(course[i][2] for i in afebrile)
    assert course[-1] == (False, 0, False)
    assert patient.needs == Needs(False, False, 0, 0)


def test_needs_without_fever_do_not_count():
    patient = body(temperature_rise_c=0.0)
    live(patient, STORM, 5.0)
    assert patient.blood_pressure_need == 3 and patient.oxygen_need == 3
    assert patient.needs == Needs(False, False, 0, 0)


@pytest.mark.parametrize(
    ("leak", "needs"),
    [(0, (0, 0)), (0.42, (1, 0)), (0.46, (1, 1)), (0.52, (2, 1)), (0.56, (2, 2)), (0.72, (3, 3))],
)
def test_needs_follow_the_leak(leak, needs):
    patient = body().with_leak(leak)
    assert (patient.blood_pressure_need, patient.oxygen_need) == needs
    assert type(patient.blood_pressure_need) is int and type(patient.oxygen_need) is int


def test_leak_has_a_half_life_of_a_day_and_goes_with_sensitivity():
    weak, strong = (
        Physiology(load(None, PLAIN | {"patient.vascular_sensitivity": x})) for x in (1.0, 2.0)
    )
    for patient in (weak, strong):
        live(patient, STORM, 1.0)
    assert weak.leak == pytest.approx(0.5 * weak.signal(*STORM[:2]))
    assert strong.leak == pytest.approx(2 * weak.leak)
    before = weak.leak
    assert live(weak, REST, 1.0).leak == pytest.approx(before / 2)


def test_crp_and_ferritin_rise_and_fall_at_their_own_pace():
    patient = live(body(), STORM, 19 / 24, tick=19 / 24)
    aim = 2 + 220 * 1e5 / (1e5 + 50)
    assert patient.crp_mg_per_l == pytest.approx(2 + (aim - 2) / 2)
    patient = live(body(), STORM, 2.0)
    aim = 300 + 1e5 * 0.5 / (0.5 + 0.5)
    assert patient.ferritin_ng_per_ml == pytest.approx(aim - (aim - 300) * math.exp(-0.7))


def test_a_background_infection_gives_fever_without_needs():
    patient = live(body(), REST, 3.0, infected=True)
    assert patient.temperature_c == pytest.approx(39.0, abs=0.01)
    assert patient.in_crs and patient.leak == 0.0


def test_without_myeloid_cells_ferritin_stays_normal():
    patient = Physiology(load(None, PLAIN | {"myeloid.pool_cells": 0.0}))
    assert live(patient, (5.0, 0.5, 0.0), 3.0).ferritin_ng_per_ml == pytest.approx(300.0)
