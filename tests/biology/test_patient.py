"""Drawing patients: the same seed gives the same one, and what is set leaves the rest alone."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from kernels.lab import assert_close

from tcellabm.biology.patient import COVARIATES, draw_patient
from tcellabm.params import InputError, load

SCENARIO = "scenarios/kymriah.toml"
WEIGHT, BURDEN = "patient.weight_kg", "patient.leukemic_burden"
SAME = {"sigma_ln": 0.0, "low": 0.0, "high": 1e13}  # in all patients
PATIENTS = 10_000
ROUNDING = 1e-12


def draw(params, seed=1):
    return draw_patient(params, seed, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def population():
    """Covariates of many patients, shape (PATIENTS, covariates); burdens as those of 40 kg."""
    params = load(SCENARIO)
    fixed = SimpleNamespace(
        distributions=dict(params.distributions),
        pinned=params.pinned,
        get=params.get,
        marrow=params.marrow,
    )
    found = np.array([list(draw(fixed, seed).covariates.values()) for seed in range(PATIENTS)])
    weight, burden = COVARIATES.index(WEIGHT), COVARIATES.index(BURDEN)
    found[:, burden] /= found[:, weight] / 40.0
    return found


def test_the_same_seed_gives_the_same_patient():
    params = load(SCENARIO)
    assert draw(params, 7) == draw(params, 7) != draw(params, 8)
    assert pickle.loads(pickle.dumps(draw(params, 7))) == draw(params, 7)


@pytest.mark.parametrize("key", COVARIATES)
def test_setting_one_covariate_never_changes_another(key):
    """But for the leukemia, which in a smaller body is smaller."""
    free = dict(draw(load(SCENARIO)).covariates)
    low = free[key] * 0.9
    held = dict(draw(load(SCENARIO, {key: low})).covariates)
    assert held.pop(key) == low
    del free[key]
    if key == WEIGHT:
        assert held.pop(BURDEN) == pytest.approx(0.9 * free.pop(BURDEN))
    assert held == free


@pytest.mark.parametrize("kg", [12.0, 40.0, 100.0])
def test_a_burden_that_is_set_is_that_patients_and_one_of_the_population_that_of_40_kg(kg):
    median = {"population.patient.leukemic_burden.median": 1e10}
    same = {f"population.patient.leukemic_burden.{name}": x for name, x in SAME.items()}
    drawn = draw(load(SCENARIO, {WEIGHT: kg} | median | same)).leukemic_burden
    assert drawn == pytest.approx(1e10 * kg / 40.0)
    assert draw(load(SCENARIO, {WEIGHT: kg, BURDEN: 1e10})).leukemic_burden == 1e10


def test_changing_a_distribution_changes_its_covariate_alone():
    key = "population.product.killing.median"
    free, moved = draw(load(SCENARIO)).covariates, draw(load(SCENARIO, {key: 2.0})).covariates
    assert moved["product.killing"] == pytest.approx(2 * free["product.killing"])
    assert [k for k in free if free[k] != moved[k]] == ["product.killing"]


def test_without_a_population_every_patient_is_the_one_in_the_files():
    params = load()
    assert dict(draw(params).covariates) == {key: params.get(key) for key in COVARIATES}


@pytest.mark.parametrize("key", COVARIATES)
def test_covariates_follow_the_population_file(population, key):
    """Log-normal, read on the quantiles that clipping leaves alone.

    Catches 0.07 of a standard deviation in the median and the quartiles.
    """
    law, found = load(SCENARIO).distributions[key], population[:, COVARIATES.index(key)]
    assert found.min() >= law.low * (1 - ROUNDING) and found.max() <= law.high * (1 + ROUNDING)
    for share, z in ((0.25, -0.67449), (0.5, 0.0), (0.75, 0.67449)):
        quantile = law.median * np.exp(law.sigma_ln * z)
        if law.low < quantile < law.high:
            assert_close(np.mean(found <= quantile), share, np.sqrt(share * (1 - share) / PATIENTS))


@pytest.mark.parametrize("key", COVARIATES)
def test_log_covariates_have_the_moments_of_the_clipped_law(population, key):
    """Catches 0.05 of a standard deviation in the mean, 7 % in the variance."""
    law, found = load(SCENARIO).distributions[key], population[:, COVARIATES.index(key)]
    found = np.log(np.maximum(found, 1e-300))
    z = np.linspace(-8, 8, 200_001)
    weight = np.exp(-0.5 * z**2) / np.exp(-0.5 * z**2).sum()
    exact = np.clip(law.median * np.exp(law.sigma_ln * z), law.low, law.high)
    exact = np.log(np.maximum(exact, 1e-300))
    mean = weight @ exact
    variance, fourth = weight @ (exact - mean) ** 2, weight @ (exact - mean) ** 4
    assert_close(found.mean(), mean, np.sqrt(variance / PATIENTS))
    assert_close(found.var(), variance, np.sqrt((fourth - variance**2) / PATIENTS))


def test_covariates_are_independent(population):
    """Catches a correlation of 0.05 between any two, in ranks."""
    ranks = population.argsort(axis=0).argsort(axis=0)
    correlation = np.corrcoef(ranks, rowvar=False) - np.eye(len(COVARIATES))
    assert np.abs(correlation).max() <= 5 / np.sqrt(PATIENTS)


def test_a_patients_covariates_cannot_be_changed():
    patient = draw(load(SCENARIO))
    with pytest.raises(TypeError):
        patient.covariates["patient.weight_kg"] = 1.0
    with pytest.raises(AttributeError):
        patient.seed = 3


def test_what_differs_between_patients_is_listed(tmp_path):
    scenario = tmp_path / "mine.toml"
    key = "population.car_t.contraction_per_day"
    law = {"median": 0.2, "sigma_ln": 0.1, "low": 0.1, "high": 0.3}
    scenario.write_text("".join(f"{key}.{name} = {x}\n" for name, x in law.items()))
    with pytest.raises(InputError, match="car_t.contraction_per_day"):
        draw(load(scenario))
