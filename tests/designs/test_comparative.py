"""Two-arm trials against exact binomial sums and published limits."""

import numpy as np
import pytest
from scipy import stats

from tcellabm.analysis.designs import words
from tcellabm.analysis.designs.comparative import Arms, compare, comparison, looks, needed
from tcellabm.params import InputError


def rejecting(n, limit):
    """Pairs of successes that the pooled z-test calls different."""
    one, two = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    pooled = (one + two) / (2 * n)
    error = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-12) * 2 / n)
    return np.abs(two - one) / n / error >= limit


def exact_power(arms, n):
    chances = [stats.binom.pmf(np.arange(n + 1), n, p) for p in (arms.control, arms.experimental)]
    return float((np.outer(*chances) * rejecting(n, stats.norm.isf(0.025))).sum())


def test_limits_of_an_interim_look_are_obrien_and_flemings():
    """Recalled: Jennison and Turnbull 2000, Table 2.3, two looks: 1.977."""
    plan = looks(0.5)
    assert plan.shares == (0.5, 1.0)
    assert [f"{each:.3f}" for each in plan.limits] == ["2.797", "1.977"]
    assert looks().limits[0] == pytest.approx(1.959964)


@pytest.mark.parametrize("arms", [Arms(0.3, 0.55), Arms(0.4, 0.4)])
def test_power_and_type_1_error_are_the_binomial_sums(arms):
    trials = 20_000
    found = compare(arms, 60, looks(), trials, np.random.default_rng(1))
    expected = exact_power(arms, 60)
    error = np.sqrt(expected * (1 - expected) / trials)  # 5 errors see 0.015 in power
    assert abs(found.significant - expected) < 5 * error
    difference = arms.experimental - arms.control
    assert abs(found.estimate - difference) < 5 * np.sqrt(0.5 / 60 / trials)


def test_an_interim_look_keeps_the_error_saves_patients_and_flatters():
    trials = 20_000
    sham = compare(Arms(0.4, 0.4), 200, looks(0.5), trials, np.random.default_rng(1))
    assert abs(sham.significant - 0.05) < 5 * np.sqrt(0.05 * 0.95 / trials) + 0.003  # discreteness
    real = compare(Arms(0.3, 0.5), 100, looks(0.5), trials, np.random.default_rng(1))
    assert real.patients < 200 and 0 < real.stopped < 1
    assert real.patients == pytest.approx(200 - 100 * real.stopped)
    assert 0.002 < real.estimate - 0.2 < 0.05


def test_the_number_needed_is_the_least_that_has_the_power():
    arms = Arms(0.5, 0.65)
    found = needed(arms, looks(), seed=1)
    assert exact_power(arms, int(found)) == pytest.approx(0.8, abs=0.01)
    assert found == pytest.approx(170, abs=8)  # Fleiss's formula without correction: 167 to 170
    assert needed(arms, looks(0.5), seed=1) >= found - 2
    assert np.isnan(needed(Arms(0.5, 0.5), looks(), seed=1))
    assert np.isnan(needed(Arms(0.5, 0.5001), looks(), seed=1))


def test_the_table_and_the_words():
    table = comparison(Arms(0.3, 0.5), 100, 0.5, 500, 1)
    assert table["per_arm"].tolist() == [25, 50, 100, 200, 400] * 2
    powers = table[table["design"] == "parallel"]["power"].to_numpy()
    assert (np.diff(powers) >= 0).all() and powers[-1] > 0.99
    *lines, truth, last = words.compared(table, 100, "remission", ["A", "B"])
    assert len(lines) == 11
    assert "30.0% meet remission with A and 50.0% with B" in truth
    assert "80 % power takes" in last and "sham arm" in last


@pytest.mark.parametrize("interim", [0.0, 1.0, float("nan")])
def test_an_impossible_look_is_bad_input(interim):
    with pytest.raises(InputError, match=r"0.1 to 0.9"):
        looks(interim)


def test_too_few_patients_are_bad_input():
    with pytest.raises(InputError, match="16 in all or more"):
        comparison(Arms(0.3, 0.5), 4, None, 10, 1)
