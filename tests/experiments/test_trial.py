"""The virtual trial as a whole: everyone enrolled, whoever computes it, and what is refused."""

import json

import pandas as pd
import pytest

from tcellabm import TumorTCellModel
from tcellabm.cli import execute
from tcellabm.columns import OUTCOMES, names
from tcellabm.experiments.studies.sweep import Work
from tcellabm.experiments.studies.trial import TrialPlan, trial
from tcellabm.identity import MODEL_VERSION
from tcellabm.params import InputError

QUICK = {
    "time.days": 130.0,
    "marrow.rows": 2,
    "marrow.cols": 2,
    "resolution.agents_per_population": 16,
}
FILE = "params/trials/eliana.toml"
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


def test_a_posterior_makes_arms_and_leaves_what_is_set(tmp_path):
    keys = ["population.product.killing.sigma_ln", "product.affinity"]
    said = {
        "model_version": MODEL_VERSION,
        "keys": keys,
        "draws": [[1.0, 1.0], [1.2, 1.5], [1.4, 2.0]],
        "weights": [1.0, 1.0, 1.0],
    }
    file = tmp_path / "posterior.json"
    file.write_text(json.dumps(said))
    more = {"files.posterior": str(file), "trial.posterior_draws": 2}
    made = plan(3, **more)
    assert [arm[keys[1]] for arm in made.points][0] == 1.5
    assert len(made.points) == 3 and len(made.enrolled) == 9
    assert {task.replicate for task in made.enrolled} == {0, 1, 2}
    pinned = plan(3, **more, **{"product.affinity": 3.0})
    assert [keys[0] in arm for arm in pinned.points] == [True] * 3
    assert not any("product.affinity" in arm for arm in pinned.points)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_version": MODEL_VERSION + 1}, f"allowed: version {MODEL_VERSION}"),
        ({"draws": [], "weights": []}, "no draws"),
        ({"weights": [-1.0]}, "a weight is no weight"),
        ({"keys": ["product.afinity"]}, "nearest: product.affinity"),
        ({"draws": [[-1.0]]}, "out of range"),
    ],
)
def test_a_posterior_that_does_not_fit_is_refused(change, told, tmp_path):
    said = {
        "model_version": MODEL_VERSION,
        "keys": ["product.affinity"],
        "draws": [[1.0]],
        "weights": [1.0],
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
