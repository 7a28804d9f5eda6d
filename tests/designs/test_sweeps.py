"""From the outcomes of a sweep to potential outcomes: endpoints, doses, pairs."""

import numpy as np
import pandas as pd
import pytest

from tcellabm.analysis.designs.endpoints import days, happened
from tcellabm.analysis.designs.sweeps import by_patient, chosen, dose_table
from tcellabm.params import InputError

DOSE, POLICY = "product.dose_cells_per_kg", "care.policy"
AXES = [DOSE, POLICY]
NO = float("nan")


@pytest.fixture
def runs():
    """Three patients at two doses under two policies; the second dose comes first."""
    points = [(dose, policy) for dose in (2e6, 1e6) for policy in ("none", "label")]
    rows = [
        {
            DOSE: dose,
            POLICY: policy,
            "patient": patient,
            "replicate": 0,
            "seed": 100 + patient,
            "crs_astct3_day": 5.0 if dose > 1e6 and patient == 0 else NO,
            "icans3_day": 40.0 if patient == 1 else NO,
            "death_day": 10.0 if patient == 2 and policy == "none" else NO,
            "remission_day": 28.0 if patient < 2 else NO,
            "remission": patient < 2,
            "relapse_day": NO,
            "crs_grade_penn": 1 + patient,
            "death_cause": "",
            "followed_days": 60.0,
            "cost_usd": dose / 1e3 + patient,
            "error": "",
        }
        for dose, policy in points
        for patient in range(3)
    ]
    return pd.DataFrame(rows)


def test_doses_ascend_and_rows_stay_whole(runs):
    some = chosen(runs, AXES, {POLICY: "none"}, "--at")
    doses, table = dose_table(
        some, DOSE, [], "crs_astct3_day,icans3_day,death_day", "remission_day", 28
    )
    assert doses == [1e6, 2e6]
    assert table.toxicity_day.tolist() == [[np.inf, 5.0], [np.inf, np.inf], [10.0, 10.0]]
    assert table.response_day.tolist() == [[28.0, 28.0], [28.0, 28.0], [np.inf, np.inf]]
    assert table.cost.tolist() == [[1000.0, 2000.0], [1001.0, 2001.0], [1002.0, 2002.0]]
    np.testing.assert_allclose(table.toxicity, [1 / 3, 2 / 3])


def test_other_axes_make_other_patients(runs):
    _, table = dose_table(runs, DOSE, [POLICY], "death_day", "remission_day", 28)
    assert len(table.cost) == 6
    assert np.isfinite(table.toxicity_day).sum() == 2
    assert table.response_day.min() == 28.0


def test_a_response_counts_after_the_window_too(runs):
    _, table = dose_table(runs, DOSE, [POLICY], "death_day", "remission_day", 5)
    assert np.isfinite(table.response_day).mean() == pytest.approx(2 / 3)
    assert not np.isfinite(table.toxicity_day).any()


def test_a_patient_with_an_error_anywhere_is_left_out(runs):
    runs.loc[0, "error"] = "it broke"
    _, table = dose_table(runs, DOSE, [POLICY], "death_day", "remission_day", 28)
    assert len(table.cost) == 5
    runs["error"] = "it broke"
    with pytest.raises(InputError, match="no patient without an error"):
        dose_table(runs, DOSE, [POLICY], "death_day", "remission_day", 28)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ("crs_astct3_day", [5.0, np.inf, np.inf]),
        ("icans3_day", [np.inf, np.inf, np.inf]),  # on day 40, after the window
        ("crs_grade_penn>=3", [np.inf, np.inf, 28.0]),  # without a day: known at its end
        ("crs_grade_penn >= 2, crs_astct3_day", [5.0, 28.0, 28.0]),
        ("remission", [28.0, 28.0, np.inf]),
        ("cost_usd<2001", [28.0, np.inf, np.inf]),
    ],
)
def test_events_a_user_may_name(runs, events, expected):
    at_two = runs[(runs[DOSE] == 2e6) & (runs[POLICY] == "label")]
    assert days(at_two, events, 28.0, "--toxicity").tolist() == expected


def test_an_endpoint_of_two_arms(runs):
    assert happened(runs[:3], "remission", "--endpoint").tolist() == [True, True, False]
    assert happened(runs[:3], "severe_crs", "--endpoint").tolist() == [False, False, True]
    assert happened(runs[:3], "crs_grade_penn<2", "--endpoint").tolist() == [True, False, False]
    with pytest.raises(InputError, match="remission_365 is not observed in 2 of 3 runs"):
        happened(runs[:3], "remission_365", "--endpoint")


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ("crs_day", "no endpoint of that name: crs_day, --toxicity, nearest: "),
        ("", "no endpoint of that name"),
        ("crs_astct3_day,,death_day", "no endpoint of that name"),
        ("crs_grade_penn", "such as crs_grade_penn>=3"),
        ("crs_grade_penn>=x", "x is no number"),
        ("death_cause>=3", "holds text"),
        ("__import__('os')", "no endpoint of that name"),
    ],
)
def test_an_endpoint_that_does_not_exist(runs, events, message):
    with pytest.raises(InputError, match=message):
        days(runs, events, 28.0, "--toxicity")


@pytest.mark.parametrize("window", [61.0, float("inf"), float("nan")])
def test_a_window_longer_than_the_runs(runs, window):
    with pytest.raises(InputError, match="in runs of 60"):
        days(runs, "death_day", window, "--window")


def test_a_sweep_of_one_dose(runs):
    with pytest.raises(InputError, match="a design with one dose"):
        dose_table(runs[runs[DOSE] == 1e6], DOSE, [POLICY], "death_day", "remission_day", 28)


def test_an_axis_without_numbers(runs):
    with pytest.raises(InputError, match="no numbers to escalate"):
        dose_table(runs, POLICY, [DOSE], "death_day", "remission_day", 28)


@pytest.mark.parametrize("fault", ["absent", "other seed", "twice"])
def test_a_sweep_that_is_not_paired(runs, fault):
    if fault == "absent":
        runs = runs.drop(index=0)
    elif fault == "twice":
        runs = pd.concat([runs, runs[:1]])
    else:
        runs.loc[0, "seed"] = 7
    with pytest.raises(InputError, match="not paired"):
        by_patient(runs, DOSE, [POLICY])


def test_a_value_that_the_sweep_does_not_hold(runs):
    with pytest.raises(InputError, match="holds no care.policy=early, --at, allowed: none, label"):
        chosen(runs, AXES, {POLICY: "early"}, "--at")
    with pytest.raises(InputError, match="patient.weight_kg was not varied"):
        chosen(runs, AXES, {"patient.weight_kg": 40}, "--at")
