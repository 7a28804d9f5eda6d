"""One's own patients: what a file may say, and that it is what they get."""

import pandas as pd
import pytest
from experiments.conftest import fake_simulate

from tcellabm.analysis.packed import pack
from tcellabm.experiments.compute import runner
from tcellabm.experiments.design.cohort_file import CohortFile
from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.studies.counterfactuals import CounterfactualPlan
from tcellabm.experiments.studies.run import one_or_many
from tcellabm.experiments.studies.sensitivity import study
from tcellabm.experiments.studies.sweep import Work, sweep
from tcellabm.experiments.studies.trial import TrialPlan
from tcellabm.params import InputError, load
from tcellabm.posterior import one_patient

WEIGHT, BURDEN = "patient.weight_kg", "patient.leukemic_burden"
KYMRIAH, ELIANA = "scenarios/kymriah.toml", "trials/eliana.toml"
GOOD = f"{WEIGHT},{BURDEN}\n20,1e10\n55,\n,3e11\n"
HERE = Work(workers=0, quiet=True)


@pytest.fixture
def cohort(tmp_path, monkeypatch):
    """Write a cohort file; return what names it."""
    monkeypatch.chdir(tmp_path)

    def write(text=GOOD):
        (tmp_path / "cohort.csv").write_text(text, encoding="utf-8")
        return {"files.cohort": "cohort.csv"}

    return write


def test_each_patient_has_the_values_of_the_row_at_every_point(cohort):
    plan = Plan.load(KYMRIAH, cohort() | {"product.dose_cells_per_kg": [1e6, 3e6]})
    sets = [{k: v for k, v in t.settings.items() if k.startswith("patient.")} for t in plan.tasks]
    assert sets == [{WEIGHT: 20.0, BURDEN: 1e10}, {WEIGHT: 55.0}, {BURDEN: 3e11}] * 2


def test_a_burden_that_is_set_is_not_scaled_with_weight_and_what_is_absent_is_drawn(cohort):
    from tcellabm import TumorTCellModel

    plan = Plan.load(KYMRIAH, cohort())
    models = [
        TumorTCellModel(plan.params.replace(task.settings), rng=task.seed) for task in plan.tasks
    ]
    drawn = [TumorTCellModel(plan.params, rng=task.seed).patient for task in plan.tasks]
    assert models[0].patient.leukemic_burden == 1e10
    assert models[2].patient.leukemic_burden == 3e11
    assert models[2].patient.weight_kg == drawn[2].weight_kg
    by_weight = drawn[1].leukemic_burden * 55.0 / drawn[1].weight_kg
    assert models[1].patient.leukemic_burden == pytest.approx(by_weight)
    assert models[0].run_id == plan.tasks[0].run_id


def test_all_rows_are_simulated_unless_fewer_are_wanted(cohort):
    assert len(Plan.load(KYMRIAH, cohort()).tasks) == 3
    default = "sweeps/dose_persistence.toml"  # says how many patients, but not of which file
    assert Plan.load(default, cohort()).params.sweep.patients == 3
    assert len(Plan.load(KYMRIAH, cohort() | {"sweep.patients": 2}).tasks) == 2
    with pytest.raises(InputError, match="sweep.patients = 4 with 3 rows.*allowed: up to 3"):
        Plan.load(KYMRIAH, cohort() | {"sweep.patients": 4})
    with pytest.raises(InputError, match="trial.patients = 4 with 3 rows.*allowed: up to 3"):
        TrialPlan.load(ELIANA, cohort() | {"trial.patients": 4})


def test_names_of_runs_and_the_recipe_follow_from_what_is_in_the_file(cohort):
    before = Plan.load(KYMRIAH, cohort())
    spaced = Plan.load(KYMRIAH, cohort(GOOD.replace(",", " , ").replace("1e10", "10000000000")))
    other = Plan.load(KYMRIAH, cohort(GOOD.replace("1e10", "2e10")))
    names = [[task.run_id for task in plan.tasks] for plan in (before, spaced, other)]
    assert names[0] == names[1]
    assert [a == b for a, b in zip(names[0], names[2], strict=True)] == [False, True, True]
    assert before.recipe == spaced.recipe
    assert before.recipe != other.recipe


@pytest.mark.usefixtures("fake_model")
def test_resuming_with_another_file_is_refused_and_its_columns_are_in_the_table(cohort, tmp_path):
    sweep(Plan.load(KYMRIAH, cohort()), tmp_path / "out", HERE)
    table = pd.read_parquet(tmp_path / "out" / "outcomes.parquet")
    assert table[WEIGHT].fillna(0).tolist() == [20.0, 55.0, 0.0]
    assert (table["files.cohort"] == "cohort.csv").all()
    with pytest.raises(InputError, match="--resume: cohort was"):
        changed = Plan.load(KYMRIAH, cohort(GOOD.replace("55", "56")))
        sweep(changed, tmp_path / "out", HERE, resume=True)


def test_a_trial_takes_them_on_their_way_to_infusion(cohort):
    plan = TrialPlan.load(ELIANA, cohort())
    assert len(plan.enrolled) == 3
    first, second, third = plan.enrolled
    assert (first.journey.weight_kg, second.journey.weight_kg) == (20.0, 55.0)
    assert first.settings[BURDEN] == 1e10  # at infusion: the way there does not change it
    assert third.settings[BURDEN] == 3e11
    if second.journey.infused:
        assert second.settings[BURDEN] == second.journey.infusion_burden
    row = plan.labeled(first.identity, first)
    assert row[WEIGHT] == 20.0
    assert WEIGHT in plan.schema.names
    assert plan.recipe["cohort"] == plan.cohort.digest


def test_counterfactuals_take_all_of_them(cohort):
    plan = CounterfactualPlan.load(ELIANA, cohort())
    assert len(plan.trial.enrolled) == 3
    assert plan.recipe["cohort"] == plan.trial.cohort.digest


def test_a_run_is_of_one_patient_or_of_many(cohort):
    assert len(one_or_many(KYMRIAH, cohort()).tasks) == 3
    assert len(one_or_many(KYMRIAH, {"sweep.patients": 2}).tasks) == 2
    alone = one_or_many(KYMRIAH, cohort(f"{WEIGHT}\n20\n"))
    assert alone.patient.weight_kg == 20.0
    assert WEIGHT in alone.pinned
    assert one_or_many(KYMRIAH, {}, 7).resolved() == one_patient(KYMRIAH, {}, 7).resolved()
    with pytest.raises(InputError, match=r"allowed: one value; axes are for a sweep|is a list"):
        one_or_many(KYMRIAH, cohort() | {"care.policy": ["none", "label"]})


BAD = {
    "": "no patients",
    f"{WEIGHT}\n": "no patients",
    f"{WEIGHT},{BURDEN}\n20,1e10\n20,lots\n": (
        "patient.leukemic_burden = lots is not a number, cohort.csv row 3, allowed: 0 to"
    ),
    f"{WEIGHT}\n20\n\n-5\n": "patient.weight_kg = -5 is out of range, cohort.csv row 4, allowed:",
    f"{WEIGHT}\nnan\n": "patient.weight_kg = nan is not finite, cohort.csv row 2",
    f"{WEIGHT}\n1_0\n": "is not a number, cohort.csv row 2",
    f"{WEIGHT},{BURDEN}\n20\n": "1 values, cohort.csv row 2, allowed: 2, one a column",
    f"{WEIGHT}\n20,1\n": "2 values, cohort.csv row 2, allowed: 1, one a column",
    f"{WEIGHT},{WEIGHT}\n20,20\n": "column patient.weight_kg is there twice, cohort.csv",
    "patient.wieght_kg\n20\n": "unknown column patient.wieght_kg, cohort.csv, allowed: patient",
    "weight_kg\n20\n": r"unknown column weight_kg.*nearest: patient.weight_kg",
    "product.killing\n1\n": "unknown column product.killing",
    f"{WEIGHT},\n20,1\n": "unknown column without a name",
    f"{WEIGHT};{BURDEN}\n20;1e10\n": "unknown column patient.weight_kg",
    f'{WEIGHT}\n"20\n': "not CSV",
}


@pytest.mark.parametrize("text", BAD)
def test_what_can_not_be_used_is_refused_in_one_line(cohort, text):
    with pytest.raises(InputError, match=BAD[text]) as refused:
        Plan.load(KYMRIAH, cohort(text))
    assert len(f"error: {refused.value}") <= 200
    assert "\n" not in str(refused.value)


def test_a_column_that_is_set_otherwise_too_is_refused(cohort):
    for also in ({WEIGHT: 30.0}, {WEIGHT: [20.0, 30.0]}):
        with pytest.raises(InputError, match="patient.weight_kg is set and a column too"):
            Plan.load(KYMRIAH, cohort() | also)


def test_it_is_not_silently_passed_over_where_it_means_nothing(cohort):
    with pytest.raises(InputError, match="files.cohort is of many patients"):
        load(KYMRIAH, cohort())
    with pytest.raises(InputError, match="files.posterior in a sensitivity study"):
        study(KYMRIAH, {"files.posterior": "draws.csv"})
    with pytest.raises(InputError, match="files.cohort in a sensitivity study"):
        study(KYMRIAH, cohort())
    with pytest.raises(InputError, match="no such file"):
        Plan.load(KYMRIAH, {"files.cohort": "none.csv"})


def test_a_scenario_file_may_name_it_and_then_say_how_many(cohort, tmp_path):
    cohort()
    text = '[files]\nproduct = "products/tisagenlecleucel.toml"\ncohort = "cohort.csv"\n'
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    assert len(Plan.load("mine.toml").tasks) == 3
    (tmp_path / "mine.toml").write_text(f"{text}[sweep]\npatients = 2\n", encoding="utf-8")
    assert len(Plan.load("mine.toml").tasks) == 2


def test_whatever_else_is_in_the_text_it_is_the_same_patients(cohort):
    params = load(KYMRIAH)
    cohort("\ufeff" + GOOD.replace("\n", "\r\n"))
    assert CohortFile.load("cohort.csv", params).rows[0] == {WEIGHT: 20.0, BURDEN: 1e10}


@pytest.mark.usefixtures("fake_model")
def test_courses_are_kept_of_those_runs_that_ask_for_it(cohort):
    plan = Plan.load(KYMRIAH, cohort() | {"time.days": 3.0}).with_curves()
    row = runner.run_task(plan.params, plan.tasks[0]).rows[0]
    assert row["curves"] == pack(fake_simulate(plan.params, plan.tasks[0].seed).series, 3.0)
