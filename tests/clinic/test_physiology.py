"""From cytokines to temperature, pressure and oxygen: nothing at rest, hours to react."""

import math

import pytest
from clinic.faces import Physiology

from tcellabm.kernels.bedside import hill
from tcellabm.kernels.grading import Needs
from tcellabm.params import load

PLAIN = {
    "patient.vascular_sensitivity": 1.0,
    "patient.fever_sensitivity": 1.0,
    "patient.weight_kg": 40.0,
    "marrow.reference_weight_kg": 40.0,
    "myeloid.pool_cells": 1e10,
    "cytokines.il6.baseline_pg_per_ml": 5.0,
    "cytokines.il1.baseline_pg_per_ml": 0.5,
    "cytokines.ifng.baseline_pg_per_ml": 2.0,
    "physiology.fever_il6_half_pg_per_ml": 400.0,
    "physiology.fever_il1_half_pg_per_ml": 25.0,
    "physiology.fever_hill": 2.0,
    "physiology.fever_il6_rise_c": 2.6,
    "physiology.fever_il1_rise_c": 1.0,
    "physiology.normal_temperature_c": 36.8,
    "physiology.highest_temperature_c": 41.5,
    "physiology.temperature_lag_hours": 8.0,
    "physiology.fever_c": 38.0,
    "physiology.fever_hours": 12.0,
    "physiology.high_fever_c": 39.0,
    "physiology.leak_il6_pg_per_ml": 1000.0,
    "physiology.leak_il1_pg_per_ml": 500.0,
    "physiology.leak_ifng_pg_per_ml": 2000.0,
    "physiology.leak_exponent": 0.5,
    "physiology.leak_injury_per_day": 0.1,
    "physiology.leak_feedback": 0.0,
    "physiology.leak_half_life_days": 2.0,
    "physiology.fluids_leak": 1.0,
    "physiology.pressor_leak": 1.4,
    "physiology.high_pressor_leak": 1.7,
    "physiology.low_flow_leak": 1.2,
    "physiology.high_flow_leak": 1.5,
    "physiology.ventilation_leak": 2.0,
    "physiology.crp_half_life_hours": 19.0,
    "physiology.crp_maximum_mg_per_l": 220.0,
    "physiology.crp_half_pg_per_ml": 50.0,
    "physiology.crp_normal_mg_per_l": 2.0,
    "physiology.ferritin_normal_ng_per_ml": 300.0,
    "physiology.ferritin_maximum_ng_per_ml": 1e5,
    "physiology.ferritin_loss_per_day": 0.35,
    "physiology.ferritin_half_share": 0.5,
}
NORMAL_IL6, NORMAL_IL1, NORMAL_IFNG = REST = (5.0, 0.5, 2.0)
STORM = (1e5, 50.0, 1e4)  # IL-6, IL-1, IFN-gamma
POOL = 5e9  # activated myeloid cells in a storm: half of all
STORM_AIM = 36.8 + 2.6 + 0.8  # IL-1 at about twice its half-point: 4/5 of its limb
NONE = Needs(False, False, 0, 0)
TICK = 1 / 8


def body(patient=None, **more):
    own = {f"patient.{name}": value for name, value in (patient or {}).items()}
    return Physiology(load(None, PLAIN | own | {f"physiology.{k}": v for k, v in more.items()}))


def live(patient, levels, days, tick=TICK, **more):
    for _ in range(round(days / tick)):
        patient.advance(tick, levels, **more)
    return patient


def aim(levels, **more):
    """Return the temperature that levels hold in the end, deg C."""
    return live(body(**more), levels, 20.0).temperature_c


def test_at_rest_nothing_moves():
    patient = live(body(), REST, 30.0)
    assert patient.temperature_c == 36.8 and patient.leak == 0.0
    assert patient.crp_mg_per_l == pytest.approx(2.0 + 220 * 5 / 55)
    assert patient.ferritin_ng_per_ml == pytest.approx(300.0)
    assert not patient.in_crs and patient.needs == NONE
    assert (patient.fever_hours, patient.need_hours, patient.critical_hours) == (0.0, 0.0, 0.0)


def test_levels_below_baseline_do_nothing():
    patient = live(body(), (0.0, 0.0, 0.0), 5.0)
    assert patient.temperature_c == 36.8 and patient.leak == 0.0


# --- fever ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("above", "rise"),
    [
        ((400.0, 0.0), 1.3),
        ((800.0, 0.0), 2.6 * 0.8),
        ((0.0, 25.0), 0.5),
        ((0.0, 50.0), 0.8),
        ((400.0, 25.0), 1.8),
    ],
)
def test_fever_is_the_sum_of_a_limb_of_il6_and_one_of_il1(above, rise):
    """Each is half at its half-point, 4/5 at twice that for an exponent of 2."""
    levels = (NORMAL_IL6 + above[0], NORMAL_IL1 + above[1], NORMAL_IFNG)
    assert aim(levels) == pytest.approx(36.8 + rise, abs=1e-4)


@pytest.mark.parametrize("il1", [1e2, 1e4, 1e8])
def test_the_limb_of_il1_alone_stays_below_its_plateau(il1):
    """However much IL-1 there is, a plateau of 1 deg C makes no fever of 38 deg C."""
    patient = live(body(), (NORMAL_IL6, il1, NORMAL_IFNG), 20.0)
    assert 0.9 < patient.temperature_c - 36.8 <= 1.0
    assert patient.fever_hours == 0.0 and not patient.in_crs


@pytest.mark.parametrize(("il1", "left"), [(NORMAL_IL1, 0.0), (NORMAL_IL1 + 25.0, 0.5)])
def test_blocked_receptors_take_the_limb_of_il6_away(il1, left):
    """Tocilizumab leaves no IL-6 unblocked: what IL-1 does is what is left of the fever."""
    patient = live(body(), (1e4, il1, NORMAL_IFNG), 5.0)
    assert patient.temperature_c == pytest.approx(36.8 + 2.6 + left, abs=0.02)
    assert patient.in_crs
    live(patient, (0.0, il1, NORMAL_IFNG), 5.0)
    assert patient.temperature_c == pytest.approx(36.8 + left, abs=1e-4)
    assert patient.fever_hours == 0.0


def test_a_sensitive_patient_has_the_fever_of_more_cytokine_and_no_higher_plateau():
    twice = {"patient": {"fever_sensitivity": 2.0}}
    assert aim((NORMAL_IL6 + 200.0, NORMAL_IL1, 0.0), **twice) == pytest.approx(
        36.8 + 1.3, abs=1e-4
    )
    assert aim((NORMAL_IL6, NORMAL_IL1 + 12.5, 0.0), **twice) == pytest.approx(36.8 + 0.5, abs=1e-4)
    assert aim((1e9, 1e9, 0.0), **twice) == pytest.approx(36.8 + 3.6, abs=1e-4)


def test_ifng_gives_no_fever():
    assert aim((NORMAL_IL6, NORMAL_IL1, 1e6)) == 36.8


def test_hill_is_half_at_its_half_point_and_none_at_zero():
    assert [hill(x, 7.0, 0.5) for x in (0.0, -1.0, 7.0)] == [0.0, 0.0, 0.5]
    assert hill(28.0, 7.0, 0.5) == pytest.approx(2 / 3)


def test_temperature_reacts_in_hours():
    """63 % of the way in 8 h; up and down."""
    patient = live(body(), STORM, 8 / 24, tick=8 / 24)
    rise = STORM_AIM - 36.8
    assert patient.temperature_c == pytest.approx(36.8 + rise * (1 - 1 / math.e), abs=0.01)
    live(patient, STORM, 5.0)
    assert patient.temperature_c == pytest.approx(STORM_AIM, abs=0.01)
    live(patient, REST, 8 / 24, tick=8 / 24)
    assert patient.temperature_c == pytest.approx(36.8 + rise / math.e, abs=0.01)


def test_temperature_has_a_ceiling():
    patient = live(body(fever_il6_rise_c=20.0), STORM, 10.0)
    assert 41.4 < patient.temperature_c <= 41.5


def test_fever_counts_after_twelve_hours_only():
    patient, hours_in_crs, feverish = body(), [], 0.0
    for tick in range(24):
        patient.advance(1 / 24, STORM)
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


def test_a_background_infection_gives_fever_without_needs():
    patient = live(body(), REST, 3.0, infected=True)
    assert patient.temperature_c == pytest.approx(39.0, abs=0.01)
    assert patient.in_crs and patient.leak == 0.0


# --- leak -----------------------------------------------------------------------------------------


def leak_without_repair(levels, days=1.0, patient=None, **more):
    """Return the injury of some days, where vessels are not repaired."""
    never = {"leak_half_life_days": 60.0}
    return live(body(patient, **never | more), levels, days).leak


@pytest.mark.parametrize(
    "levels",
    [
        (NORMAL_IL6 + 1000.0, NORMAL_IL1, NORMAL_IFNG),
        (NORMAL_IL6, NORMAL_IL1 + 500.0, NORMAL_IFNG),
        (NORMAL_IL6, NORMAL_IL1, NORMAL_IFNG + 2000.0),
        (NORMAL_IL6 + 500.0, NORMAL_IL1 + 125.0, NORMAL_IFNG + 500.0),
    ],
)
def test_a_load_of_one_injures_at_the_rate_of_the_file_whichever_cytokine_it_is(levels):
    assert leak_without_repair(levels) == pytest.approx(0.1, rel=0.01)


def test_injury_is_compressive_in_the_load_and_goes_with_sensitivity():
    one, four = ((NORMAL_IL6 + 1000.0 * x, NORMAL_IL1, NORMAL_IFNG) for x in (1, 4))
    assert leak_without_repair(four) == pytest.approx(2 * leak_without_repair(one))
    sensitive = leak_without_repair(one, patient={"vascular_sensitivity": 3.0})
    assert sensitive == pytest.approx(3 * leak_without_repair(one))


@pytest.mark.parametrize("half_life", [0.5, 2.0, 5.0])
def test_vessels_are_repaired_with_the_half_life_of_the_file(half_life):
    """Measured in the running body at rest: by feedback too, which without injury adds nothing."""
    patient = body(leak_half_life_days=half_life, leak_feedback=0.7).with_leak(1.6)
    live(patient, REST, half_life)
    assert patient.leak == pytest.approx(0.8)
    live(patient, REST, half_life)
    assert patient.leak == pytest.approx(0.4)


def test_leak_adds_to_injury_mildly():
    """The same cytokines injure leaky vessels more: by the feedback over leak/(1 + leak)."""
    levels, short = (NORMAL_IL6 + 1000.0, NORMAL_IL1, NORMAL_IFNG), 1 / 1024

    def injury(feedback, leak):
        patient = body(leak_feedback=feedback).with_leak(leak)
        patient.advance(short, levels)
        resting = body(leak_feedback=feedback).with_leak(leak)
        resting.advance(short, REST)
        return (patient.leak - resting.leak) / short

    assert injury(0.0, 3.0) == pytest.approx(0.1, rel=1e-2)
    assert injury(0.7, 0.0) == pytest.approx(0.1, rel=1e-2)
    assert injury(0.7, 1.0) == pytest.approx(0.1 * (1 + 0.35), rel=1e-2)
    assert injury(0.7, 3.0) == pytest.approx(0.1 * (1 + 0.7 * 0.75), rel=1e-2)


def test_feedback_lengthens_a_storm_and_does_not_run_away():
    for_good = [live(body(leak_feedback=x), STORM, 100.0).leak for x in (0.0, 0.7)]
    assert for_good[0] < for_good[1] < 1.7 * for_good[0]
    longer = live(body(leak_feedback=0.7), STORM, 200.0).leak
    assert longer == pytest.approx(for_good[1], rel=1e-6)


@pytest.mark.parametrize("tick", [1 / 64, 1 / 2])
def test_the_bedside_does_not_depend_on_the_tick(tick):
    """To the last digit but for the feedback, which is held for a tick."""
    found, usual = live(body(), STORM, 2.0, tick), live(body(), STORM, 2.0)
    for name in ("temperature_c", "leak", "crp_mg_per_l", "ferritin_ng_per_ml"):
        assert getattr(found, name) == pytest.approx(getattr(usual, name), rel=1e-12)
    fed, usual = (live(body(leak_feedback=0.7), STORM, 2.0, t).leak for t in (tick, TICK))
    assert fed == pytest.approx(usual, rel=0.05)


# --- needs ----------------------------------------------------------------------------------------


def test_crs_lasts_until_neither_fever_nor_needs_are_left():
    patient = live(body(), STORM, 5.0)
    assert patient.needs == Needs(True, True, 3, 3)
    course = []
    for _ in range(80):
        patient.advance(TICK, REST)
        course.append((patient.temperature_c >= 38.0, patient.blood_pressure_need, patient.in_crs))
    afebrile = [i for i, (fever, need, _) in enumerate(course) if not fever and need]
    assert afebrile and all(course[i][2] for i in afebrile)
    assert course[-1] == (False, 0, False)
    assert patient.needs == NONE


def test_needs_without_fever_do_not_count():
    patient = body(fever_il6_rise_c=0.0, fever_il1_rise_c=0.0)
    live(patient, STORM, 5.0)
    assert patient.blood_pressure_need == 3 and patient.oxygen_need == 3
    assert patient.needs == NONE
    assert patient.need_hours == patient.critical_hours == 0.0


@pytest.mark.parametrize(
    ("leak", "needs"),
    [(0, (0, 0)), (1.0, (1, 0)), (1.2, (1, 1)), (1.4, (2, 1)), (1.5, (2, 2)), (2.0, (3, 3))],
)
def test_needs_follow_the_leak(leak, needs):
    patient = body().with_leak(leak)
    assert (patient.blood_pressure_need, patient.oxygen_need) == needs
    assert type(patient.blood_pressure_need) is int and type(patient.oxygen_need) is int


def test_hours_of_need_count_without_a_break_and_begin_anew_when_the_need_lapses():
    """By hand: a leak is set, an hour goes by; CRS is there and no vessel is repaired or hurt."""
    patient = body(leak_injury_per_day=0.0, leak_half_life_days=60.0)
    live(patient, STORM, 2.0)
    assert patient.in_crs and patient.need_hours == 0.0
    seen = []
    for leak in (1.1, 1.45, 1.55, 1.8, 2.2, 1.45, 1.3, 1.45, 0.0):
        patient.with_leak(1.01 * leak).advance(1 / 24, STORM)
        seen.append((round(patient.need_hours), round(patient.critical_hours)))
    assert seen == [(0, 0), (1, 0), (2, 0), (3, 1), (4, 2), (5, 0), (0, 0), (1, 0), (0, 0)]


# --- laboratory -----------------------------------------------------------------------------------


def test_crp_and_ferritin_rise_and_fall_at_their_own_pace():
    patient = live(body(), STORM, 19 / 24, tick=19 / 24)
    crp = 2 + 220 * 1e5 / (1e5 + 50)
    assert patient.crp_mg_per_l == pytest.approx(2 + (crp - 2) / 2)
    patient = live(body(), STORM, 2.0, activated=POOL)
    ferritin = 300 + 1e5 * 0.5 / (0.5 + 0.5)
    assert patient.ferritin_ng_per_ml == pytest.approx(ferritin - (ferritin - 300) * math.exp(-0.7))


@pytest.mark.parametrize("kg", [12.0, 100.0])
def test_ferritin_goes_by_the_share_of_myeloid_cells_whatever_the_size(kg):
    child = live(body({"weight_kg": kg}), REST, 2.0, activated=POOL * kg / 40.0)
    usual = live(body(), REST, 2.0, activated=POOL)
    assert child.ferritin_ng_per_ml == pytest.approx(usual.ferritin_ng_per_ml)


def test_without_myeloid_cells_ferritin_stays_normal():
    patient = Physiology(load(None, PLAIN | {"myeloid.pool_cells": 0.0}))
    assert live(patient, REST, 3.0).ferritin_ng_per_ml == pytest.approx(300.0)
