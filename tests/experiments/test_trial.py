"""The virtual trial as a whole: everyone enrolled, whoever computes it, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
from draws import PERSISTENCE, SPREAD

from tcellabm import TumorTCellModel
from tcellabm.cli import execute
from tcellabm.columns import OUTCOMES, names
from tcellabm.experiments.studies.sweep import Work
from tcellabm.experiments.studies.trial import TrialPlan, cohort_weights, trial
from tcellabm.identity import MODEL_VERSION
from tcellabm.params import InputError
from tcellabm.params.files import shipped_file
from tcellabm.params.meta import catalog
from tcellabm.posterior import one_patient

QUICK = {
    "time.days": 130.0,
    "marrow.rows": 2,
    "marrow.cols": 2,
    "resolution.agents_per_population": 16,
}
FILE = "params/trials/eliana.toml"
FILE_OF_ONE = "scenarios/kymriah.toml"
HERE = Work(workers=0, quiet=True)
PARTS = [Work(workers=0, shard=(part, 2), quiet=True) for part in (1, 2)]


def plan(patients, **more):
    return TrialPlan.load(FILE, QUICK | {"trial.patients": patients} | more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("trial") / "a"
    trial(plan(10), out, HERE)
    return out


def test_every_patient_enrolled_has_a_row(folder):
    patients = pd.read_parquet(folder / "patients.parquet")
    assert patients["patient"].tolist() == list(range(10))
    assert set(names(OUTCOMES)) < set(patients.columns)
    infused = patients["infused"]
    assert infused.any() and not infused.all()
    assert (patients.loc[~infused, "not_infused"] != "").all()
    assert patients.loc[infused, "followed_days"].notna().all()
    assert patients.loc[~infused, "followed_days"].isna().all()
    assert (patients["error"] == "").all()


def test_the_row_of_a_patient_is_the_run_of_its_seed(folder):
    """Burden and dose come from the pathway; all else from the seed."""
    patients = pd.read_parquet(folder / "patients.parquet")
    row = patients[patients["infused"]].iloc[0]
    task = next(task for task in plan(10).tasks if task.seed == row["seed"])
    model = TumorTCellModel(plan(10).params.replace(task.settings), rng=int(row["seed"]))
    model.run_until(QUICK["time.days"])
    again = model.outcomes()
    assert model.patient.leukemic_burden == row["infusion_burden"]
    for name in ("cmax_cells", "peak_il6", "leukemic_cells_end", "run_id", "cost_usd"):
        assert again[name] == row[name], name


def test_fewer_patients_and_parts_give_the_same_rows(folder, tmp_path):
    whole = pd.read_parquet(folder / "patients.parquet")
    few = TrialPlan.load(FILE, QUICK | {"trial.patients": 4})
    for part in PARTS:
        assert not trial(few, tmp_path / "b", part).complete
    assert trial(few, tmp_path / "b", PARTS[0], resume=True).errors == 0  # it is done
    assert trial(few, tmp_path / "b", HERE, resume=True).complete
    rows = pd.read_parquet(tmp_path / "b" / "patients.parquet")
    columns = [name for name in rows.columns if name != "trial.patients"]
    pd.testing.assert_frame_equal(rows[columns], whole[columns][:4])


def test_the_comparison_has_every_row_and_resuming_changes_nothing(folder):
    text = (folder / "comparison.csv").read_text()
    table = pd.read_csv(folder / "comparison.csv", keep_default_na=False)
    first = ["id", "quantity", "use", "published", "published_low", "published_high"]
    assert list(table.columns)[:10] == [
        *first,
        *("simulated", "simulated_low", "simulated_high", "agrees"),
    ]
    assert set(table["agrees"]) == {"true", "false", ""}
    assert (table.loc[table["agrees"] == "", "note"] != "").all()
    trial(plan(10), folder, HERE, resume=True)
    assert (folder / "comparison.csv").read_text() == text


def test_each_patient_has_a_draw_of_the_posterior_that_goes_with_the_seed(posterior):
    file, draws = posterior
    made = plan(200, **{"files.posterior": file})
    own = [(task.settings[SPREAD], task.settings[PERSISTENCE]) for task in made.enrolled]
    assert set(own) <= draws and len(set(own)) >= 100
    fewer = plan(5, **{"files.posterior": file})
    assert [(t.settings[SPREAD], t.settings[PERSISTENCE]) for t in fewer.enrolled] == own[:5]
    task = made.tasks[3]
    alone = one_patient(FILE_OF_ONE, {"files.posterior": file}, task.seed)
    assert alone.get(SPREAD) == task.settings[SPREAD]
    again = TumorTCellModel(made.params.replace(task.settings), rng=task.seed).patient
    assert dict(again.covariates) == dict(task.covariates) | {
        "patient.leukemic_burden": again.leukemic_burden,
        "product.dose_cells_per_kg": task.settings["product.dose_cells_per_kg"],
    }


def test_what_is_set_wins_over_a_posterior_and_a_product_moves_its_medians(posterior):
    file, _ = posterior
    given = {"files.posterior": file}
    assert not plan(3, **given, **{"product.killing": 2.0}).enrolled[0].settings.get(SPREAD)
    fixed = plan(3, **given, **{SPREAD: 0.5})
    assert SPREAD not in fixed.enrolled[0].settings and PERSISTENCE in fixed.enrolled[0].settings
    usual = plan(3, **given).enrolled[0].settings[PERSISTENCE]
    other = plan(3, **given, **{"files.product": "products/allogeneic.toml"})
    entry = other.params.entries["product.persistence_half_life_days"]
    factor = entry.value / catalog()["product.persistence_half_life_days"].value
    assert factor != 1.0 and other.enrolled[0].settings[PERSISTENCE] == pytest.approx(
        usual * factor
    )


def weights_of(made):
    return cohort_weights(made.enrolled, made.posterior, made.params, 1)


def test_the_patients_of_a_trial_are_a_pool_of_its_draws(posterior):
    """Weighted to a draw, their mean log persistence is that of its law (5 standard errors)."""
    made = plan(400, **{"files.posterior": posterior[0], "trial.posterior_draws": 20})
    weights = weights_of(made)
    assert weights.shape == (20, 400) and weights.sum(axis=1) == pytest.approx(np.ones(20))
    key = "product.persistence_half_life_days"
    logs = np.log([task.covariates[key] for task in made.enrolled])
    drawn = made.posterior.sample(20, 1)
    for own, draw in zip(weights, drawn, strict=True):
        error = np.sqrt(np.sum(own**2 * (logs - own @ logs) ** 2))
        assert abs(own @ logs - np.log(draw[PERSISTENCE])) < 5.0 * error < 1.0
    alone = plan(4, **{"files.posterior": posterior[0], "trial.posterior_draws": 0})
    assert weights_of(alone) is None
    assert weights_of(plan(4, **{"files.posterior": "none"})) is None


def test_a_trial_with_a_posterior_has_its_laws_in_the_table(posterior, tmp_path):
    made = plan(4, **{"files.posterior": posterior[0], "trial.posterior_draws": 5})
    found = trial(made, tmp_path / "a", HERE)
    assert found.draws == 5
    table = pd.read_parquet(tmp_path / "a" / "patients.parquet")
    assert table[SPREAD].tolist() == [task.settings[SPREAD] for task in made.enrolled]


def test_a_shipped_posterior_is_the_default_where_it_fits(shipped):
    assert SPREAD in plan(2).enrolled[0].settings
    assert one_patient(FILE_OF_ONE, {}, 1).get(SPREAD) != 1.6
    assert plan(2, **{"files.posterior": "none"}).enrolled[0].settings.get(SPREAD) is None
    said = json.loads(shipped.read_text(encoding="utf-8"))
    for change in (
        {"model_version": MODEL_VERSION + 1},
        {"passed": False},
        {"population": "populations/another.toml"},
    ):
        shipped.write_text(json.dumps(said | change), encoding="utf-8")
        assert plan(2).posterior is None


def test_what_is_shipped_is_of_this_model():
    """A posterior of another version would stay unused without a word."""
    path = shipped_file("trials/posterior.json")
    assert path is None or json.loads(path.read_text())["model_version"] == MODEL_VERSION


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_version": MODEL_VERSION + 1}, f"allowed: version {MODEL_VERSION}"),
        ({"draws": []}, "no draws"),
        ({"keys": ["product.afinity"]}, "nearest: product.affinity"),
        ({"draws": [[[-1.0]]]}, "out of range"),
    ],
)
def test_a_posterior_that_does_not_fit_is_refused(change, told, tmp_path):
    said = {
        "model_version": MODEL_VERSION,
        "keys": ["product.affinity"],
        "draws": [[[1.0]]],
    }
    file = tmp_path / "posterior.json"
    file.write_text(json.dumps(said | change))
    with pytest.raises(InputError, match=told):
        plan(2, **{"files.posterior": str(file)})


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("trial.patients=0", "allowed: 1 to"),
        ("pathway.slots_per_week=0", "allowed: 1 to"),
        ("pathway.enrollments_per_week=0", "allowed: 0.001 to"),
        ("care.policy=late", "allowed: none, label, eliana, early, preemptive, prophylactic"),
        ("files.published=none.csv", "no such file"),
        ("files.posterior=params/model.toml", "not a posterior"),
        ("resolution.represented_fraction=0.1", "a trial needs whole patients"),
        ("product.affinity=[1, 2]", "a list is for a sweep only"),
    ],
)
def test_bad_input_is_one_line(setting, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert execute(["trial", "--set", setting, "--out", "a"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and told in error
    assert error.count("\n") == 1 and len(error) <= 201
    assert not (tmp_path / "a").exists()
