"""Likelihood of single patients' courses, against brute force and a population in closed form."""

import math

import numpy as np
import pytest
from experiments.toy import Bounded
from scipy import integrate, stats

from tcellabm.analysis.courses import Courses, Individual, log_course
from tcellabm.analysis.fit import Target
from tcellabm.analysis.weighting import Covariates, Weighting, laws_of, log_proposal, normalized
from tcellabm.params import InputError

ERROR = 0.5
LIMIT = 50.0
KEY = "population.product.fitness.median"
DESCRIBED = {"product.fitness": Bounded(1.0, 0.6, 0.0, math.inf)}
DAYS = np.array([7.0, 14.0, 28.0])


def person(values, censored=None, name="1", days=DAYS):
    values = np.array(values, float)
    censored = np.zeros(len(values), bool) if censored is None else np.array(censored)
    return Individual(name, np.array(days[: len(values)]), values, censored, 1e8, 40.0)


def transgene(fitness, days=DAYS):
    """Return copies that rise with fitness and fall with time, shape (patients, days)."""
    return 1e4 * np.asarray(fitness)[:, None] ** 2 * np.exp(-0.15 * np.asarray(days))


def by_hand(individual, copies):
    """Add up, value by value, what a virtual patient's course gives."""
    total = 0.0
    for value, level, censored in zip(individual.values, copies, individual.censored, strict=True):
        law = stats.norm(math.log(level), ERROR)
        total += law.logcdf(math.log(value)) if censored else law.logpdf(math.log(value))
    return total


def test_a_course_adds_up_values_and_what_is_below_the_limit():
    copies = transgene([0.3, 1.0, 2.0])
    one = person([900.0, 400.0, LIMIT], [False, False, True])
    expected = [by_hand(one, own) for own in copies]
    assert log_course(one, copies, ERROR) == pytest.approx(expected, rel=1e-12)


def test_the_marginal_likelihood_is_the_weighted_mean_over_virtual_patients():
    rng = np.random.default_rng(1)
    pool = 12  # of whom nine were run with courses
    places = np.array([0, 2, 3, 5, 6, 7, 8, 10, 11])
    people = [person([900.0, 400.0, LIMIT], [False, False, True]), person([3e3, 1e3], name="2")]
    copies = [transgene(rng.lognormal(size=9), each.days) for each in people]
    weights = normalized(rng.standard_normal((4, pool)))
    courses = Courses(people, copies, ERROR, places)
    found, size = courses.by_individual(weights), courses.effective(weights)
    for theta, who in np.ndindex(4, 2):
        own = [weights[theta, place] for place in places]
        each = [math.exp(by_hand(people[who], course)) for course in copies[who]]
        parts = [w * p for w, p in zip(own, each, strict=True)]
        assert found[theta, who] == pytest.approx(math.log(sum(parts) / sum(own)), rel=1e-10)
        kish = sum(parts) ** 2 / sum(part**2 for part in parts)
        assert size[theta, who] == pytest.approx(kish, rel=1e-9)


def target_of(people, patients=4000, seed=3):
    """Return the density of a pool whose laws were drawn from a wide prior, of one key."""
    rng = np.random.default_rng(seed)
    laws = laws_of((KEY,), DESCRIBED)
    drawn = rng.uniform(np.log(0.2), np.log(5.0), (patients, 1))
    fitness = np.exp(drawn[:, 0] + 0.6 * rng.standard_normal(patients))
    x = Covariates.of(fitness[:, None], laws)
    weighting = Weighting(x, laws, log_proposal(x, laws, drawn))
    copies = [transgene(fitness, each.days) for each in people]
    courses = Courses(people, copies, ERROR, np.arange(patients))
    return Target([], {"seed": np.arange(patients)}, weighting, 1.0, courses)


def exact(individual, median):
    """Integrate over the log of fitness, which is normal."""

    def density(x):
        course = transgene([math.exp(x)], individual.days)[0]
        return math.exp(by_hand(individual, course)) * stats.norm.pdf(x, math.log(median), 0.6)

    return integrate.quad(density, math.log(median) - 5.0, math.log(median) + 5.0, limit=200)[0]


@pytest.mark.parametrize("median", [0.5, 1.0, 2.0])
def test_a_weighted_pool_gives_the_likelihood_of_the_population(median):
    """Within 5 standard errors of a weighted mean over 4000 patients: of 3 % here, not of 30 %."""
    people = [
        person([3e3, 1e3, 200.0]),
        person([900.0, LIMIT, LIMIT], [False, True, True], name="2"),
    ]
    target = target_of(people)
    weights = target.weighting.weights(np.log([[median]]))
    found = target.courses.by_individual(weights)[0]
    error = 1.0 / np.sqrt(target.courses.effective(weights)[0])
    wanted = np.log([exact(each, median) for each in people])
    assert error.max() < 0.06
    assert np.abs(found - wanted).max() < 5.0 * error.max()


def test_the_density_is_highest_at_the_law_that_made_the_individuals():
    """Forty individuals tell the median within 5 standard errors (0.6 / sqrt(40), and 0.1)."""
    rng = np.random.default_rng(5)
    fitness = 1.5 * np.exp(0.6 * rng.standard_normal(40))
    people = []
    for number, course in enumerate(transgene(fitness)):
        values = course * np.exp(ERROR * rng.standard_normal(3))
        below = values < LIMIT
        people.append(person(np.where(below, LIMIT, values), below, name=str(number)))
    grid = np.linspace(math.log(0.5), math.log(4.0), 200)[:, None]
    best = grid[np.argmax(target_of(people).log_probability(grid)), 0]
    assert abs(best - math.log(1.5)) < 5.0 * math.hypot(0.6, 0.2) / math.sqrt(40)


def test_the_dead_and_those_without_transgene_cannot_have_values():
    copies = np.array([[100.0, math.nan], [100.0, 0.0], [100.0, 100.0]])
    quantified, below = person([100.0, 100.0]), person([100.0, LIMIT], [False, True])
    assert np.isneginf(log_course(quantified, copies, ERROR)).tolist() == [True, True, False]
    assert np.isneginf(log_course(below, copies, ERROR)).tolist() == [True, False, False]
    places = np.arange(2)
    with pytest.raises(InputError, match="ID 1: no virtual patient"):
        Courses([quantified], [copies[:2]], ERROR, places)


def test_values_in_another_unit_are_told():
    """A thousand times as many copies: nobody in the pool comes near."""
    copies = transgene([0.5, 1.0, 2.0])
    near = person(copies[1] * math.exp(3.0 * ERROR))
    far = person(copies[1] * 1e3)
    Courses([near], [copies], ERROR, np.arange(3))
    with pytest.raises(InputError, match="ID 1: the nearest virtual patient is off by a factor of"):
        Courses([far], [copies], ERROR, np.arange(3))


def test_only_who_lived_to_the_last_sample_counts():
    """Of four virtual patients one dies: the mean is over the weight of the other three."""
    one = person([900.0, 400.0, 100.0])
    copies = transgene([0.3, 0.5, 1.0, 2.0])
    copies[1, 2] = math.nan
    weights = np.array([[0.4, 0.3, 0.2, 0.1]])
    found = Courses([one], [copies], ERROR, np.arange(4)).by_individual(weights)
    parts = [weights[0, n] * math.exp(by_hand(one, copies[n])) for n in (0, 2, 3)]
    assert found[0, 0] == pytest.approx(math.log(sum(parts) / 0.7), rel=1e-12)


def test_ranks_of_simulated_individuals_are_uniform_and_none_finds_itself():
    """Of 300 individuals the mean rank is off by 5 standard errors by a shift of 0.08."""
    target = target_of([person([1e3, 1e3, 1e3], name=str(n)) for n in range(300)])
    weights = target.weighting.weights(np.log([[1.0]]))[0]
    made = target.courses.simulated(weights, np.random.default_rng(2))
    ranks = np.concatenate(made.ranks(weights))
    assert abs(ranks.mean() - 0.5) < 5.0 * math.sqrt(1.0 / 12.0 / 300.0)
    assert all(np.isnan(copies).all(axis=1).sum() == 1 for copies in made.copies)
    again = target.courses.simulated(weights, np.random.default_rng(2))
    assert np.array_equal(again.individuals[0].values, made.individuals[0].values)


def test_simulated_values_are_censored_at_the_limit_of_the_data():
    people = [person([LIMIT, LIMIT, LIMIT], [True] * 3), person([1e3, 80.0, 60.0], name="2")]
    courses = target_of(people).courses
    assert courses.limit == LIMIT
    weights = np.full(4000, 1.0 / 4000)
    made = courses.simulated(weights, np.random.default_rng(2))
    for each in made.individuals:
        assert np.all(each.values >= LIMIT)
        assert np.array_equal(each.censored, each.values == LIMIT)
    assert np.isnan(made.ranks(weights)[0][made.individuals[0].censored]).all()
    assert target_of(people[1:]).courses.limit == 0.0
