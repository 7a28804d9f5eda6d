"""A seed is one patient wherever that patient is met, and draws from the posterior everywhere."""

import json
import shlex

import pytest
from draws import SPREAD
from experiments.conftest import DOSE, fake_simulate
from experiments.test_report import BURDEN, HERE, KYMRIAH, data_of

from tcellabm import TumorTCellModel
from tcellabm.app.lab import LabModel
from tcellabm.app.plan import Plan as PagePlan
from tcellabm.app.twins import Twins
from tcellabm.cli import reporting
from tcellabm.experiments.compute import runner
from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.studies.run import one_or_many
from tcellabm.experiments.studies.sweep import sweep
from tcellabm.identity import run_id
from tcellabm.params import parse_set
from tcellabm.posterior import one_patient

SEEDS = range(1, 9)


def covariates(params, seed):
    return dict(TumorTCellModel(params, rng=seed).patient.covariates)


def test_run_page_and_lab_draw_the_same_patients(shipped):
    drawn = [one_patient(KYMRIAH, {}, seed).get(SPREAD) for seed in SEEDS]
    assert len(set(drawn)) == len(SEEDS)
    for seed in SEEDS:
        of_run = covariates(one_patient(KYMRIAH, {}, seed), seed)
        assert Twins(PagePlan(seed=seed)).covariates == of_run
        assert dict(LabModel(rng=seed).patient.covariates) == of_run


def test_what_is_moved_on_the_page_wins_over_the_draw(shipped):
    params = PagePlan(seed=3, settings={"quality": 2.0}).params()
    assert params.get("product.killing") == 2.0
    assert params.get(SPREAD) == PagePlan(seed=3).undrawn().get(SPREAD)


@pytest.mark.parametrize("chosen", ["default", "none", "file"])
def test_what_a_report_tells_to_write_is_the_same_run(shipped, tmp_path, monkeypatch, chosen):
    """Whatever its sweep drew from; the page plays only what it draws too."""
    other = tmp_path / "other.json"
    other.write_text(shipped.read_text(encoding="utf-8") + " ", encoding="utf-8")
    named = {"default": {}, "none": {"files.posterior": "none"}}
    sets = named.get(chosen, {"files.posterior": str(other)})
    monkeypatch.setattr(runner, "simulate", fake_simulate)
    plan = Plan.load(KYMRIAH, {DOSE: [5e5, 2e6], "sweep.patients": 3, **sets})
    result = sweep(plan, tmp_path / "a", HERE)
    for page in (reporting.report_of(result, plan, {}), reporting.report_of_folder(tmp_path / "a")):
        data = data_of(page)
        commands = [
            shlex.split(f"{point['command']} {patient['command']}")
            for point in data["points"]
            for patient in data["patients"]
        ]
        for words, task in zip(commands, plan.tasks, strict=True):
            given = parse_set([word for word in words if word != "--set"])
            assert run_id(one_or_many(KYMRIAH, given, task.seed), task.seed) == task.run_id
        plays = all(point["query"] for point in data["points"])
        assert plays == (chosen == "default")
        assert (SPREAD in json.dumps(data["patients"])) == (chosen == "file")


def test_laws_are_no_covariates_of_a_patient(shipped, tmp_path, monkeypatch):
    """They are columns of the table, and tell nothing of who relapses."""
    monkeypatch.setattr(runner, "simulate", fake_simulate)
    plan = Plan.load(KYMRIAH, {DOSE: [5e5, 2e6], "sweep.patients": 3})
    result = sweep(plan, tmp_path / "a", HERE)
    assert SPREAD in result.outcomes and SPREAD not in result.covariates
    assert BURDEN in result.covariates
