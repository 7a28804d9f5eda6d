import math

import numpy as np
import pandas as pd
import pytest

from tcellabm.experiments.summary import summarize, wilson
from tcellabm.views.figures import canvas, draw_map, labels
from tcellabm.views.figures import map as map_figure

DOSE = "product.dose_cells_per_kg"
HALF_LIFE = "product.persistence_half_life_days"
PATIENTS = 8


@pytest.fixture
def texts(monkeypatch):
    """All texts of the figure that was drawn last."""
    found = []

    def png(figure):
        data = canvas.png(figure)
        found[:] = [text.get_text() for text in figure.findobj(lambda o: hasattr(o, "get_text"))]
        return data

    monkeypatch.setattr(map_figure, "png", png)
    return found


def summary_of(axes, days=365.0):
    """Rates that rise with the place in the grid."""
    grid = pd.MultiIndex.from_product(axes.values(), names=axes) if axes else range(1)
    point = np.repeat(np.arange(len(grid)), PATIENTS)
    patient = np.tile(np.arange(PATIENTS), len(grid))
    table = pd.DataFrame([grid[i] for i in point], columns=list(axes)) if axes else pd.DataFrame()
    outcomes = table.assign(
        remission=patient <= point % PATIENTS,
        relapse_day=math.nan,
        death_day=math.nan,
        followed_days=np.full(len(point), days),
        crs_grade_penn=np.where(patient < point % 3, 3, 0),
        error="",
    )
    return summarize(outcomes, list(axes))


def panel_titles(texts):
    return [text for text in texts if "better" in text and ":" in text and "Pareto" not in text]


@pytest.mark.parametrize(
    ("axes", "panels"),
    [
        ({}, 3),
        ({DOSE: [1e6, 2e6, 3.1e6]}, 3),
        ({DOSE: [1e6, 2e6], HALF_LIFE: [30.0, 60.0, 120.0]}, 3),
        ({DOSE: list(np.linspace(1e5, 1e7, 20)), HALF_LIFE: [30.0, 60.0]}, 3),
        ({"care.policy": ["none", "label"], HALF_LIFE: [30.0, 60.0], DOSE: [1e6, 2e6]}, 6),
        ({DOSE: [1e6], HALF_LIFE: [30.0], "product.killing": list(range(7))}, 3),
    ],
)
def test_any_number_of_axes_is_drawn(axes, panels, texts):
    assert draw_map(summary_of(axes), list(axes)).startswith(b"\x89PNG")
    assert len(panel_titles(texts)) == panels
    assert canvas.NOTICE in texts
    assert any(f"{PATIENTS} virtual patients" in text for text in texts)


def test_cells_say_rate_and_interval_and_axes_say_units(texts):
    axes = {DOSE: [2e5, 3.1e6], HALF_LIFE: [15.0, 220.0]}
    summary = summary_of(axes)
    draw_map(summary, list(axes))
    first = summary.iloc[0]
    assert f"{first['remission']:.0%}" in texts
    interval = [f"{100 * first[f'remission_{end}']:.0f}" for end in ("low", "high")]
    assert "–".join(interval) in texts
    assert {"dose (10⁶ CAR+ cells/kg)", "persistence half-life (days)"} <= set(texts)
    assert {"0.2", "3.1", "15", "220"} <= set(texts)


def test_dose_goes_across_wherever_it_stands():
    assert labels.place_axes([HALF_LIFE, "a", DOSE]) == ([DOSE, HALF_LIFE], ["a"])


def test_a_short_sweep_says_that_day_365_was_not_observed(texts):
    axes = {DOSE: [1e6, 2e6], HALF_LIFE: [30.0, 60.0]}
    draw_map(summary_of(axes, days=100.0), list(axes))
    assert any("not observed" in text for text in texts)
    assert not any("★" in text for text in texts)


def test_further_axes_are_averaged_without_narrower_intervals(texts):
    axes = {DOSE: [1e6, 2e6], HALF_LIFE: [30.0], "product.killing": [float(k) for k in range(7)]}
    summary = summary_of(axes)
    draw_map(summary, list(axes))
    assert any(f"{PATIENTS} virtual patients" in text for text in texts)
    assert any(f"averaged over {labels.axis_label('product.killing')}" in text for text in texts)
    mean = summary["remission"][:7].mean()
    low, high = wilson(mean * PATIENTS, PATIENTS)
    assert {f"{mean:.0%}", f"{100 * low:.0f}–{100 * high:.0f}"} <= set(texts)


def test_what_was_set_for_all_points_is_told(texts):
    draw_map(summary_of({DOSE: [1e6, 2e6]}), [DOSE], {HALF_LIFE: 60.0, "sweep.patients": 8})
    assert any("persistence half-life (days) = 60" in text for text in texts)
    assert not any("sweep.patients" in text for text in texts)


def test_equal_tables_give_equal_files():
    axes = {DOSE: [1e6, 2e6], HALF_LIFE: [30.0, 60.0]}
    first, second = (draw_map(summary_of(axes), list(axes)) for _ in range(2))
    assert first == second
