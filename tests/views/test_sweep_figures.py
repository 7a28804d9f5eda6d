"""Curves, trade-offs and indices: what is drawn follows from the table, and says what it is."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from tcellabm.experiments.summary import pooled, summarize
from tcellabm.views.figures import (
    canvas,
    curves,
    draw_curves,
    draw_indices,
    draw_tornado,
    draw_tradeoff,
    sensitivity,
    tradeoff,
)

DOSE = "product.dose_cells_per_kg"
HALF_LIFE = "product.persistence_half_life_days"


@pytest.fixture
def drawn(monkeypatch):
    """The figure that was drawn last."""
    found = []

    def png(figure):
        found[:] = [figure]
        return canvas.png(figure)

    for module in (curves, tradeoff, sensitivity):
        monkeypatch.setattr(module, "png", png)
    return found


def texts(drawn):
    return [text.get_text() for text in drawn[0].findobj(lambda o: hasattr(o, "get_text"))]


def runs(points=40, patients=10, seed=1):
    """Dose helps: half of the patients are in remission above 2e6, whoever they are."""
    draws = np.random.default_rng(seed)
    dose = np.repeat(np.linspace(1e6, 4e6, points), patients)
    patient = np.tile(np.arange(patients), points)
    return pd.DataFrame(
        {
            DOSE: dose,
            HALF_LIFE: draws.choice([30.0, 60.0], dose.size),
            "seed": patient,
            "remission": (dose > 2e6) & (patient % 2 == 0),
            "relapse_day": math.nan,
            "death_day": math.nan,
            "followed_days": 365.0,
            "crs_grade_penn": np.where(patient < 3, 3, 1),
            "error": "",
        }
    )


def test_rates_over_other_axes_are_those_of_all_runs():
    table = pooled(runs(), [HALF_LIFE])
    for row in table.to_dict("records"):
        part = runs()[lambda t, v=row[HALF_LIFE]: t[HALF_LIFE] == v]
        assert row["remission"] == pytest.approx(part["remission"].mean())
        assert row["n"] == len(part)
        assert row["patients"] == 10


def test_runs_of_the_same_patients_do_not_count_as_so_many_patients():
    """All runs of a patient end alike here, so that ten patients are all there is."""
    table = pooled(runs().assign(remission=lambda t: t["seed"] % 2 == 0), [])
    (row,) = table.to_dict("records")
    expected = binomtest(5, 10).proportion_ci(method="wilson")
    assert (row["remission_low"], row["remission_high"]) == pytest.approx(tuple(expected))
    # and where nobody's end says anything of the next, every run counts
    alone = runs().assign(seed=np.arange(400))
    (row,) = pooled(alone, []).to_dict("records")
    interval = binomtest(int(alone["remission"].sum()), 400).proportion_ci(method="wilson")
    assert (row["remission_low"], row["remission_high"]) == pytest.approx(tuple(interval))


def test_pooled_by_all_axes_is_the_summary():
    table = runs().assign(**{HALF_LIFE: 30.0})
    keys = [DOSE, HALF_LIFE]
    pd.testing.assert_frame_equal(
        pooled(table, keys).drop(columns="patients"), summarize(table, keys)
    )


def test_many_values_of_an_axis_are_put_into_bins_of_equal_counts():
    table = pooled(runs(), [DOSE], bins=4)
    assert table["n"].tolist() == [100] * 4
    assert table["remission"].is_monotonic_increasing
    assert 1e6 < table[DOSE].min() < table[DOSE].max() < 4e6
    assert len(pooled(runs(points=5), [DOSE], bins=4)) == 5


def test_curves_have_a_row_for_each_axis(drawn):
    assert draw_curves(runs(), [DOSE, HALF_LIFE], {"time.days": 365}).startswith(b"\x89PNG")
    assert len(drawn[0].axes) == 6
    assert {"dose (10⁶ CAR+ cells/kg)", "persistence half-life (days)"} <= set(texts(drawn))
    share = pooled(runs(), [HALF_LIFE])["remission"]
    assert any(np.allclose(each.get_ydata(), share) for each in drawn[0].axes[3].lines)


def test_the_window_holds_points_with_enough_benefit_and_little_enough_harm(drawn):
    points = pooled(runs(points=6), [DOSE])
    inside = tradeoff.in_window(points, "remission_365", 0.5, 0.3)
    assert inside["inside"].tolist() == (points[DOSE] > 2e6).tolist()
    assert not inside["surely"].any()  # ten patients are too few for that
    draw_tradeoff(points, [DOSE], "remission_365", (0.5, 0.3), {})
    said = " ".join(texts(drawn))
    count = int((points[DOSE] > 2e6).sum())
    assert f"{count} of 6 points are in it by their rates, 0 with their whole intervals" in said
    assert "remission on day 365 in at least 50% and severe CRS in at most 30%" in said


def test_points_that_were_not_seen_for_a_year_are_left_out(drawn):
    points = pooled(runs(points=6).assign(followed_days=100.0), [DOSE])
    draw_tradeoff(points, [DOSE], "remission", (0.5, 0.3), {})
    assert "of 6 points" in " ".join(texts(drawn))
    draw_tradeoff(points, [DOSE], "remission_365", (0.5, 0.3), {})
    assert "0 of 0 points" in " ".join(texts(drawn))


def table_of(method, inputs=15):
    names = [DOSE, HALF_LIFE, *(f"a.b{place}" for place in range(inputs - 3)), "chance"]
    value = np.linspace(0.5, 0.0, inputs)
    columns = {"at_low": 0.5 - value / 2, "at_high": 0.5 + value / 2}
    columns |= {"first": value / 2, "total": value} if method == "sobol" else {"mu_star": value}
    table = pd.DataFrame({"input": names, **columns})
    for name in columns:
        table[f"{name}_low"], table[f"{name}_high"] = table[name] - 0.1, table[name] + 0.1
    if method == "morris":
        table["sigma"] = 0.2
    parts = [table.assign(output=name) for name in ("remission", "severe_crs", "log10_cmax")]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("method", ["morris", "sobol"])
def test_indices_show_what_matters_most_on_top(method, drawn):
    for draw in (draw_tornado, draw_indices):
        assert draw(table_of(method), [method], {}).startswith(b"\x89PNG")
        shown = [axes for axes in drawn[0].axes if axes.get_visible()]
        assert len(shown) == 3
        labels = [label.get_text() for label in shown[0].get_yticklabels()]
        assert len(labels) == 12
        assert labels[-2:] == ["persistence half-life", "dose"]
        assert any("12 that matter most of 15" in text for text in texts(drawn))
        assert canvas.NOTICE in texts(drawn)
