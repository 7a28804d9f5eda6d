"""Smooth surfaces: they recover a known one, and their bands hold it."""

import math

import numpy as np
import pandas as pd
import pytest
from analysis.sweeps import DOSE, DOSES, HALF_LIFE, HALF_LIVES, alike, grid, outcomes
from scipy.special import expit

from tcellabm.analysis import surface as module
from tcellabm.analysis.cube import cube_of
from tcellabm.analysis.surface import (
    Scale,
    fit,
    left_out_deviance,
    resampled,
    scales_of,
    smooth,
    tensor,
)

KEYS = [DOSE, HALF_LIFE]


@pytest.fixture(autouse=True)
def fewer(monkeypatch):
    """As many resamples as a band needs."""
    monkeypatch.setattr(module, "RESAMPLES", 200)


def places(points):
    return [np.log(points[key] / points[key].median()).to_numpy() for key in KEYS]


def plane(points):
    across, up = places(points)
    return expit(0.2 + 0.2 * across + 0.3 * up)


def curve(points):
    across, up = places(points)
    return expit(0.6 + 1.2 * np.tanh(0.5 * across) + 0.3 * up)


def cube(rates, patients, seed, severe=None):
    """Remission by its rates; CRS and day 365 are not observed unless a rate is given for CRS."""
    rng = np.random.default_rng(seed)
    harm = np.broadcast_to(0.2 if severe is None else severe, 35)
    made = cube_of(outcomes(grid(), alike(rates, patients, rng), alike(harm, patients, rng)), KEYS)
    if severe is None:
        made.shares["severe_crs"][:] = made.shares["remission_365"][:] = math.nan
    return made


@pytest.mark.parametrize("truth", [plane, curve])
def test_a_known_surface_is_recovered_better_than_by_the_points_themselves(truth):
    """12 sweeps of 120 patients: the smooth rates lie nearer to the truth in nearly all."""
    nearer = []
    for seed in range(12):
        made = cube(truth(grid()), 120, seed)
        smoothed = smooth(made, KEYS).rates("remission", made.points)
        raw = made.shares["remission"].mean(axis=0)
        wrong = [np.mean((each - truth(grid())) ** 2) for each in (smoothed, raw)]
        nearer.append(wrong[0] < wrong[1])
    assert sum(nearer) >= 11  # by chance alone 11 of 12 would come once in 315


def test_with_many_patients_it_is_the_truth_to_a_point():
    made = cube(curve(grid()), 5000, 1)
    found = smooth(made, KEYS).rates("remission", made.points)
    assert np.abs(found - curve(grid())).max() < 0.035  # 5 standard errors of 5000


@pytest.mark.parametrize("rates", [plane(grid()), curve(grid()), np.full(35, 0.03)])
def test_bands_hold_the_truth_about_as_often_as_they_say(rates):
    """Mean share of points within the band, over 25 sweeps of 60 patients: near 95 %.

    Points of a sweep go together: a sweep's share has a standard deviation of about 0.17, so that
    5 standard errors of 25 are 0.17. Catches a band of two thirds of its width.
    """
    held = []
    for seed in range(25):
        made = cube(rates, 60, seed)
        low, high = smooth(made, KEYS).band("remission", made.points)
        held.append(np.mean((low <= rates) & (rates <= high)))
    assert np.mean(held) > 0.95 - 0.17


def test_the_penalty_is_judged_as_by_leaving_patients_out_one_by_one():
    """The first-order deviance against 30 refits, for every penalty: within 2 % of it."""
    made = cube(curve(grid()), 30, 3)
    scales = scales_of(made.points, KEYS)
    basis = tensor([scale.basis(made.points[scale.key]) for scale in scales])
    shares, ones = made.shares["remission"], np.ones(30)
    found = []
    for strength in (1.0, 30.0, 1e3, 1e5):
        penalty = module._penalty(scales, (strength, strength)) + 1e-3 * np.eye(basis.shape[1])
        whole = fit(ones[None, :], shares, basis, penalty, np.zeros(basis.shape[1]))[0]
        without = fit(1.0 - np.eye(30), shares, basis, penalty, whole)
        logits = without @ basis.T
        exact = -2.0 * np.sum(shares * logits - np.logaddexp(0.0, logits))
        found.append((left_out_deviance(whole, shares, ones, basis, penalty), exact))
    estimated, exact = np.array(found).T
    assert estimated == pytest.approx(exact, rel=0.02)
    assert np.argmin(estimated) == np.argmin(exact)


def test_newton_ends_where_the_slope_is_zero():
    made = cube(plane(grid()), 25, 4)
    scales = scales_of(made.points, KEYS)
    basis = tensor([scale.basis(made.points[scale.key]) for scale in scales])
    penalty = module._penalty(scales, (10.0, 100.0))
    weights, shares = resampled(25, 1, 6), made.shares["remission"]
    found = fit(weights, shares, basis, penalty, np.zeros(basis.shape[1]))
    for row, weight in zip(found, weights, strict=True):
        rate = expit(basis @ row)
        slope = (weight @ (shares - rate)) @ basis - penalty @ row
        assert np.abs(slope).max() < 1e-4


def test_a_flat_rate_gives_a_flat_surface_with_a_strong_penalty():
    made = cube(np.full(35, 0.5), 200, 5)
    found = smooth(made, KEYS)
    assert np.ptp(found.rates("remission", made.points)) < 0.15


@pytest.mark.parametrize("happens", [False, True])
def test_where_all_end_alike_the_band_keeps_the_width_that_nobody_of_n_leaves(happens):
    """Nobody of 60: the upper limit lies near the 3 of 60 that the rule of three gives."""
    same = np.full((60, 35), happens)
    made = cube_of(outcomes(grid(), same, same), KEYS)
    low, high = smooth(made, KEYS).band("remission", made.points)
    far = 1 - low if happens else high
    assert (far > 1 / 60).all() and (far < 6 / 60).all()


def test_one_axis_gives_a_curve_and_a_choice_or_two_values_none():
    made = cube(plane(grid()), 20, 6)
    assert smooth(made, [DOSE]).keys == [DOSE]
    runs = outcomes(
        pd.DataFrame({"care.policy": ["a", "b", "c"]}), np.ones((5, 3)) > 0, np.ones((5, 3)) > 0
    )
    assert smooth(cube_of(runs, ["care.policy"]), ["care.policy"]) is None
    runs = outcomes(pd.DataFrame({DOSE: [1.0, 2.0]}), np.ones((5, 2)) > 0, np.ones((5, 2)) > 0)
    assert smooth(cube_of(runs, [DOSE]), [DOSE]) is None


def test_what_was_not_observed_has_no_surface():
    made = cube(plane(grid()), 10, 7, severe=0.3)
    made.shares["remission_365"][:, 0] = math.nan
    found = smooth(made, KEYS)
    assert set(found.fitted) == {"remission", "severe_crs"}
    assert np.isnan(found.inside({"remission_365": 0.5, "severe_crs": 0.3}, made.points)).all()


def test_the_window_is_met_as_surely_as_both_rates_are_inside():
    made = cube(plane(grid()), 80, 8, severe=0.3)
    found = smooth(made, KEYS)
    window = {"remission_365": 0.5, "severe_crs": 0.33}
    benefit, harm = (found.resampled(rate, made.points) for rate in window)
    expected = ((benefit >= 0.5) & (harm <= 0.33)).mean(axis=0)
    assert found.inside(window, made.points) == pytest.approx(expected)
    assert found.inside({"remission_365": 0.0, "severe_crs": 1.0}, made.points).min() == 1.0
    assert found.inside({"remission_365": 1.0, "severe_crs": 0.0}, made.points).max() == 0.0


def test_the_same_seed_gives_the_same_surface():
    made = cube(plane(grid()), 20, 9)
    first, second = (smooth(made, KEYS) for _ in range(2))
    assert (first.drawn["remission"] == second.drawn["remission"]).all()


@pytest.mark.parametrize("values", [DOSES, HALF_LIVES, [0.0, 1e5, 1e6, 5e6], [-0.1, 0.0, 0.1, 0.2]])
def test_a_scale_goes_from_0_to_1_and_its_splines_add_up_to_1(values):
    scale = Scale("x", tuple(values))
    assert scale.at([values[0], values[-1]]).tolist() == [0.0, 1.0]
    between = scale.between(5)
    assert between[::5] == pytest.approx(values, rel=1e-9, abs=1e-9)
    assert (np.diff(between) > 0).all()
    basis = scale.basis(between)
    assert basis.shape == (len(between), scale.splines)
    assert basis.sum(axis=1) == pytest.approx(1.0)


def test_positive_values_are_placed_by_their_logarithms():
    assert Scale("x", (1.0, 10.0, 100.0)).at([10.0]) == pytest.approx([0.5])
