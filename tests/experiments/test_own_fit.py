"""A fit to data of one's own, from file to posterior, with patients that take no time."""

import importlib.util
import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("emcee")

from experiments.test_calibration import HERE, KILLING, toy  # noqa: E402, F401

from tcellabm.cli import execute  # noqa: E402
from tcellabm.experiments.compute import runner  # noqa: E402
from tcellabm.experiments.studies.calibration import POSTERIOR, calibrate  # noqa: E402
from tcellabm.experiments.studies.checks import check  # noqa: E402
from tcellabm.experiments.studies.course_pool import (  # noqa: E402
    COPIES,
    CoursePlan,
    CourseTask,
    conditions,
)
from tcellabm.experiments.studies.own_fit import OwnFit, read_fit  # noqa: E402
from tcellabm.params import InputError  # noqa: E402

ROOT = Path(__file__).parents[2]
HEAD = "ID,TIME,DV,CENS,DOSE,WT\n"
DAYS = (7.0, 14.0, 28.0)
ERROR, LIMIT, TRUTH = 0.3, 50.0, 1.8
HOW = f"""
[files]
calibration = "c.toml"
[courses]
patients = 300
error_sd_ln = {ERROR}
laws = ["population.product.killing.median"]
"""


def copies(killing, dose_cells, days):
    """Return the transgene of a toy patient: it goes with killing and with the dose."""
    return 1e3 * killing * (dose_cells / 1e8) * np.exp(-0.1 * np.asarray(days))


def own_observe(task, model):
    settings = model.settings
    dose = settings["product.dose_cells_per_kg"] * settings["patient.weight_kg"]
    levels = copies(model.killing, dose, task.days)
    return {"condition": task.number, COPIES: levels.tolist()}


def individuals(number, truth, seed=1):
    """Return a file of patients whose killing has a median, and whose doses differ."""
    rng = np.random.default_rng(seed)
    lines = []
    for who in range(number):
        killing, dose = truth * math.exp(1.6 * rng.standard_normal()), (5e7, 1e8)[who % 2]
        for day, level in zip(DAYS, copies(killing, dose, DAYS), strict=True):
            value = level * math.exp(ERROR * rng.standard_normal())
            low = value < LIMIT
            lines.append(f"{who},{day:g},{LIMIT if low else value:g},{int(low)},{dose:g},40")
    return HEAD + "\n".join(lines) + "\n"


@pytest.fixture
def own(toy, tmp_path, monkeypatch):  # noqa: F811
    """Files in the current folder, and courses that take no time."""
    (tmp_path / "how.toml").write_text(HOW, encoding="utf-8")
    (tmp_path / "courses.csv").write_text(individuals(30, TRUTH), encoding="utf-8")
    (tmp_path / "rows.csv").write_text("id,value,n\nE01,80,50\nE11,40,60\n", encoding="utf-8")

    def follow(params, task):
        killing = COVARIATES[task.seed][KILLING] if isinstance(task, CourseTask) else 0.0
        return SimpleNamespace(settings=task.settings, killing=killing)

    planned = CoursePlan.of.__func__

    def of(cls, pool, *words):
        COVARIATES.update({task.seed: task.covariates for task in pool.infused})
        return planned(cls, pool, *words)

    COVARIATES = {}  # noqa: N806
    monkeypatch.setattr(CoursePlan, "of", classmethod(of))
    monkeypatch.setattr(runner, "_alone", follow)
    monkeypatch.setattr(CourseTask, "observe", own_observe)
    return lambda data, **more: OwnFit.read(
        data, 1, {"files.published": "published.csv"}, file="how.toml", **more
    )


def test_courses_alone_give_back_the_law_that_made_them(own, tmp_path):
    """30 individuals of sigma 1.6 tell ln median within 0.3: truth within 3 of it (p < 0.003)."""
    plan = own("courses.csv")
    found = calibrate(plan, tmp_path / "a", HERE)
    killing = found["parameters"][plan.keys[0]]
    middle, width = math.log(killing["q50"]), math.log(killing["q95"] / killing["q5"]) / 3.29
    assert plan.keys == ("population.product.killing.median",) and plan.rows == []
    assert width < 0.4 and abs(middle - math.log(TRUTH)) < 3.0 * width
    assert killing["identified"] and found["diagnostics"]["pool_error"] < 0.5
    people = found["individuals"]
    assert len(people) == 30 and all(own["effective"] > 1.0 for own in people.values())
    ranks = np.concatenate([own["ranks"] for own in people.values()])
    assert 0.8 < np.mean((ranks > 0.05) & (ranks < 0.95)) < 0.99
    assert found["predictive"] == {} and not (tmp_path / "a" / "rows.csv").exists()
    assert len(pd.read_csv(tmp_path / "a" / "courses.csv")) == 30
    assert (tmp_path / "a" / "pool-1" / "courses.parquet").exists()
    assert calibrate(plan, tmp_path / "a", HERE, resume=True) == found
    with pytest.raises(InputError, match="another recipe"):
        calibrate(own("rows.csv"), tmp_path / "a", HERE, resume=True)


def test_rows_alone_are_fitted_as_published_ones_are(own, tmp_path):
    plan = own("rows.csv")
    found = calibrate(plan, tmp_path / "a", HERE)
    assert set(found["predictive"]) == {"own E01", "own E11"} and len(plan.keys) == 3
    assert found["predictive"]["own E01"]["n"] == 50.0
    assert "individuals" not in found and "pool_error" not in found["diagnostics"]
    both = own("rows.csv", published_too=True)
    assert [row.name for row in both.rows] == ["E01", "E11", "E02", "own E01", "own E11"]
    assert both.recipe["rows"] != plan.recipe["rows"]


def test_courses_and_published_rows_are_fitted_together_and_checked(own, tmp_path):
    plan = own("courses.csv", published_too=True)
    found = calibrate(plan, tmp_path / "a", HERE)
    assert len(found["predictive"]) == 3 and len(found["individuals"]) == 30
    assert (tmp_path / "a" / "pool-1-courses" / "courses.parquet").exists()
    checks = check(plan, tmp_path / "a", HERE, simulations=20, direct=200)
    assert checks["simulation"]["simulations"] == 20
    forms = [row["form"] for row in checks["direct"]["rows"]]
    assert forms.count("course") == 3 * 30
    assert checks["direct"]["worst_z"] < 6.0


def test_the_command_says_in_a_few_lines_what_it_found(own, tmp_path, capsys):
    words = ["fit", "courses.csv", "--how", "how.toml", "--workers", "0", "--out", "a"]
    assert execute([*words, "--set", "files.published=published.csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 14 and lines[0].split()[0] == "key"
    assert any(line.startswith("30 individuals: ") for line in lines)
    assert lines[-1].startswith("wrote a: posterior.json, courses.csv;")
    assert json.loads((tmp_path / "a" / POSTERIOR).read_text(encoding="utf-8"))["individuals"]


def test_conditions_are_each_dose_and_weight_once(own, tmp_path):
    plan = own("courses.csv")
    assert [condition[:2] for condition in plan.conditions] == [(5e7, 40.0), (1e8, 40.0)]
    assert all(condition.days == DAYS for condition in plan.conditions)
    people = plan.data.individuals
    later = people[0]._replace(days=np.array([1.5]), values=np.array([9.0]))
    assert conditions([people[0], later])[0].days == (1.5, *DAYS)


def test_a_run_has_the_dose_and_weight_of_the_individual_and_a_burden_of_that_body(own):
    plan = own("courses.csv")
    pool = plan.pool_plan(1, np.zeros((60, 1)))
    courses = CoursePlan.of(pool, plan.conditions, 20, "data")
    assert len(courses.tasks) == 40 and len({task.run_id for task in courses.tasks}) == 40
    for task, followed in zip(courses.tasks, [*courses.followed] * 2, strict=True):
        assert task.settings["patient.weight_kg"] == 40.0 and task.seed == followed.seed
        assert task.settings["time.days"] == 28.0
        share = task.settings["patient.leukemic_burden"] / 40.0
        own_share = followed.journey.infusion_burden / followed.journey.weight_kg
        assert share == pytest.approx(own_share, rel=1e-6)
    doses = [task.settings["product.dose_cells_per_kg"] for task in courses.tasks]
    assert doses == [5e7 / 40.0] * 20 + [1e8 / 40.0] * 20


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (HOW, "x = 1", "not a fit"),
        (HOW, "x = ", "not a fit"),
        ("error_sd_ln = 0.3", "error_sd_ln = 0", "not a fit: courses.error_sd_ln"),
        ("patients = 300", "patients = 3", "not a fit: courses.patients"),
        ("killing.median", "killing.sigma_ln", "has no prior"),
        ("c.toml", "none.toml", "no such file"),
    ],
)
def test_how_to_fit_is_checked(own, old, new, words, tmp_path, capsys):
    (tmp_path / "how.toml").write_text(HOW.replace(old, new, 1), encoding="utf-8")
    command = ["fit", "courses.csv", "--how", "how.toml", "--set", "files.published=published.csv"]
    assert execute(command) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and len(error) <= 201


@pytest.mark.parametrize("published_too", [False, True])
def test_a_number_of_patients_is_that_of_individuals_too(own, published_too):
    """More patients must help where it is individuals that have too few."""
    plain = own("courses.csv", published_too=published_too)
    more = own("courses.csv", patients=900, published_too=published_too)
    assert plain.courses.patients == 300
    assert more.courses.patients == more.patients == 900


def test_laws_of_what_individuals_are_set_to_are_refused(own, tmp_path):
    text = (tmp_path / "c.toml").read_text(encoding="utf-8")
    law = "population.patient.weight_kg.median"
    (tmp_path / "c.toml").write_text(f'{text}\n"{law}" = {{ low = 20, high = 60 }}\n')
    with pytest.raises(InputError, match="individual courses, which set it"):
        own("courses.csv", published_too=True)


def test_the_shipped_example_can_be_fitted():
    plan = OwnFit.read(str(ROOT / "examples" / "simulated_courses.csv"))
    assert set(plan.keys) == set(read_fit("params/trials/fit.toml").courses.laws)
    assert len(plan.data.individuals) == 12 and len(plan.conditions) == 12
    assert all(person.name.startswith("simulated-") for person in plan.data.individuals)


def test_the_example_is_what_its_script_makes():
    """If this fails: python scripts/example_courses.py. The first patient stands for all."""
    spec = importlib.util.spec_from_file_location("example", ROOT / "scripts/example_courses.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    file = (ROOT / "examples" / "simulated_courses.csv").read_text(encoding="utf-8")
    first = [line for line in file.splitlines() if line.startswith("simulated-1,")]
    assert len(first) == len(script.draw_days(90.0)) == 9
    for line, row in zip(first, script.rows(script.made_with()), strict=False):
        assert line == ",".join(script.cells(row))
