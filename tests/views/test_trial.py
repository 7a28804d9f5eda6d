"""The page of a virtual trial: what must be on it, and that it can be drawn of next to nothing."""

import numpy as np
import pytest

from tcellabm.experiments.cohort import Cohort
from tcellabm.experiments.comparison import compare, published_curves, read_published
from tcellabm.experiments.sweep import Work
from tcellabm.experiments.trial import TrialPlan, trial
from tcellabm.params.files import find_file
from tcellabm.views.figures import canvas, draw_trial
from tcellabm.views.figures import trial as page
from tcellabm.views.figures.forest import _place
from tcellabm.views.report import agreement

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


def texts_of(patients, comparison, monkeypatch):
    found = []

    def png(figure):
        found[:] = [text.get_text() for text in figure.findobj(lambda o: hasattr(o, "get_text"))]
        return canvas.png(figure)

    monkeypatch.setattr(page, "png", png)
    assert draw_trial(patients, comparison, published_curves(), 50.0).startswith(b"\x89PNG")
    return "\n".join(found)


def test_the_page_names_every_row_and_its_units(result, monkeypatch):
    told = texts_of(result.main, result.comparison, monkeypatch)
    for name in result.comparison["id"]:
        assert name in told
    for words in ("copies/µg DNA", "days since infusion", "months since remission", "at risk"):
        assert words in told
    assert "not for clinical use" in told or canvas.NOTICE


def test_equal_tables_give_equal_pages(result):
    one, two = (
        draw_trial(result.main, result.comparison, published_curves(), 50.0) for _ in range(2)
    )
    assert one == two


def test_a_trial_that_infused_nobody_is_drawn_too(result, monkeypatch):
    nobody = result.main[~result.main["infused"]]
    rows = compare([Cohort.of(nobody)], read_published(find_file("trials/published.csv")))
    assert "0 infused" in texts_of(nobody, rows, monkeypatch)


def test_places_on_the_common_scale():
    row = {"published": 10.0, "published_low": 5.0, "published_high": 20.0, "agrees": "true"}
    assert [_place(x, row) for x in (5.0, 10.0, 15.0, 20.0)] == [-1.0, 0.0, 0.5, 1.0]
    side = {"published": np.nan, "published_low": 1.0, "published_high": np.nan, "agrees": "true"}
    assert _place(1.5, side) > 0.0 > _place(0.5, side)


def test_the_words_count_everyone(result):
    lines = agreement(result.main, result.comparison)
    assert f"of {len(result.main)} patients enrolled" in lines[0]
    assert len(lines) == 4
