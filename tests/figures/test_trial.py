"""The page of a virtual trial: what must be on it, and that it can be drawn of next to nothing."""

import re

import numpy as np
import pandas as pd
import pytest
from drawing import assert_picture, line, saved_figures, texts

from tcellabm.analysis import survival
from tcellabm.analysis.cohort import Cohort
from tcellabm.analysis.comparison import compare, published_curves, read_published
from tcellabm.analysis.report import agreement
from tcellabm.experiments.studies.sweep import Work
from tcellabm.experiments.studies.trial import TrialPlan, trial
from tcellabm.figures import canvas, draw_trial
from tcellabm.figures.forest import _place
from tcellabm.params.files import find_file

QUICK = {
    "time.days": 120.0,
    "marrow.rows": 2,
    "marrow.cols": 2,
    "resolution.agents_per_population": 16,
    "trial.patients": 8,
}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    plan = TrialPlan.load("params/trials/eliana.toml", QUICK)
    return trial(plan, tmp_path_factory.mktemp("trial") / "a", Work(workers=0, quiet=True))


def draw(patients, comparison):
    """Draw the page of some patients; return its file and the figure."""
    with saved_figures() as saved:
        png = draw_trial(patients, comparison, published_curves(), 50.0)
    assert_picture(png, saved[-1])
    return png, saved[-1]


@pytest.fixture(scope="module")
def page(result):
    """The file of the page, and the figure; not to be changed."""
    return draw(result.patients, result.comparison)


def test_the_page_names_every_row_and_its_units(result, page):
    told = "\n".join(texts(page[1]))
    assert set(result.comparison["id"]) <= set(re.findall(r"\w+", told))
    for words in ("copies/µg DNA", "days since infusion", "months since remission", "at risk"):
        assert words in told
    assert canvas.NOTICE in told


def test_the_curves_are_those_of_the_patients(result, page):
    infused = result.patients[result.patients["infused"]]
    free, events, transgene = page[1].axes[:3]
    days, share = survival.event_free(infused).curve()
    shown = line(events, "simulated, 95 % band")
    assert shown.get_xdata()[:-1] == pytest.approx(days * 12 / 365.25)
    assert shown.get_ydata()[:-1] == pytest.approx(100 * share)
    for panel, patients in ((free, infused[infused["remission"]]), (events, infused)):
        written = [text.get_text() for text in panel.texts]
        assert written[:2] == ["at risk", f"{len(patients)}"]
    copies = np.maximum(np.vstack(list(infused["copies_by_day"]))[:, :29], 1.0)
    median = line(transgene, "simulated median of those alive").get_ydata()
    assert median[:29] == pytest.approx(np.nanmedian(copies, axis=0))
    typical = published_curves().query("curve == 'stein_typical'")["value"]
    assert line(transgene, "typical curve, Stein 2019 (ELIANA + ENSIGN)").get_ydata().tolist() == (
        typical.tolist()
    )


def test_the_bars_are_the_shares_of_the_grades(result, page):
    infused = result.patients[result.patients["infused"]]
    panel = page[1].axes[3]
    found = {
        (name, grade): bar.get_width()
        for name, bars in zip(
            ("penn", "astct", "icans"),
            (panel.patches[3:9], panel.patches[12:18], panel.patches[18:24]),
            strict=True,
        )
        for grade, bar in enumerate(bars)
    }
    columns = {"penn": "crs_grade_penn", "astct": "crs_grade_astct", "icans": "icans_grade"}
    assert found == pytest.approx(
        {(name, g): 100 * np.mean(infused[columns[name]] == g) for name, g in found}
    )
    assert len(panel.patches) == 24


def test_every_row_that_is_judged_has_a_mark_where_it_belongs(result, page):
    figure = page[1]
    judged = result.comparison[result.comparison["agrees"] != ""]
    marks = [each for each in figure.axes[5].lines if each.get_marker() not in ("None", "")]
    assert len(marks) == len(judged) > 10
    order = pd.Categorical(judged["use"], ["calibrate", "validate", "input"])
    rows = judged.iloc[np.argsort(order.codes, kind="stable")].to_dict("records")
    for row, mark in zip(rows, marks, strict=True):
        assert mark.get_color() == {"true": "#0072b2", "false": "#d55e00"}[row["agrees"]], row["id"]
        low, high = row["published_low"], row["published_high"]
        if np.isfinite([low, high]).all():
            inside = low <= row["simulated"] <= high
            assert (abs(mark.get_xdata()[0]) <= 1.0) == inside, row["id"]
    agreeing = (judged["agrees"] == "true").sum()
    assert f"{agreeing} of {len(judged)} published figures" in " ".join(texts(figure))


def test_equal_tables_give_equal_pages(result, page):
    assert draw(result.patients, result.comparison)[0] == page[0]


def test_a_trial_that_infused_nobody_is_drawn_too(result):
    nobody = result.patients[~result.patients["infused"]]
    rows = compare(Cohort.of(nobody), read_published(find_file("trials/published.csv")))
    _, figure = draw(nobody, rows)
    assert f"{len(nobody)} virtual patients enrolled, 0 infused" in " ".join(texts(figure))
    shown = [each.get_label() for panel in figure.axes[:3] for each in panel.lines]
    assert not [label for label in shown if "simulated" in label]


def test_places_on_the_common_scale():
    row = {"published": 10.0, "published_low": 5.0, "published_high": 20.0, "agrees": "true"}
    assert [_place(x, row) for x in (5.0, 10.0, 15.0, 20.0)] == [-1.0, 0.0, 0.5, 1.0]
    side = {"published": np.nan, "published_low": 1.0, "published_high": np.nan, "agrees": "true"}
    assert _place(1.5, side) > 0.0 > _place(0.5, side)


def test_the_words_count_everyone(result):
    lines = agreement(result.patients, result.comparison)
    assert f"of {len(result.patients)} patients enrolled" in lines[0]
    assert len(lines) == 5
