"""What is said of made-up sweeps: flat, rising, opposed, too few patients."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from analysis.sweeps import DOSE, HALF_LIFE, REFERENCE, along_dose, grid, outcomes, sweep

from tcellabm.analysis.answer import DIFFERENCE, INSIDE, SMOOTH, answer
from tcellabm.analysis.drivers import drivers
from tcellabm.analysis.sentences import along, sentences, table, trend
from tcellabm.analysis.summary import RATES
from tcellabm.figures import labels
from tcellabm.params import Question

KEYS = [DOSE, HALF_LIFE]
WINDOW = {"remission_365": 0.5, "severe_crs": 0.33}
ASKED = Question(REFERENCE, WINDOW, (2e5, 5e6))


def said(remission, severe, patients=240, question=ASKED):
    return sentences(answer(sweep(remission, severe, patients), KEYS, question), labels)


def test_a_flat_map_has_no_effects():
    first, last = said(0.4, 0.3)
    assert first == (
        "Dose and persistence half-life: no effect on remission on day 365 or severe CRS is "
        "resolved along the reference."
    )
    assert "none of 34 points differs from the reference" in last


def test_a_rising_map_names_the_largest_difference():
    made = answer(sweep(along_dose(0.1, 0.9), 0.3), KEYS, ASKED)
    first, second, _ = sentences(made, labels)
    assert first.startswith("Dose: remission on day 365 rises with it (at ")
    assert first.endswith("no effect on severe CRS is resolved.")
    assert second.startswith("Persistence half-life: no effect")
    row = along(made, DOSE).set_index(DOSE).loc[1e4]
    points = [-100 * row[f"remission_365_difference{end}"] for end in ("", "_high", "_low")]
    text = "at 0.01 {:.0f} points lower, 95 % {:.0f} to {:.0f}, than at 3".format(*points)
    assert text in first


@pytest.mark.parametrize(
    ("severe", "verdict"),
    [
        (along_dose(0.05, 0.8), "more of it buys remission at the price of severe CRS"),
        (along_dose(0.8, 0.05), "more of it is better in both"),
    ],
)
def test_opposed_and_agreeing_rates_are_weighed(severe, verdict):
    assert verdict in said(along_dose(0.1, 0.9), severe)[0]


def test_a_falling_benefit_speaks_for_less():
    first = said(along_dose(0.9, 0.1), along_dose(0.1, 0.9))[0]
    assert "falls with it" in first and "less of it is better in both" in first


def test_too_few_patients_resolve_nothing_and_say_how_little():
    first, last = said(along_dose(0.4, 0.6), along_dose(0.2, 0.4), patients=8)
    assert "no effect" in first
    assert "8 patients resolve differences of about" in last
    least = float(last.split("about ")[1].split(" points")[0])
    assert least > 25


def test_without_a_reference_nothing_is_said():
    assert said(0.4, 0.3, 10, Question()) == []
    assert table(answer(sweep(0.4, 0.3, 10), KEYS, Question()), None, labels) == ""


def test_a_window_that_no_point_meets_is_said():
    last = said(0.1, 0.9, 100)[-1]
    assert "no point meets the window" in last


def test_the_surest_point_of_the_window_is_named():
    made = answer(sweep(along_dose(0.1, 0.95), along_dose(0.02, 0.6)), KEYS, ASKED)
    best = made.summary.loc[made.summary[INSIDE].idxmax()]
    place = f"dose {labels.value_label(DOSE, best[DOSE])}"
    assert place in sentences(made, labels)[-1]


@pytest.mark.parametrize(
    ("differences", "resolved", "expected"),
    [
        ([-2, -1, 0, 1, 2], [1, 1, 0, 1, 1], "rises"),
        ([2, 1, 0, -1, -2], [1, 0, 0, 0, 1], "falls"),
        ([-2, -1, 0, -1, -2], [1, 0, 0, 0, 1], "peaks"),
        ([2, 1, 0, 1, 2], [1, 0, 0, 0, 1], "dips"),
        ([-2, 1, 0, 1, 2], [1, 1, 0, 0, 0], "differs"),
        ([-2, -1, 0, 1, 2], [0, 0, 0, 0, 0], ""),
        ([0, 0, 0, 1, 2], [0, 0, 0, 0, 1], "rises"),
    ],
)
def test_a_trend_counts_resolved_differences_alone(differences, resolved, expected):
    rows = answer(sweep(0.4, 0.3, 5), KEYS, ASKED).summary.head(5).copy()
    rows["remission_difference"] = np.array(differences) / 10
    rows["remission_resolved"] = np.array(resolved, bool)
    assert trend(rows, "remission", rows.index[2]) == expected
    if expected:
        assert trend(rows, "remission", rows.index[2], ordered=False) == "differs"


def test_choices_have_no_order():
    points = grid([3e6, 5e6], [120.0]).assign(**{"care.policy": ["label", "none"]})
    points = points[["care.policy"]]
    severe = np.repeat([[False, True]], 60, axis=0)
    made = answer(
        outcomes(points, ~severe, severe), ["care.policy"], Question({"care.policy": "label"})
    )
    first = sentences(made, labels)[0]
    assert "severe CRS differs (at none 100 points higher" in first


def test_the_table_has_at_most_20_lines_and_marks_what_is_resolved():
    rng = np.random.default_rng(1)
    runs = sweep(along_dose(0.1, 0.9), along_dose(0.1, 0.7))
    own = {f"patient.x{i}": np.tile(rng.standard_normal(240), 35) for i in range(8)}
    runs = runs.assign(**own)
    runs["relapse_day"] = np.where(runs["patient.x0"] > 0, 400.0, np.nan)
    made = answer(runs, KEYS, ASKED)
    lines = table(made, drivers(runs, KEYS, list(own)), labels).splitlines()
    assert 15 < len(lines) <= 20
    assert sum("reference" in line for line in lines) == 1
    row = next(line for line in lines if line.startswith("0.01"))
    assert row.count("*") == 2


def test_of_many_values_the_table_shows_some():
    points = grid(list(np.geomspace(1e4, 1e8, 41)), [60.0])
    runs = sweep(0.4, 0.3, 10, points=points)
    question = Question({DOSE: points[DOSE][20], HALF_LIFE: 60.0})
    assert (
        len(table(answer(runs, KEYS, question), drivers(runs, KEYS, []), labels).splitlines()) <= 14
    )


def test_a_summary_has_the_columns_of_the_contract_in_order():
    columns = list(answer(sweep(0.4, 0.3, 5), KEYS, ASKED).summary)
    start = columns.index("pareto") + 1
    expected = [f"{rate}_{name}" for rate in RATES for name in DIFFERENCE]
    expected += [*(f"{rate}_{name}" for rate in RATES for name in SMOOTH), INSIDE]
    assert columns[start:] == expected
    assert list(answer(sweep(0.4, 0.3, 5), KEYS, Question()).summary) == columns


def test_of_three_axes_each_setting_has_a_surface_and_pooled_ones_a_common_reference():
    plain = sweep(along_dose(0.2, 0.8), 0.3, 20)
    both = np.repeat(["label", "early"], len(plain))
    runs = sweep(along_dose(0.2, 0.8), 0.3, 20)
    runs = pd.concat([plain, runs], ignore_index=True).assign(**{"care.policy": both})
    question = dataclasses.replace(ASKED, reference=REFERENCE | {"care.policy": "label"})
    made = answer(runs, [*KEYS, "care.policy"], question)
    assert [sheet.setting for sheet in made.sheets] == [
        {"care.policy": "label"},
        {"care.policy": "early"},
    ]
    pooled = answer(runs, [DOSE], question)
    assert pooled.question.reference == {DOSE: 3e6}
    assert pooled.summary["remission_difference"].notna().all()
