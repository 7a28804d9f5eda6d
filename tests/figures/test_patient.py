import math

import numpy as np
import pandas as pd
import pytest
from drawing import assert_picture, line, ticks
from drawing import texts as words_in

from tcellabm.analysis.words import cells, columns, sentences
from tcellabm.columns import OUTCOMES, SERIES, names
from tcellabm.figures import canvas, charts, draw_patient


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
    row = dict.fromkeys(names(OUTCOMES), math.nan)
    grades = {name: 0 for name in row if "_grade" in name}
    doses = {"tocilizumab_doses": 0, "steroid_doses": 0}
    flags = {"remission": False, "mrd_negative": False, "cured": False}
    texts = {"relapse_phenotype": "", "death_cause": ""}
    return row | grades | doses | flags | texts | {"followed_days": 365.0, "seed": 7} | given


@pytest.mark.parametrize(("days", "across"), [(365.0, 2), (60.0, 1), (28.0, 1), (0.25, 1)])
def test_a_long_course_is_shown_enlarged_and_whole(days, across, figures):
    series = a_series(days)
    assert_picture(draw_patient(series, some_outcomes(), [], 1e8), figures[0])
    grid = np.reshape(figures[0].axes, (4, across))
    for column, end in zip(grid.T, [60.0, days] if across == 2 else [max(days, 1.0)], strict=True):
        assert column[0].get_xlim() == column[3].get_xlim() == (0, end)
        assert column[0].get_title(loc="left") == f"days 0 to {end:.0f}"
        assert column[3].get_xlabel() == "days after infusion"
        temperature = column[2].lines[0]
        part = series[series["day"] <= end]
        assert temperature.get_xdata().tolist() == part["day"].tolist()
        assert temperature.get_ydata().tolist() == part["temperature_c"].tolist()
    assert canvas.NOTICE in words_in(figures[0])


def test_panels_say_what_they_show(figures):
    draw_patient(a_series(28.0), some_outcomes(), [], 1e8)
    cells, cytokines, temperature, grades = figures[0].axes
    names = [panel.get_ylabel().partition("\n")[0] for panel in figures[0].axes]
    assert names == ["cells in the body", "cytokines in serum", "temperature", "CRS grade"]
    legends = [
        [text.get_text() for text in panel.get_legend().texts] for panel in (cells, cytokines)
    ]
    assert legends[0] == [
        "leukemia, CD19+",
        "leukemia, CD19−",
        "CAR T cells",
        "B cells",
        "MRD limit",
    ]
    assert legends[1] == ["IL-6", "IFN-γ", "IL-1", "IL-2"]
    assert (grades.yaxis_inverted(), ticks(grades.yaxis)) == (True, ["Penn", "ASTCT", "Lee"])
    told = [(text.get_text(), text.get_position()[1]) for text in grades.texts]
    assert told == [("3", 0), ("3", 1), ("0 none\n5 death", 0.5)]  # Lee stays at 0
    spans = [(bar.get_x(), bar.get_width()) for bar in grades.patches if bar.get_y() == -0.4]
    assert spans == [(0.0, 4.25), (4.25, 4.75), (9.0, 19.0)]


def test_none_left_is_drawn_below_one_cell(figures):
    draw_patient(a_series(365.0), some_outcomes(), [], 1e8)
    cells = figures[0].axes[0]
    leukemia = line(cells, "leukemia, CD19+").get_ydata()
    assert leukemia[:4] == pytest.approx(1e11 * np.exp([0.0, -0.25, -0.5, -0.75]))
    assert leukemia[-1] == charts._NONE_LEFT < 1.0
    assert set(line(cells, "CAR T cells").get_ydata()) == {3.0}
    assert set(line(cells, "MRD limit").get_ydata()) == {1e8}
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
        "crs_grade_penn_whole": 4,
        "icans_grade": 2,
        "icans_grade_whole": 3,
        "late_fever_days": 1.2,
        "icu_days": 49.0,
        "tocilizumab_doses": 2,
        "anakinra_doses": 4,
        "death_day": 300.0,
        "death_cause": "progression",
        "leukemic_cells_end": 6.2e11,
        "followed_days": 300.0,
    }
    assert sentences(outcomes) == [
        "CAR T cells peaked at 84 billion in the body; in blood 13,320 copies/µg (Cmax) on day 11.",
        "Remission (CR or CRi) from day 28, MRD-negative.",
        "CD19-positive relapse on day 254.",
        "Cytokine release syndrome: worst grade 4 (Penn), 4 (ASTCT), 3 (Lee), from day 3.2.",
        "Neurotoxicity (ICANS): worst grade 3 (ASTCT) after week 8.",
        "Fever on 1 day after day 60.",
        "In intensive care for 49 days.",
        "Doses given: 2 of tocilizumab, 4 of anakinra.",
        "The patient died on day 300 (progression).",
        "At the end (day 300) 620 billion leukemic cells were alive.",
    ]


def test_what_comes_late_is_said_too():
    late = {k: None if v != v else v for k, v in some_outcomes().items()}
    late |= {"crs_grade_penn_whole": 2, "icu_days": 0.2, "car_t_doses": 2}
    said = sentences(late)
    assert "Cytokine release syndrome after week 8 only: worst grade 2 (Penn)." in said
    assert "In intensive care for less than a day." in said
    assert "Doses given: 2 of CAR T cells." in said


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0"),
        (1, "1"),
        (1234, "1,234"),
        (9999.6, "10 thousand"),
        (45_100, "45 thousand"),
        (2.06e6, "2.1 million"),
        (9.96e9, "10 billion"),
        (999_999, "1.0 million"),
        (1.5e15, "1,500 trillion"),
    ],
)
def test_cells_are_said_as_a_reader_says_them(number, words):
    assert cells(number) == words


def test_columns_are_aligned_and_never_cut():
    assert columns(["key", "value"], [["a", 1], ["longer", "x" * 300]]).splitlines() == [
        "key     value",
        "a       1",
        f"longer  {'x' * 300}",
    ]
