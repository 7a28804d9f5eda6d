"""Drugs: the pharmacokinetics of tocilizumab by weight, the fading effect of a steroid."""

import numpy as np
import pytest
from clinic.faces import Corticosteroid, Tocilizumab
from scipy.integrate import solve_ivp

from tcellabm.params import load

FREY = {  # the adult of 70 kg (Frey 2010)
    "tocilizumab.clearance_l_per_day": 0.3,
    "tocilizumab.central_volume_l": 3.5,
    "tocilizumab.exchange_l_per_day": 0.2,
    "tocilizumab.peripheral_volume_l": 2.9,
    "tocilizumab.maximal_rate_mg_per_day": 7.5,
    "tocilizumab.michaelis_ug_per_ml": 2.7,
    "tocilizumab.dissociation_ug_per_ml": 0.37,
}


def drug(weight_kg=70.0, dose_mg=0.0, **more):
    given = {f"tocilizumab.{name}": value for name, value in more.items()}
    tocilizumab = Tocilizumab(load(None, FREY | given), weight_kg)
    tocilizumab.give(dose_mg)
    return tocilizumab


def course(tocilizumab, days, step):
    """Concentration at the end of every step."""
    levels = []
    for _ in range(round(days / step)):
        tocilizumab.advance(step)
        levels.append(tocilizumab.concentration)
    return np.array(levels)


def exact(weight_kg, dose_mg, days):
    """Central, peripheral and eliminated amounts at each day, solved numerically."""
    size = weight_kg / 70.0
    flow, volume = size**0.75, size

    def change(_, amounts):
        central, peripheral = amounts[0] / (3.5 * volume), amounts[1] / (2.9 * volume)
        out = (0.3 + 7.5 / (2.7 + central)) * flow * central
        across = 0.2 * flow * (central - peripheral)
        return [-out - across, across, out]

    span = (0.0, max(days))
    return solve_ivp(change, span, [dose_mg, 0, 0], t_eval=days, rtol=1e-10, atol=1e-11).y


def test_an_adult_given_560_mg_has_the_levels_of_frey():
    """Oracle 6; its figures are rounded to whole ug/mL: 0.5, and 1 d of the 36."""
    tocilizumab = drug(70.0, 560.0)
    assert tocilizumab.concentration == pytest.approx(160.0)
    levels = course(tocilizumab, 45.0, 1 / 8)
    for day, level in ((7, 56), (14, 21), (21, 8)):
        assert levels[8 * day - 1] == pytest.approx(level, abs=0.5)
    assert np.flatnonzero(levels > 1.0)[-1] / 8 == pytest.approx(36.0, abs=1.0)


@pytest.mark.parametrize("weight", [10.0, 20.0, 38.0, 70.0, 110.0])
def test_amounts_solve_the_equations_to_a_thousandth(weight):
    """Any weight, over 40 days, linear and saturable elimination alike."""
    dose, days = 8.0 * weight, np.arange(1.0, 41.0)
    tocilizumab = drug(weight, dose)
    central, peripheral, _ = exact(weight, dose, days)
    for i in range(days.size):
        for _ in range(8):
            tocilizumab.advance(1 / 8)
        assert tocilizumab.central_mg == pytest.approx(central[i], rel=1e-3)
        assert tocilizumab.peripheral_mg == pytest.approx(peripheral[i], rel=1e-3)


@pytest.mark.parametrize("step", [1 / 64, 1 / 2, 1.0, 4.0])
def test_levels_do_not_depend_on_the_step(step):
    every = round(4 / step)
    found = course(drug(20.0, 240.0), 40.0, step)[every - 1 :: every]
    assert found == pytest.approx(course(drug(20.0, 240.0), 40.0, 1 / 8)[31::32], rel=1e-3)


def test_what_is_gone_was_eliminated():
    """Mass balance: dose = what is left + what left, to 1e-3 of the dose."""
    tocilizumab = drug(30.0, 360.0)
    steps, lost = 400, 0.0
    for _ in range(steps):
        before = tocilizumab.concentration
        tocilizumab.advance(0.05)
        level = 0.5 * (before + tocilizumab.concentration)
        lost += 0.05 * (30 / 70) ** 0.75 * (0.3 + 7.5 / (2.7 + level)) * level
    left = tocilizumab.central_mg + tocilizumab.peripheral_mg
    assert left + lost == pytest.approx(360.0, rel=1e-3)


def test_without_elimination_the_dose_stays():
    tocilizumab = drug(70.0, 560.0, clearance_l_per_day=0.0, maximal_rate_mg_per_day=0.0)
    course(tocilizumab, 30.0, 1.0)
    assert tocilizumab.central_mg + tocilizumab.peripheral_mg == pytest.approx(560.0, rel=1e-12)
    assert tocilizumab.concentration == pytest.approx(560.0 / 6.4, rel=0.02)


def test_without_exchange_and_elimination_the_dose_stays_in_the_central_compartment():
    flows = ("clearance_l_per_day", "maximal_rate_mg_per_day", "exchange_l_per_day")
    tocilizumab = drug(70.0, 560.0, **dict.fromkeys(flows, 0.0))
    tocilizumab.advance(1.0)
    assert tocilizumab.concentration == pytest.approx(160.0)


def test_clearance_scales_with_weight_to_three_quarters_and_volume_with_weight():
    """A child of 20 kg clears 0.391 of what the adult does, from 0.286 of the volume."""
    linear = {"maximal_rate_mg_per_day": 0.0, "exchange_l_per_day": 0.0}
    child, adult = drug(20.0, 160.0, **linear), drug(70.0, 560.0, **linear)
    assert child.concentration == pytest.approx(adult.concentration)
    for one in (child, adult):
        one.advance(1.0)
    rates = [-np.log(one.concentration / 160.0) for one in (child, adult)]
    assert rates[1] == pytest.approx(0.3 / 3.5)
    cleared = rates[0] * 3.5 * 20 / 70
    assert cleared == pytest.approx(0.3 * 0.3908, rel=1e-3)


def test_light_patients_lose_the_same_dose_per_weight_sooner():
    levels = [course(drug(w, 8.0 * w), 14.0, 1.0)[-1] for w in (10.0, 20.0, 40.0, 70.0, 100.0)]
    assert (np.diff(levels) > 0).all()


@pytest.mark.parametrize(
    ("weight", "dose"),
    [(10.0, 120.0), (29.9, 358.8), (30.0, 240.0), (70.0, 560.0), (100.0, 800.0), (140.0, 800.0)],
)
def test_the_labelled_dose_goes_by_weight(weight, dose):
    """12 mg/kg below 30 kg, 8 mg/kg from there, 800 mg at most."""
    label = {
        "dose_mg_per_kg": 8.0,
        "dose_light_mg_per_kg": 12.0,
        "light_weight_kg": 30.0,
        "maximal_dose_mg": 800.0,
    }
    assert drug(weight, **label).labelled_dose_mg == pytest.approx(dose)


def test_files_have_the_label_and_frey():
    values = load().tocilizumab.model_dump()
    label = {"dose_mg_per_kg": 8, "dose_light_mg_per_kg": 12, "light_weight_kg": 30}
    more = {"maximal_dose_mg": 800, "maximal_doses": 4, "interval_hours": 8}
    published = {key.removeprefix("tocilizumab."): value for key, value in FREY.items()}
    assert {name: values[name] for name in label | more | published} == label | more | published


def test_doses_add_up():
    tocilizumab = drug(70.0, 560.0)
    tocilizumab.advance(0.5)
    before = tocilizumab.concentration
    tocilizumab.give(560.0)
    assert tocilizumab.concentration == pytest.approx(before + 160.0)


def test_receptors_are_held_by_half_at_the_dissociation_constant():
    assert drug().occupancy == 0.0
    assert drug(70.0, 3.5 * 0.37).occupancy == pytest.approx(0.5)
    assert drug(70.0, 560.0).occupancy > 0.99


def test_without_drug_nothing_changes():
    tocilizumab = drug()
    tocilizumab.advance(1.0)
    assert tocilizumab.concentration == 0.0


STEROID = {
    "corticosteroid.dose_mg_per_kg": 0.3,
    "corticosteroid.peak_nm_per_mg_per_kg": 1000.0,
    "corticosteroid.half_life_hours": 36.0,
    "corticosteroid.cytokine_emax": 0.9,
    "corticosteroid.ec50_nm": 5.0,
    "corticosteroid.division_emax": 0.2,
}


def test_a_steroid_curbs_secretion_and_a_little_division_and_fades():
    steroid = Corticosteroid(load(None, STEROID), 40.0)
    assert (steroid.secretion_factor, steroid.division_factor) == (1.0, 1.0)
    steroid.give(steroid.labelled_dose_mg)
    assert steroid.labelled_dose_mg == pytest.approx(12.0)
    assert steroid.level_nm == pytest.approx(300.0)
    assert steroid.secretion_factor == pytest.approx(1 - 0.9 * 300 / 305)
    assert steroid.division_factor == pytest.approx(1 - 0.2 * 300 / 305)
    steroid.advance(1.0)
    steroid.advance(0.5)
    assert steroid.level_nm == pytest.approx(150.0)


def test_the_effect_of_a_steroid_per_weight_is_the_same_in_a_child():
    levels = []
    for weight in (12.0, 80.0):
        steroid = Corticosteroid(load(None, STEROID), weight)
        steroid.give(steroid.labelled_dose_mg)
        levels.append(steroid.level_nm)
    assert levels[0] == pytest.approx(levels[1])
