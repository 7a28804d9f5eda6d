"""Counterfactuals: arms are the same patients with one thing changed, and the table is of them."""

import pandas as pd
import pytest

from tcellabm import TumorTCellModel
from tcellabm.analysis.effects import relations_met
from tcellabm.analysis.relations import RELATIONS
from tcellabm.experiments.studies import counterfactuals as module
from tcellabm.experiments.studies.conditions import BURDEN, CONDITIONS, DOSE, WEIGHT
from tcellabm.experiments.studies.counterfactuals import CounterfactualPlan
from tcellabm.experiments.studies.sweep import Work

FILE = "params/trials/eliana.toml"
QUICK = {
    "marrow.rows": 1,
    "marrow.cols": 1,
    "resolution.agents_per_population": 8,
    "trial.patients": 16,
}
HERE = Work(0, quiet=True)


@pytest.fixture(scope="module")
def plan():
    return CounterfactualPlan.load(FILE, QUICK)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder and the result of a few patients, each followed for days."""
    folder = tmp_path_factory.mktemp("counterfactuals")
    short = {name: arm._replace(days=16.0) for name, arm in CONDITIONS.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CONDITIONS", short)
        few = CounterfactualPlan.load(FILE, QUICK)
        result = module.counterfactuals(few, folder, HERE, resume=True, write=lambda *_: "table")
    return folder, result, few


def tasks_of(plan, label):
    return {task.patient: task for task in plan.tasks if task.label == label}


def infused(plan):
    return {task.patient: task for task in plan.trial.infused}


@pytest.mark.parametrize("name", CONDITIONS)
def test_arms_are_the_same_patients_with_one_thing_changed(plan, name):
    everyone, arm, tasks = infused(plan), CONDITIONS[name], tasks_of(plan, name)
    some = list(everyone)[: len(everyone) // module.FIFTH]
    assert 1 <= len(some) < len(everyone)
    assert list(tasks) == (list(everyone) if arm.everyone else some)
    for patient, task in tasks.items():
        assert task.seed == everyone[patient].seed
        assert task.settings["time.days"] == arm.days
        changed = {
            key
            for key, value in task.settings.items()
            if everyone[patient].settings.get(key) != value
        }
        assert changed <= {*arm.settings, "time.days"}
        assert set(arm.settings) <= set(task.settings)


def test_every_run_has_a_name_of_its_own(plan):
    assert len({task.run_id for task in plan.tasks}) == len(plan.tasks) > len(CONDITIONS)


def test_the_arms_follow_the_policy_of_the_trial_unless_they_say(plan):
    for task in plan.tasks:
        policy = plan.params.replace(task.settings).care.policy
        assert policy == CONDITIONS[task.label].settings.get("care.policy", "eliana")


@pytest.mark.parametrize("name", [n for n, c in CONDITIONS.items() if BURDEN in c.settings])
def test_a_burden_is_that_of_the_arm_in_a_body_of_its_weight(plan, name):
    for patient, task in tasks_of(plan, name).items():
        journey = infused(plan)[patient].journey
        sets = CONDITIONS[name].of(journey)
        drawn = TumorTCellModel(plan.params.replace(task.settings), rng=task.seed).patient
        assert (drawn.leukemic_burden, drawn.weight_kg) == (sets[BURDEN], sets[WEIGHT])
        if name.endswith(" kg"):
            density = journey.infusion_burden / journey.weight_kg
            assert drawn.leukemic_burden / drawn.weight_kg == pytest.approx(density)
        else:
            assert drawn.weight_kg == 40.0


def test_a_folder_holds_the_table_and_its_runs(made):
    folder, result, few = made
    runs = pd.read_parquet(folder / "outcomes.parquet")
    assert result.complete and not result.errors and len(runs) == len(few.tasks)
    assert set(runs["arm"]) == set(CONDITIONS)
    table = pd.read_csv(folder / "counterfactuals.csv", keep_default_na=False)
    assert table["id"].tolist() == [each.id for each in RELATIONS]
    assert set(table["met"]) <= {"true", "false", "unresolved"}
    assert set(relations_met(table).index) == {each.id for each in RELATIONS}
    assert (folder / "counterfactuals.md").read_text() == "table"


def test_arms_differ_only_as_they_say_in_the_runs(made):
    """A cause acts from its day on: within the first the course is that of the usual arm."""
    _, result, _ = made
    by_arm = {name: rows.set_index("patient") for name, rows in result.runs.groupby("arm")}
    usual, untreated = by_arm["usual"], by_arm["no care"]
    assert (untreated["tocilizumab_doses"] == 0).all() and (untreated["steroid_doses"] == 0).all()
    never = usual["tocilizumab_doses"] + usual["steroid_doses"] == 0
    shared = untreated.index.intersection(usual.index[never])
    same = ["cmax_cells", "peak_il6", "leukemic_cells_end"]
    pd.testing.assert_frame_equal(usual.loc[shared, same], untreated.loc[shared, same])
    assert (by_arm["no antigen"]["cmax_cells"] < usual["cmax_cells"].max()).all()


def test_what_the_user_sets_stands_as_the_arm_has_it():
    own = CounterfactualPlan.load(FILE, QUICK | {DOSE: 3e5})
    shown = {task.label: own.labeled({}, task)[DOSE] for task in own.tasks}
    assert (shown["dose 2e5"], shown["dose 5e6"], shown["early"]) == (2e5, 5e6, 3e5)
    assert own.labeled({}, own.tasks[0])["arm"] == own.tasks[0].label


def test_a_part_has_no_table_yet(tmp_path):
    few = CounterfactualPlan.load(FILE, QUICK | {"trial.patients": 1})
    some = module.counterfactuals(few, tmp_path / "x", Work(0, shard=(1, 50), quiet=True))
    assert not some.complete and some.effects.empty


@pytest.mark.parametrize(
    "change",
    [
        {"dose 5e6": CONDITIONS["dose 5e6"]._replace(settings={DOSE: 4e6})},
        {"early": CONDITIONS["early"]._replace(days=126.0)},
        {"early": CONDITIONS["early"]._replace(everyone=False)},
        {"one more": CONDITIONS["early"]},
    ],
)
def test_the_stamp_changes_with_what_an_arm_sets(plan, change, monkeypatch):
    stamp = plan.stamp
    monkeypatch.setattr(module, "CONDITIONS", CONDITIONS | change)
    assert plan.stamp != stamp
    monkeypatch.setattr(module, "CONDITIONS", dict(CONDITIONS))
    assert plan.stamp == stamp
