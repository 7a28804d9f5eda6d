"""Designs do what their authors publish.

*Read*: found in the source named. *Recalled*: from memory of the paper.
"""

from functools import cached_property

import numpy as np
import pytest
from designs.exact import exact, seen
from scipy import stats

from tcellabm.analysis.designs import Boin, Crm, ThreePlusThree, Utility, operating_characteristics
from tcellabm.analysis.designs.boin import boundaries
from tcellabm.analysis.designs.counts import NONE
from tcellabm.analysis.designs.crm import _GRID, PRIOR_SD, skeleton

MONTE_CARLO = 3.0  # standard errors
LETTERS = {"N": (0, 0), "T": (1, 0), "E": (0, 1), "B": (1, 1)}  # toxicity, response


def course(text, doses):
    """Counts after cohorts such as `1NNN 2NTE`."""
    rows = np.zeros((4, doses), dtype=int)
    for cohort in text.split():
        dose = int(cohort[0]) - 1
        for letter in cohort[1:]:
            toxic, responding = LETTERS[letter]
            rows[:, dose] += (1, toxic, responding, toxic * responding)
    share = sum(LETTERS[letter][0] for letter in cohort[1:]) / len(cohort[1:])
    return seen(rows[0], rows[1], dose, share, rows[2], rows[3])


def following(rule, text, doses):
    """Number of the next dose, from 1; 0 for none."""
    return int(rule.next_dose(course(text, doses))[0]) + 1


def test_boundaries_of_boin_are_those_of_another_program():
    """Read: simFastBOIN, introduction (CRAN), target 0.30."""
    assert [f"{each:.7f}" for each in boundaries(0.3)] == ["0.2364907", "0.3585195"]


@pytest.mark.parametrize(
    ("target", "up", "down"),
    [
        (0.15, 0.118, 0.179),
        (0.20, 0.157, 0.238),
        (0.25, 0.197, 0.298),
        (0.30, 0.236, 0.358),
        (0.35, 0.276, 0.419),
        (0.40, 0.316, 0.479),
    ],
)
def test_boundaries_of_boin_are_the_published_ones(target, up, down):
    """Recalled: Liu and Yuan 2015, Table 1, which cuts 0.3585 and 0.4797 off rather than round."""
    found_up, found_down = boundaries(target)
    assert round(found_up, 3) == up
    assert down in (round(found_down, 3), np.floor(1000 * found_down) / 1000)


@pytest.mark.parametrize(
    ("n", "escalate", "leave", "give_up"),
    [(3, 0, 2, 3), (6, 1, 3, 4), (9, 2, 4, 5), (12, 2, 5, 7), (15, 3, 6, 8), (18, 4, 7, 9)],
)
def test_decisions_of_boin_are_the_published_table(n, escalate, leave, give_up):
    """Recalled: the table of the R package BOIN for a target of 0.30."""
    rule = Boin(0.3)
    for toxic in range(n + 1):
        after = int(rule.next_dose(seen([0, n, 0], [0, toxic, 0], 1))[0])
        assert after == (2 if toxic <= escalate else 0 if toxic >= leave else 1)
        at_lowest = int(rule.next_dose(seen([n, 0, 0], [toxic, 0, 0], 0))[0])
        assert (at_lowest == NONE) == (toxic >= give_up)


def test_a_trial_of_boin_goes_the_published_way():
    """Read: Han et al. 2019, p. 25, as the tests of the R package escalation have it."""
    cohorts = ["1NNN", "2NNN", "3NTT", "2NTN", "3NNN", "3NNN", "4TTT", "3NTN", "3NNT"]
    doses = [following(Boin(0.3), " ".join(cohorts[: k + 1]), 5) for k in range(9)]
    assert doses == [2, 3, 2, 3, 3, 4, 3, 3, 3]


@pytest.mark.parametrize(
    ("treated", "toxic", "dose"),
    [([3, 3, 15, 9, 0], [0, 0, 4, 4, 0], 3), ([0, 3, 0, 0, 3], [0, 1, 0, 0, 3], 2)],
)
def test_boin_declares_the_published_dose(treated, toxic, dose):
    """Read: Yan et al. 2020, p. 15, and another, in the tests of the R package escalation."""
    assert int(Boin(0.3).declared(seen(treated, toxic, 2))[0]) + 1 == dose


def test_characteristics_of_boin_are_those_of_another_program():
    """Read: simFastBOIN 1.3, introduction (CRAN), 1000 trials; checked there against BOIN 2.7."""
    published = {"none": 0.001, "selected": [0.108, 0.524, 0.338, 0.028, 0.001]}
    treated, toxic = [6.8, 11.9, 7.7, 1.8, 0.1], [0.7, 3.0, 3.1, 1.0, 0.1]
    rates, trials = [0.10, 0.25, 0.40, 0.55, 0.70], 10_000
    rule = Boin(0.30, enough=18)
    found = operating_characteristics(rule, rates, trials=trials, rng=1)
    for share, theirs in zip(
        [found["none"], *found["selected"]],
        [published["none"], *published["selected"]],
        strict=True,
    ):
        error = np.sqrt(max(share * (1 - share), 0.001) * (1 / trials + 1 / 1000))
        assert abs(share - theirs) < MONTE_CARLO * error
    assert found["total_patients"] == pytest.approx(28.4, abs=0.25)  # of 1000: 3 errors, 0.08 each
    np.testing.assert_allclose(found["patients"], treated, atol=0.6)
    np.testing.assert_allclose(found["toxicities"], toxic, atol=0.25)


def test_the_model_of_the_crm_gives_the_published_estimates():
    """Read: Cheung 2011, p. 21, refitted by dfcrm in escalation's vignette on the CRM."""
    rule = Crm(0.25, (0.05, 0.12, 0.25, 0.40, 0.55))
    counts = np.array([[0, 0, 2, 1, 2]]), np.array([[0, 0, 0, 0, 1]])
    toxicity, _ = rule.estimates(*counts)
    published = ["0.00701", "0.0299", "0.101", "0.219", "0.372"]
    assert [f"{each:.3g}" for each in toxicity[0]] == published


class AsInDfcrm(Crm):
    """With the R packages' normal approximation of the posterior where a trial is to stop."""

    @cached_property
    def _ends(self):
        return np.log(np.log(self.limit) / np.log(self.guesses[0]))

    def estimates(self, treated, toxic):
        toxicity, _ = super().estimates(treated, toxic)
        curves = np.array(self.guesses)[:, None] ** np.exp(_GRID)
        log = toxic @ np.log(curves + 1e-300) + (treated - toxic) @ np.log1p(-curves * (1 - 1e-16))
        weights = np.exp(log - 0.5 * (_GRID / PRIOR_SD) ** 2)
        weights /= weights.sum(axis=1, keepdims=True)
        mean = weights @ _GRID
        deviation = np.sqrt(weights @ _GRID**2 - mean**2)
        return toxicity, stats.norm.cdf(self._ends, mean, deviation)


CRM = {"target": 0.25, "guesses": (0.05, 0.1, 0.25, 0.4, 0.6), "careful": False}
STOP = {"limit": 0.35, "confidence": 0.9}
# Read: escalation's vignette on dose paths; four cohorts of three, every path of the CRM.
PATHS = [
    (
        [0.05, 0.10, 0.25, 0.40, 0.60],
        [0.000127, 0.019866, 0.227135, 0.451791, 0.273014, 0.028066],
        11.99887,
    ),
    (
        [0.45, 0.60, 0.68, 0.75, 0.81],
        [0.3027462, 0.6407708, 0.0502073, 0.0055527, 0.0006931, 0.0000299],
        10.73269,
    ),
]


@pytest.mark.parametrize(("toxicity", "published", "patients"), PATHS)
def test_every_path_of_the_crm_has_the_published_probability(toxicity, published, patients):
    found, treated = exact(AsInDfcrm(**CRM, **STOP), toxicity, cohorts=4)
    np.testing.assert_allclose(found, published, atol=6e-7)
    assert treated.sum() == pytest.approx(patients, abs=6e-6)


@pytest.mark.parametrize(("toxicity", "published", "patients"), PATHS)
def test_characteristics_of_the_crm_are_the_published_ones(toxicity, published, patients):
    """Within three Monte Carlo errors of 1000 trials; our stopping rule approximates nothing."""
    found = operating_characteristics(Crm(**CRM, **STOP), toxicity, patients=12, trials=1000, rng=1)
    shares = np.array([found["none"], *found["selected"]])
    expected = np.array(published)
    error = np.sqrt(np.maximum(expected * (1 - expected), 1e-3) / 1000)
    assert (np.abs(shares - expected) < MONTE_CARLO * error).all()


@pytest.mark.parametrize("target", [0.2, 0.3])
def test_neighbors_of_the_skeleton_part_at_the_ends_of_the_indifference_interval(target):
    """The model that puts a dose at target - 0.05 puts the next at target + 0.05."""
    guesses = skeleton(target, 6)
    assert guesses[2] == pytest.approx(target)
    powers = np.log(target - 0.05) / np.log(guesses[:-1])
    np.testing.assert_allclose(guesses[1:] ** powers, target + 0.05)


def test_3_plus_3_is_the_exact_enumeration():
    """Also read: no dose 0.12854451, in escalation's page on exact probabilities."""
    toxicity = [0.12, 0.27, 0.44, 0.53, 0.57]
    passes = [(1 - p) ** 3 + 3 * p * (1 - p) ** 2 * (1 - p) ** 3 for p in toxicity]
    reached = np.cumprod([1.0, *passes])
    expected = [reached[k] * (1 - passes[k]) for k in range(5)] + [reached[5]]
    enumerated, treated = exact(ThreePlusThree(5), toxicity, cohorts=10)
    np.testing.assert_allclose(enumerated, expected, atol=1e-12)
    assert f"{enumerated[0]:.8f}" == "0.12854451"
    trials = 20_000
    found = operating_characteristics("3+3", toxicity, trials=trials, rng=1)
    shares = np.array([found["none"], *found["selected"]])
    error = np.sqrt(enumerated * (1 - enumerated) / trials)  # 5 errors see a shift of 0.018
    assert (np.abs(shares - enumerated) < 5 * error).all()
    np.testing.assert_allclose(found["patients"], treated, atol=0.1)


@pytest.mark.parametrize("rule", [Boin(0.3), Crm(0.3, tuple(skeleton(0.3, 3)))])
def test_simulated_trials_are_the_enumerated_ones(rule):
    toxicity, trials = [0.1, 0.3, 0.5], 20_000
    enumerated, treated = exact(rule, toxicity, cohorts=4)
    found = operating_characteristics(rule, toxicity, patients=12, trials=trials, rng=1)
    shares = np.array([found["none"], *found["selected"]])
    error = np.sqrt(enumerated * (1 - enumerated) / trials)  # 5 errors see a shift of 0.018
    assert (np.abs(shares - enumerated) <= 5 * error).all()
    np.testing.assert_allclose(found["patients"], treated, atol=0.15)


def test_a_trial_of_boin12_goes_the_published_way():
    """Read: Lin et al. 2020, section 6 and Figure S2, in the tests of the R package escalation."""
    cohorts = ["1NNN", "2NNB", "3NEE", "3NTN", "4ETE", "4NBE", "4BNN", "5BEN", "5NBT", "4NEN"]
    rule = Utility(0.35)
    doses = [following(rule, " ".join(cohorts[: k + 1]), 5) for k in range(10)]
    assert doses == [2, 3, 3, 4, 4, 4, 5, 5, 4, 4]
    assert following(rule, "1NNN 2ENT 3ETT 2EEN", 5) == 2  # p. 1396


@pytest.mark.parametrize(
    ("text", "dose"),
    [
        ("1EBB", 1),
        ("1EEE", 1),
        ("1ETB", 1),
        ("1NBB", 1),
        ("1NEE", 1),
        ("1NET", 2),
        ("1NNB", 2),
        ("1NNE", 2),
        ("1NNN", 2),
        ("1NNT", 2),
        ("1NTT", 1),
        ("2BBB", 1),
        ("2EEB", 2),
        ("2EET", 2),
        ("2ETT", 1),
    ],
)
def test_first_decisions_of_boin12_are_those_of_its_authors_program(text, dose):
    """Read: the tests of the R package escalation, which has them of the authors' web page."""
    assert following(Utility(0.35), text, 5) == dose


def test_boin12_ranks_outcomes_as_published():
    """Read: Lin et al. 2020, Table 3, scores 99, 91, 87, 60, 32.5 (twice) and 7."""
    outcomes = [(9, 0, 8), (3, 0, 3), (6, 1, 5), (0, 0, 0), (9, 2, 3), (9, 5, 5), (9, 3, 1)]

    def desirability(n, toxic, responding):
        # Utilities add up (0.6 for a response, 0.4 without toxicity): who has both is no matter.
        counts = seen([n], [toxic], 0, 0.0, [responding], [max(0, toxic + responding - n)])
        return float(Utility(0.35).desirability(counts)[0, 0])

    scores = [desirability(*each) for each in outcomes]
    assert scores[4] == pytest.approx(scores[5])
    ranked = [*scores[:5], scores[6]]
    assert ranked == sorted(ranked, reverse=True)
