"""Paired differences: against theory, and limits that hold for all points at once."""

import math

import numpy as np
import pandas as pd
import pytest
from analysis.sweeps import DOSE, HALF_LIFE, REFERENCE, alike, along_dose, grid, outcomes, sweep

from tcellabm.analysis import paired
from tcellabm.analysis.cube import cube_of
from tcellabm.analysis.paired import critical_value, differences, paired_means, smallest_resolved
from tcellabm.analysis.summary import RATES

KEYS = [DOSE, HALF_LIFE]


def test_a_cube_holds_every_run_once_whatever_the_order_of_rows():
    runs = sweep(along_dose(0.2, 0.8), 0.3, patients=12)
    cube = cube_of(runs, KEYS)
    mixed = cube_of(runs.sample(frac=1.0, random_state=3), KEYS)
    assert cube.shares["remission"].shape == (12, 35)
    for rate in RATES:
        rows = np.argsort(mixed.seeds)
        columns = [mixed.place(point) for point in cube.points.to_dict("records")]
        assert (mixed.shares[rate][rows][:, columns] == cube.shares[rate]).all()


def test_failed_runs_are_missing_and_an_unseen_one_leaves_its_point_unknown():
    runs = sweep(0.5, 0.5, patients=4)
    runs.loc[0, "error"] = "boom"
    runs.loc[runs.index[5], "followed_days"] = 300.0
    cube = cube_of(runs, KEYS)
    assert np.isnan(cube.shares["remission"]).sum() == 1
    assert np.isnan(cube.shares["remission"][0, 0])
    assert np.isnan(cube.shares["remission_365"]).all(axis=0).tolist() == [
        i == 1 for i in range(35)
    ]


def test_replicates_of_a_patient_are_averaged():
    runs = sweep(0.5, 0.5, patients=6)
    runs["seed"] = runs["patient"] // 2
    shares = cube_of(runs, KEYS).shares["severe_crs"]
    severe = (runs["crs_grade_penn"] >= 3).to_numpy().reshape(35, 3, 2).mean(axis=2).T
    assert shares == pytest.approx(severe)


def test_the_interval_is_that_of_bonett_and_price():
    """Of 40 pairs 9 rise and 3 fall: the formula of the paper, written out."""
    changes = np.array([1.0] * 9 + [-1.0] * 3 + [0.0] * 28)[:, None]
    mean, center, error = (float(each[0]) for each in paired_means(changes))
    up, down = 10 / 42, 4 / 42
    assert mean == pytest.approx(6 / 40)
    assert center == pytest.approx(up - down)
    assert error == pytest.approx(math.sqrt((up + down - (up - down) ** 2) / 42))


def test_an_interval_holds_its_difference_and_stays_between_minus_one_and_one():
    rng = np.random.default_rng(2)
    for patients in (1, 2, 5, 24):
        runs = outcomes(grid(), *(rng.random((2, patients, 35)) < rng.random(35)))
        table, _ = differences(cube_of(runs, KEYS), 18)
        for rate in RATES:
            low, value, high = (table[f"{rate}_difference{end}"] for end in ("_low", "", "_high"))
            assert ((low >= -1) & (low <= value + 1e-12) & (value <= high + 1e-12)).all()
            assert (high <= 1).all()


def test_the_reference_differs_from_itself_by_nothing():
    cube = cube_of(sweep(along_dose(0.1, 0.9), 0.4), KEYS)
    place = cube.place(REFERENCE)
    table, _ = differences(cube, place)
    row = table.loc[place]
    for rate in RATES:
        assert row[[f"{rate}_difference{end}" for end in ("", "_low", "_high")]].tolist() == [0] * 3
        assert not row[f"{rate}_resolved"]


def test_pairs_count_not_patients_alone():
    """Where runs of a patient end alike, an interval is narrower than that of two samples."""
    rng = np.random.default_rng(5)
    rates = along_dose(0.4, 0.6)
    tied = [alike(rates, 200, rng, common) for common in (0.95, 0.0)]
    widths = []
    for remission in tied:
        table, _ = differences(cube_of(outcomes(grid(), remission, remission), KEYS), 18)
        widths.append((table["remission_difference_high"] - table["remission_difference_low"])[0])
    assert widths[0] < 0.6 * widths[1]


def test_the_critical_value_is_that_of_patients_drawn_one_by_one():
    """Against a plain loop with its own random numbers, within 5 standard errors of a quantile."""
    rng = np.random.default_rng(7)
    changes = rng.choice([-1.0, 0.0, 1.0], (40, 12), p=[0.2, 0.5, 0.3])
    changes[rng.random(changes.shape) < 0.05] = math.nan
    _, _, error = paired_means(changes)
    largest = []
    for _ in range(4000):
        again = changes[rng.integers(40, size=40)]
        largest.append(
            np.max(np.abs(np.nanmean(again, axis=0) - np.nanmean(changes, axis=0)) / error)
        )
    # The share of the loop's maxima below the value: 95 %, with the errors of 4000 and 2000 draws.
    share = np.mean(np.array(largest) <= critical_value(changes, error))
    assert abs(share - 0.95) < 5 * math.sqrt(0.05 * 0.95 * (1 / 4000 + 1 / 2000))


def test_many_columns_at_a_time_and_few_give_the_same(monkeypatch):
    rng = np.random.default_rng(8)
    changes = rng.choice([-1.0, 0.0, 1.0], (30, 50))
    _, _, error = paired_means(changes)
    whole = critical_value(changes, error)
    monkeypatch.setattr(paired, "_CHUNK", 7)
    assert critical_value(changes, error) == whole


def test_equal_columns_need_no_more_than_one():
    """Of copies of one column the largest deviation is that of one: 1.96, or 5 errors about it."""
    changes = np.repeat(np.random.default_rng(9).choice([-1.0, 0.0, 1.0], (400, 1)), 60, axis=1)
    _, _, error = paired_means(changes)
    assert critical_value(changes, error) == pytest.approx(1.96, abs=0.2)


def test_independent_columns_need_what_theory_says():
    """Of 60 independent normal columns: Sidak's 3.34. Catches a bound that is 5 % too narrow."""
    changes = np.random.default_rng(10).choice([-1.0, 0.0, 1.0], (2000, 60))
    _, _, error = paired_means(changes)
    assert critical_value(changes, error) == pytest.approx(3.34, rel=0.05)


@pytest.mark.parametrize("patients", [24, 100])
def test_simultaneous_limits_hold_at_all_points_as_often_as_they_say(patients):
    """500 sweeps without a difference: at most 5 % resolve any, at 5 standard errors (9.9 %).

    Catches limits that hold in less than nine sweeps of ten.
    """
    tables, wrong, rng = 500, 0, np.random.default_rng(11)
    for _ in range(tables):
        runs = alike(np.full(12, 0.4), patients, rng, common=0.7).astype(float)
        changes = runs[:, 1:] - runs[:, :1]
        _, center, error = paired_means(changes)
        wrong += bool(np.any(np.abs(center) > critical_value(changes, error, 1, 400) * error))
    assert wrong / tables < 0.05 + 5 * math.sqrt(0.05 * 0.95 / tables)
    assert wrong  # a bound that is never passed would be too wide


@pytest.mark.parametrize("effect", [0.0, 0.15])
def test_pointwise_intervals_hold_as_often_as_they_say(effect):
    """4000 pairs of points: 95 % hold the true difference, at 5 standard errors (1.7 points)."""
    rng = np.random.default_rng(12)
    runs = [alike(np.array([0.4, 0.4 + effect]), 60, rng, 0.7) for _ in range(4000)]
    changes = np.column_stack([run[:, 1].astype(float) - run[:, 0] for run in runs])
    _, center, error = paired_means(changes)
    held = np.mean(np.abs(center - effect) <= paired.Z * error)
    assert held > 0.95 - 5 * math.sqrt(0.05 * 0.95 / 4000)
    assert held < 0.985


def test_a_clear_effect_is_resolved_and_the_same_seed_gives_the_same():
    runs = sweep(along_dose(0.2, 0.8), 0.3)
    tables = [differences(cube_of(runs, KEYS), 18) for _ in range(2)]
    pd.testing.assert_frame_equal(tables[0][0], tables[1][0])
    assert tables[0][1] == tables[1][1]
    resolved = tables[0][0]["remission_resolved"].to_numpy()
    assert resolved[:10].all() and resolved[-5:].all()
    assert not tables[0][0]["severe_crs_resolved"].any()


def test_what_was_not_observed_has_no_difference():
    runs = sweep(0.5, 0.5, patients=8).assign(followed_days=100.0)
    table, _ = differences(cube_of(runs, KEYS), 18)
    assert table["remission_365_difference"].isna().all()
    assert not table["remission_365_resolved"].any()
    assert table["remission_difference"].notna().all()


@pytest.mark.parametrize(("patients", "changing"), [(60, 0.0), (240, 0.5)])
def test_the_smallest_difference_is_resolved_four_times_in_five(patients, changing):
    """Against simulated pairs, at 5 standard errors of 4000 (3.2 points), and of the grid of 0.1.

    With one way the errors vary with the outcome: a point or two more often than that.
    """
    least = smallest_resolved(patients, 1, changing)
    rng = np.random.default_rng(13)
    moved = max(changing, least)
    chances = [(moved + least) / 2, (moved - least) / 2, 1 - moved]
    drawn = rng.multinomial(patients, chances, 4000)
    center = (drawn[:, 0] - drawn[:, 1]) / (patients + 2)
    error = np.sqrt(((drawn[:, 0] + drawn[:, 1] + 2) / (patients + 2) - center**2) / (patients + 2))
    assert np.mean(center > paired.Z * error) == pytest.approx(0.8, abs=0.1)


def test_more_patients_resolve_less_and_more_comparisons_more():
    sizes = [smallest_resolved(n, 102, 0.5) for n in (12, 24, 240, 2400)]
    assert sizes == sorted(sizes, reverse=True)
    assert smallest_resolved(240, 102, 0.5) > smallest_resolved(240, 1, 0.5)
    assert smallest_resolved(2, 102) == 1.0
