"""ICANS: later than the signal in blood, blind to tocilizumab, open to anakinra."""

import math

import pytest
from clinic.faces import Anakinra, Neurotoxicity

from tcellabm.params import load

LIMITS = {f"neurotoxicity.grade_{n}_injury": 0.2 * n for n in (1, 2, 3, 4)}
PARAMS = load(None, LIMITS | {"neurotoxicity.edema_injury": 1.1})
STORM = (1e5, 1e4)


def brain(**more):
    return Neurotoxicity(PARAMS.replace(more))


def live(patient, levels, days, free=1.0, tick=1 / 8):
    for _ in range(round(days / tick)):
        patient.advance(tick, *levels, free)
    return patient


def test_at_rest_nothing_happens():
    rest = (PARAMS.cytokines.il6.baseline_pg_per_ml, PARAMS.cytokines.il1.baseline_pg_per_ml)
    assert live(brain(), rest, 30.0).injury == 0.0


def test_the_cns_follows_the_serum_with_its_half_life():
    half_life = PARAMS.neurotoxicity.entry_half_life_days
    patient = live(brain(), STORM, half_life)
    assert patient.il6 == pytest.approx(STORM[0] / 2, rel=1e-3)


def test_injury_comes_later_than_the_signal_and_outlasts_it():
    patient = brain()
    grades = [live(patient, STORM, 0.125).grade for _ in range(160)]
    assert grades[0] == 0 and grades == sorted(grades) and grades[-1] == 4
    assert live(patient, (0.0, 0.0), 1.0).grade > 0
    assert live(patient, (0.0, 0.0), 60.0).grade == 0


def test_tick_length_hardly_matters():
    fine, coarse = (live(brain(), STORM, 4.0, tick=tick).injury for tick in (1 / 64, 1 / 8))
    assert coarse == pytest.approx(fine, rel=0.05)


def test_anakinra_spares_the_cns_what_comes_from_il_1():
    weightless = brain(**{"neurotoxicity.il1_weight": 0.0})
    alone = live(weightless, STORM, 5.0).injury
    assert live(brain(), STORM, 5.0, free=0.0).injury == pytest.approx(alone)
    assert live(brain(), STORM, 5.0).injury > 1.5 * alone


@pytest.mark.parametrize("level", [0.0, 0.1, 0.2, 0.5, 0.8, 1.05, 1.1, 3.0])
def test_grades_are_thresholds_of_injury_and_edema_is_the_worst(level):
    patient = brain().with_injury(level)
    assert patient.grade == min(4, math.floor(level / 0.2 + 1e-9))
    assert patient.cerebral_edema == (level >= 1.1)


def test_sensitive_patients_are_hit_in_proportion():
    twice = brain(**{"patient.neuro_sensitivity": 2.0})
    assert live(twice, STORM, 3.0).injury == pytest.approx(2 * live(brain(), STORM, 3.0).injury)


@pytest.mark.parametrize(("weight", "mg"), [(20.0, 40.0), (70.0, 100.0)])
def test_anakinra_goes_by_weight_up_to_a_syringe(weight, mg):
    drug = Anakinra(load(None, {"anakinra.dose_mg_per_kg": 2.0}), weight)
    assert drug.labelled_dose_mg == mg


def test_anakinra_blocks_for_hours_and_less_in_the_cns():
    params = load().anakinra
    drug = Anakinra(load(), 40.0)
    assert drug.occupancy == drug.cns_occupancy == 0.0
    drug.give(80.0)
    level = 80.0 * params.bioavailability / (params.volume_l_per_kg * 40.0)
    assert drug.concentration == pytest.approx(level)
    assert 0.0 < drug.cns_occupancy < drug.occupancy < 1.0
    drug.advance(params.half_life_hours / 24.0)
    assert drug.concentration == pytest.approx(level / 2)
    drug.advance(5.0)
    assert drug.occupancy < 0.01
