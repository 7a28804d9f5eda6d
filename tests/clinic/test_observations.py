"""What a trial notes beside the outcomes, from records made by hand."""

import math

import pytest
from clinic.charts import chart, seen

from tcellabm.clinic.observations import COURSE_DAYS, observations
from tcellabm.params import load

PARAMS = load(
    None,
    {
        "physiology.fever_c": 38.0,
        "assay.aplasia_b_cells_per_ul": 50.0,
        "assay.quantification_limit_copies_per_ug": 50.0,
    },
)
WELL = {"temperature_c": 37.0}


def noted(rows, **more):
    rows = rows if rows[0]["day"] == 0.0 else [WELL | {"day": 0.0}, *rows]
    return observations(chart([seen(0, blasts=0.4)], rows=rows, **more), PARAMS)


def course(name, *values):
    """Rows of (day, value) of one column; well all the time, unless that is what it says."""
    return [WELL | {"day": float(day), name: value} for day, value in values]


# --- late fever -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("degrees", "day"),
    [
        ([(59, 37.0), (60, 37.0), (61, 38.5), (62, 38.5)], 61.0),  # the first day that is late
        ([(59, 37.0), (60, 37.0), (90, 37.0), (91, 38.0)], 91.0),
        ([(60, 37.0), (61, 37.0), (62, 39.0), (63, 37.0), (64, 39.0)], 62.0),
        ([(50, 37.0), (51, 39.0), (60, 37.0), (61, 37.9)], math.nan),
        ([(59, 39.0), (60, 39.0), (61, 39.0), (62, 39.0)], math.nan),  # it goes on
        ([(60, 39.0), (61, 39.0), (62, 37.0), (63, 39.0)], 63.0),  # it goes on, then comes anew
        ([(60, 39.0), (60.5, 37.0), (61, 39.0)], 61.0),
    ],
)
def test_a_late_fever_is_new_after_day_60(degrees, day):
    found = noted(course("temperature_c", *degrees))["late_fever_day"]
    assert found == pytest.approx(day, nan_ok=True)


def test_an_infection_and_what_is_left_of_its_fever_are_no_late_fever_of_the_therapy():
    rows = course("temperature_c", (70, 37.0), (71, 39.0), (72, 38.2), (73, 37.0), (80, 38.4))
    rows[1]["infected"] = True
    assert noted(rows)["late_fever_day"] == 80.0
    assert math.isnan(noted(rows[:4])["late_fever_day"])


# --- cells ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("copies", "on_60"),
    [
        ([(0, 0.0), (59, 700.0), (60, 300.0), (61, 100.0)], 300.0),
        ([(0, 0.0), (59.5, 700.0), (61, 100.0)], 700.0),  # the last row up to then
        ([(0, 9e4), (60, 3.0)], 25.0),  # half of what can be seen
        ([(0, 9e4), (59, 700.0)], math.nan),  # not followed so far
    ],
)
def test_copies_on_day_60_are_those_of_the_day_or_half_the_limit(copies, on_60):
    found = noted(course("copies_per_ug", *copies))
    assert found["copies_day_60"] == pytest.approx(on_60, nan_ok=True)
    assert math.isnan(found["copies_day_180"])


def test_copies_on_day_180_are_there_from_then_on():
    found = noted(course("copies_per_ug", (60, 900.0), (180, 400.0), (200, 90.0)))
    assert (found["copies_day_60"], found["copies_day_180"]) == (900.0, 400.0)


@pytest.mark.parametrize(
    ("cells", "day"),
    [
        ([(0, 10.0), (5, 0.0), (20, 49.0), (24, 50.0), (30, 90.0)], 24.0),  # within a month too
        ([(0, 300.0), (8, 0.0), (150, 60.0)], 150.0),
        ([(0, 10.0), (3, 60.0), (9, 0.0), (200, 70.0)], 3.0),
        ([(0, 10.0), (365, 0.0)], math.nan),
        ([(0, 300.0), (365, 300.0)], math.nan),  # never gone
    ],
)
def test_b_cells_are_back_on_the_first_day_after_they_were_few_from_day_0_on(cells, day):
    found = noted(course("b_cells_per_ul", *cells))
    assert found["b_cells_back_day"] == pytest.approx(day, nan_ok=True)


def test_the_peak_in_the_body_is_of_all_car_t_cells():
    rows = [
        {"day": 7.0, "car_t_effector": 50.0, "car_t_memory": 5.0},
        {"day": 9.0, "car_t_effector": 40.0, "car_t_memory": 9.0, "car_t_exhausted": 30.0},
        {"day": 11.0, "car_t_effector": 60.0},
    ]
    assert noted(rows)["peak_day"] == 9.0


def test_ventilation_is_counted_in_days():
    rows = course("oxygen_need", (0, 0), (6, 2), (7.5, 3), (8, 3), (9, 2), (10, 3))
    assert noted(rows)["ventilated_days"] == 1.5 + 0.5 + 1.0


# --- tocilizumab ----------------------------------------------------------------------------------


def test_what_the_first_tocilizumab_did():
    degrees = [(4.0, 39.0), (5.0, 39.5), (5.5, 38.2), (6.0, 37.8), (8.0, 39.0), (9.0, 37.0)]
    rows = course("temperature_c", *degrees)
    for row, il6 in zip(rows, (100.0, 400.0, 900.0, 1200.0, 3000.0, 10.0), strict=True):
        row["il6_pg_per_ml"] = il6
    found = noted(rows, given=[(0, "car_t"), (5.0, "tocilizumab"), (8.0, "tocilizumab")])
    assert found["first_tocilizumab_day"] == 5.0
    assert found["fever_after_tocilizumab_hours"] == pytest.approx(24.0)
    assert found["il6_after_over_before"] == pytest.approx(1200.0 / 400.0)
    assert math.isnan(noted(rows)["first_tocilizumab_day"])


def test_courses_end_with_the_record():
    found = noted(course("copies_per_ug", *((day, 10.0 * day) for day in range(31))))
    copies = dict(zip(COURSE_DAYS, found["copies_by_day"], strict=True))
    assert copies[28] == 280.0 and math.isnan(copies[35])
