"""Relations R1 to R14: arms that exist, measures and comparisons by hand, and windows."""

import math

import numpy as np
import pytest

from tcellabm.analysis import relations
from tcellabm.analysis.relations import RELATIONS
from tcellabm.clinic.pathway import Journey
from tcellabm.experiments.studies.conditions import BURDEN, CONDITIONS, DOSE, WEIGHT
from tcellabm.params import load
from tcellabm.params.meta import settable

NAN = math.nan
JOURNEY = Journey(**dict.fromkeys(Journey._fields, 0.0))._replace(
    weight_kg=20.0, infusion_burden=3e10
)


def arm(**columns):
    return {name: np.array(values) for name, values in columns.items()}


# --- arms -----------------------------------------------------------------------------------------


def test_every_relation_is_there_and_every_arm_is_used():
    assert {each.id for each in RELATIONS} == {f"R{n}" for n in range(1, 15)}
    assert {name for each in RELATIONS for name in each.arms} == set(CONDITIONS)


@pytest.mark.parametrize("name", CONDITIONS)
def test_an_arm_sets_parameters_that_there_are(name):
    sets = CONDITIONS[name].of(JOURNEY)
    assert sets.keys() <= settable().keys()
    params = load("scenarios/kymriah.toml", sets)
    assert params.time.days == CONDITIONS[name].days
    assert all(params.get(key) == value for key, value in sets.items())


def test_arms_that_set_a_burden_set_the_weight_to_which_it_belongs():
    burdens = [(n, c.of(JOURNEY)) for n, c in CONDITIONS.items() if BURDEN in c.settings]
    assert len(burdens) > 15
    for name, sets in burdens:
        if name.endswith(" kg"):
            assert sets[BURDEN] / sets[WEIGHT] == pytest.approx(3e10 / 20.0)
            assert name == f"{sets[WEIGHT]:g} kg"
        else:
            assert sets[WEIGHT] == 40.0
    assert all(WEIGHT not in c.settings or BURDEN in c.settings for c in CONDITIONS.values())


def test_arms_that_show_a_remission_are_followed_until_it_is_confirmed():
    shown = [each for each in RELATIONS if each.of is relations.remission]
    assert len(shown) > 5
    assert all(CONDITIONS[name].days >= 120.0 for each in shown for name in each.arms)


def test_arms_that_show_relapses_are_followed_for_a_year():
    late = {relations.positive_relapse, relations.relapse_after_b_cells, relations.late_fever}
    shown = [each for each in RELATIONS if each.of in late]
    assert {each.id for each in shown} == {"R1", "R9", "R12"}
    assert all(CONDITIONS[name].days >= 365.0 for each in shown for name in each.arms)


def test_narrow_windows_are_held_by_everyone():
    narrow = [each for each in RELATIONS if each.id in ("R1", "R9", "R10")]
    assert all(CONDITIONS[name].everyone for each in narrow for name in each.arms)


def test_what_an_arm_lacks_is_not_there():
    blind = load("scenarios/kymriah.toml", CONDITIONS["no antigen"].of(JOURNEY))
    assert blind.patient.cd19_negative_fraction == 1.0
    assert blind.lymphodepletion.b_cells_left == blind.b_cell.influx_per_day == 0.0
    usual, sixth = load(None), load(None, CONDITIONS["antigen a sixth"].of(JOURNEY))
    for point in ("lysis", "activation", "cytokine"):
        key = f"antigen.{point}_half_point"
        assert sixth.get(key) == pytest.approx(6.0 * usual.get(key))


def test_every_window_has_an_end_and_is_one():
    for each in RELATIONS:
        assert each.low < each.high
        assert math.isfinite(each.low) or math.isfinite(each.high)


def test_steps_go_up_by_what_is_changed():
    for each in RELATIONS:
        for key in (DOSE, BURDEN, "product.persistence_half_life_days"):
            sets = [CONDITIONS[name].of(JOURNEY).get(key) for name in each.arms]
            if (
                len(sets) > 2
                and None not in sets
                and each.by is not relations.least_slope_by_burden
            ):
                assert sets == sorted(sets), each.arms


# --- measures -------------------------------------------------------------------------------------


def test_shares_are_percent_of_the_arm():
    grades = arm(crs_grade_penn=[0, 1, 3, 4, 5], crs_grade_astct=[0, 2, 3, 3, 5])
    grades["death_cause"] = np.array(["", "", "progression", "", "crs"])
    grades["remission"] = np.array([True, True, False, False, False])
    assert relations.remission(grades) == pytest.approx(40.0)
    assert relations.any_crs(grades) == pytest.approx(80.0)
    assert relations.severe(grades) == pytest.approx(60.0)
    assert relations.grade_four(grades) == pytest.approx(40.0)
    assert relations.astct_three(grades) == pytest.approx(60.0)
    assert relations.died_of_crs(grades) == pytest.approx(20.0)


def test_means_are_geometric_and_count_who_has_next_to_nothing():
    assert relations.cmax(arm(cmax_copies_per_ug=[0.0, 2500.0])) == pytest.approx(250.0)
    assert relations.peak_cells(arm(cmax_cells=[0.0, 1e6])) == pytest.approx(1e3)
    assert relations.peak_day(arm(peak_day=[7.0, 10.0])) == 8.5
    assert relations.il6_rise(arm(il6_after_over_before=[NAN, 2.0, 3.0, 9.0])) == 3.0


def test_relapse_is_of_responders_within_a_year_and_by_phenotype():
    seen = arm(
        remission=[True, True, True, True, False],
        relapse_day=[100.0, 366.5, 200.0, NAN, 90.0],
        relapse_phenotype=["cd19_positive"] * 2 + ["cd19_negative", "", "cd19_positive"],
    )
    assert relations.positive_relapse(seen) == 25.0


def test_late_fever_is_of_those_still_in_remission_and_not_of_a_relapse():
    """Of four responders one relapsed by day 60 and one has the fever of a relapse."""
    seen = arm(
        remission=[True, True, True, True, False],
        relapse_day=[55.0, 90.0, NAN, NAN, NAN],
        late_fever_day=[70.0, 95.0, 61.0, NAN, 61.0],
    )
    assert relations.late_fever(seen) == pytest.approx(100.0 / 3)


def test_loss_of_aplasia_before_the_landmark_is_held_against_later_relapse():
    """Of those at risk on day 180: 1 of 2 without, 2 of 2 with B cells; others are left out."""
    seen = arm(
        remission=[True] * 6 + [False],
        relapse_day=[300.0, 200.0, NAN, 400.0, 150.0, NAN, NAN],
        death_day=[NAN, NAN, NAN, NAN, NAN, 100.0, NAN],
        b_cells_back_day=[100.0, 180.0, NAN, 181.0, 50.0, 50.0, 50.0],
    )
    assert relations.relapse_after_b_cells(seen) == pytest.approx(2.0)
    assert relations.relapse_after_b_cells(seen | {"relapse_day": np.full(7, NAN)}) != 2.0


def test_fever_that_never_went_is_no_fever_gone():
    hours = arm(fever_after_tocilizumab_hours=[3.0, 48.0, 49.0, NAN])
    assert relations.cool_in_time(hours) == 50.0


def test_who_was_feverish_at_the_drug():
    """Cool at once is not feverish; never cool after the drug is; who got none is not."""
    seen = arm(fever_after_tocilizumab_hours=[0.0, 6.0, NAN, NAN], tocilizumab_doses=[1, 1, 1, 0])
    among = next(each.among for each in RELATIONS if each.among)
    assert among(seen).tolist() == [False, True, True, False]


# --- comparisons ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "values", "found"),
    [
        (relations.last, [1.0, 5.0, 3.0], 3.0),
        (relations.difference, [1.0, 5.0, 3.0], 2.0),
        (relations.ratio, [2.0, 5.0, 3.0], 1.5),
        (relations.spread, [1.0, 5.0, 3.0], 4.0),
        (relations.fold, [1.0, 5.0, 3.0], 5.0),
        (relations.least_rise, [1.0, 5.0, 3.0], -2.0),
        (relations.greatest_rise, [1.0, 5.0, 3.0], 4.0),
        (relations.per_decade, [10.0, 10.0 + math.log10(25.0)], 1.0),
        (relations.earlier_per_decade, [10.0, 10.0 - 3.0 * math.log10(25.0)], 3.0),
        (relations.slope, [100.0, 100.0 * 25.0**0.2], 0.2),
        (
            relations.least_slope_by_burden,
            [0.0, 5.0 * math.log10(25.0), 50.0, 50.0 - 2.0 * math.log10(25.0)],
            -2.0,
        ),
    ],
)
def test_comparisons_by_hand(by, values, found):
    """The label spans a factor of 25 in dose."""
    assert by(np.array(values)) == pytest.approx(found)
