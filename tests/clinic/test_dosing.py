"""Dosing schedules: which share of the dose is due, from what is seen."""

import pytest

from tcellabm.clinic.dosing import SCHEDULES, Ward
from tcellabm.params import load

PARAMS = load(
    None,
    {
        "dosing.first_share": 0.1,
        "dosing.second_share": 0.3,
        "dosing.third_share": 0.6,
        "dosing.interval_days": 1.0,
        "dosing.hold_days": 10.0,
        "dosing.maximal_reinfusions": 1,
        "dosing.reinfusion_after_days": 28.0,
        "dosing.reinfusion_until_day": 180.0,
    },
)
BEFORE = Ward(0.0, False, (), 0.0, False)


def due(schedule, day, infusions=(0.0,), in_crs=False, b_cells=0.0, remission=False):
    ward = Ward(day, in_crs, tuple(infusions), b_cells, remission)
    return SCHEDULES[schedule](ward, PARAMS)


def test_every_schedule_that_parameters_admit_is_there_and_starts_on_day_0():
    assert set(SCHEDULES) == set(PARAMS.describe("dosing.schedule").range)
    shares = {name: SCHEDULES[name](BEFORE, PARAMS) for name in SCHEDULES}
    assert shares == {"single": 1.0, "fractionated": 0.1, "reinfusion": 1.0}


@pytest.mark.parametrize("day", [0.5, 1.0, 200.0])
def test_a_single_dose_stays_one(day):
    assert due("single", day, b_cells=500.0, remission=True) == 0.0


def test_fractions_follow_daily_and_wait_while_there_is_crs():
    assert due("fractionated", 0.9) == 0.0
    assert due("fractionated", 1.0) == 0.3
    assert due("fractionated", 1.0, in_crs=True) == 0.0
    assert due("fractionated", 5.0, in_crs=True) == 0.0
    assert due("fractionated", 6.0) == 0.3
    assert due("fractionated", 6.9, (0.0, 6.0)) == 0.0
    assert due("fractionated", 7.0, (0.0, 6.0)) == 0.6
    assert due("fractionated", 9.0, (0.0, 6.0, 7.0)) == 0.0


def test_what_was_held_too_long_is_not_given():
    assert due("fractionated", 10.0) == 0.3
    assert due("fractionated", 10.1) == 0.0


def test_a_second_infusion_needs_returning_b_cells_in_remission_early():
    limit = PARAMS.assay.aplasia_b_cells_per_ul
    assert due("reinfusion", 60.0, b_cells=limit, remission=True) == 1.0
    assert due("reinfusion", 60.0, b_cells=0.9 * limit, remission=True) == 0.0
    assert due("reinfusion", 60.0, b_cells=limit, remission=False) == 0.0
    assert due("reinfusion", 60.0, b_cells=limit, remission=True, in_crs=True) == 0.0
    assert due("reinfusion", 20.0, b_cells=limit, remission=True) == 0.0
    assert due("reinfusion", 181.0, b_cells=limit, remission=True) == 0.0
    assert due("reinfusion", 100.0, (0.0, 60.0), b_cells=limit, remission=True) == 0.0
