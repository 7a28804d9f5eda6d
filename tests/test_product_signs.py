"""The signs of `docs/products.md`, with as few patients as resolve them.

Grades are compared by their mean, which needs fewer patients than a share of severe ones.
"""

import functools
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]


@functools.cache
def products():
    spec = importlib.util.spec_from_file_location("products", ROOT / "scripts" / "products.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def patient(arm, number):
    return products().follow(arm, number)


def pair(first, second, patients):
    """Return two arms of the same patients, as columns."""
    arms = ([patient(arm, i) for i in range(patients)] for arm in (first, second))
    return tuple(pd.DataFrame(arm).to_dict("series") for arm in arms)


def mean_change(arms, name):
    """Return the mean of the second less the first."""
    first, second = arms
    return float(np.mean(second[name] - first[name]))


def ratio_of(arms, measure):
    first, second = map(measure, arms)
    return second / first


def test_a_cd28_product_is_faster_higher_and_shorter():
    arms = pair("tisagenlecleucel", "CD28-like", 12)
    assert mean_change(arms, "peak_day") < -1.0
    assert ratio_of(arms, products().of.peak_cells) > 1.2
    assert ratio_of(arms, products().left_on_day_60) < 0.9


def test_a_cd28_product_brings_more_icans():
    assert mean_change(pair("tisagenlecleucel", "CD28-like", 30), "icans_grade") > 0.0


def test_low_affinity_brings_less_crs_at_like_expansion():
    arms = pair("tisagenlecleucel", "obe-cel", 30)
    assert 0.7 < ratio_of(arms, products().of.peak_cells) < 1.3
    assert mean_change(arms, "crs_grade_penn") < 0.0


def test_cells_of_a_donor_are_rejected_early():
    arms = pair("tisagenlecleucel", "allogeneic", 12)
    assert ratio_of(arms, products().left_on_day_60) < 0.5
    assert ratio_of(arms, products().aplasia_days) < 0.9


def test_response_and_crs_rise_with_the_dose_in_myeloma():
    arms = pair("myeloma, 150e6", "myeloma, 450e6", 40)
    assert ratio_of(arms, products().response) > 1.0
    assert mean_change(arms, "crs_grade_penn") > 0.0


def test_lymphoma_is_harder_than_leukemia_of_the_same_size():
    arms = pair("leukemia of 2e11 in 75 kg", "lymphoma", 100)  # grades differ by some 0.13 +- 0.05
    assert ratio_of(arms, products().of.peak_cells) < 0.8
    assert ratio_of(arms, products().tumor_left) > 2.0
    assert mean_change(arms, "crs_grade_penn") < 0.0


def test_a_solid_tumor_is_harder_than_leukemia_of_the_same_size():
    arms = pair("leukemia of 5e10 in 70 kg", "solid tumor", 12)
    assert ratio_of(arms, products().response) < 1.0
    assert ratio_of(arms, products().tumor_left) > 100.0


def test_b_cells_go_with_mild_crs_in_autoimmune_disease():
    alone, treated = pair("autoimmune, lymphodepletion alone", "autoimmune", 12)
    assert products().b_cells_gone(treated) > 80.0
    assert products().aplasia_days(treated) > 1.5 * products().aplasia_days(alone)
    assert products().of.severe(treated) <= 20.0
    leukemia, _ = pair("tisagenlecleucel", "autoimmune", 12)
    assert np.mean(treated["crs_grade_penn"]) < np.mean(leukemia["crs_grade_penn"])


@pytest.mark.parametrize("name", ["CD28", "obe-cel", "allogeneic", "myeloma", "solid tumor"])
def test_the_page_shows_every_comparison(name):
    page = (ROOT / "docs" / "products.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith(f"| {name} |")]
    expected = [each for each in products().COMPARISONS if each.id == name]
    assert len(lines) == len(expected) > 0
    assert all(" / ".join(each.arms) in line for each, line in zip(expected, lines, strict=True))
