"""Care policies: what is ordered, from what a clinician sees."""

import itertools

import pytest

from tcellabm.clinic.care import POLICIES, Bedside
from tcellabm.kernels.grading import Needs, penn
from tcellabm.params import load

PARAMS = load(
    None,
    {
        "tocilizumab.maximal_doses": 4,
        "tocilizumab.interval_hours": 8.0,
        "corticosteroid.after_tocilizumab_hours": 18.0,
        "corticosteroid.interval_hours": 24.0,
    },
)
HOUR = 1 / 24


def ordered(day, pressure=0, oxygen=0, tocilizumab=(), steroid=(), policy="label"):
    return POLICIES[policy](Bedside(day, pressure, oxygen, tocilizumab, steroid), PARAMS)


@pytest.mark.parametrize(("pressure", "oxygen"), [*itertools.product(range(4), range(4))])
def test_label_gives_tocilizumab_on_any_vasopressor_or_high_flow_oxygen(pressure, oxygen):
    given = ordered(6.0, pressure, oxygen)
    assert given == (("tocilizumab",) if pressure >= 2 or oxygen >= 2 else ())


def test_label_does_not_treat_penn_3_as_such():
    """Fluids and low-flow oxygen make Penn 3 too, and are no indication."""
    assert penn(Needs(True, True, 1, 1)) == 3
    assert ordered(6.0, pressure=1, oxygen=1) == ()


@pytest.mark.parametrize(("hours", "again"), [(3, False), (7.5, False), (9, True), (30, True)])
def test_label_waits_eight_hours_between_doses(hours, again):
    given = ordered(6.0 + hours * HOUR, pressure=2, tocilizumab=(6.0,), steroid=(6.0,))
    assert ("tocilizumab" in given) is again


def test_label_gives_four_doses_at_most():
    doses = (6.0, 6.5, 7.0)
    assert "tocilizumab" in ordered(8.0, pressure=3, tocilizumab=doses)
    assert "tocilizumab" not in ordered(9.0, pressure=3, tocilizumab=(*doses, 8.0))


@pytest.mark.parametrize(("hours", "due"), [(0, False), (17.9, False), (18, True), (48, True)])
def test_label_adds_a_steroid_when_tocilizumab_has_not_helped(hours, due):
    given = ordered(6.0 + hours * HOUR + 1e-9, oxygen=2, tocilizumab=(6.0,))
    assert ("corticosteroid" in given) is due


def test_label_gives_no_steroid_before_tocilizumab_nor_without_need():
    assert ordered(6.0, oxygen=3) == ("tocilizumab",)
    assert ordered(9.0, oxygen=1, tocilizumab=(6.0,)) == ()


@pytest.mark.parametrize(("hours", "due"), [(1.0, False), (23.0, False), (24.0, True)])
def test_label_repeats_the_steroid_daily(hours, due):
    given = ordered(8.0 + hours * HOUR, oxygen=2, tocilizumab=(6.0,), steroid=(7.0, 8.0))
    assert ("corticosteroid" in given) is due


def test_a_course_of_severe_crs_follows_the_label():
    """Three days on a vasopressor, seen every 3 h: four doses 8 h apart or more, steroids later."""
    drugs, steroids = [], []
    for tick in range(24):
        day = 6.0 + tick / 8
        given = ordered(day, 2, 0, tuple(drugs), tuple(steroids))
        drugs += [day] if "tocilizumab" in given else []
        steroids += [day] if "corticosteroid" in given else []
    assert drugs == [6.0, 6.375, 6.75, 7.125]
    assert steroids == [6.75, 7.75, 8.75]


def test_none_gives_nothing():
    assert ordered(6.0, 3, 3, policy="none") == ()


def test_every_policy_that_parameters_admit_is_there():
    assert set(POLICIES) == set(load().describe("care.policy").range)


@pytest.mark.parametrize(
    ("policy", "well", "fever", "fever_high_burden", "pressor"),
    [
        ("none", 0, 0, 0, 0),
        ("label", 0, 0, 0, 1),
        ("early", 0, 1, 1, 1),
        ("preemptive", 0, 0, 1, 1),
        ("prophylactic", 1, 1, 1, 1),
    ],
)
def test_when_each_policy_gives_its_first_tocilizumab(
    policy, well, fever, fever_high_burden, pressor
):
    limit = PARAMS.care.high_burden_blast_share
    seen = Bedside(3.0, 0, 0, (), ())
    ill = seen._replace(in_crs=True, blast_share=0.5 * limit)
    states = (seen, ill, ill._replace(blast_share=limit), ill._replace(blood_pressure_need=2))
    given = [len(POLICIES[policy](state, PARAMS)) for state in states]
    assert given == [well, fever, fever_high_burden, pressor]


@pytest.mark.parametrize("policy", ["early", "preemptive", "prophylactic"])
def test_after_the_first_dose_every_policy_follows_the_label(policy):
    ill = Bedside(5.0, 2, 0, (3.0,), (), in_crs=True, blast_share=0.9)
    assert POLICIES[policy](ill, PARAMS) == POLICIES["label"](ill, PARAMS)
    better = ill._replace(blood_pressure_need=0)
    assert POLICIES[policy](better, PARAMS) == ()


@pytest.mark.parametrize(("grade", "given"), [(0, ()), (1, ()), (2, ("corticosteroid",))])
def test_icans_gets_a_steroid_and_no_tocilizumab(grade, given):
    seen = Bedside(7.0, 0, 0, (), (), icans_grade=grade)
    assert POLICIES["label"](seen, PARAMS) == given
    assert POLICIES["none"](seen, PARAMS) == ()


def test_a_steroid_for_two_reasons_is_one_dose():
    seen = Bedside(7.0, 3, 0, (5.0,), (), icans_grade=3)
    assert POLICIES["label"](seen, PARAMS).count("corticosteroid") == 1


def test_anakinra_comes_after_a_steroid_and_only_where_it_is_wanted():
    wanted = PARAMS.replace({"care.anakinra": True})
    ill = Bedside(9.0, 0, 0, (), (6.0, 8.9), icans_grade=3)
    assert POLICIES["label"](ill, PARAMS) == ()
    assert POLICIES["label"](ill, wanted) == ("anakinra",)
    assert POLICIES["label"](ill._replace(corticosteroid_days=(8.9,)), wanted) == ()
    assert POLICIES["label"](ill._replace(anakinra_days=(8.9,)), wanted) == ()
    assert POLICIES["label"](ill._replace(icans_grade=1), wanted) == ()
