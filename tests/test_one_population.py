"""A seed is one patient wherever that patient is met, and draws from the posterior everywhere."""

import json
import shlex

import pytest
from draws import PERSISTENCE, SPREAD
from experiments.conftest import DOSE, fake_simulate
from experiments.test_report import BURDEN, HERE, KYMRIAH, WEIGHT, data_of

from tcellabm import TumorTCellModel, load
from tcellabm.app.lab import LabModel
from tcellabm.app.plan import Plan as PagePlan
from tcellabm.app.twins import Twins
from tcellabm.cli import reporting
from tcellabm.experiments.compute import runner
from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.studies.run import one_or_many
from tcellabm.experiments.studies.sweep import sweep
from tcellabm.experiments.studies.trial import TrialPlan
from tcellabm.identity import run_id
from tcellabm.params import parse_set
from tcellabm.posterior import Posterior, applied, one_patient, shipped_digest

SEEDS = range(1, 9)
MYELOID = "patient.myeloid_sensitivity"


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


SETS = {
    "default": {},
    "none": {"files.posterior": "none"},
    "a product that moves medians": {"files.product": "products/allogeneic.toml"},
    "a law at the value of the population file": {SPREAD: 1.6},
    "a law as an axis": {SPREAD: [1.0, 1.6]},
    "a file": {},  # put in
}


@pytest.mark.parametrize("chosen", SETS)
def test_what_a_report_tells_to_write_is_the_same_run(shipped, tmp_path, monkeypatch, chosen):
    """Whatever its sweep drew from; the page plays only what it draws too."""
    other = tmp_path / "other.json"
    other.write_text(shipped.read_text(encoding="utf-8") + " ", encoding="utf-8")
    sets = {"files.posterior": str(other)} if chosen == "a file" else SETS[chosen]
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
        told = PERSISTENCE in json.dumps(data["patients"])
        assert told == (chosen not in ("default", "none"))


def test_an_empty_cell_of_a_patient_of_ones_own_is_drawn_as_the_seed_says(shipped, tmp_path):
    law = f"population.{MYELOID}.sigma_ln"
    said = json.loads(shipped.read_text(encoding="utf-8"))
    said |= {"keys": [law], "draws": [[[0.9], [1.1], [1.3], [1.5]]]}
    shipped.write_text(json.dumps(said), encoding="utf-8")
    (tmp_path / "own.csv").write_text(f"{MYELOID},{WEIGHT}\n,20\n2,20\n", encoding="utf-8")
    sets = {"files.cohort": str(tmp_path / "own.csv")}
    for plan in (Plan.load(KYMRIAH, sets), TrialPlan.load("trials/eliana.toml", sets)):
        drawn, fixed = getattr(plan, "enrolled", plan.tasks)
        assert drawn.settings[law] == one_patient(KYMRIAH, {}, drawn.seed).get(law)
        assert law not in fixed.settings and law in plan.schema.names


def test_one_patient_of_ones_own_is_whom_the_same_values_set_by_hand_follow(shipped, tmp_path):
    (tmp_path / "own.csv").write_text(f"{WEIGHT}\n20\n", encoding="utf-8")
    own = one_or_many(KYMRIAH, {"files.cohort": str(tmp_path / "own.csv")}, 7)
    assert run_id(own, 7) == run_id(one_patient(KYMRIAH, {WEIGHT: 20.0}, 7), 7)


def test_a_population_of_which_none_is_shipped_draws_nothing(shipped):
    """Nor does a scenario without a population, whatever lies in the folder."""
    params = one_patient(KYMRIAH, {}, 1)
    assert Posterior.chosen({}, params) is None
    assert Posterior.chosen({"population": "populations/another.toml"}, params) is None
    said = json.loads(shipped.read_text(encoding="utf-8"))
    shipped.write_text(json.dumps(said | {"model_version": 1}), encoding="utf-8")
    assert Posterior.chosen({}, params) is None and shipped_digest() == ""


def test_a_product_moves_a_draw_no_farther_than_the_law_reaches():
    params = load(KYMRIAH, {"files.product": "products/axicabtagene_like.toml"})
    high = params.distributions["product.fitness"].high
    key = "population.product.fitness.median"
    moved = [applied({key: median}, params)[key] for median in (1.0, 1.5)]
    assert moved == [pytest.approx(1.4), high] and high < 1.4 * 1.5


def test_laws_are_no_covariates_of_a_patient(shipped, tmp_path, monkeypatch):
    """They are columns of the table, and tell nothing of who relapses."""
    monkeypatch.setattr(runner, "simulate", fake_simulate)
    plan = Plan.load(KYMRIAH, {DOSE: [5e5, 2e6], "sweep.patients": 3})
    result = sweep(plan, tmp_path / "a", HERE)
    assert SPREAD in result.outcomes and SPREAD not in result.covariates
    assert BURDEN in result.covariates
