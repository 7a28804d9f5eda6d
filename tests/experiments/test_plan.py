import numpy as np
import pytest
from experiments.conftest import DOSE, HALF_LIFE

from tcellabm.experiments.design.plan import Plan, patient_seed
from tcellabm.identity import run_id
from tcellabm.params import InputError

SWEEP = "params/sweeps/dose_persistence.toml"


def test_the_seed_of_a_patient_is_that_of_the_contract():
    sequence = np.random.SeedSequence(7, spawn_key=(3, 0))
    assert patient_seed(7, 3) == int(sequence.generate_state(1, np.uint64)[0] >> 1)


def test_the_default_sweep_has_the_same_patients_at_35_points():
    tasks = Plan.load(SWEEP).tasks
    assert len(tasks) == 35 * 240
    assert len({task.run_id for task in tasks}) == len(tasks)
    first = [task.seed for task in tasks[:240]]
    assert len(set(first)) == 240
    assert [task.seed for task in tasks[240:480]] == first
    assert (tasks[0].settings[DOSE], tasks[0].settings[HALF_LIFE]) == (1e4, 15.0)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"files.posterior": "none"},
        {"care.policy": ["none", "eliana"], "patient.weight_kg": [10, 20.5]},
        {"population.patient.weight_kg.median": [20, 30]},
    ],
)
def test_a_run_has_the_name_of_its_own_parameters(values):
    plan = Plan.load(SWEEP, values | {"sweep.patients": 2, "sweep.replicates": 2})
    for task in plan.tasks:
        assert task.run_id == run_id(plan.params.replace(task.settings), task.seed)


def test_a_law_is_checked_with_what_each_patient_draws_of_it():
    """The shipped posterior has medians of fitness from 0.94 on; the population's own is 1."""
    low = "population.product.fitness.low"
    with pytest.raises(InputError, match="fitness.median = 0.9.* is out of bounds"):
        Plan.load(SWEEP, {low: [0.5, 0.97], "sweep.patients": 240})


def test_setting_an_axis_pins_it_and_keeps_its_column():
    plan = Plan.load(SWEEP, {DOSE: 1e6, "sweep.patients": 2})
    assert list(plan.axes) == [HALF_LIFE]
    assert plan.given[DOSE] == 1e6
    assert plan.schema.names[:3] == [HALF_LIFE, DOSE, "sweep.patients"]


def test_a_list_replaces_the_values_of_an_axis():
    assert Plan.load(SWEEP, {DOSE: [1e6, 3e6]}).axes[DOSE] == [1e6, 3e6]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({DOSE: [1e6, 1000000]}, DOSE),
        ({DOSE: []}, DOSE),
        ({DOSE: [1e6, -1]}, "out of range"),
        ({"sweep.patients": [1, 2]}, "sweep.patients"),
        ({"product.doze_cells_per_kg": 1e6}, DOSE),
    ],
)
def test_bad_axes_are_refused_with_the_name(values, words):
    with pytest.raises(InputError, match=words):
        Plan.load(SWEEP, values)


def test_a_run_does_not_depend_on_how_many_patients_there_are():
    few, many = (Plan.load(SWEEP, {"sweep.patients": n}) for n in (2, 3))
    assert few.tasks[0].seed == many.tasks[0].seed
    assert few.tasks[0].run_id == many.tasks[0].run_id
