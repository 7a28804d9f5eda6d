"""Two patients who are one until treated apart; any day of theirs can be gone to, exactly."""

import pytest

from tcellabm import TumorTCellModel
from tcellabm.app.plan import DOSE, Plan, Treatment
from tcellabm.app.thinned import Thinned
from tcellabm.app.twins import MOST_CHECKPOINTS, Twins

INFUSED = Treatment(0.0, "car_t", "both")
DRUG = Treatment(5.5, "tocilizumab")


def run(plan, *days):
    twins = Twins(plan)
    for day in days:
        twins.seek(day)
    return twins


def seen(model):
    return model.series.to_numpy().tobytes(), model.counts(), model.treatments


def test_twins_are_one_patient_until_only_one_is_treated():
    twins = run(Plan(seed=7, treatments=(INFUSED, DRUG)), 5.5)
    assert twins.arms[0] is twins.arms[1] and not twins.apart
    twins.seek(8.0)
    mine, twin = twins.arms
    assert twins.apart and mine.course.concentration(
        "tocilizumab"
    ) > 0.0 == twin.course.concentration("tocilizumab")
    before = mine.series.day <= 5.5
    assert mine.series[before].equals(twin.series[before])


def test_the_twin_equals_a_patient_run_alone():
    plan = Plan(seed=7, treatments=(INFUSED, DRUG))
    alone = TumorTCellModel(plan.params(), rng=7)
    alone.run_until(9.0)
    assert seen(run(plan, 9.0).arms[1]) == seen(alone)


def test_a_day_is_the_same_however_it_is_reached():
    plan = Plan(seed=3, treatments=(INFUSED, DRUG, Treatment(8.25, "corticosteroid", "both")))
    direct = run(plan, 12.0)
    wandered = run(plan, 1.0, 1.015625, 7.0, 11.0, 2.5, 0.0, 12.0)
    for one, other in zip(direct.arms, wandered.arms, strict=True):
        assert seen(one) == seen(other)


def test_a_url_reproduces_what_a_class_did():
    twins = run(Plan(seed=4), 0.0)
    twins.give(INFUSED)
    twins.seek(6.25)
    twins.give(Treatment(6.25, "tocilizumab"))
    twins.seek(9.0)
    plan, day = Plan.of_query(twins.plan.query(9.0))
    again = run(plan, day)
    assert [seen(model) for model in twins.arms] == [seen(model) for model in again.arms]


def test_acting_in_the_past_begins_a_branch():
    twins = run(Plan(seed=7, treatments=(INFUSED, DRUG)), 9.0, 3.0)
    twins.give(Treatment(3.0, "corticosteroid"))
    twins.seek(9.0)
    assert [name for _, name in twins.arms[0].treatments] == ["car_t", "corticosteroid"]
    assert twins.arms[1].treatments == [(0.0, "car_t")]


def test_a_twin_may_go_without_car_t_cells():
    twins = run(Plan(seed=7, treatments=(Treatment(0.0, "car_t"),)), 3.0)
    assert twins.arms[0].counts()["car_t"] > 0 == twins.arms[1].counts()["car_t"]
    assert twins.arms[0].patient.covariates[DOSE] == twins.dose_per_kg


def test_nobody_is_infused_unasked_and_a_later_infusion_has_the_dose_drawn():
    twins = run(Plan(seed=7), 2.0)
    assert twins.arms[0].counts()["car_t"] == 0
    twins.give(Treatment(2.0, "car_t", "both"))
    twins.seek(2.25)
    assert twins.arms[0].counts()["car_t"] > 0


def test_a_dose_given_is_the_dose_infused():
    few, many = (
        run(Plan(seed=7, treatments=(Treatment(0.0, "car_t", "both", dose),)), 0.25)
        for dose in (3e5, 3e6)
    )
    ratio = many.arms[0].counts()["car_t"] / few.arms[0].counts()["car_t"]
    assert ratio == pytest.approx(10.0, rel=0.05)


def test_a_drug_on_the_day_of_infusion_is_given_to_one():
    twins = run(Plan(seed=7, treatments=(INFUSED, Treatment(0.0, "tocilizumab"))), 1.0)
    assert [len(model.treatments) for model in twins.arms] == [2, 1]


def test_states_kept_are_bounded():
    twins = run(Plan(seed=7, treatments=(INFUSED,), days=60.0), 60.0)
    assert twins.ended and len(twins._kept) <= MOST_CHECKPOINTS


def test_a_bounded_memory_keeps_early_days_densely():
    kept = Thinned(20, 0.01)
    for day in range(1000):
        kept.offer(float(day), lambda day=day: day)
    days = [day for day, _ in kept]
    assert len(days) <= 20 and days[0] == 0.0
    assert days[1] - days[0] < days[-1] - days[-2]
    kept.forget_after(50.0)
    assert kept.last()[0] <= 50.0
