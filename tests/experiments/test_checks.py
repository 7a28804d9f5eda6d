"""Checks of a calibration: that they pass where all is well, and see what is wrong."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("emcee")

from experiments.test_calibration import HERE, toy  # noqa: E402, F401
from experiments.toy import outcomes  # noqa: E402

from tcellabm.analysis.checks_report import page, sentences  # noqa: E402
from tcellabm.analysis.likelihood import RECALLED, Row  # noqa: E402
from tcellabm.analysis.patientwise import ROWS  # noqa: E402
from tcellabm.cli import execute  # noqa: E402
from tcellabm.experiments.studies import calibration as fitting  # noqa: E402
from tcellabm.experiments.studies import checks as module  # noqa: E402
from tcellabm.experiments.studies.checks import CHECKS, check, uniformity  # noqa: E402
from tcellabm.experiments.studies.fitted import some  # noqa: E402
from tcellabm.experiments.studies.pool import compute_pool  # noqa: E402
from tcellabm.params import InputError  # noqa: E402


@pytest.fixture
def folder(toy, tmp_path):  # noqa: F811
    fitting.calibrate(toy, tmp_path / "a", HERE)
    return tmp_path / "a"


def test_a_sound_calibration_meets_its_checks_and_they_resume(toy, folder, monkeypatch):  # noqa: F811
    """20 simulated trials see ranks that lie on one side (half of them, on ten of 20: p < 1e-3)."""
    found = check(toy, folder, HERE, simulations=20, direct=300)
    assert found["simulation"]["uniform"] and found["simulation"]["simulations"] == 20
    assert all(sum(own["counts"]) == 20 for own in found["simulation"]["keys"].values())
    # of 300 patients a row differs by chance: by 5 standard errors of either pool in none
    assert found["direct"]["worst_z"] < 5.0 and len(found["direct"]["rows"]) == 9
    assert json.loads((folder / CHECKS).read_text(encoding="utf-8")) == found
    monkeypatch.setattr(module, "_ranks", lambda *words: pytest.fail("made again"))
    assert check(toy, folder, HERE, simulations=20, direct=300) == found
    posterior = json.loads((folder / "posterior.json").read_text(encoding="utf-8"))
    text = page(posterior, found)
    assert all(f"`{key}`" in text for key in toy.keys) and "E02" in text
    assert len(sentences(found)) == 2  # no other trial to leave out


def test_trials_are_simulated_where_as_many_patients_speak_as_to_the_fit(toy, folder):  # noqa: F811
    """Or, where that is seldom, in the tenth of the prior that the first pool speaks to best."""
    posterior = json.loads((folder / "posterior.json").read_text())
    first, target, draws = module._targets(toy, folder, HERE, posterior, "")
    there = target.patients(target.weighting.weights(some(draws)))
    kept = module._as_thick(toy, first, target, draws)
    assert first.least < kept.least <= np.quantile(there, module.THIN)
    thick = SimpleNamespace(
        patients=lambda weights: np.full(len(weights), 1e9), weighting=target.weighting
    )
    best = module._as_thick(toy, first, thick, draws)
    rng = np.random.default_rng(1)
    prior = first.patients(first.weighting.weights(rng.uniform(*toy.box, (2000, len(toy.keys)))))
    share = np.mean(prior >= best.least)  # of 400 points: 5 standard errors of either
    assert share == pytest.approx(module.REACHED, abs=5.0 * np.hypot(0.3 / 20.0, 0.3 / 44.7))


def test_a_simulated_trial_scatters_as_its_likelihood_says():
    """Means of logs, within 18 %: 5 standard errors of the spread of 400."""
    rng = np.random.default_rng(1)
    infused = outcomes(rng, *np.exp(rng.standard_normal((2, 2000))))
    equal = np.full(2000, 1.0 / 2000)
    group = ROWS["K03"](infused)
    spread = np.log(group.value[group.member]).std() / np.sqrt(45.0)
    for tolerance in (0.0, 0.25):
        row = Row("K03", "log_normal", 2e4, 90.0, tolerance=tolerance, weight=RECALLED)
        made = [module._row_of_trial(row, infused, equal, rng) for _ in range(400)]
        assert {(one.n, one.weight) for one in made} == {(45.0, 1.0)}
        logs = np.log([one.value for one in made])
        assert logs.std() == pytest.approx(np.hypot(spread, tolerance), rel=0.18)


def test_the_truth_above_all_draws_has_the_last_place_and_below_the_first(toy, folder, monkeypatch):  # noqa: F811
    """A rank is of one place more than there are draws, so that none is beyond 1."""
    _, target, draws = module._targets(
        toy, folder, HERE, json.loads((folder / "posterior.json").read_text()), ""
    )
    chains = SimpleNamespace(flat=draws)
    monkeypatch.setattr(module, "_short_chains", lambda *words: chains)
    for beyond, low, high in ((9.0, 1.0 - 1.0 / (module.RANKED + 1), 1.0), (-9.0, 0.0, 0.0099010)):
        truth = np.full(draws.shape[1], beyond)
        monkeypatch.setattr(module, "_truth", lambda *words, truth=truth: truth)
        monkeypatch.setattr(module, "_row_of_trial", lambda *words: None)
        weights = np.full((1, len(target.infused["seed"])), 1.0 / len(target.infused["seed"]))
        monkeypatch.setattr(type(target.weighting), "weights", lambda *words, w=weights: w)
        ranks = np.array(module._ranks(toy, target, 0)["ranks"])
        assert ((low <= ranks) & (ranks <= high)).all()


def test_ranks_on_one_side_are_not_uniform():
    rng = np.random.default_rng(1)
    ranks = rng.random((200, 2))
    assert uniformity(ranks, ("a", "b"))["uniform"]
    ranks[:, 1] = ranks[:, 1] ** 1.7  # a bias of 0.13, as of half a standard deviation
    told_ = uniformity(ranks, ("a", "b"))
    assert not told_["uniform"] and told_["keys"]["b"]["p"] < 0.001 < told_["keys"]["a"]["p"]


def test_a_pool_weighted_to_other_laws_is_seen_against_direct_runs(toy, folder):  # noqa: F811
    """Remission of killing 0.5 against that of 2: more than 3 standard errors."""
    _, target, _ = module._targets(
        toy, folder, HERE, json.loads((folder / "posterior.json").read_text()), ""
    )
    plan = toy.pool_plan(50, np.tile(np.log([0.5, 1.0, 1.0]), (400, 1)))
    pool = compute_pool(plan, folder / "direct", HERE)
    right, wrong = (
        module.against(target, target.weighting.weights(np.log([[k, 1.0, 1.0]])), pool)
        for k in (0.5, 2.0)
    )
    assert max(abs(row["z"]) for row in right) < 4.0 < max(abs(row["z"]) for row in wrong)


def test_what_is_no_calibration_is_not_checked(toy, folder, tmp_path, capsys):  # noqa: F811
    for other, told_ in (
        (tmp_path / "none", "no finished calibration"),
        (folder, "another recipe"),
    ):
        changed = fitting.replace(toy, seed=2)
        with pytest.raises(InputError, match=told_):
            check(changed, other, HERE)
    assert not (tmp_path / "none").exists()
    assert execute(["calibrate", "--check"]) == 2
    assert "allowed: --out DIR" in capsys.readouterr().err
