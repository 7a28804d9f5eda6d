"""Who has severe CRS, and who relapses: known drivers are found, chance is not."""

import math

import numpy as np
import pytest
from analysis.sweeps import DOSE, HALF_LIFE, along_dose, grid, outcomes
from scipy.stats import mannwhitneyu, norm

from tcellabm.analysis.drivers import LEAST_PATIENTS, drivers

KEYS = [DOSE, HALF_LIFE]


def runs(patients, seed, strength=1.0, noise=6):
    """Severe CRS comes of `cause`, more at high doses; `chance0` and so on have no effect."""
    rng = np.random.default_rng(seed)
    cause = rng.standard_normal(patients)
    own = strength * cause[:, None] + rng.standard_normal((patients, 1))
    each = own + 0.3 * rng.standard_normal((patients, 35))
    severe = each > norm.ppf(1 - along_dose(0.1, 0.6)) * math.hypot(strength, 1.0)
    covariates = {f"chance{i}": rng.standard_normal(patients) for i in range(noise)}
    return outcomes(grid(), ~severe, severe, {"cause": cause} | covariates)


def test_at_one_point_it_is_the_statistic_of_mann_and_whitney():
    table = runs(80, 1)
    table = table[table[DOSE] == 3e6][lambda t: t[HALF_LIFE] == 60.0]
    table["cause"] = table["cause"].round(1)  # with ties
    found = drivers(table, KEYS, ["cause"]).set_index("event").loc["severe_crs"]
    severe = table["crs_grade_penn"] >= 3
    ill, well = table["cause"][severe], table["cause"][~severe]
    expected = mannwhitneyu(ill, well).statistic / len(ill) / len(well)
    assert found["higher"] == pytest.approx(expected)
    assert (found["patients"], found["others"]) == (len(ill), len(well))


def test_over_the_map_only_runs_at_the_same_point_are_compared():
    table = runs(40, 2)
    found = drivers(table, KEYS, ["cause"]).set_index("event").loc["severe_crs"]
    won = pairs = 0.0
    for _, point in table.groupby(KEYS):
        severe = point["crs_grade_penn"] >= 3
        ill, well = (point["cause"][side].to_numpy() for side in (severe, ~severe))
        won += np.sum(ill[:, None] > well) + 0.5 * np.sum(ill[:, None] == well)
        pairs += len(ill) * len(well)
    assert found["higher"] == pytest.approx(won / pairs)


def test_a_cause_is_named_first_and_its_opposite_is_lower():
    table = runs(200, 3).assign(opposite=lambda t: -t["cause"])
    found = drivers(table, KEYS, ["chance0", "cause", "opposite", "chance1"])
    severe = found[found["event"] == "severe_crs"].set_index("covariate")
    assert set(severe.index[:2]) == {"cause", "opposite"}
    assert severe.loc["cause", "higher"] == pytest.approx(1 - severe.loc["opposite", "higher"])
    assert severe.loc["cause", "separates"] and severe.loc["opposite", "higher"] < 0.5


def test_of_covariates_without_effect_one_is_named_once_in_twenty_times():
    """100 sweeps of six that have none: at most 5 % + 5 standard errors (15.9 %) name any."""
    named = 0
    for seed in range(100):
        found = drivers(
            runs(60, seed).query(f"`{DOSE}` > 2e7"), KEYS, [f"chance{i}" for i in range(6)]
        )
        named += bool(found["separates"].any())
    assert named / 100 < 0.05 + 5 * math.sqrt(0.05 * 0.95 / 100)


def test_relapse_is_asked_of_those_in_remission_alone():
    table = runs(60, 4)
    table["relapse_day"] = np.where(table["remission"] & (table["chance0"] > 0), 200.0, math.nan)
    found = drivers(table, KEYS, ["chance0"]).set_index("event").loc["relapse"]
    assert found["higher"] == 1.0
    in_remission = table[table["remission"]]
    ill = in_remission[in_remission["relapse_day"].notna()]
    assert found["patients"] == ill["seed"].nunique()


def test_too_few_patients_say_nothing_and_failed_runs_do_not_count():
    table = runs(LEAST_PATIENTS - 1, 5)
    assert drivers(table, KEYS, ["cause"]).empty
    table = runs(60, 6)
    failed = table.assign(error="boom", cause=math.nan)
    assert drivers(failed, KEYS, ["cause"]).empty


def test_what_does_not_vary_is_left_out():
    found = drivers(runs(60, 7).assign(same=1.0), KEYS, ["same", "cause"])
    assert set(found["covariate"]) == {"cause"}
