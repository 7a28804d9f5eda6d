"""One patient from Python: the clock, the limits, treatments, outcomes, the biopsy, death."""

import json
import math
import re

import mesa
import numpy as np
import pytest
from mesa.time import Priority

from tcellabm import InputError, TumorTCellModel, load
from tcellabm.columns import OUTCOMES, SERIES, names

BODY = "scenarios/kymriah.toml"
BIOPSY = "scenarios/biopsy.toml"
SMALL = {"marrow.rows": 2, "marrow.cols": 2, "resolution.agents_per_population": 16}
SMALL_BIOPSY = {"marrow.rows": 35, "marrow.cols": 35, "resolution.represented_fraction": 1e-8}
NO_DEATH = {"physiology.crs_death_per_day": 0.0, "physiology.progression_death_per_day": 0.0}
CARE_NONE = {"care.policy": "none"}
CAR_T = ["car_t_memory", "car_t_effector", "car_t_exhausted"]
LEUKEMIA = ["leukemia_cd19_positive", "leukemia_cd19_negative"]
CRS_GRADES = ["crs_grade_penn", "crs_grade_astct", "crs_grade_lee"]
BOOLEANS = {"remission", "mrd_negative", "cured", "event_free_event"}
TEXTS = {"relapse_phenotype", "death_cause", "run_id"}
INTEGERS = {*CRS_GRADES, "icans_grade", "tocilizumab_doses", "steroid_doses", "seed"}
INTEGERS |= {"leukemic_cells_end", "car_t_cells_end"}
INTEGERS |= {"crs_grade_penn_whole", "icans_grade_whole"}


def patient(overrides=None, rng=1, scenario=BODY):
    return TumorTCellModel(load(scenario, {**SMALL, **(overrides or {})}), rng=rng)


def biopsy(overrides=None, rng=1):
    return TumorTCellModel(load(BIOPSY, {**SMALL_BIOPSY, **(overrides or {})}), rng=rng)


def observed(model):
    """All that a user can see; two equal models give equal values, bit for bit."""
    agents = model.agents
    return {
        "series": model.series.to_numpy().tobytes(),
        "outcomes": {name: None if v != v else v for name, v in model.outcomes().items()},
        "counts": model.counts(),
        "agents": agents.get(["unique_id", "count", "kind", "site", "antigen", "divisions_left"]),
        "layers": [layer.data.tobytes() for layer in model.tissue.marrow.layers.values()],
        "treatments": sorted(model.treatments),
        "chart": [*model.record.draws, *model.record.assessments],
        "stream": model.rng.bit_generator.state,
        "clock": (model.time, model.steps, model.running),
    }


@pytest.fixture(scope="module")
def half_year():
    """A patient followed for 200 days, treated on day 70; not to be changed."""
    model = patient(NO_DEATH)
    model.give("corticosteroid", at=70.0)  # so that ticks are short then
    model.run_until(200)
    return model


# --- the clock ------------------------------------------------------------------------------------


def test_is_a_mesa_model_that_counts_mesas_days():
    model = patient()
    assert isinstance(model, mesa.Model)
    assert (model.time, model.steps, model.running) == (0.0, 0, True)
    model.step()
    assert (model.time, model.steps) == (1.0, 1)
    model.run_for(2.5)
    assert (model.time, model.steps) == (3.5, 3)
    model.run_until(5.01)
    assert (model.time, model.steps) == (5.01, 5)


@pytest.mark.parametrize("day", [5.01, 5, 0, -3])
def test_a_time_already_reached_does_nothing_and_warns_nothing(day):
    model = patient()
    model.run_until(5.01)
    before = observed(model)
    model.run_until(day)
    assert observed(model) == before


def test_running_for_no_time_does_nothing_and_warns_nothing():
    model = patient()
    model.run_until(5.01)
    before = observed(model)
    model.run_for(0)
    assert observed(model) == before


def test_time_is_a_float_however_it_is_asked_for():
    model = patient()
    model.run_until(3)
    assert type(model.time) is float
    assert type(model.outcomes()["followed_days"]) is float


def test_events_of_a_user_run_on_the_same_clock():
    model, seen = patient(), []

    def look():
        seen.append((model.time, len(model.series)))

    model.schedule_event(look, at=2.3)
    model.schedule_event(look, at=4.0, priority=Priority.LOW)
    model.run_until(5)
    assert [time for time, _ in seen] == [2.3, 4.0]
    assert model.series["day"].iloc[seen[0][1] - 1] <= 2.3


def test_ticks_are_powers_of_two_on_a_grid(half_year):
    days = half_year.series["day"].to_numpy()
    dense = days[days <= 60.0]
    lengths = np.diff(dense)
    assert np.all(np.log2(lengths) % 1.0 == 0.0)
    assert np.all(dense[1:] % lengths == 0.0)


@pytest.mark.parametrize("treatment", ["corticosteroid", "car_t"])
@pytest.mark.parametrize("day", [3.01, 45.3, 55.0])
def test_ticks_stay_on_the_grid_when_something_is_given(day, treatment):
    model = patient({**NO_DEATH, **CARE_NONE})
    model.run_until(day)
    model.give(treatment)
    model.run_until(60)
    days = model.series["day"].to_numpy()
    lengths = np.diff(days)
    assert np.all(np.log2(lengths) % 1.0 == 0.0)
    assert np.all(days[1:] % lengths == 0.0)


def test_a_treatment_shortens_the_tick_under_way():
    model = patient({**NO_DEATH, **CARE_NONE, "patient.leukemic_burden": 0})
    model.run_until(50)
    untreated = model.fork()
    model.give("tocilizumab")
    for each in (model, untreated):
        each.run_until(53)
    rows = [(each.series["day"] > 50).sum() for each in (untreated, model)]
    assert rows[0] < rows[1]


# --- day 0 ----------------------------------------------------------------------------------------


def test_infusion_is_an_event_at_day_0():
    model = patient()
    assert model.counts()["car_t"] == 0
    assert model.treatments == []
    assert model.series.empty
    seen = []

    def look():
        seen.append(model.counts()["car_t"])

    model.schedule_event(look, at=0.0, priority=Priority.LOW)
    model.run_until(1e-9)
    assert seen[0] > 0
    assert model.treatments == [(0.0, "car_t")]
    assert len(model.series) == 1
    assert model.series[CAR_T].iloc[0].sum() == model.counts()["car_t"] == seen[0]


@pytest.mark.parametrize(
    "limit",
    [
        {"product.dose_cells_per_kg": 0},
        {"patient.leukemic_burden": 0},
        {"patient.leukemic_burden": 1},
        {"patient.leukemic_burden": 1e12},
        {"patient.leukemic_burden": 5e13},
        {"myeloid.pool_cells": 0},
        {"lymphodepletion.given": False},
        {"patient.net_growth_per_day": 0},
        {"patient.net_growth_per_day": -0.5},
        {"product.killing": 0},
        {"patient.weight_kg": 3},
        {"patient.weight_kg": 200},
        {"patient.cd19_negative_fraction": 1},
        {"leukemia.death_per_day": 0},
        {"leukemia.cd19_loss_per_division": 1, "patient.leukemic_burden": 1e6},
        {"leukemia.leave_marrow_per_day": 0, "leukemia.home_per_day": 0},
        {"product.divisions": 0},
        {"product.memory_fraction": 1},
        {"product.engrafting_fraction": 1},
        {"product.affinity": 1e-3},
        {"product.affinity": 1e3},
        {"b_cell.death_per_day": 0},
        {"b_cell.influx_per_day": 0},
        {"b_cell.most_cells": 0},
        {"patient.b_cell_output": 0},
        {"patient.niche_fraction": 1},
        {"leukemia.niche_reach": 0, "leukemia.niche_exit_per_day": 0},
        {"patient.anti_car_response": 1e6, "rejection.loss_per_day": 10},
        {"patient.homeostatic_cytokines": 1e-6},
        {"homeostatic.floor": 0, "homeostatic.release_least": 0},
        {"homeostatic.consumption_half_per_ul": 1e-3},
        {"cytokines.il6.receptor_share": 1, "cytokines.il6.baseline_pg_per_ml": 0},
        {"marrow.rows": 1, "marrow.cols": 1, "resolution.agents_per_population": 1},
        {"time.tick_halvings": 0},
        {
            "product.dose_cells_per_kg": 0,
            "patient.leukemic_burden": 0,
            "myeloid.pool_cells": 0,
            "b_cell.influx_per_day": 0,
            "lymphodepletion.given": False,
        },
    ],
    ids=lambda limit: ",".join(f"{k.split('.')[-1]}={v}" for k, v in limit.items()),
)
def test_limits_run_without_warning_or_nan(limit):
    model = patient(limit)
    model.run_until(60)
    series = model.series.to_numpy()
    assert np.isfinite(series).all()
    assert (series >= 0.0).all()


def test_without_a_dose_there_never_is_a_car_t_cell():
    model = patient({"product.dose_cells_per_kg": 0, **NO_DEATH})
    model.run_until(60)
    assert not model.series[CAR_T].to_numpy().any()
    assert model.outcomes()["cmax_copies_per_ug"] == 0.0


@pytest.mark.parametrize("burden", [0, 1])
def test_burden_is_exact_down_to_the_last_cell(burden):
    model = patient({"patient.leukemic_burden": burden})
    assert model.counts()["leukemia"] == burden


def test_no_leukemia_comes_from_none():
    model = patient({"patient.leukemic_burden": 0})
    model.run_until(60)
    assert not model.series[LEUKEMIA].to_numpy().any()
    assert model.outcomes()["cured"] is True


# --- what is recorded -----------------------------------------------------------------------------


def test_series_has_a_row_per_tick_to_day_60_then_per_day(half_year):
    series = half_year.series
    assert tuple(series.columns) == names(SERIES)
    days = series["day"].to_numpy()
    assert days[0] == 0.0
    assert np.all(np.diff(days) > 0.0)
    assert days[days <= 60.0].size > 8 * 28  # eighths of a day for four weeks after infusion
    assert days[days > 60.0].tolist() == list(range(61, 201))
    assert np.isfinite(series.to_numpy()).all()


@pytest.mark.parametrize("day", [0.125, 5.0, 60.0])
def test_counts_are_exact_integers_that_agents_and_series_agree_with(day):
    model = patient()
    model.run_until(day)
    counts = model.counts()
    assert list(counts) == ["leukemia", "car_t", "b_cell", "myeloid"]
    assert all(type(cells) is int for cells in counts.values())
    assert model.agents.agg("count", sum) == sum(counts.values())
    last = model.series.iloc[-1]
    assert last["day"] == day
    assert last[LEUKEMIA].sum() == counts["leukemia"]
    assert last[CAR_T].sum() == counts["car_t"]
    assert last["b_cell"] == counts["b_cell"]
    assert 0 <= last["myeloid_activated"] <= counts["myeloid"]
    row = model.outcomes()
    assert row["leukemic_cells_end"] == counts["leukemia"]
    assert row["car_t_cells_end"] == counts["car_t"]


@pytest.mark.parametrize(
    ("make", "day"),
    [(patient, 0.0), (patient, 0.1), (patient, 30.0), (patient, 200)]
    + [(biopsy, 0.0), (biopsy, 0.1), (biopsy, 30)],
)
def test_outcomes_are_a_plain_row_at_any_time(make, day):
    model = make()
    model.run_until(day)
    row = model.outcomes()
    assert type(row) is dict
    assert tuple(row) == names(OUTCOMES)
    for name, value in row.items():
        if name in BOOLEANS:
            assert type(value) is bool, name
        elif name in TEXTS:
            assert type(value) is str, name
        elif name in INTEGERS:
            assert type(value) is int, name
            assert value >= 0, name
        else:
            assert type(value) is float, name
    assert all(row[grade] <= 5 for grade in [*CRS_GRADES, "icans_grade"])
    assert row["followed_days"] == day
    assert json.loads(json.dumps(row)).keys() == row.keys()


def test_asking_for_outcomes_changes_nothing():
    asked, other = patient(), patient()
    for day in (1, 10.3, 30, 60):
        asked.run_until(day)
        asked.outcomes(), asked.series, asked.counts(), asked.agents.shuffle(), asked.grid
    other.run_until(60)
    assert observed(asked) == observed(other)


def test_series_is_a_copy():
    model = patient()
    model.run_until(5)
    series = model.series
    series.iloc[:] = -1
    assert (model.series["day"] >= 0.0).all()


@pytest.mark.parametrize(
    "change",
    [
        {"product.dose_cells_per_kg": 1.234e6},
        {"leukemia.death_per_day": 0.0401},
        {"physiology.fever_c": 38.1},
        {"care.policy": "none"},
        {"resolution.agents_per_population": 17},
        {"lymphodepletion.given": False},
        {"population.patient.weight_kg.median": 39.0},
        {"time.days": 366},
    ],
    ids=str,
)
def test_run_id_changes_with_any_parameter(change):
    assert patient(change).outcomes()["run_id"] != patient().outcomes()["run_id"]


def test_run_id_changes_with_the_seed_alone_if_parameters_are_the_same():
    names = [patient(rng=seed).outcomes()["run_id"] for seed in (1, 1, 2)]
    assert names[0] == names[1] != names[2]
    dose = "product.dose_cells_per_kg"
    assert patient({dose: 2000000}).run_id == patient({dose: 2e6}).run_id


def test_patient_and_params_are_frozen(half_year):
    with pytest.raises(AttributeError):
        half_year.patient.seed = 2
    with pytest.raises(TypeError):
        half_year.patient.covariates["patient.weight_kg"] = 1.0
    with pytest.raises(ValueError, match="frozen"):
        half_year.params.patient.weight_kg = 1.0


# --- treatments -----------------------------------------------------------------------------------

UNTREATED = {**CARE_NONE, **NO_DEATH}


@pytest.mark.parametrize(
    ("treatment", "column"),
    [("tocilizumab", "tocilizumab_doses"), ("corticosteroid", "steroid_doses")],
)
def test_a_drug_is_given_once_counted_and_acts_from_the_next_tick(treatment, column):
    model = patient(UNTREATED)
    model.run_until(4)
    other = model.fork()
    model.give(treatment)
    for each in (model, other):
        each.run_until(8)
    assert model.treatments == [(0.0, "car_t"), (4.0, treatment)]
    assert (model.outcomes()[column], other.outcomes()[column]) == (1, 0)
    early = model.series["day"] <= 4.0
    assert model.series[early].equals(other.series[early])
    assert not model.series.equals(other.series)


def test_tocilizumab_is_seen_in_serum():
    model = patient(UNTREATED)
    model.give("tocilizumab", at=2.0)
    model.run_until(4)
    serum = model.series.set_index("day")["tocilizumab_ug_per_ml"]
    assert not serum[:2.0].any()
    assert serum[2.125:].min() > 0.0


def test_car_t_cells_are_given_as_many_as_said_or_the_labelled_dose():
    model = patient(UNTREATED)
    model.run_until(30)
    few, many, labelled, same = (model.fork() for _ in range(4))
    before = model.counts()["car_t"]
    few.give("car_t", cells=1000)
    many.give("car_t", cells=1e9)
    labelled.give("car_t")
    same.give("car_t", cells=model.params.product.dose_cells_per_kg * model.patient.weight_kg)
    for twin in (few, many, labelled, same):
        twin.run_until(30.001)
    assert before <= few.counts()["car_t"] <= before + 1000
    assert before + 1000 < many.counts()["car_t"] <= before + 10**9
    assert observed(labelled) == observed(same)


def test_giving_no_car_t_cells_adds_none():
    model = patient(UNTREATED)
    model.run_until(30)
    before = model.counts()
    model.give("car_t", cells=0)
    model.run_until(30.001)
    assert model.counts() == before


@pytest.mark.parametrize(
    ("order", "what"),
    [
        (("aspirin",), "unknown treatment 'aspirin', allowed: car_t, tocilizumab"),
        (("",), "unknown treatment"),
        (("tocilizumab", 4.9), "is past"),
        (("tocilizumab", -1.0), "is past"),
        (("tocilizumab", math.nan), "allowed"),
        (("tocilizumab", math.inf), "allowed"),
        (("tocilizumab", 6.0, 1e6), "cells given with tocilizumab"),
        (("car_t", 6.0, -1.0), "allowed: a number from 0"),
        (("car_t", 6.0, math.nan), "allowed: a number from 0"),
        (("car_t", 6.0, math.inf), "allowed: a number from 0"),
    ],
    ids=str,
)
def test_what_cannot_be_given_is_refused_in_one_line_and_changes_nothing(order, what):
    model = patient()
    model.run_until(5)
    twin = model.fork()
    with pytest.raises(ValueError, match=re.escape(what)) as refused:
        model.give(*order)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) <= 200
    for each in (model, twin):
        each.run_until(10)
    assert observed(model) == observed(twin)


def test_more_car_t_cells_than_can_be_counted_are_refused():
    with pytest.raises(ValueError, match="allowed"):
        patient().give("car_t", cells=1e300)


@pytest.mark.parametrize("treatment", ["tocilizumab", "corticosteroid", "car_t"])
# on the grid; off it; a blood draw; a draw and an assessment; an assessment; off the daily ticks
@pytest.mark.parametrize("day", [5, 5.01, 9.7, 7, 28, 90, 100.3])
def test_giving_now_equals_having_ordered_it_beforehand(treatment, day):
    ordered, now = patient(), patient()
    ordered.give(treatment, at=day)
    now.run_until(day)
    now.give(treatment)
    for model in (ordered, now):
        model.run_until(day + 30)
    assert observed(ordered) == observed(now)


def test_a_draw_of_the_same_moment_is_taken_before_the_treatment():
    ordered, plain = patient(UNTREATED), patient(UNTREATED)
    ordered.give("car_t", at=7.0, cells=1e11)
    for model in (ordered, plain):
        model.run_until(7)
    assert ordered.record.draws == plain.record.draws


def test_an_aspirate_for_blasts_in_blood_is_taken_before_a_treatment_of_that_moment():
    growing = {
        **UNTREATED,
        "product.dose_cells_per_kg": 0,
        "patient.leukemic_burden": 1e9,
        "patient.net_growth_per_day": 0.3,
    }
    model = patient(growing)
    model.run_until(27)
    day = model.record.assessments[-1].day  # unplanned: the first planned one is on day 28
    assert 0.0 < day < 27.0
    ordered, now = patient(growing), patient(growing)
    ordered.give("car_t", at=day, cells=1e9)
    now.run_until(day)
    now.give("car_t", cells=1e9)
    for each in (ordered, now):
        each.run_until(day + 5)
    assert observed(ordered) == observed(now)


def test_everything_ordered_for_one_moment_is_given():
    model = patient(UNTREATED)
    for treatment in ("car_t", "tocilizumab", "corticosteroid", "tocilizumab"):
        model.give(treatment, at=9.7)
    model.run_until(10)
    assert sorted(model.treatments[1:]) == [
        (9.7, "car_t"),
        (9.7, "corticosteroid"),
        (9.7, "tocilizumab"),
        (9.7, "tocilizumab"),
    ]


def feverish_patient():
    """Return an untreated patient at a rising temperature, whatever the calibration."""
    for seed in range(1, 60):
        overrides = {
            **UNTREATED,
            "patient.leukemic_burden": 5e11,
            "patient.vascular_sensitivity": 0,
        }
        model = patient(overrides, rng=seed)
        while model.time < 15.0 and model.course.now.body.temperature_c < 39.0:
            model.step()
        if model.time < 15.0:
            return model
    raise AssertionError("no patient of 60 runs a high fever")


def test_tocilizumab_raises_serum_il6_while_temperature_falls_and_car_t_cells_stay():
    untreated = feverish_patient()
    start, treated = untreated.time, untreated.fork()
    treated.give("tocilizumab")
    for model in (untreated, treated):
        model.run_until(start + 3)
    with_drug, without = (
        model.series.set_index("day").loc[start + 0.5 :] for model in (treated, untreated)
    )
    assert (with_drug["il6_pg_per_ml"] > 1.2 * without["il6_pg_per_ml"]).all()
    assert (with_drug["temperature_c"] < without["temperature_c"]).all()
    assert with_drug["temperature_c"].iloc[-1] < untreated.params.physiology.fever_c
    car_t = with_drug[CAR_T].sum(axis=1) / without[CAR_T].sum(axis=1)
    assert car_t.between(0.9, 1.1).all()


# --- a biopsy -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample():
    """A small biopsy of a heavy burden after a week; not to be changed."""
    model = biopsy({"patient.leukemic_burden": 6e11, **NO_DEATH})
    model.run_until(7)
    return model


def test_every_agent_of_a_biopsy_is_one_cell(sample):
    assert set(sample.agents.get("count")) == {1}
    assert len(sample.agents) == sum(sample.counts().values()) > 1000


def test_keys_of_a_biopsy_are_body_figures():
    fraction = SMALL_BIOPSY["resolution.represented_fraction"]
    model = biopsy({"patient.leukemic_burden": 6e11})
    assert model.counts()["leukemia"] == round(6e11 * fraction)
    model.run_until(1e-9)
    dose = model.params.product.dose_cells_per_kg * model.patient.weight_kg
    assert model.counts()["car_t"] <= round(dose * fraction)


def test_series_and_outcomes_of_a_biopsy_are_scaled_to_the_body(sample):
    fraction, counts = sample.params.resolution.represented_fraction, sample.counts()
    last, row = sample.series.iloc[-1], sample.outcomes()
    assert last[LEUKEMIA].sum() * fraction == pytest.approx(counts["leukemia"])
    assert last[CAR_T].sum() * fraction == pytest.approx(counts["car_t"])
    assert row["leukemic_cells_end"] == pytest.approx(counts["leukemia"] / fraction)
    assert row["car_t_cells_end"] == pytest.approx(counts["car_t"] / fraction)
    assert row["cmax_cells"] == pytest.approx(sample.series[CAR_T].sum(axis=1).max(), rel=0.5)


def test_a_biopsy_claims_neither_cure_nor_remission_nor_relapse():
    model = biopsy({"patient.leukemic_burden": 0, "time.slow_tick_halvings": 1})
    model.run_until(130)
    row = model.outcomes()
    assert model.counts()["leukemia"] == 0
    assert not any(row[name] for name in BOOLEANS)
    assert math.isnan(row["remission_day"])
    assert math.isnan(row["relapse_day"])
    assert row["event_free_days"] == 130.0


@pytest.mark.parametrize(
    "overrides",
    [
        {"resolution.max_agents": 1000, "patient.leukemic_burden": 6e11},
        {"resolution.represented_fraction": 1e-4},
        {"resolution.represented_fraction": 1e-4, "patient.cd19_negative_fraction": 1},
    ],
    ids=str,
)
def test_more_agents_than_allowed_are_a_clear_error(overrides):
    with pytest.raises(InputError, match="resolution.max_agents") as refused:
        biopsy({"patient.leukemic_burden": 1.5e11, **overrides})
    assert len(str(refused.value)) <= 200


def test_more_agents_than_allowed_are_a_clear_error_when_they_grow():
    model = biopsy(
        {"patient.leukemic_burden": 1e10, "product.killing": 0}
        | {"patient.net_growth_per_day": 1.0, "resolution.max_agents": 2000}
    )
    with pytest.raises(InputError, match="resolution.max_agents"):
        model.run_until(28)


# --- death ----------------------------------------------------------------------------------------

FULL = {"patient.leukemic_burden": 1e12, "product.killing": 0}
DYING = {
    "progression": {**FULL, "physiology.progression_death_per_day": 10},
    "crs": {
        **FULL,
        "patient.vascular_sensitivity": 100,
        "patient.fever_sensitivity": 1e6,
        "physiology.crs_death_per_day": 10,
        "physiology.progression_death_per_day": 0,
    },
}


@pytest.fixture(scope="module", params=DYING)
def dead(request):
    model = patient({**DYING[request.param], **CARE_NONE})
    while model.running:
        model.step()
        assert model.time < 60
    return request.param, model


def test_death_ends_what_is_followed(dead):
    cause, model = dead
    row = model.outcomes()
    assert row["death_cause"] == cause
    assert 0.0 < row["death_day"] <= model.time
    assert row["followed_days"] == row["death_day"] == model.series["day"].iloc[-1]
    assert row["event_free_event"] is True
    assert row["event_free_days"] == row["death_day"]


def test_death_by_crs_alone_is_grade_5(dead):
    cause, model = dead
    grades = {model.outcomes()[scale] for scale in CRS_GRADES}
    assert (grades == {5}) is (cause == "crs")
    assert model.series[CRS_GRADES].to_numpy().max() <= 4


def test_nothing_is_simulated_after_death(dead):
    _, model = dead
    late = model.fork()
    late.give("tocilizumab")
    late.give("car_t", at=100.0)
    late.run_until(365)
    late.step()
    assert late.time == 366.0
    assert not late.running
    before, after = observed(model), observed(late)
    del before["clock"], after["clock"]
    assert before == after
