"""Chance by purpose: arms of one patient differ only by treatment, and only from then on."""

import itertools
import json

import numpy as np
import pytest

from tcellabm import TumorTCellModel, load

SEED, DAY, END = 5, 6.3, 120.0
TREATMENTS = ("car_t", "tocilizumab", "corticosteroid", "anakinra")
ILL = {"patient.leukemic_burden": 3e11, "patient.myeloid_sensitivity": 4.0}
FULL = {
    "patient.leukemic_burden": 1e12,
    "product.killing": 0.0,
    "physiology.progression_death_per_day": 0.05,
    "physiology.crs_death_per_day": 0.0,
    "neurotoxicity.icans_death_per_day": 0.0,
    "care.policy": "none",
}


def patient(overrides=None, seed=SEED):
    return TumorTCellModel(load("scenarios/kymriah.toml", ILL | (overrides or {})), rng=seed)


def seen(model, until=np.inf):
    """All that was observed up to a day."""
    series, record = model.series, model.record
    return (
        series[series.day <= until].to_csv(),
        [one for one in record.draws if one.day <= until],
        [one for one in record.assessments if one.day <= until],
        [one for one in record.treatments if one.day < until and one.amount > 0.0],
    )


@pytest.fixture(scope="module")
def untreated():
    model = patient()
    model.run_until(END)
    return model


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_arms_are_one_patient_until_the_treatment(treatment, untreated):
    arm = patient()
    arm.give(treatment, at=DAY)
    arm.run_until(END)
    assert seen(arm, DAY) == seen(untreated, DAY)
    assert seen(arm) != seen(untreated)


def test_an_infusion_of_no_cells_changes_nothing(untreated):
    arm = patient()
    for day in (0.5, DAY, 40.0):
        arm.give("car_t", at=day, cells=0.0)
    arm.run_until(END)
    assert seen(arm) == seen(untreated)
    assert json.dumps(arm.outcomes()) == json.dumps(untreated.outcomes())


@pytest.mark.parametrize("overrides", [{}, FULL], ids=["care", "death"])
def test_a_course_is_the_same_however_the_clock_is_driven(overrides):
    """Care, drugs and death are on."""
    whole, daily, crooked = (patient(overrides) for _ in range(3))
    for model in (whole, daily, crooked):
        model.give("corticosteroid", at=9.7)
    whole.run_until(90.0)
    for _ in range(90):
        daily.step()
    for day in (*np.arange(0.0, 20.0, 0.37), 90.0):
        crooked.run_until(float(day))
        assert crooked.outcomes()["followed_days"] <= day
    assert seen(daily) == seen(whole) == seen(crooked)
    assert json.dumps(daily.outcomes()) == json.dumps(whole.outcomes())
    assert json.dumps(crooked.outcomes()) == json.dumps(whole.outcomes())


def test_the_day_of_a_death_does_not_depend_on_what_the_cells_draw():
    """The marrow is full from the start: the hazard differs by what chance does to 1e12 cells."""
    days = []
    for other in range(4):
        model = patient(FULL)
        model.rng = np.random.default_rng(other)
        model.run_until(365.0)
        assert model.outcomes()["death_cause"] == "progression"
        days.append(model.outcomes()["death_day"])
    assert days == pytest.approx([days[0]] * 4, rel=1e-5)


def test_deaths_follow_their_hazard():
    """Exponential with the hazard given: catches 25 % in the rate, of 400 patients."""
    from tcellabm.clinic import physiology

    left = np.array([physiology.thresholds(np.random.default_rng(seed)) for seed in range(400)])
    error = 1.0 / np.sqrt(400)
    assert np.abs(left.mean(axis=0) - 1.0).max() < 5.0 * error
    assert np.abs(np.corrcoef(left.T) - np.eye(3)).max() < 5.0 * error


@pytest.mark.parametrize("halvings", [3, 4])
def test_rounds_do_not_depend_on_the_tick(halvings, monkeypatch):
    """While a patient is ill, care is asked every four hours of a fixed clock."""
    from tcellabm.clinic.care import POLICIES

    asked = []

    def note(bedside, params):
        asked.append((bedside.day, bedside.in_crs))
        return ()

    monkeypatch.setitem(POLICIES, "none", note)
    patient({"care.policy": "none", "time.tick_halvings": halvings}).run_until(12.0)
    days = [day for day, _ in asked]
    assert days == sorted(set(days))
    spans = [(now[0], then[0]) for now, then in itertools.pairwise(asked) if now[1]]
    rounds = {round(6 * then) for _, then in spans if abs(6 * then - round(6 * then)) < 1e-9}
    assert len(rounds) > 6
    for now, then in spans:  # never past a round: it is asked at, or something has changed before
        assert then <= (np.floor(6 * now + 1e-9) + 1) / 6 + 1e-9
