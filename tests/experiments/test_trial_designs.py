"""`tcellabm design` on the folder of a sweep, as its users meet it.

Of the fake model: severe CRS (Penn) above 1e6 cells/kg, for everyone and there alone.
"""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest
from drawing import assert_picture, panels, saved_figures, ticks
from drawing import texts as written

from tcellabm.cli import execute
from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.studies.design import newest
from tcellabm.experiments.studies.sweep import Work, sweep

DOSE = "product.dose_cells_per_kg"
HALF_LIFE = "product.persistence_half_life_days"
SEVERE = ["--toxicity", "crs_grade_penn>=3"]
SHORT = [*SEVERE, "--trials", "40"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tcellabm", "design"])


@pytest.fixture
def swept(fake_model):
    """Make a sweep in a folder."""

    def make(folder="runs/sweep-1", **axes):
        given = axes or {"doses": [2e6, 5e5, 1e6], "half_lives": [30, 120]}
        keys = {"doses": DOSE, "half_lives": HALF_LIFE, "policies": "care.policy"}
        chosen = {keys.get(name, name): values for name, values in given.items()}
        plan = Plan.load("params/scenarios/kymriah.toml", {"sweep.patients": 12} | chosen)
        sweep(plan, folder, Work(workers=0))
        return Path(folder)

    return make


def design(*words):
    return execute(["design", *map(str, words)])


def refused(capsys, *words):
    """Return the one line that a command says, which made nothing."""
    before = sorted(Path().rglob("*"))
    assert design(*words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1
    assert len(err.rstrip("\n")) <= 200
    assert sorted(Path().rglob("*")) == before
    return err


def test_a_bare_design_reads_the_newest_sweep(swept, capsys):
    swept("runs/old")
    swept("runs/new")
    assert newest() == Path("runs/new")
    assert design(*SHORT) == 0
    *lines, found, price, wrote = capsys.readouterr().out.splitlines()
    assert wrote == "wrote runs/design-new-1: characteristics.csv, figure.png, manifest.json"
    whom, events, *table = lines
    assert events.startswith("Toxicity: crs_grade_penn>=3 within 28 days.")
    assert whom.startswith("runs/new: 24 patients, over all values of persistence half-life (days)")
    assert len(table) <= 20
    assert table[0].split()[-4:] == ["3+3", "BOIN", "CRM", "BOIN12"]
    assert found.startswith("To be declared (*): 1 (toxicity near 30%)")
    assert price.startswith("A trial takes, on average: 3+3 ")
    rows = pd.read_csv("runs/design-new-1/characteristics.csv")
    assert len(rows) == 4 * 4 and rows["dose"].dropna().unique().tolist() == [5e5, 1e6, 2e6]
    # Everyone at the highest dose has it, nobody below: no trial takes anything but the middle.
    for name in ("3+3", "boin", "crm"):
        assert rows[rows["design"] == name]["selected"].tolist() == [0, 1, 0, 0]
    assert rows["toxicity"].tolist() == pytest.approx([0, 0, 1, float("nan")] * 4, nan_ok=True)


def test_what_is_asked_is_kept_and_gives_equal_bytes(swept, capsys):
    swept()
    words = ["runs/sweep-1", *SHORT, "--design", "boin", "--at", f"{HALF_LIFE}=30", "--seed", "3"]
    assert design(*words, "--out", "a") == 0
    assert design(*words, "--out", "b") == 0
    for name in ("characteristics.csv", "figure.png"):
        assert Path("a", name).read_bytes() == Path("b", name).read_bytes()
    made = json.loads(Path("a/manifest.json").read_text(encoding="utf-8"))
    assert made["status"] == "finished"
    assert made["question"]["at"] == {HALF_LIFE: 30} and made["question"]["seed"] == 3
    assert "12 patients, persistence half-life (days) 30" in capsys.readouterr().out
    assert design(*words, "--out", "a", "--resume") == 0
    Path("a/figure.png").unlink()
    assert design(*words, "--out", "a", "--resume") == 0
    assert Path("a/figure.png").read_bytes() == Path("b/figure.png").read_bytes()
    capsys.readouterr()
    assert design(*words[:-1], "4", "--out", "a", "--resume") == 2
    assert "seed was 3 there and is 4 now" in capsys.readouterr().err
    assert design(*words, "--out", "a") == 2
    assert design(*words[:-1], "4", "--out", "a", "--overwrite") == 0


def test_two_arms(swept, capsys):
    swept(doses=[5e5, 2e6])
    arms = ["--arm", f"{DOSE}=5e5", "--arm", f"{DOSE}=2e6", "--endpoint", "severe_crs"]
    assert design(*arms, "--interim", "0.5", "-n", "40", "--trials", "200") == 0
    out = capsys.readouterr().out
    assert "0.0% meet severe_crs with dose (10⁶ CAR+ cells/kg) 0.5" in out
    rows = pd.read_csv("runs/design-sweep-1-1/characteristics.csv")
    # Of all enrolled: a product that fails brings nobody severe CRS.
    assert rows["experimental"].unique().tolist() == [0.92]
    assert rows["per_arm"].tolist() == [5, 10, 20, 40, 80] * 2
    assert rows[rows["per_arm"] == 20]["power"].tolist() == [1.0, 1.0]


def test_figures_say_what_they_show(swept):
    swept()
    with saved_figures() as figures:
        assert design(*SHORT) == 0
        arms = ["--arm", f"{DOSE}=5e5", "--arm", f"{DOSE}=2e6"]
        assert design(*arms, "--trials", "40", "--interim", "0.5") == 0
    doses, two = figures
    assert_picture(Path("runs/design-sweep-1-1/figure.png").read_bytes(), doses)
    assert_picture(Path("runs/design-sweep-1-2/figure.png").read_bytes(), two)
    truth, declared, treated, price = panels(doses)
    assert ticks(truth.xaxis) == ["0.5", "1", "2"]
    assert ticks(declared.xaxis) == ["0.5", "1", "2", "no dose"]
    assert "cells/kg" in truth.get_xlabel() and "patients" in treated.get_ylabel()
    assert ticks(price.yaxis)[0] == "patients infused"
    assert any("24 patients" in text for text in written(doses))
    assert {"BOIN", "CRM", "3+3", "BOIN12"} <= set(written(doses))
    (panel,) = panels(two)
    assert panel.get_xlabel() == "patients enrolled in each arm"
    assert any("remission" in text for text in written(two))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--design", "4+4"], "no design of that name: 4+4, --design, allowed: 3+3, boin"),
        (["--target", "0.9"], "target 0.9, --target, allowed: 0.1 to 0.6"),
        (["--target", "nan"], "target nan"),
        (["--target", "x"], "--target"),
        (["--toxicity", "crs_day"], "no endpoint of that name: crs_day, --toxicity"),
        (["--toxicity", ""], "no endpoint of that name"),
        (["--response", "crs_grade_penn"], "crs_grade_penn is not yes or no, --response"),
        (["--window", "400"], "a window of 400 days in runs of 365"),
        (["--window", "-1"], "--window"),
        (["--follow", "nan"], "--follow"),
        (["--stagger", "inf"], "--stagger inf"),
        (["--enroll", "0"], "--enroll"),
        (["--axis", "patient.weight_kg"], "patient.weight_kg was not varied"),
        (["--at", f"{DOSE}=3e6"], f"the sweep holds no {DOSE}=3000000.0, --at, allowed: "),
        (["--at", "patient.weight_kg=3"], "patient.weight_kg was not varied, --at"),
        (["--at", DOSE], "names no value, --at, allowed: KEY=VALUE"),
        (["--at", f"{DOSE}=1e6", "--at", f"{DOSE}=1e6"], "twice"),
        (["--at", f"{DOSE}=1e6", "--axis", DOSE], "was not varied, --axis"),
        (["--patients", "0"], "--patients"),
        (["--patients", "2"], "2 patients in cohorts of 3"),
        (["--trials", "0"], "--trials"),
        (["--seed", "-1"], "--seed"),
        (["--arm", f"{DOSE}=1e6"], "1 arms, --arm, allowed: two"),
        (["--arm", f"{DOSE}=1e6", "--arm", f"{DOSE}=1e6"], "two equal arms"),
        (["--arm", f"{DOSE}=1e6", "--arm", f"{DOSE}=9e6"], f"the sweep holds no {DOSE}=9000000.0"),
        (["--arm", f"{DOSE}=1e6", "--arm", "care.policy=early"], "care.policy was not varied"),
        (["--interim", "0.5"], "0 arms"),
        (["--resume"], "--resume without --out"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(swept, capsys, words, message):
    swept(doses=[1e6, 2e6], half_lives=[30])
    assert message in refused(capsys, "runs/sweep-1", *words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--endpoint", "happiness"], "no endpoint of that name: happiness, --endpoint"),
        (["--endpoint", "cost_usd"], "cost_usd is not yes or no, --endpoint"),
        (["--interim", "1"], "an interim look at 1, --interim, allowed: 0.1 to 0.9"),
        (["-n", "10"], "5 patients in each arm"),
    ],
)
def test_bad_input_of_two_arms(swept, capsys, words, message):
    swept(doses=[1e6, 2e6])
    arms = ["--arm", f"{DOSE}=1e6", "--arm", f"{DOSE}=2e6"]
    assert message in refused(capsys, "runs/sweep-1", *arms, *words)


def test_a_sweep_of_one_dose(swept, capsys):
    swept(doses=[1e6], half_lives=[30, 120])
    assert "a design with one dose" in refused(capsys, "runs/sweep-1", *SEVERE)


def test_a_sweep_without_doses(swept, capsys):
    swept(policies=["none", "label"])
    assert "no numbers to escalate" in refused(capsys, "runs/sweep-1", *SEVERE)
    swept("runs/sweep-2", policies=["none", "label"], half_lives=[30, 120])
    assert f"{DOSE} was not varied, --axis" in refused(capsys, "runs/sweep-2", *SEVERE)


def test_a_sweep_that_is_not_paired(swept, capsys):
    axes = {DOSE: {"uniform": [1e6, 2e6]}, "sweep.sample": "latin_hypercube", "sweep.points": 4}
    swept(**axes)
    assert "not paired" in refused(capsys, "runs/sweep-1")
    assert "no finished sweep, runs, allowed: a sweep's folder" in refused(capsys)


def test_a_folder_that_is_no_finished_sweep(swept, capsys):
    assert "no finished sweep, runs" in refused(capsys)
    assert "no sweep in it" in refused(capsys, "runs/absent")
    folder = swept()
    path = folder / "manifest.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"finished"', '"running"'))
    assert "not as it was written" in refused(capsys, folder)
    path.unlink()
    assert "no sweep in it" in refused(capsys, folder)
    path.write_text(text)
    (folder / "outcomes.parquet").write_bytes(b"no")
    assert "missing or damaged" in refused(capsys, folder)
    assert design(folder, *SHORT, "--out", "d") == 2


def test_a_sweep_that_was_interrupted(fake_model, capsys):
    axes = {DOSE: [1e6, 2e6], "sweep.patients": 5}
    plan = Plan.load("params/scenarios/kymriah.toml", axes)
    sweep(plan, "runs/half", Work(0, "", (1, 2)))
    assert "the sweep is not finished: 5 of 10 runs" in refused(capsys, "runs/half", *SEVERE)
    assert "no finished sweep" in refused(capsys)
