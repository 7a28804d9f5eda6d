"""Indices of functions whose indices are known, and a study from end to end."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from experiments.conftest import DOSE, HALF_LIFE

from tcellabm.analysis.indices import indices, outputs
from tcellabm.cli import execute
from tcellabm.experiments.studies import sensitivity
from tcellabm.experiments.studies.sensitivity import study
from tcellabm.experiments.studies.sweep import Work, sweep
from tcellabm.params import InputError

SCENARIO = "params/scenarios/kymriah.toml"
HERE = Work(0, quiet=True)


def ishigami(unit):
    """Of three inputs, uniform between -pi and pi; a = 7, b = 0.1 (Ishigami and Homma 1990)."""
    x1, x2, x3 = (math.pi * (2 * unit - 1)).T
    return np.sin(x1) + 7 * np.sin(x2) ** 2 + 0.1 * x3**4 * np.sin(x1)


def variances_of_ishigami():
    """Return the first and total indices by the formulas for its variance."""
    a, b, pi4 = 7.0, 0.1, math.pi**4
    alone = np.array([0.5 * (1 + b * pi4 / 5) ** 2, a**2 / 8, 0.0])
    with_third = b**2 * pi4**2 * (1 / 18 - 1 / 50)
    whole = alone.sum() + with_third
    total = alone + with_third * np.array([1, 0, 1])
    return alone / whole, total / whole


def test_sobol_indices_of_the_ishigami_function_are_those_of_the_formulas():
    unit = sensitivity._sample("sobol", 4096, 3, seed=1)
    table = indices("sobol", unit, ishigami(unit), ["x1", "x2", "x3"])
    first, total = variances_of_ishigami()
    # intervals are 1.96 standard errors by bootstrap: 5 of them
    for name, known in (("first", first), ("total", total)):
        error = (table[f"{name}_high"] - table[name]).to_numpy() / 1.96
        assert (np.abs(table[name] - known) <= 5 * error + 1e-12).all()
        assert (error < 0.03).all()  # an index that is off by 0.15 would be seen
    # of chance, which is no input here, nothing comes; an index of 0.1 would be seen
    assert abs(table["first"][2]) < 0.1 < table["total"][2]


def test_an_input_without_effect_has_no_index():
    unit = sensitivity._sample("sobol", 256, 2, seed=1)
    table = indices("sobol", unit, unit[:, 0], ["a", "chance"])
    assert table["total"].tolist() == pytest.approx([1, 0], abs=0.02)
    # the mean of a in its lowest and highest fifth
    assert table.loc[0, ["at_low", "at_high"]].tolist() == pytest.approx([0.1, 0.9], abs=0.02)


def test_morris_finds_the_slopes_of_a_plane_and_no_spread_in_them():
    unit = sensitivity._sample("morris", 8, 4, seed=1)
    slopes = np.array([3.0, -1.0, 0.5, 0.0])
    table = indices("morris", unit, unit @ slopes, list("abcd"))
    width = 0.9  # an effect is that of crossing the middle 90 %
    assert table["mu"].to_numpy() == pytest.approx(width * slopes)
    assert table["mu_star"].to_numpy() == pytest.approx(width * np.abs(slopes))
    assert table["sigma"].to_numpy() == pytest.approx(np.zeros(4), abs=1e-12)
    step = 0.9 * 2 / 3
    assert (table["at_high"] - table["at_low"]).to_numpy() == pytest.approx(step * slopes)


def test_morris_sees_an_interaction_as_spread():
    unit = sensitivity._sample("morris", 50, 2, seed=1)
    table = indices("morris", unit, unit[:, 0] * unit[:, 1], ["a", "b"])
    assert (table["sigma"] > 0.1).all()


def test_the_population_is_varied_where_nothing_else_is_named():
    made = study(SCENARIO, {DOSE: 1e6}, samples=2)
    assert DOSE not in made.inputs
    assert {HALF_LIFE, "product.killing", "patient.leukemic_burden"} <= set(made.inputs)
    assert made.inputs[-1] == "chance"
    assert len(made.plan.tasks) == 2 * (len(made.inputs) + 1)
    law = made.plan.params.distributions["product.killing"]
    values = {point["product.killing"] for point in made.plan.points}
    assert len(values) > 1
    edge = law.median * math.exp(1.6449 * law.sigma_ln)  # 95 % of patients are below it
    assert max(values) <= edge * 1.001


def test_half_of_the_patients_are_below_the_median_of_a_sample():
    made = study(SCENARIO, {}, "sobol", samples=16)
    law = made.plan.params.distributions["patient.leukemic_burden"]
    column = np.array([point["patient.leukemic_burden"] for point in made.plan.points])
    assert np.mean(column < law.median) == pytest.approx(0.5, abs=0.05)
    assert column.min() >= law.low and column.max() <= law.high


def test_chance_is_a_patient_of_its_own_and_changes_alone():
    made = study(SCENARIO, {DOSE: {"log_uniform": [1e5, 5e6]}}, "sobol", samples=4)
    blocks = [made.plan.tasks[start : start + 4] for start in range(0, 16, 4)]
    for first, dose, chance, last in blocks:
        assert first.seed == dose.seed != chance.seed == last.seed
        assert first.settings == chance.settings
        assert dose.settings == last.settings


@pytest.mark.parametrize(
    ("values", "more", "words"),
    [
        ({"product.doze": 1}, {}, "nearest"),
        ({}, {"method": "guess"}, "morris, sobol"),
        ({DOSE: [1e6, 2e6]}, {"method": "sobol", "samples": 100}, "a power of 2"),
        ({DOSE: [1e6, 2e6]}, {"samples": 1}, "2 or more"),
        ({"sweep.patients": [1, 2]}, {}, "sweep.patients"),
    ],
)
def test_bad_studies_are_refused_in_one_line(values, more, words):
    with pytest.raises(InputError, match=words) as caught:
        study(SCENARIO, values, **more)
    assert len(str(caught.value)) <= 193


def test_without_a_population_there_is_nothing_to_vary():
    with pytest.raises(InputError, match="nothing to vary"):
        study("model.toml", {})


def test_without_salib_one_line_says_what_to_install(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sensitivity, "find_spec", lambda name: None)
    assert execute(["sensitivity"]) == 2
    assert "pip install 'tcellabm[analysis]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("fake_model")
@pytest.mark.parametrize(("method", "samples"), [("morris", 12), ("sobol", 32)])
def test_a_study_from_the_command_line(method, samples, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tcellabm", "sensitivity"])
    words = ["--method", method, "--samples", str(samples), "--workers", "0", "--out", "a"]
    ranges = [f"{DOSE}={{log_uniform=[1e5, 1e7]}}", f"{HALF_LIFE}={{uniform=[10, 200]}}"]
    sets = [word for each in ranges for word in ("--set", each)]
    assert execute(["sensitivity", *sets, *words]) == 0
    found = sorted(path.name for path in Path("a").iterdir())
    expected = ["indices.csv", "indices.png", "manifest.json", "outcomes.parquet", "shards"]
    assert found == [*expected, "tornado.png"]
    table = pd.read_csv("a/indices.csv").set_index(["output", "input"])
    size = table["mu_star" if method == "morris" else "total"]
    # the fake patient has severe CRS above 1e6 cells/kg and is in remission by chance
    assert size["severe_crs", DOSE] > 0.4
    assert size["severe_crs", HALF_LIFE] == pytest.approx(0.0, abs=1e-9)
    assert size["remission", "chance"] > 0.4
    assert size["remission", DOSE] == pytest.approx(0.0, abs=1e-9)
    assert json.loads(Path("a/manifest.json").read_text(encoding="utf-8"))["sensitivity"] == method


@pytest.mark.usefixtures("fake_model")
def test_a_failed_run_counts_as_the_mean(tmp_path):
    made = study(SCENARIO, {DOSE: {"uniform": [1e5, 1e7]}}, samples=4)
    outcomes = sweep(made.plan, tmp_path / "a", HERE).outcomes
    outcomes.loc[2, "error"] = "boom"
    values = outputs(outcomes, made.plan.params)
    rest = np.delete((outcomes["crs_grade_penn"] >= 3).to_numpy(float), 2)
    assert values["severe_crs"][2] == pytest.approx(rest.mean())
