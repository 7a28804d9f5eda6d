import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from tcellabm.analysis.summary import (
    in_remission_at_a_year,
    pareto_best,
    pareto_front,
    summarize,
    wilson,
)


@pytest.mark.parametrize(("successes", "n"), [(0, 24), (24, 24), (13, 24), (1, 1), (299, 300)])
def test_wilson_interval_is_that_of_scipy(successes, n):
    expected = binomtest(successes, n).proportion_ci(method="wilson")
    assert wilson(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("n", range(1, 60))
def test_wilson_interval_holds_the_share_itself(n):
    for successes in range(n + 1):
        low, high = wilson(successes, n)
        assert 0 <= low <= successes / n <= high <= 1


def test_wilson_interval_of_nobody_is_unknown():
    assert all(map(math.isnan, wilson(0, 0)))


def test_pareto_best_is_beaten_in_both_by_no_other():
    benefit, harm = np.array([0.5, 0.6, 0.4, 0.6]), np.array([0.3, 0.2, 0.2, 0.3])
    assert pareto_best(benefit, harm).tolist() == [False, True, True, True]
    assert pareto_front(benefit, harm).tolist() == [False, True, False, False]


def test_equal_points_share_the_front():
    assert pareto_front(np.array([0.5, 0.5]), np.array([0.1, 0.1])).all()


def test_an_unknown_point_is_not_marked_and_beats_nobody():
    benefit, harm = np.array([math.nan, 0.1]), np.array([0.0, 0.9])
    assert pareto_best(benefit, harm).tolist() == [False, True]
    assert pareto_front(benefit, harm).tolist() == [False, True]


def runs(**columns):
    table = {
        "remission": True,
        "relapse_day": math.nan,
        "death_day": math.nan,
        "followed_days": 365.0,
        "crs_grade_penn": 0,
        "error": "",
    }
    n = max((len(values) for values in columns.values()), default=1)
    return pd.DataFrame({**{k: [v] * n for k, v in table.items()}, **columns})


@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        ({}, 1.0),
        ({"remission": [False]}, 0.0),
        ({"relapse_day": [365.0]}, 0.0),
        ({"relapse_day": [366.0], "followed_days": [460.0]}, 1.0),
        ({"death_day": [100.0], "followed_days": [100.0]}, 0.0),
        ({"relapse_day": [90.0], "followed_days": [100.0]}, 0.0),
        ({"followed_days": [364.0]}, math.nan),
    ],
)
def test_in_remission_on_day_365(patient, expected):
    assert in_remission_at_a_year(runs(**patient)).tolist() == pytest.approx(
        [expected], nan_ok=True
    )


def test_summary_has_the_columns_of_the_contract_in_the_order_of_the_runs():
    outcomes = runs(dose=[2.0, 2.0, 1.0, 1.0], crs_grade_penn=[3, 2, 0, 5])
    summary = summarize(outcomes, ["dose"])
    rates = ("remission", "remission_365", "severe_crs")
    expected = ["dose", "n", *(f"{r}{e}" for r in rates for e in ("", "_low", "_high")), "pareto"]
    assert list(summary) == expected
    assert summary["dose"].tolist() == [2.0, 1.0]
    assert summary["severe_crs"].tolist() == [0.5, 0.5]
    assert summary["pareto"].all()


def test_failed_runs_do_not_count():
    outcomes = runs(remission=[True, False, False], error=["", "", "ValueError: x"])
    assert summarize(outcomes, []).loc[0, ["n", "remission"]].tolist() == [2, 0.5]


def test_a_point_where_all_failed_has_no_rates():
    point = summarize(runs(error=["x", "x"]), []).iloc[0]
    assert point["n"] == 0
    assert math.isnan(point["remission"])
    assert not point["pareto"]


def test_a_short_sweep_knows_nothing_of_day_365():
    point = summarize(runs(followed_days=[100.0, 100.0]), []).iloc[0]
    assert math.isnan(point["remission_365"])
    assert math.isnan(point["remission_365_low"])
    assert point["remission"] == 1.0
    assert not point["pareto"]
