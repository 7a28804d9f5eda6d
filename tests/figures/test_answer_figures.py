"""The map with a reference, its window, and who is who: what is colored, marked and written."""

import numpy as np
import pandas as pd
import pytest
from analysis.sweeps import DOSE, HALF_LIFE, REFERENCE, along_dose, grid, sweep
from drawing import assert_picture, panels, texts

from tcellabm.analysis.answer import answer
from tcellabm.analysis.drivers import drivers
from tcellabm.figures import draw_drivers, draw_map, draw_sheets, labels
from tcellabm.figures.differences import BETTER, SAME, WORSE, color_of
from tcellabm.params import Question

KEYS = [DOSE, HALF_LIFE]
ASKED = Question(REFERENCE, {"remission_365": 0.5, "severe_crs": 0.33}, (2e5, 5e6))


def made(remission, severe, patients=100, question=ASKED):
    return answer(sweep(remission, severe, patients), KEYS, question)


def drawn(found, figures, form="png"):
    picture = draw_map(found.summary, KEYS, {}, [], found, form)
    return picture, figures[-1]


def test_only_resolved_points_are_colored_and_the_legend_says_so(figures):
    found = made(along_dose(0.1, 0.9), 0.3)
    picture, figure = drawn(found, figures)
    assert_picture(picture, figure)
    colors = panels(figure)[0].images[0].get_array().transpose(1, 0, 2).reshape(-1, 3)
    gray = np.isclose(colors, color_of(0.0, False, "remission")).all(axis=1)
    assert (gray == ~found.summary["remission_resolved"]).all()
    assert any("Gray: not resolved" in text for text in texts(figure))
    assert sum(text == "ref." for text in texts(figure)) == 3
    assert sum(text.startswith("within the label (0.2–5)") for text in texts(figure)) >= 3


def test_each_rate_and_interval_is_written_and_the_sign_of_each_resolved_difference(figures):
    found = made(along_dose(0.1, 0.9), along_dose(0.05, 0.7))
    _, figure = drawn(found, figures)
    for rate, panel in zip(
        ("remission", "remission_365", "severe_crs"), panels(figure), strict=False
    ):
        written = [text.get_text() for text in panel.texts]
        assert sum(text.endswith("%") for text in written) == len(found.summary)
        assert (
            sum("▲" in text or "▼" in text for text in written)
            == found.summary[f"{rate}_resolved"].sum()
        )


def test_less_severe_crs_is_better_and_less_remission_worse():
    from matplotlib.colors import to_hex

    assert to_hex(color_of(-0.5, True, "severe_crs")) == BETTER
    assert to_hex(color_of(-0.5, True, "remission")) == WORSE
    assert to_hex(color_of(0.5, False, "remission")) == SAME


def test_a_sweep_whose_reference_has_no_runs_says_so(figures):
    runs = sweep(0.4, 0.3, 10)
    found = answer(runs[runs[DOSE] < 1e6], KEYS, ASKED)
    _, figure = drawn(found, figures)
    assert any("the reference has no finished runs" in text for text in texts(figure))


def test_a_window_that_no_point_meets_is_drawn_without_a_warning(figures):
    _, figure = drawn(made(0.05, 0.95), figures)
    assert "no point meets it" in texts(figure)


def test_a_sweep_without_a_window_or_of_less_than_a_year_is_drawn(figures):
    _, figure = drawn(made(0.4, 0.3, 10, Question(REFERENCE)), figures)
    assert any("none was asked for" in text for text in texts(figure))
    short = sweep(0.4, 0.3, 10).assign(followed_days=100.0)
    _, figure = drawn(answer(short, KEYS, ASKED), figures)
    assert any("followed for less than 365 days" in text for text in texts(figure))


@pytest.mark.parametrize(
    ("form", "head"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_every_form_is_written_the_same_each_time(form, head, figures):
    found = made(along_dose(0.2, 0.8), 0.3, 10)
    first, second = (drawn(found, figures, form)[0] for _ in range(2))
    assert first == second
    assert first.startswith(head)


def test_each_setting_of_a_further_axis_has_a_row(figures):
    points = grid([1e5, 1e6, 1e7], [60.0])[[DOSE]]
    runs = pd.concat(
        [
            sweep(0.4, 0.3, 10, points=points).assign(**{"care.policy": policy})
            for policy in ("label", "none")
        ]
    )
    found = answer(
        runs, [DOSE, "care.policy"], Question({DOSE: 1e6, "care.policy": "label"}, ASKED.window)
    )
    assert_picture(draw_sheets(found), figures[-1])
    assert len(panels(figures[-1])) == 2 * 2


def test_who_is_who_is_named_and_what_may_be_chance_is_gray(figures):
    rng = np.random.default_rng(1)
    runs = sweep(0.4, along_dose(0.1, 0.6), 80)
    severe = (runs["crs_grade_penn"] >= 3).groupby(runs["seed"]).mean()
    runs["patient.myeloid_sensitivity"] = runs["seed"].map(severe)
    runs["patient.weight_kg"] = runs["seed"].map(
        dict(zip(severe.index, rng.random(80), strict=True))
    )
    found = drivers(runs, KEYS, ["patient.weight_kg", "patient.myeloid_sensitivity"])
    assert_picture(draw_drivers(found, ["80 patients"]), figures[-1])
    names = [label.get_text() for label in panels(figures[-1])[0].get_yticklabels()]
    assert names == [
        labels.axis_label(key).split(" (")[0]
        for key in ("patient.weight_kg", "patient.myeloid_sensitivity")
    ]
    assert any("fewer than 10 patients" in text for text in texts(figures[-1]))
