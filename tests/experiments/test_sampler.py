"""The sampler: a known density is found, rounds resume, and threads change nothing."""

import numpy as np
import pytest

pytest.importorskip("emcee")

from tcellabm.experiments.studies.sampler import Sampling, pareto_k, sample, summarized  # noqa: E402
from tcellabm.params import InputError  # noqa: E402

LOW, HIGH = np.full(3, -5.0), np.full(3, 5.0)
COVARIANCE = np.array([[1.0, 0.6, 0.0], [0.6, 1.0, 0.0], [0.0, 0.0, 0.01]])
QUICK = Sampling(4, 16, 200, 400, 6, 400)


def normal(points):
    return -0.5 * np.einsum("ij,jk,ik->i", points, np.linalg.inv(COVARIANCE), points)


def test_a_normal_density_is_sampled_with_its_means_and_covariances(tmp_path):
    """800 draws, at least 400 effective: 5 standard errors are 0.25 of a standard deviation."""
    chains = sample(normal, LOW, HIGH, 1, QUICK, tmp_path / "chains")
    assert chains.effective >= 400 and chains.rhat < 1.01
    assert chains.draws.shape == (4, 200, 3)
    scale = np.sqrt(np.diag(COVARIANCE))
    assert np.abs(chains.flat.mean(axis=0) / scale).max() < 0.25
    found = np.cov(chains.flat.T) / np.outer(scale, scale)
    wanted = COVARIANCE / np.outer(scale, scale)
    assert np.abs(found - wanted).max() < 5.0 * np.sqrt(2.0 / chains.effective)


def test_rounds_resume_and_threads_change_nothing(tmp_path):
    few = Sampling(2, 12, 50, 10**9, 3, 80)
    whole = sample(normal, LOW, HIGH, 1, few, tmp_path / "a")
    part = Sampling(2, 12, 50, 10**9, 1, 80, threads=2)
    sample(normal, LOW, HIGH, 1, part, tmp_path / "b")
    assert len(list((tmp_path / "b").iterdir())) == 1
    again = sample(normal, LOW, HIGH, 1, few, tmp_path / "b")
    assert np.array_equal(whole.draws, again.draws)
    for damage in (b"", b"PK\x03\x04 no round"):
        (tmp_path / "b" / "round-002.npz").write_bytes(damage)
        again = sample(normal, LOW, HIGH, 1, few, tmp_path / "b")
        assert np.array_equal(whole.draws, again.draws)
    other = sample(normal, LOW, HIGH, 2, few)
    assert not np.array_equal(whole.draws, other.draws)


def test_ensembles_that_disagree_have_a_large_rhat():
    rng = np.random.default_rng(1)
    steps = rng.standard_normal((4, 100, 16, 2))
    steps[0, ..., 1] += 1.0
    assert summarized([steps], QUICK).rhat > 1.05


def test_short_and_slow_chains_do_not_count_as_many_draws(tmp_path):
    """Walkers that wander slowly: 64 000 numbers, but each walker has hardly moved."""
    rng = np.random.default_rng(3)
    steps = 0.05 * np.cumsum(rng.standard_normal((4, 250, 64, 2)), axis=1)
    found = summarized([steps], Sampling(4, 64, 2000, 1000))
    assert found.length < 20.0 and found.effective < 1000.0
    again = sample(normal, LOW, HIGH, 1, QUICK)
    assert again.length >= QUICK.length


def test_a_density_that_is_nowhere_is_refused():
    with pytest.raises(InputError, match="points of the prior"):
        sample(lambda points: np.full(len(points), -np.inf), LOW, HIGH, 1, QUICK)


@pytest.mark.parametrize("shape", [0.4, 0.8])
def test_the_tail_of_weights_has_its_pareto_k(shape):
    """Of 20 000 Pareto weights, 420 in the tail: 5 standard errors are 5 (1 + k) / sqrt(420)."""
    weights = 1.0 + np.random.default_rng(1).pareto(1.0 / shape, 20_000)
    assert abs(pareto_k(np.log(weights)) - shape) < 5.0 * (1.0 + shape) / np.sqrt(420)
    assert pareto_k(np.zeros(500)) == -np.inf
