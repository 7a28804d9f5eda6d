"""Two result folders compared: made-up tables with known differences, then folders on disk."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from experiments.conftest import DOSE, HALF_LIFE, NOTHING, fake_simulate

from tcellabm.analysis.compared import changed, differences, pair
from tcellabm.analysis.compared_words import recipe_differences, recipes_told, sentences, table_told
from tcellabm.cli import execute
from tcellabm.columns import OUTCOMES
from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.results import manifest
from tcellabm.experiments.studies import compare as study
from tcellabm.experiments.studies.run import run
from tcellabm.experiments.studies.sweep import Work, sweep
from tcellabm.figures.compared import draw_differences
from tcellabm.params import InputError, load

HERE = Work(workers=0, quiet=True)
KYMRIAH = "scenarios/kymriah.toml"


def table(patients=40, **columns):
    """A table of one point, all in lasting remission with CRS of grade 1 unless said."""
    row = {column.name: NOTHING[column.kind] for column in OUTCOMES}
    row |= {"remission": True, "crs_grade_penn": 1, "followed_days": 365.0, "error": ""}
    row |= {"peak_il6": 100.0, "cmax_copies_per_ug": 1e4, "replicate": 0}
    runs = pd.DataFrame([row] * patients).assign(patient=range(patients), seed=range(patients))
    return runs.assign(**columns)


def whole(found):
    return found[found["at"] == "all"].set_index("measure")


def test_differences_are_those_of_the_same_patients():
    graded = np.where(np.arange(40) < 10, 3, 1)
    lost = np.arange(40) >= 4
    found = whole(differences(pair(table(), [], table(crs_grade_penn=graded, remission=lost), [])))
    severe = found.loc["severe_crs"]
    assert (severe["a"], severe["b"], severe["effect"]) == (0.0, 0.25, 0.25)
    assert (severe["up"], severe["down"], severe["patients"]) == (10, 0, 40)
    assert severe["resolved"]
    assert found.loc["remission", "effect"] == pytest.approx(-0.1)
    assert found.loc["remission", "down"] == 4
    assert found.loc["crs_grade_penn", "effect"] == pytest.approx(0.5)


def test_a_ratio_is_of_geometric_means_and_skips_patients_without_a_value():
    a, b = table(2, peak_il6=[10.0, 1000.0]), table(2, peak_il6=[20.0, 8000.0])
    found = whole(differences(pair(a, [], b, []))).loc["peak_il6"]
    assert found["compared"] == "ratio"
    assert found["effect"] == pytest.approx(4.0)
    b["peak_il6"] = [20.0, math.nan]
    found = whole(differences(pair(a, [], b, []))).loc["peak_il6"]
    assert (found["pairs"], found["effect"]) == (1, pytest.approx(2.0))
    assert math.isnan(found["effect_low"])


def test_intervals_cover_the_true_difference_as_often_as_they_say():
    """Of 200 made-up pairs of tables 95 % cover it: 5 standard errors are 7.7 points.

    It would catch intervals of a coverage below 87 %, as of patients taken for independent runs.
    """
    rng, covered = np.random.default_rng(5), 0
    for _ in range(200):
        patient = rng.normal(size=(60, 1))
        graded = [(patient + rng.normal(size=(60, 3)) > cut).ravel() * 3 for cut in (0.0, -0.4)]
        points = {"dose": np.tile([1.0, 2.0, 3.0], 60)}
        seeds = np.repeat(np.arange(60), 3)
        a, b = (table(180, crs_grade_penn=g, seed=seeds, **points) for g in graded)
        row = whole(differences(pair(a, ["dose"], b, ["dose"]))).loc["severe_crs"]
        covered += row["effect_low"] <= 0.1113 <= row["effect_high"]
    assert abs(covered / 200 - 0.95) < 0.077


def test_where_no_patient_changed_the_interval_is_not_empty():
    found = whole(differences(pair(table(20), [], table(20), [])))
    bound = 1 - 0.025 ** (1 / 20)
    assert found.loc["remission", "effect_low"] == pytest.approx(-bound)
    assert found.loc["remission", "effect_high"] == pytest.approx(bound)
    assert not found["resolved"].any()


def test_points_are_shared_axes_and_an_axis_of_one_meets_all_of_the_other():
    a = pd.concat([table(5, dose=d, care=c) for d in (1.0, 2.0) for c in ("none", "label")])
    b = pd.concat([table(5, dose=d) for d in (2.0, 3.0)])
    pairs = pair(a, ["dose", "care"], b, ["dose"])
    assert pairs.keys == ["dose", "A care"]
    assert len(pairs.points) == 10
    assert set(pairs.points["dose"]) == {2.0}
    found = differences(pairs)
    at = found[(found["at"] == "point") & (found["measure"] == "remission")]
    assert at["A care"].tolist() == ["none", "label"]
    assert at["patients"].tolist() == [5, 5]


def test_who_changed_and_how():
    b = table(
        4,
        remission=[True, False, True, True],
        crs_grade_penn=[1, 1, 4, 1],
        relapse_day=[math.nan, math.nan, math.nan, 90.0],
    )
    found = changed(pair(table(4), [], b, []))
    assert found["patient"].tolist() == [1, 2, 3]
    assert found["remission"].tolist() == ["lost", "", ""]
    assert found["fate_b"].tolist() == ["no remission", "in remission at the end", "relapsed"]
    assert found["crs_grade_penn_b"].tolist() == [1, 4, 1]


def _said(b):
    pairs = pair(table(), [], b, [])
    found = differences(pairs)
    lines = table_told(found).splitlines()
    assert len(lines) <= 20
    return sentences(pairs, found, len(changed(pairs))), lines


def test_a_rise_a_fall_and_nothing_are_told_as_such():
    said, _ = _said(table(crs_grade_penn=[3] * 30 + [1] * 10))
    assert said[1].startswith("Severe CRS (Penn 3 or more): 75.0 points more in B (95 % +6")
    assert said[0].startswith("In remission on day 365: no resolved difference")
    said, lines = _said(table(remission=[False] * 20 + [True] * 20))
    assert said[0].startswith("In remission on day 365: 50.0 points less in B (95 % -")
    assert "0 runs have it in B alone, 20 in A alone" in said[0]
    assert any("100 %" in line and "50 %" in line and " *" in line for line in lines)
    assert len(said) <= 3


def test_too_few_patients_give_no_interval_and_that_is_said():
    pairs = pair(table(1), [], table(1, crs_grade_penn=4), [])
    said = sentences(pairs, differences(pairs), 1)
    assert "one patient gives no interval" in said[1]


def test_a_short_follow_up_is_told_by_remission():
    a, b = table(followed_days=60.0), table(followed_days=60.0, remission=False)
    pairs = pair(a, [], b, [])
    assert sentences(pairs, differences(pairs), 40)[0].startswith("Remission (CR or CRi): 100.0")


def test_what_differs_in_the_making_is_named_most_telling_first():
    one = {"parameters": {"care.policy": "label", "x": 1.0}, "model_version": 6, "seed": 1}
    two = {"parameters": {"care.policy": "none", "x": 1.0}, "model_version": 7, "seed": 1}
    found = recipe_differences(one, two)
    assert found == [("model_version", "6", "7"), ("care.policy", '"label"', '"none"')]
    drawn = {"parameters": {"population.y.median": 2.0}}
    assert ("y", "drawn", "3") in recipe_differences(drawn, {"parameters": {"y": 3.0}})
    assert "equal recipes" in recipes_told([], "a", "b")[-1]
    many = recipes_told([(f"k{i}", "1", "2") for i in range(30)], "a", "b")
    assert many[-1] == "and 18 more, see manifest.json"


@pytest.mark.parametrize("axes", [[], [DOSE], [DOSE, HALF_LIFE], [DOSE, HALF_LIFE, "care.policy"]])
def test_the_figure_is_drawn_of_any_axes(axes, figures):
    values = {DOSE: [1e6, 3e6], HALF_LIFE: [30.0, 120.0], "care.policy": ["none", "label"]}
    grid = [{}]
    for axis in axes:
        grid = [point | {axis: value} for point in grid for value in values[axis]]
    a = pd.concat([table(12, **point) for point in grid], ignore_index=True)
    b = a.assign(crs_grade_penn=np.where(a["patient"] < 8, 4, 1))
    pairs = pair(a, axes, b, axes)
    image = draw_differences(pairs, differences(pairs), "a", "b")
    assert image.startswith(b"\x89PNG")
    panels = figures[-1].axes
    assert len(panels) == (6 if len(axes) in (1, 2) else 3)
    numbers = {text.get_text() for text in panels[2].texts}
    assert str(8 * len(grid)) in numbers  # from grade 1 to 4


# --- folders on disk ------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path, fake_model, monkeypatch):
    """Two finished sweeps of the same patients, at 2 and 3 doses, 2 of them shared."""
    monkeypatch.chdir(tmp_path)
    for name, doses, policy in (("a", [5e5, 2e6], "label"), ("b", [5e5, 2e6, 3e6], "none")):
        more = {DOSE: doses, "care.policy": policy, "sweep.patients": 6}
        sweep(Plan.load(KYMRIAH, more), tmp_path / name, HERE)
    return tmp_path / "a", tmp_path / "b"


def test_two_sweeps_into_a_folder(folders, tmp_path, capsys):
    assert execute(["compare", "a", "b", "--out", "c"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["A: a", "B: b"]
    assert any(line.startswith("care.policy") and '"label"' in line for line in lines)
    assert lines[-1] == "wrote c: differences.csv, changed.csv, figure.png, manifest.json"
    found = pd.read_csv(tmp_path / "c" / "differences.csv")
    assert found[found["measure"] == "remission"]["pairs"].tolist() == [12, 6, 6]
    assert found["resolved"].dtype == bool
    made = manifest.read(tmp_path / "c" / "manifest.json")
    assert made["status"] == "finished"
    assert {key for key, *_ in made["differs"]} >= {"care.policy", f"axis {DOSE}"}


def test_a_second_time_gives_the_same_and_needs_overwrite(folders, tmp_path, capsys):
    assert execute(["compare", "a", "b", "--out", "c"]) == 0
    before = (tmp_path / "c" / "differences.csv").read_bytes()
    assert execute(["compare", "a", "b", "--out", "c"]) == 2
    assert "not empty" in capsys.readouterr().err
    assert execute(["compare", "a", "b", "--out", "c", "--overwrite"]) == 0
    assert (tmp_path / "c" / "differences.csv").read_bytes() == before


def test_one_run_meets_the_same_patient_of_a_sweep(folders, tmp_path, monkeypatch):
    seed = int(pd.read_parquet(folders[0] / "outcomes.parquet")["seed"].iloc[0])
    record = fake_simulate(load(KYMRIAH), seed)
    monkeypatch.setattr(
        "tcellabm.experiments.studies.run.follow",
        lambda params, own: study_record(record),
    )
    run(load(KYMRIAH), seed, tmp_path / "one")
    found = study.compare(tmp_path / "one", folders[0])
    assert len(found.pairs.points) == 2
    assert found.pairs.keys == [f"B {DOSE}"]


def study_record(model):
    from tcellabm.experiments.studies.run import PatientRecord

    return PatientRecord(model.outcomes(), model.series, [])


def refusal(capsys, *words):
    assert execute(["compare", *map(str, words)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert len(error) <= 201
    return error


def test_what_is_no_pair_of_result_folders_is_refused(folders, tmp_path, capsys):
    assert "manifest.json: there is none" in refusal(capsys, "a", "nothing")
    (tmp_path / "empty").mkdir()
    assert "manifest.json: there is none" in refusal(capsys, "empty", "a")
    assert "the same folder" in refusal(capsys, "a", tmp_path / "b" / ".." / "a")
    assert "--out is what is compared" in refusal(capsys, "a", "b", "--out", "a", "--overwrite")
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").iterdir())


def test_other_seeds_or_other_points_have_nothing_in_common(folders, tmp_path, capsys):
    other = {DOSE: [5e5, 2e6], "sweep.patients": 3}
    sweep(Plan.load(KYMRIAH, other, seed=2), tmp_path / "seed", HERE)
    assert "no patient in common" in refusal(capsys, "a", "seed")
    sweep(Plan.load(KYMRIAH, other | {DOSE: [7e5, 8e5]}), tmp_path / "points", HERE)
    error = refusal(capsys, "a", "points")
    assert "no point in common" in error
    assert f"equal values of {DOSE}" in error


def test_what_is_not_finished_or_was_changed_is_refused(folders, tmp_path, capsys):
    path = tmp_path / "b" / "outcomes.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert "missing or damaged" in refusal(capsys, "a", "b")
    made = manifest.read(tmp_path / "a" / "manifest.json") | {"status": "interrupted", "runs": 3}
    (tmp_path / "a" / "manifest.json").write_text(manifest.to_text(made))
    assert "not finished, 3 of 12 runs" in refusal(capsys, "a", "b")


def test_runs_that_failed_are_not_compared(folders, tmp_path, monkeypatch):
    def simulate(params, seed):
        raise RuntimeError("boom")

    monkeypatch.setattr("tcellabm.experiments.compute.runner.simulate", simulate)
    sweep(Plan.load(KYMRIAH, {"sweep.patients": 3}), tmp_path / "failed", HERE)
    with pytest.raises(InputError, match="no patient in common"):
        study.compare(folders[0], tmp_path / "failed")


def test_a_manifest_says_the_folders_and_their_state(folders, tmp_path):
    found = study.compare(*folders)
    study.write(found, tmp_path / "c")
    made = json.loads((tmp_path / "c" / "manifest.json").read_text())
    assert set(made["compared"]) == {str(folder) for folder in folders}
