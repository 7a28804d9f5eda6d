"""From a hand-made record to the row of outcomes, by the definitions of the published trial."""

import math

import numpy as np
import pytest
from clinic.charts import NEVER, chart, clear, seen

from tcellabm.clinic.outcomes import Final, outcomes
from tcellabm.clinic.record import Treatment
from tcellabm.columns import OUTCOMES, names
from tcellabm.params import load

PARAMS = load(
    None,
    {
        "assay.quantification_limit_copies_per_ug": 50.0,
        "assay.mrd_limit": 1e-4,
        "assay.remission_blast_share": 0.05,
        "assay.aplasia_b_cells_per_ul": 50.0,
        "physiology.fever_c": 38.0,
    },
)
BOOLEANS = ("remission", "mrd_negative", "cured", "event_free_event")
INTEGERS = ("crs_grade_penn", "crs_grade_astct", "crs_grade_lee", "icans_grade")
TEXTS = ("relapse_phenotype", "death_cause", "run_id")


def result(record, followed=400.0, leukemic=0, whole_body=True):
    final = Final(float(followed), leukemic, 12, whole_body, 3, "name")
    row = outcomes(record, final, PARAMS)
    assert tuple(row) == names(OUTCOMES)
    for name, value in row.items():
        kind = bool if name in BOOLEANS else int if name in INTEGERS else None
        kind = str if name in TEXTS else kind
        assert kind is None or type(value) is kind, name
        assert value is not None
    return row


# --- remission and relapse -------------------------------------------------------------------


START = seen(0, blasts=0.4, mrd=0.4)


@pytest.mark.parametrize(
    ("assessments", "day"),
    [
        (clear(28, 60), 28),
        (clear(28, 60, 90), 28),
        ([seen(28, 0.2), *clear(60, 90)], 60),
        ([seen(28, 0.2), seen(60, 0.06), *clear(90, 120)], 90),
        ([*clear(28), seen(60, 0.2), *clear(90, 120)], 90),  # lost and found again
        ([*clear(28), seen(41.5, 0.2), *clear(60, 90)], 60),  # an unscheduled look breaks it
        (clear(28, 41.5, 60), 28),  # and one in remission does not yet confirm it
        (clear(28, 56), 28),  # four weeks to the day
        ([seen(28, 0.0499), *clear(60)], 28),
        ([seen(28, 0.01, mrd=1e-3), *clear(60)], 28),  # residual disease is CR all the same
    ],
)
def test_remission_is_the_first_by_day_90_that_holds_four_weeks(assessments, day):
    row = result(chart([START, *assessments]))
    assert row["remission"] and row["remission_day"] == day


@pytest.mark.parametrize(
    "assessments",
    [
        [],
        clear(28),
        clear(28, 55.75),
        [*clear(28), seen(60, 0.3), seen(90, 0.3)],
        [seen(28, 0.2), seen(60, 0.2), seen(90, 0.2), *clear(120, 150)],  # too late
        [seen(28, 0.05), seen(60, 0.05)],  # 5 % is not below 5 %
        [seen(28, circulating=True), seen(60, circulating=True)],
    ],
)
def test_what_is_late_lost_or_unconfirmed_is_no_remission(assessments):
    row = result(chart([START, *assessments]))
    assert not row["remission"] and math.isnan(row["remission_day"])
    assert not row["mrd_negative"] and math.isnan(row["relapse_day"])


def test_who_starts_below_5_percent_must_become_mrd_negative():
    start = seen(0, blasts=0.02, mrd=0.02)
    row = result(chart([start, seen(28, 0.0, mrd=1e-4), seen(60, 0.0, 9e-5), *clear(90)]))
    assert row["remission_day"] == 60 and row["mrd_negative"]
    assert not result(chart([start, seen(28, 0.01, 0.01), seen(60, 0.01, 0.01)]))["remission"]


def test_the_assessment_of_day_0_shows_no_remission():
    assert result(chart([seen(0, 0.02), *clear(28, 60)]))["remission_day"] == 28


def test_mrd_negative_is_seen_by_flow_in_remission_by_day_90():
    residual = [seen(day, 0.01, mrd=1e-3) for day in (28, 60, 90)]
    assert not result(chart([START, *residual]))["mrd_negative"]
    assert not result(chart([START, *residual, *clear(120)]))["mrd_negative"]
    assert result(chart([START, *residual[:2], *clear(90)]))["mrd_negative"]
    before = seen(28, circulating=True)  # clear to the cytometer, but not in remission yet
    assert not result(chart([START, before, *residual[1:]]))["mrd_negative"]


@pytest.mark.parametrize(
    ("signs", "phenotype"),
    [
        ({"blasts": 0.05}, "cd19_positive"),
        ({"circulating": True}, "cd19_positive"),
        ({"blasts": 0.3, "negative": True}, "cd19_negative"),
    ],
)
def test_relapse_is_the_first_5_percent_or_circulating_blasts(signs, phenotype):
    later = seen(200, 0.9, negative=phenotype == "cd19_positive")
    row = result(chart([START, *clear(28, 60, 90), seen(133.25, **signs), later]))
    assert (row["relapse_day"], row["relapse_phenotype"]) == (133.25, phenotype)
    assert (row["event_free_days"], row["event_free_event"]) == (133.25, True)


def test_residual_disease_alone_is_no_relapse():
    row = result(chart([START, *clear(28, 60), seen(90, 0.04, mrd=0.04, negative=True)]))
    assert math.isnan(row["relapse_day"]) and row["relapse_phenotype"] == ""
    assert not row["event_free_event"]


def test_cure_is_the_last_leukemic_cell_dead():
    assert result(chart())["cured"]
    assert not result(chart(), leukemic=1)["cured"]


# --- event-free survival ---------------------------------------------------------------------


LOST = [seen(28, 0.2), seen(60, 0.2), seen(90, 0.2)]


def event_free(assessments, followed, died=(NEVER, "")):
    row = result(chart([START, *assessments], died=died), followed)
    return row["event_free_days"], row["event_free_event"]


def test_no_remission_by_month_3_counts_at_day_0():
    assert event_free(LOST, 365) == (0.0, True)
    assert event_free(LOST, 90) == (0.0, True)


def test_no_remission_by_month_3_counts_at_day_0_for_who_dies_later_too():
    """Else the worse outcome, death on day 200, would have the longer event-free survival."""
    assert event_free(LOST, 200, died=(200.0, "progression")) == (0.0, True)


def test_who_may_still_respond_is_censored():
    assert event_free([], 20) == (20.0, False)
    assert event_free([seen(28, 0.2)], 59) == (59.0, False)
    assert event_free([*LOST[:2], *clear(90)], 100) == (100.0, False)  # to be confirmed on day 120
    assert event_free([*LOST[:2], *clear(90), seen(120, 0.2)], 121) == (0.0, True)


def test_responders_are_free_of_events_to_the_end_of_follow_up():
    assert event_free(clear(28, 60, 90), 365) == (365.0, False)


def test_death_in_remission_is_an_event_on_its_day():
    row = result(chart([START, *clear(28, 60)], died=(77.5, "crs")), 77.5)
    assert (row["event_free_days"], row["event_free_event"]) == (77.5, True)
    assert (row["death_day"], row["death_cause"], row["followed_days"]) == (77.5, "crs", 77.5)


def test_relapse_counts_before_a_later_death():
    relapsed = [*clear(28, 60), seen(90, 0.2)]
    assert event_free(relapsed, 150, died=(150.0, "progression")) == (90.0, True)


def test_early_death_is_an_event():
    days, event = event_free([], 12, died=(12.0, "crs"))
    assert event and days <= 12.0


# --- exposure --------------------------------------------------------------------------------


DRAWS = [(0, 0.0), (1, 49.0), (4, 400.0), (7, 9000.0), (11, 30_000.0), (14, 12_000.0)]
DRAWS += [(21, 4000.0), (28, 1500.0), (60, 50.0), (90, 10.0)]


def test_exposure_is_read_off_the_draws():
    row = result(chart(draws=DRAWS))
    assert (row["cmax_copies_per_ug"], row["tmax_day"], row["tlast_day"]) == (30_000.0, 11.0, 60.0)


def test_auc_is_the_trapezoid_to_day_28_with_nothing_below_the_limit():
    """By hand: 600 + 14 100 + 78 000 + 63 000 + 56 000 + 19 250."""
    assert result(chart(draws=DRAWS))["auc_0_28"] == pytest.approx(230_950.0)


def test_what_is_below_the_limit_of_quantification_is_not_seen():
    row = result(chart(draws=[(0, 0.0), (1, 49.9), (4, 20.0)]))
    assert row["cmax_copies_per_ug"] == 0.0 and row["auc_0_28"] == 0.0
    assert math.isnan(row["tmax_day"]) and math.isnan(row["tlast_day"])


def test_cells_peak_at_the_end_of_a_day():
    rows = [
        {"day": 7.0, "car_t_memory": 10.0, "car_t_effector": 200.0, "car_t_exhausted": 1.0},
        {"day": 7.5, "car_t_effector": 900.0},
        {"day": 8.0, "car_t_effector": 205.0},
    ]
    assert result(chart(rows=rows))["cmax_cells"] == 211.0


def test_doubling_and_contraction_are_read_off_the_series():
    """Doubling every 0.8 d to day 9, then a half-life of 4 d."""
    days = np.arange(0.0, 28.01, 0.125)
    copies = np.where(days <= 9.0, 2 ** (days / 0.8), 2 ** (9 / 0.8 - (days - 9) / 4))
    rows = [{"day": d, "copies_per_ug": c} for d, c in zip(days, copies, strict=True)]
    row = result(chart(rows=rows))
    assert row["doubling_days"] == pytest.approx(0.8)
    assert row["contraction_half_life_days"] == pytest.approx(4.0)


def test_copies_that_never_rise_have_no_doubling_time():
    rows = [{"day": d, "copies_per_ug": 100.0 * 0.5**d} for d in range(8)]
    row = result(chart(rows=rows))
    assert math.isnan(row["doubling_days"])
    assert row["contraction_half_life_days"] == pytest.approx(1.0)


def test_aplasia_is_the_time_with_few_b_cells_in_blood():
    course = [(0.0, 300.0), (1.0, 60.0), (1.5, 49.0), (2.0, 0.0), (5.0, 49.9), (9.0, 50.0)]
    rows = [{"day": day, "b_cells_per_ul": cells} for day, cells in course]
    assert result(chart(rows=rows))["b_cell_aplasia_days"] == pytest.approx(0.5 + 0.5 + 3.0)


# --- toxicity --------------------------------------------------------------------------------


def crs(*course):
    """Rows of (day, grade, fever hours)."""
    names = ("day", "crs_grade_penn", "fever_hours")
    return [dict(zip(names, row, strict=True)) for row in course]


def test_crs_runs_from_the_first_hour_of_the_fever_that_lasted():
    rows = crs((2.0, 0, 0), (2.5, 0, 6), (3.0, 1, 18), (3.5, 3, 30), (8.0, 1, 0), (8.5, 0, 0))
    row = result(chart(rows=rows))
    assert row["crs_onset_day"] == pytest.approx(3.0 - 0.75)
    assert row["crs_duration_days"] == pytest.approx(8.0 - 2.25)
    assert row["crs_grade_penn"] == 3


def test_crs_is_what_comes_within_8_weeks_of_an_infusion():
    rows = crs((5.0, 1, 0), (56.0, 2, 0), (57.0, 3, 0), (160.0, 4, 0))
    once = result(chart(rows=rows, given=[(0, "car_t")]))
    assert (once["crs_grade_penn"], once["crs_onset_day"], once["crs_duration_days"]) == (2, 5, 51)
    again = result(chart(rows=rows, given=[(0, "car_t"), (150, "car_t")]))
    assert (again["crs_grade_penn"], again["crs_duration_days"]) == (4, 51)


def test_without_crs_there_is_no_onset():
    row = result(chart(rows=crs((1.0, 0, 0), (2.0, 0, 6))))
    assert math.isnan(row["crs_onset_day"]) and math.isnan(row["crs_duration_days"])
    assert row["crs_grade_penn"] == 0


def test_death_by_crs_is_grade_5_on_every_scale():
    rows = [{"day": 6.0, "crs_grade_penn": 4, "crs_grade_lee": 3, "crs_grade_astct": 4}]
    alive, dead = result(chart(rows=rows)), result(chart(rows=rows, died=(7.0, "crs")))
    other = result(chart(rows=rows, died=(7.0, "progression")))
    for scale, worst in (("penn", 4), ("lee", 3), ("astct", 4), ("penn_whole", 4)):
        assert alive[f"crs_grade_{scale}"] == other[f"crs_grade_{scale}"] == worst
        assert dead[f"crs_grade_{scale}"] == 5


def test_grades_of_the_whole_course_stand_beside_those_of_8_weeks():
    rows = [
        {"day": 5.0, "crs_grade_penn": 2, "icans_grade": 1},
        {"day": 160.0, "crs_grade_penn": 4, "icans_grade": 3},
        {"day": 200.0},
    ]
    row = result(chart(rows=rows, given=[(0, "car_t")]))
    assert (row["crs_grade_penn"], row["crs_grade_penn_whole"]) == (2, 4)
    assert (row["icans_grade"], row["icans_grade_whole"]) == (1, 3)
    died = result(chart(rows=rows, given=[(0, "car_t")], died=(200.0, "icans")))
    assert (died["icans_grade"], died["icans_grade_whole"]) == (5, 5)
    assert (died["crs_grade_penn"], died["crs_grade_penn_whole"]) == (2, 4)


def test_the_first_days_of_icans_and_of_what_is_severe():
    names = ("day", "icans_grade", "crs_grade_astct")
    course = [(2.0, 0, 1), (4.5, 1, 2), (5.0, 2, 3), (6.25, 3, 4), (7.0, 4, 2), (9.0, 1, 3)]
    row = result(chart(rows=[dict(zip(names, each, strict=True)) for each in course]))
    first = ("icans_onset_day", "icans3_day", "crs_astct3_day")
    assert [row[name] for name in first] == [4.5, 6.25, 5.0]
    mild = result(chart(rows=[{"day": 3.0, "icans_grade": 2, "crs_grade_astct": 2}]))
    assert mild["icans_onset_day"] == 3.0
    assert math.isnan(mild["icans3_day"]) and math.isnan(mild["crs_astct3_day"])
    assert all(math.isnan(result(chart(rows=[{"day": 1.0}]))[name]) for name in first)


def test_late_fever_is_the_time_after_day_60_that_no_infection_explains():
    """By hand: 60 to 61, 64 to 65; not what comes before, nor the infection, nor 37.9 deg C."""
    names = ("day", "temperature_c", "infected")
    course = [(10.0, 40.0, False), (60.0, 39.0, False), (61.0, 38.0, False), (62.0, 37.9, False)]
    course += [(63.0, 39.0, True), (64.0, 37.0, False), (65.0, 38.5, False), (66.0, 37.0, False)]
    rows = [dict(zip(names, each, strict=True)) for each in course]
    assert result(chart(rows=rows))["late_fever_days"] == 2.0
    assert result(chart(rows=rows[:2]))["late_fever_days"] == 0.0


@pytest.mark.parametrize(("grade", "days"), [(2, 0.0), (3, 1.0)])
def test_intensive_care_is_icans_of_grade_3_too(grade, days):
    rows = [{"day": 0.0}, {"day": 5.0, "icans_grade": 2}, {"day": 6.0, "icans_grade": grade}]
    assert result(chart(rows=[*rows, {"day": 8.0}]))["icu_days"] == days


def test_intensive_care_ends_a_day_after_the_last_need():
    rows = [{"day": 0.0}, {"day": 3.0, "oxygen_need": 2}]
    rows += [{"day": 3.0 + hour / 8} for hour in range(1, 20)]
    assert result(chart(rows=rows))["icu_days"] == pytest.approx(3.0 + 1.0)


def test_death_by_icans_is_grade_5_and_leaves_the_crs_grade():
    rows = [{"day": 6.0, "crs_grade_penn": 4, "icans_grade": 4}]
    row = result(chart(rows=rows, died=(7.0, "icans")))
    assert (row["icans_grade"], row["crs_grade_penn"]) == (5, 4)


def test_cost_is_product_intensive_care_and_drugs():
    cost = PARAMS.cost
    rows = [{"day": 0.0}, {"day": 4.0}, {"day": 6.0, "blood_pressure_need": 2}]
    record = chart(rows=rows)
    assert result(record)["cost_usd"] == 2.0 * cost.icu_day_usd  # nothing infused, nothing given
    record.treatments += [Treatment(0.0, "car_t", 1e8), Treatment(1.0, "car_t", 1e8)]
    record.treatments += [Treatment(5.0, "tocilizumab", 400.0), Treatment(5.0, "anakinra", 80.0)]
    drugs = 400.0 * cost.tocilizumab_usd_per_mg + 80.0 * cost.anakinra_usd_per_mg
    assert result(record)["cost_usd"] == cost.product_usd + 2.0 * cost.icu_day_usd + drugs


def test_intensive_care_is_a_vasopressor_or_high_flow_oxygen():
    needs = [(0.0, 0, 0), (1.0, 1, 1), (1.5, 2, 0), (2.0, 0, 2), (4.0, 3, 3), (5.5, 1, 0)]
    names = ("day", "blood_pressure_need", "oxygen_need")
    rows = [dict(zip(names, row, strict=True)) for row in needs]
    assert result(chart(rows=rows))["icu_days"] == pytest.approx(
        0.5 + 0.5 + 2.0
    )  # seen 36 h later: home


def test_peaks_and_doses_are_counted():
    names = ("day", "il6_pg_per_ml", "ifng_pg_per_ml", "crp_mg_per_l", "temperature_c")
    rows = [dict(zip(names, row, strict=True)) for row in ((0, 5, 9, 2, 37), (1, 70, 8, 90, 36.5))]
    given = [(0, "car_t"), (5, "tocilizumab"), (6, "tocilizumab"), (6.5, "corticosteroid")]
    row = result(chart(rows=rows, given=given))
    peaks = ("peak_il6", "peak_ifng", "peak_crp", "peak_temperature")
    assert tuple(row[name] for name in peaks) == (70.0, 9.0, 90.0, 37.0)
    assert (row["tocilizumab_doses"], row["steroid_doses"]) == (2, 1)


# --- at any time, at any scale ---------------------------------------------------------------


def test_an_empty_record_has_outcomes():
    row = result(chart(), followed=0.0, leukemic=5)
    nothing = (
        "remission_day relapse_day death_day tmax_day doubling_days contraction_half_life_days "
        "tlast_day crs_onset_day crs_duration_days peak_il6 peak_temperature "
        "icans_onset_day icans3_day crs_astct3_day"
    )
    assert all(math.isnan(row[name]) for name in nothing.split())
    assert (row["event_free_days"], row["event_free_event"]) == (0.0, False)
    none = (
        "followed_days b_cell_aplasia_days icu_days auc_0_28 cmax_cells late_fever_days "
        "crs_grade_penn_whole icans_grade_whole"
    )
    assert [row[name] for name in none.split()] == [0.0] * 8
    assert (row["leukemic_cells_end"], row["car_t_cells_end"]) == (5, 12)
    assert (row["seed"], row["run_id"]) == (3, "name")


@pytest.mark.parametrize("followed", [0.0, 5.0, 28.0, 45.0, 60.0, 89.0, 90.0, 119.0, 120.0, 200.0])
def test_outcomes_are_there_at_any_time(followed):
    planned = [0, 28, 60, 90, 120, 150, 180]
    seen_so_far = [START, *clear(*planned[1:])][: sum(day <= followed for day in planned)]
    draws = [draw for draw in DRAWS if draw[0] <= followed]
    rows = [{"day": float(day), "copies_per_ug": 10.0 + day} for day in range(int(followed) + 1)]
    row = result(chart(seen_so_far, draws, rows), followed)
    assert row["remission"] is (followed >= 60)
    assert (row["event_free_days"], row["event_free_event"]) == (followed, False)


def test_a_biopsy_shows_no_remission_relapse_or_cure():
    record = chart([START, *clear(28, 60), seen(90, 0.5)], died=(300.0, "crs"))
    row = result(record, 300.0, whole_body=False)
    assert not row["remission"] and not row["cured"] and not row["event_free_event"]
    assert math.isnan(row["remission_day"]) and math.isnan(row["relapse_day"])
