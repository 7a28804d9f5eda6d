"""Curves, trade-offs and indices: what is drawn follows from the table, and says what it is."""

import math

import numpy as np
import pandas as pd
import pytest
from drawing import assert_picture, panels, texts, ticks
from scipy.stats import binomtest

from tcellabm.analysis.summary import pooled, summarize
from tcellabm.figures import (
    canvas,
    draw_curves,
    draw_indices,
    draw_tornado,
    draw_tradeoff,
    tradeoff,
)

DOSE = "product.dose_cells_per_kg"
HALF_LIFE = "product.persistence_half_life_days"


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
    assert table[HALF_LIFE].tolist() == [30.0, 60.0]
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


def test_curves_have_a_row_for_each_axis(figures):
    png = draw_curves(runs(), [DOSE, HALF_LIFE], {"time.days": 365})
    assert_picture(png, figures[-1])
    grid = np.reshape(figures[-1].axes, (2, 3))
    starts = ("Remission (CR", "In remission on day 365", "Severe CRS")
    assert all(p.get_title(loc="left").startswith(s) for p, s in zip(grid[0], starts, strict=True))
    for key, label, row in zip(
        (DOSE, HALF_LIFE),
        ("dose (10⁶ CAR+ cells/kg)", "persistence half-life (days)"),
        grid,
        strict=True,
    ):
        table = pooled(runs(), [key], 8)
        for rate, panel in zip(("remission", "remission_365", "severe_crs"), row, strict=True):
            assert panel.get_xlabel() == label
            dots, bars = panel.containers[0][0], panel.containers[0][2][0].get_segments()
            assert dots.get_ydata().tolist() == table[rate].tolist()
            ends = table[[f"{rate}_low", f"{rate}_high"]].to_numpy()
            assert np.array(bars)[:, :, 1] == pytest.approx(ends)
    assert ticks(grid[1, 0].xaxis) == ["30", "60"]
    assert "time.days = 365" in " ".join(texts(figures[-1]))


def test_the_window_holds_points_with_enough_benefit_and_little_enough_harm(figures):
    points = pooled(runs(points=6), [DOSE])
    inside = tradeoff.in_window(points, "remission_365", 0.5, 0.3)
    assert inside["inside"].tolist() == (points[DOSE] > 2e6).tolist()
    assert not inside["surely"].any()  # ten patients are too few for that
    png = draw_tradeoff(points, [DOSE], "remission_365", (0.5, 0.3), {})
    assert_picture(png, figures[-1])
    said = " ".join(texts(figures[-1]))
    count = int((points[DOSE] > 2e6).sum())
    assert f"{count} of 6 points are in it by their rates, 0 with their whole intervals" in said
    assert "remission on day 365 in at least 50% and severe CRS in at most 30%" in said
    (panel,) = panels(figures[-1])
    outside, within = [each for each in panel.lines if each.get_marker() == "o"]
    for dots, part in ((outside, ~inside["inside"]), (within, inside["inside"])):
        assert dots.get_ydata().tolist() == points.loc[part, "remission_365"].tolist()
        assert dots.get_xdata().tolist() == points.loc[part, "severe_crs"].tolist()
    assert panel.patches[0].get_bbox().extents.tolist() == [0.0, 0.5, 0.3, 1.0]
    assert panel.get_xlabel().startswith("Severe CRS")
    assert panel.get_ylabel().startswith("In remission on day 365")


def test_points_that_were_not_seen_for_a_year_are_left_out(figures):
    points = pooled(runs(points=6).assign(followed_days=100.0), [DOSE])
    draw_tradeoff(points, [DOSE], "remission", (0.5, 0.3), {})
    assert "4 of 6 points" in " ".join(texts(figures[-1]))
    draw_tradeoff(points, [DOSE], "remission_365", (0.5, 0.3), {})
    assert "0 of 0 points" in " ".join(texts(figures[-1]))


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


def bars_of(panel):
    """Both ends of each bar of a panel, by series, from the top down."""
    series = [each for each in panel.containers if hasattr(each, "patches")]
    ends = [[(bar.get_x(), bar.get_x() + bar.get_width()) for bar in each] for each in series]
    return np.sort(np.array(ends)[:, ::-1])


@pytest.mark.parametrize("method", ["morris", "sobol"])
@pytest.mark.parametrize("draw", [draw_tornado, draw_indices])
def test_indices_show_what_matters_most_on_top(method, draw, figures):
    table = table_of(method)
    assert_picture(draw(table, [method], {}), figures[-1])
    shown = panels(figures[-1])
    titles = [panel.get_title(loc="left").partition(" (")[0] for panel in shown]
    assert titles == ["Remission", "Cmax", "Severe CRS"]
    if draw is draw_tornado:
        start, columns = 0.5, ["at_low", "at_high"]
    else:
        start, columns = 0.0, ["mu_star"] if method == "morris" else ["first", "total"]
    most = table.head(12)
    expected = [np.sort([(start, end) for end in most[name]]) for name in columns]
    for panel in shown:
        assert bars_of(panel) == pytest.approx(np.array(expected))
        labels = ticks(panel.yaxis)
        assert len(labels) == 12
        assert labels[-2:] == ["persistence half-life", "dose"]
    told = texts(figures[-1])
    assert any("12 that matter most of 15" in text for text in told)
    assert canvas.NOTICE in told
