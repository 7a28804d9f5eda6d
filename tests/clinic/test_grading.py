"""Grades of CRS by three published scales, read off needs."""

import itertools

import pytest

from tcellabm.kernels.grading import Needs, astct, lee, penn

SCALES = (penn, lee, astct)
FEVER = Needs(True, False, 0, 0)
FLUIDS, PRESSOR, HIGH_PRESSOR = 1, 2, 3
LOW_FLOW, HIGH_FLOW, VENTILATION = 1, 2, 3

# The table of shared/evidence (Porter 2018, Lee 2014, Lee 2019): Penn, Lee, ASTCT
TABLE = {
    "nothing": (Needs(False, False, 0, 0), 0, {0}, 0),
    "fever, supportive care": (FEVER, 1, {1}, 1),
    "fever, hospital therapy, mild organ signs": (Needs(True, True, 0, 0), 2, {1, 2}, 1),
    "hypotension answering to fluids": (FEVER._replace(blood_pressure=FLUIDS), 3, {2}, 2),
    "one low-dose vasopressor": (FEVER._replace(blood_pressure=PRESSOR), 3, {2}, 3),
    "low-flow oxygen": (FEVER._replace(oxygen=LOW_FLOW), 3, {2}, 2),
    "high-flow oxygen": (FEVER._replace(oxygen=HIGH_FLOW), 3, {3}, 3),
    "multiple vasopressors": (FEVER._replace(blood_pressure=HIGH_PRESSOR), 4, {3}, 4),
    "ventilation": (FEVER._replace(oxygen=VENTILATION), 4, {4}, 4),
}
# Needs arise in CRS alone, which begins with fever
ALL_NEEDS = [Needs(False, False, 0, 0)] + [
    Needs(True, high, pressure, oxygen)
    for high, pressure, oxygen in itertools.product((False, True), range(4), range(4))
]


@pytest.mark.parametrize("state", TABLE)
def test_a_clinical_state_has_its_published_grades(state):
    needs, by_penn, by_lee, by_astct = TABLE[state]
    assert penn(needs) == by_penn
    assert lee(needs) in by_lee
    assert astct(needs) == by_astct


@pytest.mark.parametrize("scale", SCALES)
def test_more_need_never_lowers_a_grade(scale):
    for less, more in itertools.product(ALL_NEEDS, repeat=2):
        if all(a <= b for a, b in zip(less, more, strict=True)):
            assert scale(less) <= scale(more)


@pytest.mark.parametrize("scale", SCALES)
def test_the_worse_of_pressure_and_oxygen_decides(scale):
    for needs in ALL_NEEDS:
        alone = scale(needs._replace(blood_pressure=0)), scale(needs._replace(oxygen=0))
        assert scale(needs) == max(alone)


@pytest.mark.parametrize("scale", SCALES)
def test_grades_are_integers_from_0_to_4_and_5_is_not_read_off_needs(scale):
    grades = {scale(needs) for needs in ALL_NEEDS}
    assert grades <= {0, 1, 2, 3, 4} and {0, 4} <= grades
    assert all(type(scale(needs)) is int for needs in ALL_NEEDS)


def test_penn_is_severe_whenever_astct_is_and_more_often():
    severe = [(penn(needs) >= 3, astct(needs) >= 3) for needs in ALL_NEEDS]
    assert all(by_penn for by_penn, by_astct in severe if by_astct)
    assert sum(by_penn for by_penn, _ in severe) > sum(by_astct for _, by_astct in severe)


def test_no_scale_grades_without_crs():
    assert [scale(Needs(False, False, 0, 0)) for scale in SCALES] == [0, 0, 0]
