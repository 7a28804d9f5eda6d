"""From enrollment to infusion: collection, manufacture in few slots, bridging, lymphodepletion.

Closed form, before the model exists: it says what leukemia a patient is infused with, or why not.
Only trials walk it; everything else starts at infusion. Days count from the first enrollment
unless said.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from tcellabm.body import capacity_cells
from tcellabm.params import Parameters

WEEK = 7.0
# Why a patient was not infused.
MANUFACTURE, DEATH, INELIGIBLE = "manufacturing_failure", "death", "adverse_event"


class Enrolled(NamedTuple):
    """One patient on enrollment: what the way to infusion depends on."""

    params: Parameters  # with the patient's covariates in place
    chance: np.random.Generator  # of this patient and of nothing else


class Journey(NamedTuple):
    """One patient's way, in the columns of `patients.parquet`."""

    enrolled_day: float
    infused: bool
    not_infused: str  # why, else empty
    infusion_day: float  # NaN where there was none
    enrollment_to_infusion_days: float
    slot_wait_days: float
    manufacture_days: float
    lymphodepletion_to_infusion_days: float
    bridged: bool
    weight_kg: float
    dose_cells_per_kg: float  # NaN where there was none
    net_growth_per_day: float
    screening_blast_share: float  # of marrow cells
    screening_burden: float  # cells
    infusion_burden: float  # cells; NaN where there was no infusion
    transplant_day: float  # from infusion, if in remission then; NaN for none


class _Chances(NamedTuple):
    """All draws of one patient, taken in this order whether they are used or not."""

    gap: float
    screening: float
    shipping: float
    manufacture: float
    bridging_kill: float
    depletion_kill: float
    waiting: float
    fails: float
    bridged: float
    ineligible: float
    dies: float
    lead: float
    transplanted: float
    transplant: float


def journeys(patients: Iterable[Enrolled]) -> Iterator[Journey]:
    """Yield the way of each patient, in the order of enrollment.

    Slots go to those who enrolled earlier, so that a patient's way depends on no later one: more
    patients never change it.
    """
    today, taken = 0.0, Counter[int]()
    for params, chance in patients:
        drawn = _draw(chance)
        today += WEEK * drawn.gap / params.pathway.enrollments_per_week
        yield _journey(params, drawn, today, taken)


def settings(journey: Journey, params: Parameters) -> dict[str, float]:
    """Return what an infused patient's run is set to; what the user has set stays."""
    own = {
        "patient.leukemic_burden": journey.infusion_burden,
        "product.dose_cells_per_kg": journey.dose_cells_per_kg,
    }
    return {key: value for key, value in own.items() if key not in params.pinned}


def _draw(chance: np.random.Generator) -> _Chances:
    gap = float(chance.standard_exponential())
    normals = [float(z) for z in chance.standard_normal(6)]
    return _Chances(gap, *normals, *(float(u) for u in chance.random(7)))


class _Times(NamedTuple):
    """The days of one patient's way, from enrollment."""

    slot_wait: float
    manufacture: float
    ready: float
    depletion: float  # lymphodepletion
    infusion: float


def _times(params: Parameters, drawn: _Chances, today: float, taken: Counter[int]) -> _Times:
    p = params.pathway
    collected = today + p.collection_days
    start = _slot(collected, taken, p.slots_per_week)
    manufacture = p.manufacture_days_median * math.exp(p.manufacture_sigma_ln * drawn.manufacture)
    shipping = p.shipping_days_median * math.exp(p.shipping_sigma_ln * drawn.shipping)
    scheduling = p.scheduling_days_median * math.exp(p.scheduling_sigma_ln * drawn.waiting)
    span = p.depletion_lead_high_days - p.depletion_lead_low_days
    ready = start + manufacture - today
    depletion = ready + shipping + scheduling
    lead = p.depletion_lead_low_days + span * drawn.lead
    return _Times(start - collected, manufacture, ready, depletion, depletion + lead)


def _journey(params: Parameters, drawn: _Chances, today: float, taken: Counter[int]) -> Journey:
    times = _times(params, drawn, today, taken)
    bridged = drawn.bridged < params.pathway.bridging_share
    share = screening_share(drawn.screening, params)
    screened = share * capacity_cells(params)
    burden = waiting_burden(screened, times.depletion, bridged, drawn.bridging_kill, params)
    reason = _why_not(drawn, times, burden, params)

    def if_infused(value: float) -> float:
        return math.nan if reason else value

    return Journey(
        enrolled_day=today,
        infused=not reason,
        not_infused=reason,
        infusion_day=if_infused(today + times.infusion),
        enrollment_to_infusion_days=if_infused(times.infusion),
        slot_wait_days=times.slot_wait,
        manufacture_days=times.manufacture,
        lymphodepletion_to_infusion_days=if_infused(times.infusion - times.depletion),
        bridged=bridged,
        weight_kg=params.patient.weight_kg,
        dose_cells_per_kg=if_infused(labelled_dose(params)),
        net_growth_per_day=params.patient.net_growth_per_day,
        screening_blast_share=share,
        screening_burden=screened,
        infusion_burden=if_infused(depleted(burden, drawn.depletion_kill, params)),
        transplant_day=if_infused(_transplant(drawn, params)),
    )


def _slot(ready: float, taken: Counter[int], slots_per_week: int) -> float:
    """Take the first free manufacturing slot; return the day on which it begins."""
    week = math.floor(ready / WEEK)
    while taken[week] >= slots_per_week:
        week += 1
    taken[week] += 1
    return max(ready, week * WEEK)


def screening_share(z: float, params: Parameters) -> float:
    """Return marrow blasts at screening for a standard normal `z`: logit-normal, in bounds."""
    p = params.pathway
    middle = math.log(p.screening_share_median / (1.0 - p.screening_share_median))
    share = 1.0 / (1.0 + math.exp(-middle - p.screening_share_sigma_logit * z))
    return min(max(share, p.screening_share_low), p.screening_share_high)


def waiting_burden(
    screened: float, days: float, bridged: bool, z: float, params: Parameters
) -> float:
    """Return the leukemic cells before lymphodepletion, after so many days of waiting.

    Bridging chemotherapy kills, and slows growth.

    Parameters
    ----------
    screened : float
        Leukemic cells of the body at screening, on enrollment.
    days : float
        From enrollment to lymphodepletion.
    bridged : bool
        The patient gets bridging chemotherapy.
    z : float
        Standard normal: how much of the leukemia it kills.
    params : Parameters
        With the patient's covariates.

    Returns
    -------
    float
        Leukemic cells of the body.

    Notes
    -----
    Logistic growth: B(t) = C / (1 + (C / B_0 - 1) e^(-g t)) with C the capacity of the marrow.
    """
    p, capacity = params.pathway, capacity_cells(params)
    growth = params.patient.net_growth_per_day
    if bridged:
        screened *= 10.0 ** -max(0.0, p.bridging_log10_kill + p.bridging_sigma_log10 * z)
        growth *= p.bridging_growth_factor
    if screened <= 0.0:
        return 0.0
    away = (capacity / screened - 1.0) * math.exp(-growth * days)
    return capacity / (1.0 + away) if screened < capacity else screened


def depleted(burden: float, z: float, params: Parameters) -> float:
    """Return the leukemic cells that lymphodepletion leaves, a whole number.

    Parameters
    ----------
    burden : float
        Leukemic cells of the body before it.
    z : float
        Standard normal: how much of the leukemia it kills.
    params : Parameters
        `pathway` has the law of the kill, in powers of 10.

    Returns
    -------
    float
        Leukemic cells of the body.
    """
    p = params.pathway
    kill = p.depletion_log10_kill + p.depletion_sigma_log10 * z
    return float(round(burden * 10.0 ** -max(p.depletion_log10_least, kill)))


def _why_not(drawn: _Chances, times: _Times, burden: float, params: Parameters) -> str:
    """Return why a patient is not infused; whatever comes first counts."""
    p = params.pathway
    hazard = params.physiology.progression_death_per_day * burden / capacity_cells(params)
    dies = -math.log1p(-drawn.dies) / hazard if hazard > 0.0 else math.inf
    fails = drawn.fails < p.manufacture_failure_share
    if dies < (times.ready if fails else times.infusion):
        return DEATH
    if fails:
        return MANUFACTURE
    return INELIGIBLE if drawn.ineligible < p.adverse_event_share else ""


def labelled_dose(params: Parameters) -> float:
    """Return the dose by weight, cells/kg: per kg for the light, within total bounds above."""
    p, dose, weight = params.pathway, params.product.dose_cells_per_kg, params.patient.weight_kg
    if weight <= p.heavy_weight_kg or dose == 0.0:
        return dose
    return min(max(dose, p.heavy_dose_low_cells / weight), p.heavy_dose_high_cells / weight)


def _transplant(drawn: _Chances, params: Parameters) -> float:
    p = params.pathway
    if drawn.transplanted >= p.transplant_share:
        return math.nan
    return p.transplant_from_day + drawn.transplant * (p.transplant_to_day - p.transplant_from_day)
