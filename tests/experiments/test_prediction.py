"""Blind predictions: what is written before published figures are read, and when it is a hit."""

import json

import numpy as np
import pandas as pd
import pytest

from tcellabm.analysis.cohort import Cohort
from tcellabm.analysis.prediction import Arm, Prediction, held_against, predict
from tcellabm.cli import execute
from tcellabm.experiments.compute.collect import Work
from tcellabm.experiments.studies import prediction as module
from tcellabm.experiments.studies.prediction import CohortPlan, predict_cohort, published
from tcellabm.identity import MODEL_VERSION
from tcellabm.params import InputError
from tcellabm.params.files import find_file

COHORTS = sorted(path.stem for path in find_file("cohorts").glob("*.toml"))
QUICK = {"marrow.rows": 1, "marrow.cols": 1, "resolution.agents_per_population": 8}
QUICK |= {"trial.patients": 4, "time.days": 62.0}
HERE = Work(workers=0, quiet=True)
LAW = "population.product.killing.median"


@pytest.mark.parametrize("name", COHORTS)
def test_every_cohort_that_is_shipped_can_be_planned_and_has_figures(name):
    plan = CohortPlan.load(f"params/cohorts/{name}.toml", {"trial.patients": 3})
    assert {each.id for each in plan.protocol.predictions} == set(published(name)["id"])
    assert {task.arm_name for task in plan.tasks} == {arm.name for arm in plan.protocol.arms}
    assert len({task.run_id for task in plan.tasks}) == len(plan.tasks)
    assert len(COHORTS) >= 6


def test_what_an_arm_sets_is_set_in_its_runs():
    plan = CohortPlan.load("params/cohorts/adults_by_dose_and_burden.toml", {"trial.patients": 2})
    for task in plan.tasks:
        params = plan.params.replace(task.settings)
        assert params.patient.weight_kg == 75.0 and params.care.policy == "label"
        assert params.lymphodepletion.given == (task.arm_name != "no lymphodepletion")
        if task.arm_name == "high burden":
            assert params.patient.leukemic_burden == 9e11


def test_a_cohort_of_ones_own_is_predicted_row_by_row(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("patient.net_growth_per_day,patient.fever_sensitivity\n0.05,1\n0.11,\n,2\n")
    own = {key: value for key, value in QUICK.items() if key != "trial.patients"}
    plan = CohortPlan.load(
        "params/cohorts/no_measurable_disease.toml", own | {"files.cohort": str(file)}
    )
    assert plan.params.trial.patients == 3
    found = predict_cohort(plan, tmp_path / "a", HERE).patients.set_index("patient")
    assert found["patient.net_growth_per_day"].dropna().to_dict() == {0: 0.05, 1: 0.11}
    assert {task.settings.get("patient.fever_sensitivity") for task in plan.tasks} <= {
        1.0,
        2.0,
        None,
    }
    with pytest.raises(InputError, match="up to 3"):
        CohortPlan.load(
            "params/cohorts/no_measurable_disease.toml", QUICK | {"files.cohort": str(file)}
        )


def test_figures_are_read_only_when_predictions_are_on_the_disk(tmp_path, monkeypatch):
    real, read = published, []

    def watched(name):
        read.append((tmp_path / "a" / "prediction.csv").exists())
        return real(name)

    monkeypatch.setattr(module, "published", watched)
    plan = CohortPlan.load("params/cohorts/no_measurable_disease.toml", QUICK)
    found = predict_cohort(plan, tmp_path / "a", HERE)
    assert read == [True] and found.table["hit"].isin(["true", "false"]).all()
    before = (tmp_path / "a" / "prediction.csv").read_bytes()
    assert b"57.1" not in before and b"57.1" in (tmp_path / "a" / "hits.csv").read_bytes()
    predict_cohort(plan, tmp_path / "a", HERE, resume=True)
    assert (tmp_path / "a" / "prediction.csv").read_bytes() == before


def test_an_interval_is_of_cohorts_of_n_and_over_draws():
    """Half respond: of 10 the binomial 95 % is 20 to 80; under draws of 20 and 80 % it is wider."""
    answered = np.arange(400) < 200
    infused = Cohort({n: np.ones(400, bool) for n in ("infused", "seed")} | {"remission": answered})
    one = Prediction("a", "remission", "arm", 10)
    rng = np.random.default_rng(1)
    row = predict([one], {"arm": Arm(infused, None)}, rng).iloc[0]
    assert (row["predicted"], row["low"], row["high"]) == (50.0, 20.0, 80.0)
    low, high = (np.where(answered, p / 200, (1 - p) / 200) for p in (0.2, 0.8))
    wide = predict([one], {"arm": Arm(infused, np.stack([low, high]))}, rng).iloc[0]
    assert wide["low"] <= 0.0 + 10.0 and wide["high"] >= 90.0


def test_a_difference_is_of_two_arms():
    arms = {}
    for name, share in (("few", 0.2), ("many", 0.7)):
        some = {"remission": np.arange(200) < 200 * share}
        ones = {n: np.ones(200, bool) for n in ("infused", "seed")}
        arms[name] = Arm(Cohort(ones | some), None)
    wanted = [Prediction("d", "remission", "many", 50, "few")]
    row = predict(wanted, arms, np.random.default_rng(1)).iloc[0]
    assert row["predicted"] == pytest.approx(50.0)
    # 5 standard errors of a difference of two shares of 50 are 43 points: 95 % are +- 17
    assert 25.0 < row["low"] < 40.0 < 60.0 < row["high"] < 75.0


@pytest.mark.parametrize(
    ("low", "high", "value", "bound", "hit"),
    [
        (40.0, 60.0, 50.0, np.nan, "true"),
        (40.0, 60.0, 61.0, np.nan, "false"),
        (1.0, 9.0, np.nan, 0.0, "true"),
        (-1.0, 9.0, np.nan, 0.0, "unresolved"),
        (-9.0, -1.0, np.nan, 0.0, "false"),
    ],
)
def test_when_a_prediction_is_a_hit(low, high, value, bound, hit):
    told = pd.DataFrame([{"id": "a", "low": low, "high": high}])
    figure = pd.DataFrame(
        [{"cohort": "c", "id": "a", "value": value, "low": bound, "high": np.nan}]
    )
    assert held_against(told, figure)["hit"].tolist() == [hit]


def test_a_posterior_is_named_by_its_hash_and_each_patient_has_a_draw(
    tmp_path, monkeypatch, capsys
):
    said = {"model_version": MODEL_VERSION, "keys": [LAW]}
    file = tmp_path / "posterior.json"
    file.write_text(json.dumps(said | {"draws": [[[0.8], [1.0], [1.2]]]}), encoding="utf-8")
    given = QUICK | {"files.posterior": str(file)}
    plan = CohortPlan.load("params/cohorts/no_measurable_disease.toml", given)
    assert {task.settings[LAW] for task in plan.tasks} <= {0.8, 1.0, 1.2}
    monkeypatch.chdir(tmp_path)
    words = [f"--set={key}={value}" for key, value in given.items()]
    assert execute(["predict", "cohorts/no_measurable_disease.toml", "--workers=0", *words]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"posterior: {module.hash_of(plan.posterior)}\n")
    assert len(module.hash_of(plan.posterior)) == 64 and "C22" in told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("title", "name", "not a cohort"),
        ("title", "x = " + "[" * 5000 + "\ntitle", "not a cohort"),
        ('measure = "crs_any"', 'measure = "crs"', "allowed: remission"),
        ('arm = "no measurable disease"', 'arm = "other"', "arm other"),
        ("n = 7", "n = 0", "not a cohort"),
        ("patient.weight_kg", "patient.weight", "nearest"),
        ("trials/eliana.toml", "trials/no.toml", "no such file"),
        ('"time.days" = 62', '"files.product" = "x"', "an arm sets files"),
        ("title", "title title", "not a cohort"),
    ],
)
def test_a_cohort_that_is_none_is_refused_in_one_line(old, new, told, tmp_path, capsys):
    text = find_file("cohorts/no_measurable_disease.toml").read_text(encoding="utf-8")
    file = tmp_path / "c.toml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    assert execute(["predict", str(file), "--out", str(tmp_path / "a")]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1 and len(error) <= 201
    assert not (tmp_path / "a").exists()


def test_a_command_without_a_cohort_is_refused(capsys):
    assert execute(["predict"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_published_figures_without_a_column_are_refused(tmp_path, monkeypatch):
    (tmp_path / "p.csv").write_text("cohort,id\na,b\n", encoding="utf-8")
    monkeypatch.setattr(module, "PUBLISHED", str(tmp_path / "p.csv"))
    with pytest.raises(InputError, match="published figures"):
        published("a")
