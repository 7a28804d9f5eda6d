"""Draws for groups of identical cells, held to Kendall 1948 and to textbook moments."""

import math

import numpy as np
import pytest
from kernels.lab import (
    Bench,
    Law,
    assert_law,
    assert_share,
    bernoulli,
    binomials,
    birth_death_process,
    progenies,
    scatterings,
    some_rates,
)
from scipy import stats

from tcellabm.kernels import draws, layout

BLAST = layout.LEUKEMIA + 12
ONE_IN_A_MILLION = 5.7e-7  # the p-value of 5 standard errors


@pytest.mark.parametrize("tick", [1.0, 1 / 4, 1 / 8, 1 / 32])
def test_birth_and_death_over_nine_days_is_the_same_law_at_any_tick(tick):
    """Catches a bias of 2 % in the mean, 7 % in the variance, 0.02 in the chance of extinction.

    One event a step at most, p = 1 - e^(-(b+d)dt), would be off by 19 % or more at any of them.
    """
    birth, death, days, replicates = 1.1, 0.4, 9.0, 16_000
    bench = Bench(1, seed=11, rates=some_rates(leukemia_division=birth, leukemia_death=death))
    bench.put(np.repeat([9, 1], replicates), 0, BLAST)
    bench.step(tick, ticks=round(days / tick))
    nine, one = bench.column("count").reshape(2, replicates)
    law, extinct = birth_death_process(birth, death, days)
    assert_law(nine, law * 9)
    assert_law(one, law)
    assert_share(one == 0, extinct)


@pytest.mark.parametrize("cells", [1, 40, 1000])
@pytest.mark.parametrize(
    ("birth", "death"), [(0.7, 0.7), (0.8, 0.0), (0.0, 0.9), (0.3, 1.4), (1.4, 0.3)]
)
def test_progeny_has_the_mean_variance_and_extinction_of_the_process(cells, birth, death):
    """Catches 2 % in the mean of one cell's progeny, 0.1 % in that of a thousand."""
    progeny = progenies(100_000, 12, cells, birth, death, 0.8)
    law, extinct = birth_death_process(birth, death, 0.8)
    assert_law(progeny, law * cells)
    assert_share(progeny == 0, extinct**cells)


@pytest.mark.parametrize(("birth", "death"), [(0.7, 0.7), (1.5, 0.0), (0.0, 2.0), (0.09, 0.04)])
@pytest.mark.parametrize("tick", [1 / 32, 1.0])
def test_progeny_of_a_trillion_cells_has_mean_and_variance_of_the_process(birth, death, tick):
    """Catches 1e-7 in the mean and 2.5 % in the variance: what rounding of 1 - alpha could do."""
    cells = 10**12
    progeny = progenies(100_000, 13, cells, birth, death, tick)
    law, _ = birth_death_process(birth, death, tick)
    middle = round(law.mean * cells)
    assert_law(progeny - middle, Law(law.mean * cells - middle, law.variance * cells))


@pytest.mark.parametrize(
    ("birth", "death"),
    [(1.1, 0.4), (0.4, 1.1), (0.7, 0.7), (0.7, 0.7 + 1e-13), (0.9, 0.0), (0.0, 0.9), (0.0, 0.0)],
)
def test_two_ticks_compose_to_one_exactly(birth, death):
    """Kendall's law is a semigroup: f_(s+t)(z) = f_s(f_t(z)); catches any bias in it."""

    def progeny(z, time):
        alpha, beta = draws.birth_death_law(birth, death, time)
        return alpha + (1 - alpha) * (1 - beta) * z / (1 - beta * z)

    for z in (0.0, 0.3, 0.9):
        assert progeny(progeny(z, 0.2), 0.7) == pytest.approx(progeny(z, 0.9), rel=1e-12)


def test_equal_birth_and_death_is_the_limit_of_nearly_equal():
    exact = draws.birth_death_law(0.7, 0.7, 2.0)
    assert exact == pytest.approx((1.4 / 2.4, 1.4 / 2.4), rel=1e-14)
    assert draws.birth_death_law(0.7, 0.7 + 1e-9, 2.0) == pytest.approx(exact, rel=1e-8)


def test_no_cells_have_no_progeny():
    rng = np.random.default_rng(1)
    assert draws.birth_death(rng, 0, 0.2, 0.5) == 0
    assert draws.birth_death(rng, 7, 1.0, 0.5) == 0
    assert draws.birth_death(rng, 7, 0.0, 0.0) == 7


@pytest.mark.parametrize(
    ("n", "p"),
    [
        (1, 0.3),
        (20, 0.5),
        (40, 0.97),
        (1000, 1e-3),
        (10**6, 0.3),
        (2 * 10**9, 0.5),
        (10**10, 2.9e-9),  # just below and just above the change to Poisson
        (10**10, 3.1e-9),
        (10**10, 1 - 2.9e-9),
        (10**10, 1 - 3.1e-9),
        (10**12, 1e-6),
        (10**12, 0.7),
        (10**13, 0.25),
        (10**13, 1e-13),
    ],
)
def test_binomial_has_its_mean_and_variance(n, p):
    """Catches 1.6 % of the standard deviation in the mean, 2.5 % in the variance."""
    hits = binomials(100_000, 14, n, p)
    assert hits.min() >= 0 and hits.max() <= n
    law = bernoulli(p) * n
    assert_law(hits - round(law.mean), Law(law.mean - round(law.mean), law.variance, law.fourth))


@pytest.mark.parametrize("successes", [True, False])
def test_few_successes_or_few_failures_of_very_many_are_poisson(successes):
    """Catches 2 % of all draws put at a wrong number."""
    n, mean = 10**12, 7.5
    p = mean / n if successes else 1 - mean / n
    rare = binomials(100_000, 15, n, p)
    rare = rare if successes else n - rare
    bins = np.arange(1, 18)
    expected = np.diff(stats.poisson.cdf(bins, n * min(p, 1 - p)), prepend=0, append=1)
    found = np.bincount(np.digitize(rare, bins + 0.5), minlength=bins.size + 1)
    assert stats.chisquare(found, expected * rare.size).pvalue > ONE_IN_A_MILLION


def test_many_events_keep_their_skewness():
    """Just above the variance from which counts are drawn by moments; catches half of it lost.

    A normal law, without the third moment, would be off by 12 standard errors.
    """
    times, n, p = 1_000_000, 10**6, 1.1e-3
    alpha, beta = draws.birth_death_law(0.3, 0.5, 0.125)
    k = np.arange(1, 60)
    chance = np.append(alpha, (1 - alpha) * (1 - beta) * beta ** (k - 1))
    values = np.append(0, k)
    mean = chance @ values
    second, third = chance @ (values - mean) ** 2, chance @ (values - mean) ** 3
    cells = math.ceil(1.1 * draws.WIDE / second)
    found = {
        "binomial": (binomials(times, 18, n, p), (1 - 2 * p) / math.sqrt(n * p * (1 - p))),
        "progeny": (
            progenies(times, 19, cells, 0.3, 0.5, 0.125),
            third / (second**1.5 * math.sqrt(cells)),
        ),
    }
    for name, (counts, skewness) in found.items():
        error = abs(stats.skew(counts) - skewness)
        assert error <= 5 * math.sqrt(6 / times), name


def test_binomial_keeps_to_its_limits():
    rng = np.random.default_rng(1)
    for n, p, hits in ((0, 0.5, 0), (-3, 0.5, 0), (9, 0.0, 0), (9, -1e-18, 0), (9, 1.0, 9)):
        assert draws.binomial(rng, n, p) == hits


@pytest.mark.parametrize("cells", [1, 7, 16, 17, 1000, 10**12])
def test_scatter_conserves_cells_exactly(cells):
    tally = np.arange(20)
    draws.scatter(np.random.default_rng(16), cells, 16, tally)
    added = tally - np.arange(20)
    assert added.sum() == cells and added.min() >= 0 and not added[16:].any()


@pytest.mark.parametrize("cells", [12, 16, 17, 4000, 10**10])
def test_scatter_is_uniform_over_places(cells):
    """Catches a place that gets 4 % of a standard deviation too much, or too even a spread."""
    places, times = 16, 20_000
    tallies = scatterings(times, 17, cells, places)
    one = cells / places
    variance = one * (1 - 1 / places)
    for place in range(places):
        assert_law(tallies[:, place], Law(one, variance, bernoulli(1 / places).fourth * cells))
    # the statistic of a uniform multinomial: mean places - 1, variance 2 (places - 1)(1 - 1/cells)
    unevenness = ((tallies - one) ** 2 / one).sum(axis=1)
    spread = math.sqrt(2 * (places - 1) * (1 - 1 / cells) / times)
    assert abs(unevenness.mean() - (places - 1)) <= 5 * spread
