"""How dose-finding trials are run: calendar, late toxicity, failed products, whole rows."""

import numpy as np
import pytest
from scipy import optimize

from tcellabm.analysis.designs import Boin, Crm, ThreePlusThree, Utility, operating_characteristics
from tcellabm.analysis.designs.characteristics import characteristics, right_doses
from tcellabm.analysis.designs.conduct import Conduct, run
from tcellabm.analysis.designs.counts import NONE, isotonic
from tcellabm.analysis.designs.patients import NEVER, Rates, Table, rates
from tcellabm.params import InputError

DOSES = 3


def rng():
    return np.random.default_rng(1)


def table(toxicity_day, response_day=NEVER, cost=1.0, patients=10):
    shape = patients, DOSES
    columns = (np.broadcast_to(each, shape) for each in (toxicity_day, response_day, cost))
    return Table(*(np.array(each, dtype=float) for each in columns))


def test_duration_is_infusions_apart_and_follow_up():
    conduct = Conduct(6, 3, window_days=28.0, follow_days=28.0, stagger_days=14.0)
    done = run(Boin(0.3), table(NEVER), conduct, 5, rng())
    assert done.days.tolist() == [2 * (2 * 14.0 + 28.0)] * 5
    assert done.cost.tolist() == [6.0] * 5
    assert done.enrolled.tolist() == [6] * 5


def test_products_take_time_and_patients_come_at_their_rate():
    conduct = Conduct(30, 3, enrolled_per_day=0.5, making_days=40.0)
    trials = 2000
    done = run(Boin(0.3), table(NEVER), conduct, trials, rng())
    # Ten cohorts, each of three gaps of 2 days (exponential) and one time of making.
    error = np.sqrt(30 * 4.0 / trials)
    assert abs(done.days.mean() - 10 * (3 * 2.0 + 40.0)) < 5 * error  # sees 1.3 days of 460


def test_a_failed_product_costs_another_patient_and_the_time_it_took():
    share, trials = 0.25, 2000
    conduct = Conduct(30, 3, failure_share=share, making_days=10.0)
    done = run(Boin(0.3), table(NEVER), conduct, trials, rng())
    error = np.sqrt(30 * share / (1 - share) ** 2 / trials)
    assert abs(done.enrolled.mean() - 30 / (1 - share)) < 5 * error  # sees 0.4 patients of 40
    assert (done.observed.treated.sum(axis=1) == 30).all()
    most = done.days / 10.0  # each cohort lasts as many times of making as its unluckiest place
    assert (most >= 10).all() and most.mean() > 13.0


@pytest.mark.parametrize(("follow", "reached"), [(28.0, 0), (10.0, 2)])
def test_late_toxicity_is_met_too_late_by_a_trial_that_does_not_wait(follow, reached):
    """All patients have it on day 20: who waits stops at the lowest dose."""
    conduct = Conduct(9, 3, window_days=28.0, follow_days=follow, stagger_days=0.0)
    done = run(ThreePlusThree(DOSES), table(20.0), conduct, 4, rng())
    tried = (done.observed.treated > 0).sum(axis=1) - 1
    # Ten days a cohort: what the first had is known as the third has been treated.
    assert tried.tolist() == [reached] * 4
    assert (done.observed.toxic == done.observed.treated).all()
    assert (done.declared == NONE).all()


def test_patients_are_drawn_with_their_whole_row():
    """Half of them have toxicity and response at every dose, half neither: never one alone."""
    half = np.where(np.arange(10) < 5, 3.0, NEVER)[:, None]
    conduct = Conduct(30, 3, window_days=28.0, follow_days=28.0)
    patients = table(half, half, np.where(half < NEVER, 5.0, 1.0))
    for rule in (Boin(0.5), Utility(0.5)):
        done = run(rule, patients, conduct, 200, rng())
        seen = done.observed
        assert (seen.toxic == seen.responding).all() and (seen.both == seen.toxic).all()
        assert 0 < seen.toxic.sum() < seen.treated.sum()
        expected = seen.treated.sum(axis=1) + 4 * seen.toxic.sum(axis=1)
        np.testing.assert_array_equal(done.cost, expected)


def test_every_design_meets_the_same_patients():
    """The first cohort, at the lowest dose, is the same one in each trial of each design."""
    patients = table(np.where(np.arange(10) < 3, 1.0, NEVER)[:, None])
    conduct = Conduct(3, 3)
    rules = [Boin(0.3), Utility(0.3), ThreePlusThree(DOSES), Crm(0.3, (0.2, 0.3, 0.4))]
    toxic = [run(rule, patients, conduct, 50, rng()).observed.toxic for rule in rules]
    assert all((each == toxic[0]).all() for each in toxic)


def test_the_calendar_does_not_change_what_patients_do():
    patients = table(np.where(np.arange(10) < 3, 1.0, NEVER)[:, None])
    slow = Conduct(12, 3, 28.0, 28.0, 14.0, 0.1, 0.2, 40.0, 0.3)
    one, two = (
        run(Boin(0.3), patients, each, 100, rng()) for each in (slow, Conduct(12, 3, 28, 28))
    )
    np.testing.assert_array_equal(one.observed.toxic, two.observed.toxic)
    assert (one.days > two.days).all()


def test_characteristics_stand_beside_the_truth():
    days = np.where(np.arange(20)[:, None] < [2, 6, 12], 5.0, NEVER)
    responses = np.where(np.arange(20)[:, None] >= [15, 8, 4], 28.0, NEVER)
    patients = Table(days, responses, np.full((20, 3), 1e5))
    found = characteristics(
        ("3+3", "boin", "crm", "utility"), patients, [1.0, 2.0, 3.0], 0.3, Conduct(), 500, 1
    )
    assert list(found.groupby("design", sort=False).groups) == ["3+3", "boin", "crm", "utility"]
    for _, rows in found.groupby("design"):
        assert rows["selected"].sum() == pytest.approx(1.0)
        assert rows["right"].tolist() == [False, True, False, False]
        assert rows["toxicity"].tolist()[:3] == [0.1, 0.3, 0.6]
        assert rows["response"].tolist()[:3] == [0.25, 0.6, 0.8]
        assert rows["correct"].iloc[0] == rows["selected"].iloc[1]
        assert rows["cost_usd"].iloc[0] == pytest.approx(1e5 * rows["patients"].sum())
        assert rows["infused"].iloc[0] == pytest.approx(rows["patients"].sum())
    assert (found["selected_low"] <= found["selected"]).all()


@pytest.mark.parametrize(
    ("toxicity", "response", "right"),
    [
        ([0.1, 0.3, 0.6], [0.3, 0.6, 0.9], (1, 1)),
        ([0.1, 0.3, 0.6], [0.6, 0.6, 0.9], (1, 0)),  # as good, less toxic
        ([0.1, 0.3, 0.6], [0.1, 0.1, 0.9], (1, NONE)),  # futile
        ([0.45, 0.5, 0.6], [0.9, 0.9, 0.9], (NONE, NONE)),  # too toxic
        ([0.1, 0.1, 0.1], [0.5, 0.6, 0.7], (2, 2)),  # of equals the higher
    ],
)
def test_what_should_be_declared(toxicity, response, right):
    assert right_doses(rates(toxicity, response), 0.3) == right


def test_isotonic_regression_is_that_of_scipy():
    some = np.random.default_rng(5)
    values, weights = some.random((50, 6)), some.random((50, 6)) + 0.01
    weights[some.random((50, 6)) < 0.3] = 0.0
    fitted = isotonic(values, weights)
    for row, value, weight in zip(fitted, values, weights, strict=True):
        there = weight > 0
        if there.any():
            theirs = optimize.isotonic_regression(value[there], weights=weight[there]).x
            np.testing.assert_allclose(row[there], theirs)
        assert np.isnan(row[~there]).all()


def test_scripts_find_it_where_the_contract_says():
    import tcellabm

    find = tcellabm.analysis.designs.operating_characteristics
    found = find("3+3", toxicity=[0.1, 0.3, 0.5], trials=100, rng=1)
    assert sum(found["selected"]) + found["none"] == pytest.approx(1.0)
    assert found == find("3+3", toxicity=[0.1, 0.3, 0.5], trials=100, rng=np.random.default_rng(1))


def test_equal_seeds_give_equal_numbers():
    first, again, other = (
        operating_characteristics("crm", [0.1, 0.3, 0.5], trials=50, rng=seed) for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (("boin", [0.3]), {}, "fewer than two doses"),
        (("boin", []), {}, "fewer than two doses"),
        (("boin", [0.1, 1.2]), {}, "numbers from 0 to 1"),
        (("boin", [0.1, float("nan")]), {}, "numbers from 0 to 1"),
        (("boin", "many"), {}, "numbers from 0 to 1"),
        (("boin", [[0.1, 0.2]]), {}, "numbers from 0 to 1"),
        (("boin", [0.1, 0.2], [0.5]), {}, "1 rates of response for 2 doses"),
        (("4+4", [0.1, 0.2]), {}, "allowed: 3.3, boin, crm, utility"),
        (("boin", [0.1, 0.2]), {"target": 0.0}, "0.1 to 0.6"),
        (("boin", [0.1, 0.2]), {"target": float("nan")}, "0.1 to 0.6"),
        (("boin", [0.1, 0.2]), {"trials": 0}, "1 or more"),
        (("boin", [0.1, 0.2]), {"patients": 2}, "one cohort at least"),
        (("boin", [0.1, 0.2]), {"cohort": 0}, "1 or more"),
    ],
)
def test_bad_input_is_one_line(words, options, message):
    with pytest.raises(InputError, match=message) as told:
        operating_characteristics(*words, **options)
    assert "\n" not in str(told.value) and len(str(told.value)) <= 190


def test_rates_of_nobody_are_of_nobody():
    nobody = Rates(np.zeros(2), np.zeros(2))
    found = run(Boin(0.3), nobody, Conduct(), 20, rng())
    assert (found.declared == 1).all() and not found.observed.toxic.any()
