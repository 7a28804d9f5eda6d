"""Care policies: what is ordered, from what a clinician sees."""

import itertools

import pytest

from tcellabm.clinic.care import POLICIES, Bedside
from tcellabm.kernels.grading import Needs, penn
from tcellabm.params import load

PARAMS = load(
    None,
    {
        "care.reaction_hours": 2.0,
        "care.early_fever_hours": 24.0,
        "care.eliana_need_hours": 30.0,
        "care.eliana_critical_hours": 6.0,
        "care.eliana_repeat_hours": 70.0,
        "care.eliana_steroid_hours": 60.0,
        "care.eliana_icans_grade": 4,
        "tocilizumab.maximal_doses": 4,
        "tocilizumab.interval_hours": 8.0,
        "corticosteroid.after_tocilizumab_hours": 18.0,
        "corticosteroid.interval_hours": 24.0,
        "corticosteroid.icans_grade": 2,
    },
)
HOUR = 1 / 24
LONG = 1000.0  # hours


def ill(day, pressure=0, oxygen=0, tocilizumab=(), steroid=(), hours=LONG, **more):
    """Return what is seen of a patient whose needs have lasted for some hours."""
    worst = max(pressure, oxygen)
    lasted = {
        "need_hours": hours if worst >= 2 else 0.0,
        "critical_hours": hours if worst == 3 else 0.0,
    }
    return Bedside(day, pressure, oxygen, tocilizumab, steroid, **lasted | more)


def ordered(*seen, policy="label", **more):
    return POLICIES[policy](ill(*seen, **more), PARAMS)


@pytest.mark.parametrize(("pressure", "oxygen"), [*itertools.product(range(4), range(4))])
def test_label_gives_tocilizumab_on_any_vasopressor_or_high_flow_oxygen(pressure, oxygen):
    given = ordered(6.0, pressure, oxygen)
    assert given == (("tocilizumab",) if pressure >= 2 or oxygen >= 2 else ())


@pytest.mark.parametrize(("hours", "given"), [(0.5, False), (1.9, False), (2.0, True), (9.0, True)])
def test_label_reacts_to_a_need_within_hours_every_time_anew(hours, given):
    assert ("tocilizumab" in ordered(6.0, pressure=3, hours=hours)) is given
    again = ordered(6.0, oxygen=2, hours=hours, tocilizumab=(4.0,), steroid=(5.9,))
    assert ("tocilizumab" in again) is given


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
        given = ordered(day, 2, 0, tuple(drugs), tuple(steroids), hours=3.0 * (tick + 1))
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
        ("eliana", 0, 0, 0, 1),
        ("early", 0, 1, 1, 1),
        ("preemptive", 0, 0, 1, 1),
        ("prophylactic", 1, 1, 1, 1),
    ],
)
def test_when_each_policy_gives_its_first_tocilizumab(
    policy, well, fever, fever_high_burden, pressor
):
    limit = PARAMS.care.high_burden_blast_share
    low = {"in_crs": True, "fever_hours": LONG, "blast_share": 0.5 * limit}
    states = (
        ill(3.0),
        ill(3.0, **low),
        ill(3.0, **low | {"blast_share": limit}),
        ill(3.0, 2, **low),
    )
    given = [len(POLICIES[policy](state, PARAMS)) for state in states]
    assert given == [well, fever, fever_high_burden, pressor]


@pytest.mark.parametrize("policy", ["early", "preemptive", "prophylactic"])
def test_after_the_first_dose_every_policy_follows_the_label(policy):
    more = {"tocilizumab": (3.0,), "in_crs": True, "fever_hours": LONG, "blast_share": 0.9}
    assert ordered(5.0, 2, policy=policy, **more) == ordered(5.0, 2, **more) != ()
    assert ordered(5.0, 2, policy=policy, hours=1.0, **more) == ordered(5.0, 2, hours=1.0, **more)
    assert ordered(5.0, 0, policy=policy, **more) == ()


@pytest.mark.parametrize(("hours", "given"), [(0.0, 0), (23.9, 0), (24.0, 1), (40.0, 1)])
@pytest.mark.parametrize("policy", ["early", "preemptive"])
def test_early_policies_wait_for_hours_of_fever_in_crs(policy, hours, given):
    fever = {"fever_hours": hours, "blast_share": 1.0, "policy": policy}
    assert len(ordered(3.0, in_crs=True, **fever)) == given
    assert ordered(3.0, in_crs=False, **fever) == ()


def test_who_gets_worse_before_those_hours_is_treated_as_labelled():
    fever = {"in_crs": True, "fever_hours": 13.0, "blast_share": 1.0}
    assert ordered(3.0, 2, policy="early", hours=2.0, **fever) == ("tocilizumab",)
    assert ordered(3.0, 2, policy="early", hours=1.0, **fever) == ()


# --- as trials of 2015-17 did ---------------------------------------------------------------------


def eliana(*seen, **more):
    return ordered(*seen, policy="eliana", **more)


@pytest.mark.parametrize(
    ("pressure", "oxygen", "hours", "given"),
    [
        (2, 0, 29.9, False),
        (2, 0, 30.0, True),
        (0, 2, 29.9, False),
        (0, 2, 30.0, True),
        (1, 1, LONG, False),
        (3, 0, 5.9, False),
        (3, 0, 6.0, True),
        (0, 3, 6.0, True),
    ],
)
def test_eliana_gives_the_first_tocilizumab_after_hours_of_need_sooner_if_critical(
    pressure, oxygen, hours, given
):
    assert ("tocilizumab" in eliana(6.0, pressure, oxygen, hours=hours)) is given


def test_hours_of_critical_need_do_not_count_what_came_before():
    """A day on one vasopressor, then two hours on several: neither clock has run out."""
    seen = ill(6.0, 3)._replace(need_hours=26.0, critical_hours=2.0)
    assert POLICIES["eliana"](seen, PARAMS) == ()
    assert POLICIES["eliana"](seen._replace(critical_hours=6.0), PARAMS) == ("tocilizumab",)


@pytest.mark.parametrize(("hours", "again"), [(8, False), (69.9, False), (70.1, True)])
def test_eliana_gives_the_second_dose_to_who_is_still_ill_days_later(hours, again):
    """However short the present spell of need is; and to nobody who is better."""
    day, had = 6.0 + hours * HOUR, {"tocilizumab": (6.0,), "steroid": (6.0 + hours * HOUR,)}
    assert eliana(day, 2, hours=0.5, **had) == (("tocilizumab",) if again else ())
    assert eliana(day, 1, 1, **had) == ()


def test_eliana_gives_as_many_doses_as_the_label_at_most():
    doses = (3.0, 6.0, 9.0)
    assert "tocilizumab" in eliana(12.0, 3, tocilizumab=doses)
    assert "tocilizumab" not in eliana(15.0, 3, tocilizumab=(*doses, 12.0))


@pytest.mark.parametrize(("hours", "due"), [(18.0, False), (59.9, False), (60.1, True)])
def test_eliana_adds_a_steroid_days_after_the_first_tocilizumab(hours, due):
    given = eliana(6.0 + hours * HOUR, oxygen=2, tocilizumab=(6.0,))
    assert ("corticosteroid" in given) is due
    assert "corticosteroid" not in eliana(6.0 + hours * HOUR, oxygen=1, tocilizumab=(6.0,))


def test_eliana_gives_no_steroid_before_tocilizumab():
    assert eliana(9.0, 3, hours=1.0) == ()


@pytest.mark.parametrize(("grade", "given"), [(3, ()), (4, ("corticosteroid",))])
def test_eliana_has_its_own_grade_of_icans_for_a_steroid(grade, given):
    assert eliana(7.0, icans_grade=grade) == given


def test_eliana_gives_no_anakinra():
    wanted = PARAMS.replace({"care.anakinra": True})
    seen = ill(9.0, 2, tocilizumab=(4.0,), steroid=(6.0, 8.9), icans_grade=3)
    assert "anakinra" in POLICIES["label"](seen, wanted)
    assert "anakinra" not in POLICIES["eliana"](seen, wanted)


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
    sick = ill(9.0, steroid=(6.0, 8.9), icans_grade=3)
    assert POLICIES["label"](sick, PARAMS) == ()
    assert POLICIES["label"](sick, wanted) == ("anakinra",)
    assert POLICIES["label"](sick._replace(corticosteroid_days=(8.9,)), wanted) == ()
    assert POLICIES["label"](sick._replace(anakinra_days=(8.9,)), wanted) == ()
    assert POLICIES["label"](sick._replace(icans_grade=1), wanted) == ()
