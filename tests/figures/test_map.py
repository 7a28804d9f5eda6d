import math

import numpy as np
import pandas as pd
import pytest
from drawing import assert_picture, panels, ticks
from drawing import texts as written

from tcellabm.analysis.summary import summarize, wilson
from tcellabm.figures import canvas, draw_map, labels

DOSE = "product.dose_cells_per_kg"
HALF_LIFE = "product.persistence_half_life_days"
PATIENTS = 8


RATES = {
    "remission": "Remission (CR or CRi): more",
    "remission_365": "In remission on day 365: more",
    "severe_crs": "Severe CRS (Penn grade 3 or more): less",
}


@pytest.fixture
def draw(figures):
    """Draw a map; return the figure."""

    def drawn(summary, axes, *more):
        assert_picture(draw_map(summary, axes, *more), figures[-1])
        return figures[-1]

    return drawn


def shown(figure, rate):
    """The rates that the panels of one rate show, panel by panel."""
    return [
        panel.images[0].get_array() if panel.images else panel.lines[0].get_ydata()
        for panel in panels(figure)
        if panel.get_title(loc="left").startswith(RATES[rate])
    ]


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


@pytest.mark.parametrize(
    ("axes", "facets"),
    [
        ({}, 1),
        ({DOSE: [1e6, 2e6, 3.1e6]}, 1),
        ({DOSE: [1e6, 2e6], HALF_LIFE: [30.0, 60.0, 120.0]}, 1),
        ({DOSE: list(np.linspace(1e5, 1e7, 20)), HALF_LIFE: [30.0, 60.0]}, 1),
        ({"care.policy": ["none", "label"], HALF_LIFE: [30.0, 60.0], DOSE: [1e6, 2e6]}, 2),
    ],
)
def test_any_number_of_axes_is_drawn(axes, facets, draw):
    summary = summary_of(axes)
    figure = draw(summary, list(axes))
    for rate in RATES:
        found = shown(figure, rate)
        assert len(found) == facets
        assert np.sort(np.ravel(found)) == pytest.approx(np.sort(summary[rate]))
    texts = written(figure)
    assert canvas.NOTICE in texts
    assert any(f"{PATIENTS} virtual patients" in text for text in texts)


@pytest.mark.parametrize("rate", RATES)
def test_cells_say_rate_and_interval_and_axes_say_units(rate, draw):
    axes = {DOSE: [2e5, 1e6, 3.1e6], HALF_LIFE: [15.0, 220.0]}
    summary = summary_of(axes)
    (panel,) = [
        panel
        for panel in panels(draw(summary, list(axes)))
        if panel.get_title(loc="left").startswith(RATES[rate])
    ]
    said = {(text.get_text(), *text.get_position()) for text in panel.texts}
    for row in summary.to_dict("records"):
        x, y = axes[DOSE].index(row[DOSE]), axes[HALF_LIFE].index(row[HALF_LIFE])
        assert panel.images[0].get_array()[y, x] == row[rate]
        assert (f"{row[rate]:.0%}", x, y - 0.02) in said
        low, high = (f"{100 * row[f'{rate}_{end}']:.0f}" for end in ("low", "high"))
        assert (f"{low}–{high}", x, y - 0.1) in said
    assert panel.get_xlabel() == "dose (10⁶ CAR+ cells/kg)"
    assert panel.get_ylabel() == "persistence half-life (days)"
    assert (ticks(panel.xaxis), ticks(panel.yaxis)) == (["0.2", "1", "3.1"], ["15", "220"])


def test_dose_goes_across_wherever_it_stands():
    assert labels.place_axes([HALF_LIFE, "a", DOSE]) == ([DOSE, HALF_LIFE], ["a"])


def test_a_short_sweep_says_that_day_365_was_not_observed(draw):
    axes = {DOSE: [1e6, 2e6], HALF_LIFE: [30.0, 60.0]}
    figure = draw(summary_of(axes, days=100.0), list(axes))
    texts = written(figure)
    assert [text.startswith("not observed") for text in texts].count(True) == 1
    assert np.isnan(np.ma.filled(shown(figure, "remission_365")[0], np.nan)).all()
    assert not any("★" in text for text in texts)


def test_further_axes_are_averaged_without_narrower_intervals(draw):
    axes = {DOSE: [1e6, 2e6], HALF_LIFE: [30.0], "product.killing": [float(k) for k in range(7)]}
    summary = summary_of(axes)
    figure = draw(summary, list(axes))
    texts = written(figure)
    assert any(f"{PATIENTS} virtual patients" in text for text in texts)
    assert any(f"averaged over {labels.axis_label('product.killing')}" in text for text in texts)
    mean = summary["remission"][:7].mean()
    low, high = wilson(mean * PATIENTS, PATIENTS)
    assert {f"{mean:.0%}", f"{100 * low:.0f}–{100 * high:.0f}"} <= set(texts)
    for rate in RATES:
        means = summary[rate].to_numpy().reshape(2, 7).mean(axis=1)
        assert shown(figure, rate)[0].tolist() == [pytest.approx(means.tolist())]


def test_what_was_set_for_all_points_is_told(draw):
    settings = {HALF_LIFE: 60.0, "sweep.patients": 8}
    texts = written(draw(summary_of({DOSE: [1e6, 2e6]}), [DOSE], settings))
    assert any("persistence half-life (days) = 60" in text for text in texts)
    assert not any("sweep.patients" in text for text in texts)


def test_equal_tables_give_equal_files():
    axes = {DOSE: [1e6, 2e6], HALF_LIFE: [30.0, 60.0]}
    first, second = (draw_map(summary_of(axes), list(axes)) for _ in range(2))
    assert first == second
