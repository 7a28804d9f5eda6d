"""Products and scenarios: the mechanism that each file states shows in a patient or a few.

Twins by seed in a coarse body; signs and wide factors only, so that another fit does not matter.
"""

import functools

import numpy as np
import pytest

from tcellabm import TumorTCellModel, load
from tcellabm.params.files import find_file

SMALL = {
    "marrow.rows": 2,
    "marrow.cols": 2,
    "resolution.agents_per_population": 16,
    "care.policy": "none",
    "product.killing": 1.0,  # of the product's own spread, so that all respond
}
SEEDS = (1, 2, 3)
CAR_T = ["car_t_memory", "car_t_effector", "car_t_exhausted"]


@functools.cache
def follow(scenario, product, seed, days=50.0, **more):
    named = {key.replace("__", "."): value for key, value in more.items()}
    files = {"files.product": f"products/{product}.toml"} if product else {}
    model = TumorTCellModel(load(f"scenarios/{scenario}.toml", SMALL | files | named), rng=seed)
    model.run_until(days)
    return model


def product(name, seed, **more):
    return follow("kymriah", name, seed, **more)


def course(model):
    series = model.series
    return series["day"].to_numpy(), series[CAR_T].sum(axis=1).to_numpy()


def of_each(name, measure):
    return np.array([measure(product(name, seed)) for seed in SEEDS])


def peak(model):
    return course(model)[1].max()


def peak_day(model):
    day, cells = course(model)
    return day[np.argmax(np.where(day > 3.0, cells, 0.0))]


def left_at(day):
    def measure(model):
        days, cells = course(model)
        return cells[days <= day][-1] / cells.max()

    return measure


@pytest.mark.parametrize("name", ["tisagenlecleucel", "axicabtagene_like", "obe_cel", "allogeneic"])
def test_every_product_says_where_its_numbers_come_from(name):
    text = find_file(f"products/{name}.toml").read_text()
    values = [line for line in text.splitlines() if "value" in line and not line.startswith("#")]
    assert values and all("source" in line for line in values)
    assert name == "tisagenlecleucel" or "onest note" in text


def test_a_cd28_product_peaks_sooner_and_is_gone_sooner():
    reference, cd28 = "tisagenlecleucel", "axicabtagene_like"
    assert np.median(of_each(cd28, peak_day) - of_each(reference, peak_day)) < 0.0
    ratio = of_each(cd28, left_at(50.0)) / of_each(reference, left_at(50.0))
    assert np.median(ratio) < 0.7


def test_low_affinity_means_less_cytokine_at_like_expansion():
    reference, low = "tisagenlecleucel", "obe_cel"
    ratio = of_each(low, peak) / of_each(reference, peak)
    assert np.all((ratio > 0.7) & (ratio < 1.3))
    released = [
        of_each(name, lambda model: model.outcomes()["peak_ifng"]) for name in (low, reference)
    ]
    assert np.all(released[0] < released[1])


def test_allogeneic_cells_expand_and_are_rejected():
    reference, foreign = "tisagenlecleucel", "allogeneic"
    infused = of_each(foreign, lambda model: course(model)[1][0])
    assert np.all(of_each(foreign, peak) > 20.0 * infused)
    assert np.median(of_each(foreign, left_at(50.0)) / of_each(reference, left_at(50.0))) < 0.1


def test_a_product_moves_the_median_of_what_differs_between_patients():
    for name, factor in (("tisagenlecleucel", 1.0), ("axicabtagene_like", 25.0 / 120.0)):
        params = load("scenarios/kymriah.toml", {"files.product": f"products/{name}.toml"})
        own = load(None, {"files.population": "populations/pediatric_ball.toml"})
        key = "product.persistence_half_life_days"
        moved, before = params.distributions[key], own.distributions[key]
        assert moved.median == pytest.approx(factor * before.median)
        assert moved.sigma_ln == before.sigma_ln


def test_an_autoimmune_patient_loses_b_cells_without_severe_crs():
    model = follow("autoimmune", "", 1)
    b_cells, row = model.series["b_cell"].to_numpy(), model.outcomes()
    assert b_cells.min() < 0.3 * b_cells[0]
    assert row["crs_grade_penn"] <= 2 and row["b_cell_aplasia_days"] > 0.0


def test_a_solid_tumor_is_harder_because_of_what_its_file_says():
    """Given the homing and antigen of leukemia, the same tumor is cleared further."""
    hard = follow("solid_tumor", "", 1)
    eased = {
        "car_t__home_per_day": 4.0,
        "car_t__leave_marrow_per_day": 0.03,
        "leukemia__antigen_median": 6000.0,
        "leukemia__antigen_sigma_ln": 0.6,
        "patient__cd19_negative_fraction": 0.0,
        "product__exhaustion": 1.0,
    }
    easy = follow("solid_tumor", "", 1, **eased)
    assert easy.counts()["leukemia"] < 0.1 * hard.counts()["leukemia"]
    assert hard.counts()["leukemia"] > 1e5


@pytest.mark.parametrize("name", ["lymphoma", "myeloma"])
def test_other_cancers_shrink_and_car_t_cells_expand(name):
    models = [follow(name, "", seed, days=60.0) for seed in SEEDS]
    assert all(peak(model) > 30 * course(model)[1][0] for model in models)
    tumors = [model.series["leukemia_cd19_positive"].to_numpy() for model in models]
    assert np.median([tumor.min() / tumor[0] for tumor in tumors]) < 0.5
