"""What a sweep is held against: the reference, the window, the label; and wrong ones."""

import pytest

from tcellabm.experiments.design.plan import Plan
from tcellabm.params import InputError

SWEEP, SCENARIO = "params/sweeps/dose_persistence.toml", "params/scenarios/kymriah.toml"
DOSE, HALF_LIFE = "product.dose_cells_per_kg", "product.persistence_half_life_days"


def asked(file, **values):
    return Plan.load(file, {"sweep.patients": 1, **values}).question


def test_the_default_sweep_asks_what_it_says():
    question = asked(SWEEP)
    assert question.reference == {DOSE: 3e6, HALF_LIFE: 120.0}
    assert question.window == {"remission_365": 0.5, "severe_crs": 0.33}
    assert question.label == (2e5, 5e6)
    recipe = Plan.load(SWEEP, {"sweep.patients": 1}).recipe
    assert {key: recipe[key] for key in question.as_table()} == question.as_table()


@pytest.mark.parametrize(
    ("axis", "values", "nearest"),
    [
        (DOSE, [1e6, 2e6, 1e7], 2e6),  # the median is 3e6: in logs 2e6 is nearer than 1e7
        (DOSE, [0.0, 1e9], 1e9),
        ("care.policy", ["none", "label"], "label"),
        ("care.policy", ["none", "early"], "none"),
        ("lymphodepletion.given", [False, True], True),
        ("patient.net_growth_per_day", [-0.1, 0.0, 0.05], 0.05),
    ],
)
def test_by_default_it_is_the_point_nearest_to_the_scenario(axis, values, nearest):
    assert asked(SCENARIO, **{axis: values}).reference == {axis: nearest}


def test_what_is_wanted_of_some_axes_is_kept_and_the_rest_is_nearest():
    axes = {DOSE: [1e6, 3e6], HALF_LIFE: [15.0, 240.0]}
    question = asked(SCENARIO, **axes, **{"sweep.reference": {DOSE: 1e6}})
    assert question.reference == {DOSE: 1e6, HALF_LIFE: 240.0}


def test_another_axis_takes_the_reference_of_the_file_with_it():
    assert asked(SWEEP, **{DOSE: [1e6, 2e6]}).reference == {DOSE: 2e6, HALF_LIFE: 120.0}
    assert asked(SWEEP, **{DOSE: 1e6}).reference == {HALF_LIFE: 120.0}


def test_one_point_or_a_sample_has_no_reference():
    assert asked(SCENARIO).reference == {}
    assert asked(SWEEP, **{"sweep.sample": "sobol", "sweep.points": 4}).reference == {}


def test_no_run_depends_on_the_question():
    one, other = (
        Plan.load(SWEEP, {"sweep.patients": 1, "sweep.window.severe_crs": limit})
        for limit in (0.1, 0.9)
    )
    assert [task.run_id for task in one.tasks] == [task.run_id for task in other.tasks]
    assert one.schema == other.schema


def test_what_is_drawn_is_a_column_and_what_is_set_is_none_of_it():
    names = Plan.load(SWEEP, {"sweep.patients": 1, "product.killing": 1.0}).schema.names
    assert names.index("patient.leukemic_burden") > names.index("error")
    assert names.count(DOSE) == names.count("product.killing") == 1
    assert names.index("product.killing") < names.index("patient")


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"sweep.reference": {DOSE: 2e6}}, "2e6 is no point"),
        ({"sweep.reference": {DOSE: "much"}}, "is not a number"),
        ({"sweep.reference": {"care.policy": "none"}}, "care.policy is no axis"),
        ({"sweep.reference": 3}, "sweep.reference is no table"),
        ({"sweep.window": {"remission_365": 2}}, "out of range"),
        ({"sweep.window.severe": 0.2}, "nearest: severe_crs"),
        ({"sweep.window": 0.3}, "unknown key sweep.window."),
        ({"sweep.label": [3, 1]}, "allowed: low < high"),
        ({"sweep.label": 3}, "allowed: [low, high]"),
        ({"sweep.label": ["a", "b"]}, "is not a number"),
    ],
)
def test_a_wrong_question_is_one_line(values, wrong):
    with pytest.raises(InputError) as error:
        asked(SWEEP, **values)
    assert wrong in str(error.value)
    assert len(f"error: {error.value}") <= 200


def test_a_window_needs_both_limits():
    with pytest.raises(InputError, match="without severe_crs"):
        asked(SCENARIO, **{"sweep.window.remission_365": 0.5})
