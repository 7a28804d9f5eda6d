"""Ranges, samples, replicates, arms and posteriors: which runs a sweep file stands for."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from experiments.conftest import DOSE, HALF_LIFE
from SALib.sample import sobol as salib
from scipy.stats import qmc

from tcellabm import load
from tcellabm.experiments.compute import runner
from tcellabm.experiments.compute.estimate import estimate
from tcellabm.experiments.design.arms import Arm, Order, SharedCourse, shared
from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.design.points import unit_sample
from tcellabm.experiments.studies.sweep import Work, sweep
from tcellabm.params import InputError
from tcellabm.posterior import one_patient

SCENARIO = "params/scenarios/kymriah.toml"
DOSES = {"log_uniform": [2e5, 5e6]}
ARMS = """
[files]
scenario = "scenarios/kymriah.toml"
[[arms]]
name = "as labelled"
[[arms]]
name = "tocilizumab on day 3"
give = [{ treatment = "tocilizumab", day = 3 }]
[[arms]]
name = "twice"
give = [{ treatment = "tocilizumab", day = 3 }, { treatment = "car_t", day = 5.25, cells = 1e8 }]
"""


def plan(values, **more):
    return Plan.load(SCENARIO, {"sweep.patients": 2, **values}, **more)


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ({"linspace": [1e6, 2e6, 3]}, [1e6, 1.5e6, 2e6]),
        ({"logspace": [1e5, 1e7, 3]}, [1e5, 1e6, 1e7]),
        ({"logspace": [1e7, 1e5, 2]}, [1e7, 1e5]),
        ({"linspace": [0, 0.6, 7]}, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
        ({"linspace": [5, 6, 1]}, [5.0]),
    ],
)
def test_spaced_axes_are_lists(axis, values):
    key = "product.memory_fraction" if values[0] == 0 else DOSE
    assert plan({key: axis}).axes[key] == values


def test_a_sweep_file_may_have_any_kind_of_axis(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text(
        '[files]\nscenario = "scenarios/kymriah.toml"\n'
        f'[axes]\n"{DOSE}" = {{ logspace = [1e5, 1e7, 3] }}\n'
        f'[axes."{HALF_LIFE}"]\nuniform = [15, 220]\n[sweep]\nsample = "sobol"\npoints = 8\n'
    )
    made = Plan.load(file)
    assert len(made.points) == 8
    assert {point[DOSE] for point in made.points} == {1e5, 1e6, 1e7}
    assert made.recipe["axes"][HALF_LIFE] == {"uniform": [15, 220]}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({DOSE: {"linspace": [1e6, 2e6]}}, "first, last, how many"),
        ({DOSE: {"linspace": [1e6, 2e6, 2.5]}}, "1 to 10000 values"),
        ({DOSE: {"logspace": [0, 2e6, 3]}}, "> 0"),
        ({DOSE: {"uniform": [2e6, 1e6]}}, "low < high"),
        ({DOSE: {"uniform": [-1, 1e6]}}, "out of range"),
        ({DOSE: {"uniform": "all"}}, "low, high"),
        ({DOSE: {"uniform": [1, 2], "linspace": [1, 2, 3]}}, "a table with one of linspace"),
        ({DOSE: {"unifrom": [1, 2]}}, "unknown kind unifrom, --set, nearest: uniform,"),
        ({DOSE: {"uniform": [1, 2], "lnispace": [1, 2, 3]}}, "lnispace, --set, nearest: linspace,"),
        ({"care.policy": {"list": [1, 2]}}, "unknown kind list"),
        ({DOSE: {"low": 1, "high": 2}}, "unknown kind low"),
        ({DOSE: {1: [1, 2]}}, "unknown kind 1"),
        ({f"{DOSE}.uniform": [1, 2]}, f"unknown key {DOSE}.uniform, --set, nearest: {DOSE}"),
        ({"files.product": ["a", "b"]}, "is not text, --set, allowed: a path"),
        ({"care.policy": {"uniform": [0, 1]}}, "not a number"),
        ({DOSE: DOSES}, "range to sample from"),
        ({"sweep.sample": "sobol"}, "one axis or more"),
        ({DOSE: DOSES, "sweep.sample": "sobol", "sweep.points": 50}, "a power of 2"),
        ({DOSE: DOSES, "sweep.sample": "dice"}, "grid, latin_hypercube, sobol, saltelli"),
    ],
)
def test_a_bad_design_is_refused_in_one_line(values, words):
    with pytest.raises(InputError, match=words) as caught:
        plan(values)
    assert len(str(caught.value)) <= 193


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        ("{ unifrom = [1, 2] }", "unknown kind unifrom, .*, nearest: uniform,"),
        ("{ uniform = [1, 2], linspace = [1, 2, 3] }", "a table with one of linspace"),
        ("{}", "a table with one of linspace"),
        ("{ value = [1, 2] }", "unknown kind value"),
        ("3", "a list of values"),
    ],
)
def test_a_bad_axis_of_a_file_is_refused_in_the_same_words(tmp_path, axis, words):
    file = tmp_path / "a.toml"
    file.write_text(f"[axes]\n{DOSE} = {axis}\n")
    with pytest.raises(InputError, match=words):
        Plan.load(file)


@pytest.mark.parametrize("kind", ["latin_hypercube", "sobol"])
def test_a_sample_fills_the_cube_evenly_and_follows_the_seed(kind):
    sample = unit_sample(kind, 64, 3, seed=1)
    assert sample.shape == (64, 3)
    # one point in every 64th of each axis; of 64 independent points about a third would miss
    assert all(len(set(np.floor(64 * column).astype(int))) == 64 for column in sample.T)
    assert qmc.discrepancy(sample) < qmc.discrepancy(np.random.default_rng(1).random((64, 3)))
    assert (unit_sample(kind, 64, 3, seed=1) == sample).all()
    assert (unit_sample(kind, 64, 3, seed=2) != sample).any()


def test_a_saltelli_sample_has_the_blocks_of_salib():
    ours = unit_sample("saltelli", 4, 3, seed=1).reshape(4, 5, 3)
    problem = {"num_vars": 3, "names": list("abc"), "bounds": [[0, 1]] * 3}
    theirs = salib.sample(problem, 4, calc_second_order=False).reshape(4, 5, 3)
    for block in (*ours, *theirs):
        first, *crossed, last = block
        for place, row in enumerate(crossed):
            assert row.tolist() == [*first[:place], last[place], *first[place + 1 :]]


def test_every_point_of_a_sample_has_the_same_patients():
    values = {DOSE: DOSES, "sweep.sample": "latin_hypercube", "sweep.points": 5}
    made = plan(values)
    assert not made.is_grid
    assert len(made.tasks) == 10
    seeds = [task.seed for task in made.tasks]
    assert seeds == seeds[:2] * 5
    assert len({task.settings[DOSE] for task in made.tasks}) == 5


def test_replicates_have_seeds_of_their_own():
    made = plan({"sweep.replicates": 3})
    assert [(task.patient, task.replicate) for task in made.tasks] == [
        (patient, replicate) for patient in range(2) for replicate in range(3)
    ]
    seeds = [task.seed for task in made.tasks]
    assert len(set(seeds)) == 6
    assert seeds[::3] == [task.seed for task in plan({}).tasks]


# --- arms -----------------------------------------------------------------------------------------


@pytest.fixture
def arms_file(tmp_path):
    file = tmp_path / "arms.toml"
    file.write_text(ARMS)
    return file


def test_arms_have_the_same_patients_side_by_side(arms_file):
    made = Plan.load(arms_file, {"sweep.patients": 2, DOSE: [1e6, 2e6]})
    assert len(made.tasks) == 2 * 2 * 3
    assert [task.arm.name for task in made.tasks[:3]] == [arm.name for arm in made.arms]
    assert len({task.seed for task in made.tasks[:3]}) == 1
    assert len({task.run_id for task in made.tasks}) == 12
    alone = Plan.load(SCENARIO, {"sweep.patients": 2, DOSE: [1e6, 2e6]})
    assert made.tasks[0].run_id == alone.tasks[0].run_id
    assert made.schema.names[:2] == [DOSE, "arm"]


def test_arms_that_share_a_beginning_end_as_each_would_alone(arms_file, tmp_path):
    made = Plan.load(arms_file, {"sweep.patients": 2, "time.days": 7})
    assert shared(made.arms) == (0, 3.0)
    assert shared(made.arms[1:]) == (1, 5.25)
    together = runner.run_chunk(made.params, made.tasks).rows
    alone = [row for task in made.tasks for row in runner.run_task(made.params, task).rows]
    pd.testing.assert_frame_equal(pd.DataFrame(together), pd.DataFrame(alone))
    table = pd.DataFrame(together)
    assert table["tocilizumab_doses"].tolist()[1] >= 1
    assert table["peak_il6"].nunique() > 2
    result = sweep(made, tmp_path / "a", Work(0, quiet=True))
    assert result.summary["arm"].tolist() == [arm.name for arm in made.arms]


def test_a_day_given_to_grown_patients_is_that_of_the_order():
    arms = [Arm("a"), Arm("b", (Order("tocilizumab", 2.0),))]
    model = SharedCourse(load(SCENARIO, {"time.days": 3}), 1, arms).treated(arms[1])
    assert (2.0, "tocilizumab") in model.treatments


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("tocilizumab on day 3", "as labelled", "there twice"),
        ('"tocilizumab", day = 3 }]', '"aspirin", day = 3 }]', "car_t, tocilizumab"),
        ("day = 5.25", "day = -1", "0 or more"),
        ("cells = 1e8", 'cells = "many"', "0 to 1e"),
        ("cells = 1e8", "dose = 1e8", "treatment, day, cells"),
        ('name = "twice"', "id = 1", "name, give"),
    ],
)
def test_bad_arms_are_refused_in_one_line(arms_file, old, new, words):
    arms_file.write_text(ARMS.replace(old, new))
    with pytest.raises(InputError, match=words) as caught:
        Plan.load(arms_file)
    assert len(str(caught.value)) <= 193


# --- posterior ------------------------------------------------------------------------------------


def posterior(folder, **columns):
    file = folder / "posterior.csv"
    pd.DataFrame(columns).to_csv(file, index=False)
    return str(file)


def test_patients_draw_from_a_posterior_by_weight_the_same_at_every_point(tmp_path):
    draws = {"product.killing": [0.5, 1.0, 2.0], "weight": [0.0, 1.0, 3.0]}
    file = posterior(tmp_path, **draws)
    made = Plan.load(SCENARIO, {"files.posterior": file, "sweep.patients": 400, DOSE: [1e6, 2e6]})
    killing = [task.settings["product.killing"] for task in made.tasks]
    assert killing[:400] == killing[400:]
    # binomial, n = 400, p = 0.75: 5 standard errors are 0.11; equal weights would give 0.5
    assert abs(killing[:400].count(2.0) / 400 - 0.75) < 0.11
    assert 0.5 not in killing
    # a draw goes with the seed alone: one patient draws the same
    file_ = {"files.posterior": file}
    alone = one_patient("scenarios/kymriah.toml", file_, made.tasks[7].seed)
    assert alone.product.killing == killing[7]
    assert "product.killing" in made.schema.names
    row = {"run_id": made.tasks[0].run_id}
    assert made.labeled(row, made.tasks[0])["product.killing"] == killing[0]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"product.killingg": [1.0]}, "product.killing"),
        ({"product.killing": [-1.0]}, "out of range"),
        ({"product.killing": [1.0], "weight": [-1.0]}, "0 or more"),
        ({"weight": [1.0]}, "no draws"),
        ({DOSE: [1e6]}, "set and drawn too"),
    ],
)
def test_a_bad_posterior_is_refused(tmp_path, columns, words):
    with pytest.raises(InputError, match=words):
        Plan.load(SCENARIO, {"files.posterior": posterior(tmp_path, **columns), DOSE: 1e6})
    with pytest.raises(InputError, match="no such file"):
        Plan.load(SCENARIO, {"files.posterior": "missing.csv"})


# --- dry run --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("fake_model")
def test_a_pilot_says_points_runs_time_and_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = plan({DOSE: [1e6, 2e6], "sweep.patients": 500})
    told = estimate(made, quiet=True)
    assert (told.points, told.patients, told.runs) == (2, 500, 1000)
    first, second, third, fourth = told.lines(workers=2)
    assert first == "2 points x 500 patients = 1000 runs"
    assert "s a run" in second and "on 2 processes" in third
    sweep(made, tmp_path / "a", Work(0, quiet=True))
    files = [*Path("a/shards").iterdir(), Path("a/outcomes.parquet")]
    # made-up rows are so alike that a thousand take less than the few of the pilot tell
    assert 0.2 < told.disk_bytes / sum(file.stat().st_size for file in files) < 10
    assert fourth.endswith("on the disk")
