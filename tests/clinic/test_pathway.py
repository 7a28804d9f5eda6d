"""From enrollment to infusion: who is infused with what, and why others are not."""

import math
from collections import Counter

import numpy as np
import pytest

from tcellabm.clinic import pathway
from tcellabm.clinic.pathway import Enrolled, journeys, labelled_dose, settings, waiting_burden
from tcellabm.params import load

CERTAIN = {
    "pathway.manufacture_failure_share": 0.0,
    "physiology.progression_death_per_day": 0.0,
    "pathway.adverse_event_share": 0.0,
}


def walk(n, **more):
    named = {key.replace("__", "."): value for key, value in more.items()}
    params = load(None, named)
    return list(journeys(Enrolled(params, np.random.default_rng(seed)) for seed in range(n)))


def test_everyone_is_accounted_for():
    ways = walk(400)
    reasons = Counter(way.not_infused for way in ways)
    assert set(reasons) <= {"", "manufacturing_failure", "death", "adverse_event"}
    assert all(way.infused == (way.not_infused == "") for way in ways)
    assert all(math.isnan(way.infusion_burden) != way.infused for way in ways)


def test_manufacture_fails_as_often_as_said():
    """Binomial, 5 standard errors: with 2000 patients a shift of 3 points would be seen."""
    share, n = 0.08, 2000
    sure = CERTAIN | {"pathway.manufacture_failure_share": share}
    failed = sum(
        way.not_infused == "manufacturing_failure"
        for way in walk(n, **{key.replace(".", "__"): value for key, value in sure.items()})
    )
    assert abs(failed / n - share) < 5 * math.sqrt(share * (1 - share) / n)


def test_more_patients_never_change_a_patients_way():
    few, many = walk(30), walk(60)
    assert [tuple(map(str, way)) for way in few] == [tuple(map(str, way)) for way in many[:30]]


def test_with_few_slots_patients_wait_longer_and_no_week_is_overbooked():
    crowded = {"pathway__enrollments_per_week": 3.0, "pathway__slots_per_week": 2}
    queue, free = walk(150, **crowded), walk(150, **crowded | {"pathway__slots_per_week": 1000})
    assert all(way.slot_wait_days == 0.0 for way in free)
    assert np.mean([way.slot_wait_days for way in queue[-30:]]) > 30.0
    collected = load().pathway.collection_days
    weeks = Counter(
        math.floor((way.enrolled_day + collected + way.slot_wait_days) / 7.0 + 1e-9)
        for way in queue
    )
    assert max(weeks.values()) <= 2


def test_leukemia_grows_while_waiting_towards_the_capacity():
    params = load(None, {"patient.net_growth_per_day": 0.1, "marrow.capacity_cells": 1e12})
    start = 1e9
    assert waiting_burden(start, 10.0, False, 0.0, params) == pytest.approx(
        start * math.e, rel=5e-3
    )
    assert waiting_burden(start, 1000.0, False, 0.0, params) == pytest.approx(1e12)
    assert waiting_burden(0.0, 100.0, False, 0.0, params) == 0.0


def test_leukemia_goes_with_the_size_of_the_body_and_the_way_does_not():
    """Half the weight: half the cells at screening and at infusion, and all else the same."""
    sets = {"pathway__heavy_weight_kg": 500.0, "physiology__progression_death_per_day": 0.02}
    heavy, light = (walk(60, patient__weight_kg=kg, **sets) for kg in (40.0, 20.0))
    assert 10 < sum(way.not_infused == "death" for way in heavy) < 50
    for whole, half in zip(heavy, light, strict=True):
        assert half.screening_burden == pytest.approx(0.5 * whole.screening_burden)
        assert half.infusion_burden == pytest.approx(0.5 * whole.infusion_burden, nan_ok=True)
        extensive = ("weight_kg", "screening_burden", "infusion_burden")
        same = [each._replace(**dict.fromkeys(extensive, 0.0)) for each in (whole, half)]
        assert str(same[0]) == str(same[1])


def test_bridging_holds_the_leukemia():
    params = load(None, {"patient.net_growth_per_day": 0.1})
    free, bridged = (waiting_burden(1e11, 40.0, held, 0.0, params) for held in (False, True))
    assert bridged < 0.3 * free


def test_burden_at_screening_and_at_infusion_are_different_numbers():
    ways = [way for way in walk(300) if way.infused]
    screened = np.median([way.screening_burden for way in ways])
    infused = np.median([way.infusion_burden for way in ways])
    assert infused < 0.5 * screened


def test_a_longer_wait_costs_patients():
    quick = walk(400, pathway__manufacture_days_median=1.0)
    slow = walk(400, pathway__manufacture_days_median=150.0)
    died = [sum(way.not_infused == "death" for way in ways) for ways in (quick, slow)]
    assert died[1] > 2 * died[0] > 0


@pytest.mark.parametrize(
    ("weight", "dose", "given"),
    [
        (50.0, 5.4e6, 5.4e6),
        (100.0, 5.0e6, 2.5e6),
        (100.0, 1.0e6, 1.0e6),
        (80.0, 1.0e5, 1.25e5),
        (80.0, 0.0, 0.0),
    ],
)
def test_the_dose_goes_by_weight(weight, dose, given):
    keys = {"patient.weight_kg": weight, "product.dose_cells_per_kg": dose}
    bounds = {
        "pathway.heavy_weight_kg": 50.0,
        "pathway.heavy_dose_low_cells": 1e7,
        "pathway.heavy_dose_high_cells": 2.5e8,
    }
    assert labelled_dose(load(None, keys | bounds)) == pytest.approx(given)


def test_what_the_user_has_set_is_not_overwritten():
    way = next(way for way in walk(20) if way.infused)
    params = load(None, {"patient.leukemic_burden": 1e9})
    assert "patient.leukemic_burden" not in settings(way, params)
    assert set(settings(way, load())) == {"patient.leukemic_burden", "product.dose_cells_per_kg"}


def test_screening_shares_keep_to_their_bounds_and_median():
    params = load()
    assert pathway.screening_share(0.0, params) == pytest.approx(
        params.pathway.screening_share_median
    )
    assert pathway.screening_share(9.0, params) == params.pathway.screening_share_high
    assert pathway.screening_share(-9.0, params) == params.pathway.screening_share_low
