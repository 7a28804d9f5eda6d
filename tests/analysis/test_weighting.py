"""Weights of a pool: a density, and what a weighted pool says against a population drawn anew."""

import numpy as np
import pytest
from experiments.toy import (
    DESCRIBED,
    KILLING,
    MEDIAN,
    MYELOID,
    SIGNAL,
    SPREAD,
    draw,
)
from scipy import stats

from tcellabm.analysis.weighting import (
    Covariates,
    Weighting,
    covariate_of,
    effective,
    laws_of,
    log_density,
    log_proposal,
    mixed_proposal,
    normalized,
)

KEYS = (MEDIAN, SPREAD, SIGNAL)
LAWS = laws_of(KEYS, DESCRIBED)
LOW, HIGH = np.log([0.3, 0.5, 0.3]), np.log([3.0, 2.0, 3.0])


def pool(n, seed):
    """Draw laws from the prior, and a patient from each."""
    rng = np.random.default_rng(seed)
    drawn = rng.uniform(LOW, HIGH, (n, 3))
    median, sigma = LAWS.at(drawn)
    columns = [
        draw(rng, DESCRIBED[name], np.exp(median[:, k]), sigma[:, k])
        for k, name in enumerate(LAWS.covariates)
    ]
    return drawn, np.stack(columns, axis=1)


def weighting(drawn, values, **more):
    patients = Covariates.of(values, LAWS)
    return Weighting(patients, LAWS, log_proposal(patients, LAWS, drawn, **more))


def test_what_keys_stand_for():
    assert LAWS.covariates == (KILLING, MYELOID)
    assert covariate_of(SPREAD) == KILLING
    assert covariate_of("product.killing") == covariate_of(f"population.{KILLING}.low") == ""
    median, sigma = LAWS.at(np.log([[2.0, 0.5, 3.0]]))
    assert np.exp(median[0]) == pytest.approx([2.0, 3.0])
    assert sigma[0] == pytest.approx([0.5, 1.0])  # the width of the second is not set


def test_the_density_is_that_of_a_clipped_log_normal():
    """Inside it is SciPy's normal density of logs; its masses and integral together are 1."""
    theta = np.log([[2.0, 1.5, 1.0]])
    law = DESCRIBED[KILLING]
    logs = np.linspace(np.log(law.low), np.log(law.high), 20_001)
    grid = np.exp(logs)
    values = np.stack([grid, np.ones_like(grid)], axis=1)
    found = np.exp(log_density(Covariates.of(values, LAWS), LAWS, theta, 0))[0]
    inner = found[1:-1] / np.sqrt(2.0 * np.pi)
    assert inner == pytest.approx(stats.norm.pdf(logs[1:-1], np.log(2.0), 1.5), rel=1e-9)
    assert found[0] == pytest.approx(stats.norm.cdf(np.log(law.low / 2.0) / 1.5))
    whole = np.trapezoid(inner, logs[1:-1]) + found[0] + found[-1]
    assert whole == pytest.approx(1.0, abs=2e-4)


def test_a_product_of_matrices_gives_the_same_weights():
    drawn, values = pool(500, 1)
    patients = Covariates.of(values, LAWS)
    assert patients.at_low.any() and patients.at_high.any()
    proposal = log_proposal(patients, LAWS, drawn)
    theta = np.random.default_rng(2).uniform(LOW, HIGH, (4, 3))
    plain = sum(log_density(patients, LAWS, theta, k) for k in range(2)) - proposal
    found = Weighting(patients, LAWS, proposal).log_weights(theta)
    assert found == pytest.approx(plain, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("independent", [True, False])
def test_a_weighted_pool_is_the_population_it_stands_for(independent):
    """Means of a bounded function, at three corners, within 5 standard errors of draws anew.

    3000 patients: effects from 0.1 on would show; without weights the corners are off by
    0.2 and more.
    """
    drawn, values = pool(3000, 3)
    own = weighting(drawn, values, independent=independent)
    rng = np.random.default_rng(4)
    for theta in np.log([[0.5, 0.8, 2.0], [2.0, 1.5, 0.5], [1.0, 1.0, 1.0]]):
        weights = own.weights(theta[None])[0]
        median, sigma = LAWS.at(theta[None])
        anew = [
            draw(rng, DESCRIBED[name], np.full(200_000, np.exp(median[0, k])), sigma[0, k])
            for k, name in enumerate(LAWS.covariates)
        ]
        truth = np.mean((anew[0] > 1.0) & (anew[1] > 1.0))
        hits = (values[:, 0] > 1.0) & (values[:, 1] > 1.0)
        error = np.sqrt(np.sum(weights**2 * (hits - truth) ** 2) + truth * (1 - truth) / 200_000)
        assert abs(weights @ hits - truth) < 5.0 * error
        assert error < 0.025 and effective(weights) > 100.0


def test_two_pools_together_weigh_as_one():
    """The density of both is the mean of theirs, by size."""
    (one, values), (two, more) = pool(300, 5), pool(900, 6)
    patients = Covariates.of(np.vstack([values, more]), LAWS)
    mixed = mixed_proposal(patients, LAWS, [one, two])
    each = [np.exp(log_proposal(patients, LAWS, drawn)) for drawn in (one, two)]
    assert np.exp(mixed) == pytest.approx(0.25 * each[0] + 0.75 * each[1])


def test_weights_sum_to_one_and_equal_ones_are_all_effective():
    weights = normalized(np.array([[1000.0, 1000.0], [0.0, -2000.0]]))
    assert weights.sum(axis=1) == pytest.approx([1.0, 1.0])
    assert effective(weights) == pytest.approx([2.0, 1.0])
