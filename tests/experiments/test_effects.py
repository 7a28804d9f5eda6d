"""Effects between arms: the paired patients, their intervals, and how a window is judged."""

import math

import numpy as np
import pandas as pd
import pytest

from tcellabm.analysis.cohort import geometric_mean, percent
from tcellabm.analysis.effects import effects, judged, paired, relations_met
from tcellabm.analysis.relations import Relation, difference, last, ratio

Z = 1.959964
INFINITE = math.inf


def share(arm):
    return percent(arm["remission"])


def cmax(arm):
    return geometric_mean(arm["cmax"])


def points(low=-INFINITE, high=INFINITE, name="R1"):
    return Relation(name, ("a", "b"), "remission, %", share, "points", difference, low, high)


def fold(low=-INFINITE, high=INFINITE):
    return Relation("R2", ("a", "b"), "Cmax", cmax, "ratio", ratio, low, high)


def rows(arm, **columns):
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"arm": arm, "patient": range(n), "error": ""} | columns)


@pytest.fixture
def table():
    """Return a function that makes the table of some relations."""

    def made(*relations, arms):
        return effects(pd.concat(arms), relations=relations)

    return made


# --- judged ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "interval", "met"),
    [
        ((-12.0, 12.0), (-5.0, 5.0), "true"),
        ((-12.0, 12.0), (-13.0, 5.0), "unresolved"),
        ((-12.0, 12.0), (-5.0, 13.0), "unresolved"),
        ((-12.0, 12.0), (-50.0, 50.0), "unresolved"),
        ((-12.0, 12.0), (13.0, 20.0), "false"),
        ((-12.0, 12.0), (-20.0, -13.0), "false"),
        ((2.0, INFINITE), (2.1, 9.0), "true"),
        ((2.0, INFINITE), (1.9, 9.0), "unresolved"),
        ((2.0, INFINITE), (0.1, 1.9), "false"),
        ((-INFINITE, -8.0), (-20.0, -9.0), "true"),
        ((-INFINITE, -8.0), (-20.0, -7.0), "unresolved"),
        ((-INFINITE, -8.0), (-7.0, 1.0), "false"),
        ((0.0, INFINITE), (0.0, 3.0), "unresolved"),  # above 0 is not 0
        ((0.0, INFINITE), (math.nan, math.nan), "unresolved"),
    ],
)
def test_a_window_is_judged_by_the_whole_interval(window, interval, met):
    assert judged(points(*window), 0.5 * sum(interval), *interval) == met


@pytest.mark.parametrize("value", [math.nan, INFINITE, -INFINITE])
def test_an_effect_that_is_no_number_is_unresolved(value):
    assert judged(points(-1.0, 1.0), value, 0.0, 0.0) == "unresolved"


@pytest.mark.parametrize(
    ("value", "low", "high", "met"),
    [
        (1.9, 0.8, 2.9, "true"),  # the point within 2 %, the upper bound within 3 %
        (0.0, 0.0, 0.0, "true"),  # none at all is inside too
        (1.9, 0.8, 3.1, "unresolved"),
        (2.1, 1.0, 2.9, "unresolved"),
        (5.0, 2.1, 8.0, "false"),
    ],
)
def test_a_rare_event_is_held_by_its_point_and_its_upper_bound(value, low, high, met):
    assert judged(points(high=2.0, name="R9"), value, low, high) == met


def test_a_relation_is_met_where_all_its_lines_are():
    lines = [("A", "true"), ("A", "true"), ("B", "true"), ("B", "unresolved")]
    lines += [("C", "unresolved"), ("C", "false"), ("C", "true"), ("D", "false")]
    found = relations_met(pd.DataFrame(lines, columns=["id", "met"]))
    assert found.to_dict() == {"A": "true", "B": "unresolved", "C": "false", "D": "false"}
    assert list(found.index) == ["A", "B", "C", "D"]


# --- pairs ----------------------------------------------------------------------------------------


def test_pairs_are_who_ended_without_an_error_in_all_arms_in_one_order():
    a = rows("a", cmax=[1.0, 2.0, 3.0, 4.0])
    b = rows("b", cmax=[10.0, 20.0, 30.0, 40.0])[::-1]
    b.loc[b["patient"] == 1, "error"] = "it broke"
    c = rows("c", cmax=[7.0, 8.0, 9.0])
    found = paired([a, b, c])
    assert [arm["patient"].tolist() for arm in found] == [[0, 2]] * 3
    assert [arm["cmax"].tolist() for arm in found] == [[1.0, 3.0], [10.0, 30.0], [7.0, 9.0]]


def test_a_failed_run_leaves_its_patient_out_of_the_table(table):
    a, b = rows("a", remission=[True] * 4), rows("b", remission=[True, False, True, True])
    b.loc[1, ["error", "remission"]] = ["it broke", False]
    line = table(points(), arms=[a, b]).iloc[0]
    assert (line["patients"], line["effect"], line["values"]) == (3, 0.0, "100 / 100")


def test_who_is_looked_at_is_chosen_in_the_first_arm(table):
    of = points()._replace(among=lambda arm: arm["feverish"])
    a = rows("a", remission=[False, False, True], feverish=[True, True, False])
    b = rows("b", remission=[True, False, False], feverish=[False, False, True])
    line = table(of, arms=[a, b]).iloc[0]
    assert (line["patients"], line["effect"], line["values"]) == (2, 50.0, "0 / 50")


def test_nobody_to_look_at_is_unresolved_and_no_error(table):
    of = points(-5.0, 5.0)._replace(among=lambda arm: arm["remission"])
    a, b = rows("a", remission=[False, False]), rows("b", remission=[True, True])
    line = table(of, arms=[a, b]).iloc[0]
    assert line["patients"] == 0 and math.isnan(line["effect"]) and line["met"] == "unresolved"
    assert math.isnan(line["effect_low"]) and math.isnan(line["effect_high"])


# --- known answers --------------------------------------------------------------------------------


def test_effects_are_what_the_rows_give_by_hand(table):
    """40 patients; 10 of them lose their remission, and Cmax is doubled in all."""
    cmax = np.random.default_rng(5).lognormal(8.0, 1.0, 40)
    a = rows("a", remission=np.arange(40) < 30, cmax=cmax)
    b = rows("b", remission=np.arange(40) < 20, cmax=2.0 * cmax)
    none = Relation("R3", ("b",), "remission, %", share, "there", last, 80.0, 90.0)
    found = table(points(high=0.0), fold(1.5, 2.5), none, arms=[a, b])
    assert found["effect"].tolist() == pytest.approx([-25.0, 2.0, 50.0])
    assert found["met"].tolist() == ["true", "true", "false"]
    assert found["arms"].tolist() == ["a / b", "a / b", "b"]
    assert found["values"][0] == "75 / 50"
    assert (found["patients"] == 40).all()


def test_arms_are_drawn_anew_together(table):
    """A ratio that is the same in every patient has no width, however much patients differ."""
    cmax = np.random.default_rng(5).lognormal(8.0, 1.5, 30)
    line = table(fold(), arms=[rows("a", cmax=cmax), rows("b", cmax=1.6 * cmax)]).iloc[0]
    assert (line["effect_low"], line["effect_high"]) == pytest.approx((1.6, 1.6))


def test_the_interval_of_paired_shares_is_that_of_theory(table):
    """400 pairs: of differences of -1, 0 and 1, whose standard error is known."""
    rng = np.random.default_rng(1)
    before, after = rng.random(400) < 0.5, rng.random(400) < 0.6
    line = table(points(), arms=[rows("a", remission=before), rows("b", remission=after)]).iloc[0]
    pairs = 100.0 * (after.astype(float) - before)
    half = Z * pairs.std() / 20.0
    assert line["effect"] == pytest.approx(pairs.mean())
    assert line["effect_low"] == pytest.approx(pairs.mean() - half, abs=0.1 * half)
    assert line["effect_high"] == pytest.approx(pairs.mean() + half, abs=0.1 * half)


def test_the_interval_of_a_ratio_is_that_of_theory(table):
    rng = np.random.default_rng(2)
    own, change = rng.normal(9.0, 2.0, 400), rng.normal(0.3, 0.5, 400)
    a, b = rows("a", cmax=np.exp(own)), rows("b", cmax=np.exp(own + change))
    line = table(fold(), arms=[a, b]).iloc[0]
    half = Z * change.std() / 20.0
    for name, log in (("low", change.mean() - half), ("high", change.mean() + half)):
        assert math.log(line[f"effect_{name}"]) == pytest.approx(log, abs=0.1 * half)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """100 tables of 60 pairs: of 95 % some 87 to 99 cover, for the share itself."""
    one_arm = (points()._replace(arms=("a",), by=last),)
    rng, covered = np.random.default_rng(3), 0
    for _ in range(100):
        line = effects(rows("a", remission=rng.random(60) < 0.4), relations=one_arm).iloc[0]
        covered += line["effect_low"] <= 40.0 <= line["effect_high"]
    assert 86 <= covered <= 99


def test_the_same_rows_and_seed_give_the_same_table(table):
    rng = np.random.default_rng(4)
    arms = [rows(name, remission=rng.random(50) < 0.5) for name in "ab"]
    first, again = table(points(), arms=arms), table(points(), arms=arms[::-1])
    pd.testing.assert_frame_equal(first, again)
    other = effects(pd.concat(arms), seed=2, relations=(points(),))
    assert other["effect"][0] == first["effect"][0]
    assert other["effect_low"][0] != first["effect_low"][0]
