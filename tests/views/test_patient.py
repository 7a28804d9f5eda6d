import math

import numpy as np
import pandas as pd
import pytest

from tcellabm.clinic.outcomes import OUTCOME_COLUMNS
from tcellabm.columns import SERIES, names
from tcellabm.views.figures import canvas, charts, draw_patient
from tcellabm.views.figures import patient as patient_figure
from tcellabm.views.words import columns, sentences


@pytest.fixture
def figures(monkeypatch):
    found = []

    def png(figure):
        found.append(figure)
        return canvas.png(figure)

    monkeypatch.setattr(patient_figure, "png", png)
    return found


def a_series(days):
    day = np.linspace(0, days, int(4 * days) + 1)
    series = pd.DataFrame({name: np.ones(len(day)) for name in names(SERIES)}).assign(day=day)
    grade = np.where((day > 4) & (day < 9), 3, 0)
    return series.assign(
        leukemia_cd19_positive=np.floor(1e11 * np.exp(-day)),
        temperature_c=np.where(grade, 39.5, 36.8),
        crs_grade_penn=grade,
        crs_grade_astct=grade,
        crs_grade_lee=0,
    )


def some_outcomes(**given):
    row = dict.fromkeys(OUTCOME_COLUMNS, math.nan)
    grades = dict.fromkeys(("crs_grade_penn", "crs_grade_astct", "crs_grade_lee"), 0)
    doses = {"tocilizumab_doses": 0, "steroid_doses": 0}
    flags = {"remission": False, "mrd_negative": False, "cured": False}
    texts = {"relapse_phenotype": "", "death_cause": ""}
    return row | grades | doses | flags | texts | {"followed_days": 365.0, "seed": 7} | given


def words_in(figure):
    return [text.get_text() for text in figure.findobj(lambda item: hasattr(item, "get_text"))]


@pytest.mark.parametrize(("days", "across"), [(365.0, 2), (60.0, 1), (28.0, 1), (0.25, 1)])
def test_a_long_course_is_shown_enlarged_and_whole(days, across, figures):
    assert draw_patient(a_series(days), some_outcomes(), [], 1e8).startswith(b"\x89PNG")
    assert len(figures[0].axes) == 4 * across
    assert canvas.NOTICE in words_in(figures[0])


def test_none_left_is_drawn_below_one_cell(figures):
    draw_patient(a_series(365.0), some_outcomes(), [], 1e8)
    cells = figures[0].axes[0]
    lines = {line.get_label(): line.get_ydata() for line in cells.lines}
    assert lines["leukemia, CD19+"][-1] == charts._NONE_LEFT
    assert lines["CAR T cells"][0] == 3.0
    assert set(lines["MRD limit"]) == {1e8}
    assert cells.get_yscale() == "log"
    assert "none left" in words_in(figures[0])


def test_drugs_are_marked_and_those_close_together_share_a_mark(figures):
    given = [(0.0, "car_t"), (5.0, "tocilizumab"), (5.0, "corticosteroid"), (20.0, "tocilizumab")]
    draw_patient(a_series(60.0), some_outcomes(), given, 1e8)
    words = words_in(figures[0])
    assert {"T+C", "T"} <= set(words)
    assert "Given: T = tocilizumab on day 5.0, 20.0; C = corticosteroid on day 5.0" in words


def test_the_head_says_what_happened(figures):
    outcomes = some_outcomes(
        remission=True,
        remission_day=28.0,
        relapse_day=200.0,
        relapse_phenotype="cd19_negative",
        crs_grade_penn=3,
    )
    draw_patient(a_series(365.0), outcomes, [], 1e8)
    words = words_in(figures[0])
    expected = "One virtual patient (seed 7): remission, CD19− relapse; worst CRS grade 3 (Penn)"
    assert expected in words
    assert {" remission, day 28", " CD19− relapse, day 200"} <= set(words)


def test_stretches_of_a_grade():
    day, grade = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0, 2, 2, 0])
    assert charts._stretches(day, grade) == [(0.0, 1.0, 0), (1.0, 3.0, 2), (3.0, 3.0, 0)]


def test_sentences_of_a_quiet_course():
    nothing = {k: None if v != v else v for k, v in some_outcomes(followed_days=28.0).items()}
    assert sentences(nothing) == [
        "No CAR T cells were found in the blood.",
        "No confirmed remission by day 28.",
        "No cytokine release syndrome.",
        "At the end (day 28).",
    ]


def test_sentences_of_a_stormy_course():
    outcomes = {
        **{k: None if v != v else v for k, v in some_outcomes().items()},
        "cmax_cells": 8.4e10,
        "cmax_copies_per_ug": 13320.4,
        "tmax_day": 11.0,
        "remission": True,
        "remission_day": 28.0,
        "mrd_negative": True,
        "relapse_day": 254.4,
        "relapse_phenotype": "cd19_positive",
        "crs_grade_penn": 4,
        "crs_grade_astct": 4,
        "crs_grade_lee": 3,
        "crs_onset_day": 3.25,
        "icans_grade": 3,
        "tocilizumab_doses": 2,
        "anakinra_doses": 4,
        "death_day": 300.0,
        "death_cause": "progression",
        "leukemic_cells_end": 6.2e11,
        "followed_days": 300.0,
    }
    assert sentences(outcomes) == [
        "CAR T cells peaked at 8.4e+10 in the body; in blood 13,320 copies/µg (Cmax) on day 11.",
        "Remission (CR or CRi) from day 28, MRD-negative.",
        "CD19-positive relapse on day 254.",
        "Cytokine release syndrome: worst grade 4 (Penn), 4 (ASTCT), 3 (Lee), from day 3.2.",
        "Neurotoxicity (ICANS): worst grade 3 (ASTCT).",
        "Doses given: 2 of tocilizumab, 4 of anakinra.",
        "The patient died on day 300 (progression).",
        "At the end (day 300) 6.2e+11 leukemic cells were alive.",
    ]


def test_columns_are_aligned_and_never_cut():
    assert columns(["key", "value"], [["a", 1], ["longer", "x" * 300]]).splitlines() == [
        "key     value",
        "a       1",
        f"longer  {'x' * 300}",
    ]
