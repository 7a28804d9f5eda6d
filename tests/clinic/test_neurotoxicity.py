"""ICANS: later than the fever, blind to tocilizumab, open to anakinra."""

import math

import pytest
from clinic.faces import Anakinra, Neurotoxicity

from tcellabm import TumorTCellModel
from tcellabm.clinic import drugs as clinic_drugs
from tcellabm.kernels import course as kernel
from tcellabm.kernels.drugs import advance_drugs
from tcellabm.kernels.layout import IFNG, IL1, IL6
from tcellabm.params import load

LIMITS = {f"neurotoxicity.grade_{n}_injury": 0.2 * n for n in (1, 2, 3, 4)}
PARAMS = load(
    None,
    LIMITS
    | {
        "neurotoxicity.edema_injury": 1.1,
        "neurotoxicity.il1_pg_per_ml": 100.0,
        "neurotoxicity.ifng_pg_per_ml": 1000.0,
        "neurotoxicity.leak_weight": 0.25,
        "neurotoxicity.exponent": 0.5,
        "neurotoxicity.injury_per_day": 0.1,
        "neurotoxicity.injury_half_life_days": 3.0,
        "patient.neuro_sensitivity": 1.0,
        "cytokines.il1.baseline_pg_per_ml": 0.5,
        "cytokines.ifng.baseline_pg_per_ml": 2.0,
    },
)
REST = (0.5, 2.0, 0.0)  # IL-1, IFN-gamma, leak
STORM = (1e4, 1e5, 2.0)


def brain(**more):
    return Neurotoxicity(PARAMS.replace(more))


def live(patient, levels, days, tick=1 / 8):
    for _ in range(round(days / tick)):
        patient.advance(tick, *levels)
    return patient


@pytest.mark.parametrize("levels", [REST, (0.0, 0.0, 0.0)])
def test_at_rest_and_below_it_nothing_happens(levels):
    assert live(brain(), levels, 30.0).injury == 0.0


@pytest.mark.parametrize(
    "levels", [(100.5, 2.0, 0.0), (0.5, 1002.0, 0.0), (0.5, 2.0, 4.0), (25.5, 252.0, 2.0)]
)
def test_a_load_of_one_injures_at_the_rate_of_the_file_whatever_it_is_of(levels):
    unhealed = brain(**{"neurotoxicity.injury_half_life_days": 60.0})
    assert live(unhealed, levels, 1.0).injury == pytest.approx(0.1, rel=0.01)


def test_injury_is_compressive_in_the_load():
    one, four = (live(brain(), (0.5 + 100.0 * x, 2.0, 0.0), 2.0).injury for x in (1, 4))
    assert four == pytest.approx(2 * one)


def test_injury_heals_with_its_half_life():
    half_life = PARAMS.neurotoxicity.injury_half_life_days
    assert live(brain().with_injury(0.9), REST, half_life).injury == pytest.approx(0.45)


def test_injury_comes_later_than_the_storm_and_outlasts_it():
    patient = brain()
    grades = [live(patient, STORM, 0.125).grade for _ in range(160)]
    assert grades[0] == 0 and grades == sorted(grades) and grades[-1] == 4
    assert live(patient, REST, 1.0).grade > 0
    assert live(patient, REST, 60.0).grade == 0


def test_injury_does_not_depend_on_the_tick():
    fine, coarse = (live(brain(), STORM, 4.0, tick=tick).injury for tick in (1 / 64, 1 / 2))
    assert coarse == pytest.approx(fine, rel=1e-12)


@pytest.mark.parametrize("level", [0.0, 0.1, 0.2, 0.5, 0.8, 1.05, 1.1, 3.0])
def test_grades_are_thresholds_of_injury_and_edema_is_the_worst(level):
    patient = brain().with_injury(level)
    assert patient.grade == min(4, math.floor(level / 0.2 + 1e-9))
    assert patient.cerebral_edema == (level >= 1.1)


def test_sensitive_patients_are_hit_in_proportion():
    twice = brain(**{"patient.neuro_sensitivity": 2.0})
    assert live(twice, STORM, 3.0).injury == pytest.approx(2 * live(brain(), STORM, 3.0).injury)


# --- drugs ----------------------------------------------------------------------------------------


TREATED = {
    "patient.leukemic_burden": 1e3,
    "patient.weight_kg": 40.0,
    "resolution.agents_per_population": 8,
}


def followed(drug, days=3.0, **more):
    """Return (body, CNS) where serum is held in a storm and a drug was given at its beginning."""
    params = load("scenarios/kymriah.toml", TREATED | more)
    model = TumorTCellModel(params, rng=1)
    course, state, rules = model.course.now, model.tissue.state, model.course.rules
    for which, level in ((IL6, 1e5), (IL1, 300.0), (IFNG, 50.0)):
        state.plasma[which] = level
    if drug:
        dose = clinic_drugs.labelled_mg(drug, params)
        course = course._replace(drugs=clinic_drugs.given(course.drugs, drug, dose, params))
    for _ in range(round(8 * days)):
        drugs = advance_drugs(1 / 8, course.drugs, rules.drugs)
        body, cns = kernel.follow(1 / 8, state, course, drugs, False, rules)
        course = course._replace(drugs=drugs, body=body, cns=cns)
    return course.body, course.cns


def test_receptor_blocked_il6_neither_lowers_nor_raises_it_and_anakinra_lowers_it():
    """The serum is the same in all: what differs is what a drug blocks."""
    blind = {"neurotoxicity.leak_weight": 0.0}
    alone, tocilizumab, anakinra = (
        followed(name, **blind)[1].injury for name in ("", "tocilizumab", "anakinra")
    )
    assert tocilizumab == alone > 0.0
    assert anakinra < 0.97 * alone


def test_tocilizumab_spares_the_cns_no_more_than_it_spares_the_vessels():
    (body, cns), (treated_body, treated_cns) = followed(""), followed("tocilizumab")
    assert treated_body.temperature_c < body.temperature_c - 1.0
    assert treated_body.leak < body.leak
    assert treated_cns.injury < cns.injury


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
