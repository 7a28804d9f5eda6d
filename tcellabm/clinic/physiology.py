"""The body around the cells: vital signs, the CNS, death and background fevers, from parameters.

`kernels.bedside` and `kernels.course` follow what is set up here.
"""

import math

import numpy as np

from tcellabm.body import capacity_cells, myeloid_pool
from tcellabm.kernels.bedside import Body, BodyLaw, CnsLaw, FeverLaw, LeakLaw
from tcellabm.kernels.course import FateLaw
from tcellabm.params import Parameters

CAUSES = ("crs", "icans", "progression")  # of death, in the order of `kernels.course`
LOW_WHITE_CELLS = 2.0  # times the nadir: below it neutropenic fevers come


def body_law(params: Parameters) -> BodyLaw:
    """Return how the body of a patient reacts; `params` hold the patient's covariates."""
    p, cytokines = params.physiology, params.cytokines
    return BodyLaw(
        il6_normal=cytokines.il6.baseline_pg_per_ml,
        il1_normal=cytokines.il1.baseline_pg_per_ml,
        ifng_normal=cytokines.ifng.baseline_pg_per_ml,
        fever=_fever_law(params),
        leak=_leak_law(params),
        crp_half_life_hours=p.crp_half_life_hours,
        crp_normal=p.crp_normal_mg_per_l,
        crp_maximum=p.crp_maximum_mg_per_l,
        crp_half=p.crp_half_pg_per_ml,
        ferritin_normal=p.ferritin_normal_ng_per_ml,
        ferritin_maximum=p.ferritin_maximum_ng_per_ml,
        ferritin_half_share=p.ferritin_half_share,
        ferritin_loss_per_day=p.ferritin_loss_per_day,
        myeloid_pool=myeloid_pool(params),
    )


def _fever_law(params: Parameters) -> FeverLaw:
    p = params.physiology
    return FeverLaw(
        il6_half=p.fever_il6_half_pg_per_ml,
        il1_half=p.fever_il1_half_pg_per_ml,
        hill=p.fever_hill,
        il6_rise_c=p.fever_il6_rise_c,
        il1_rise_c=p.fever_il1_rise_c,
        sensitivity=params.patient.fever_sensitivity,
        normal_c=p.normal_temperature_c,
        highest_c=p.highest_temperature_c,
        lag_hours=p.temperature_lag_hours,
        fever_c=p.fever_c,
        fever_hours=p.fever_hours,
        high_fever_c=p.high_fever_c,
    )


def _leak_law(params: Parameters) -> LeakLaw:
    p = params.physiology
    return LeakLaw(
        il6_scale=p.leak_il6_pg_per_ml,
        il1_scale=p.leak_il1_pg_per_ml,
        ifng_scale=p.leak_ifng_pg_per_ml,
        exponent=p.leak_exponent,
        injury_per_day=p.leak_injury_per_day * params.patient.vascular_sensitivity,
        feedback=p.leak_feedback,
        repair_per_day=math.log(2.0) / p.leak_half_life_days,
        blood_pressure_leaks=(p.fluids_leak, p.pressor_leak, p.high_pressor_leak),
        oxygen_leaks=(p.low_flow_leak, p.high_flow_leak, p.ventilation_leak),
    )


def healthy_body(params: Parameters) -> Body:
    """Return the body of a patient without cytokine signal."""
    p = params.physiology
    return Body(
        temperature_c=p.normal_temperature_c,
        leak=0.0,
        crp_mg_per_l=p.crp_normal_mg_per_l,
        ferritin_ng_per_ml=p.ferritin_normal_ng_per_ml,
    )


def cns_law(params: Parameters) -> CnsLaw:
    """Return how the CNS of a patient reacts; `params` hold the patient's covariates.

    ICANS is injury of the CNS by IL-1, IFN-gamma and the leak of vessels: a physiological proxy,
    whose grades are thresholds of one injury, not an examination. IL-6 that tocilizumab keeps from
    its receptor has no part in it, so that tocilizumab, an antibody that does not reach the CNS,
    neither helps nor harms. Anakinra enters.
    """
    p, cytokines = params.neurotoxicity, params.cytokines
    return CnsLaw(
        il1_scale=p.il1_pg_per_ml,
        ifng_scale=p.ifng_pg_per_ml,
        leak_weight=p.leak_weight,
        exponent=p.exponent,
        injury_per_day=p.injury_per_day * params.patient.neuro_sensitivity,
        repair_per_day=math.log(2.0) / p.injury_half_life_days,
        il1_normal=cytokines.il1.baseline_pg_per_ml,
        ifng_normal=cytokines.ifng.baseline_pg_per_ml,
        grade_injuries=(p.grade_1_injury, p.grade_2_injury, p.grade_3_injury, p.grade_4_injury),
        edema_injury=p.edema_injury,
    )


def fate_law(params: Parameters) -> FateLaw:
    """Return the hazards of death, and what brings them about."""
    p = params.physiology
    return FateLaw(
        crs_per_day=p.crs_death_per_day,
        ventilated_factor=p.ventilated_death_factor,
        icans_per_day=params.neurotoxicity.icans_death_per_day,
        progression_per_day=p.progression_death_per_day,
        capacity_cells=capacity_cells(params),
    )


def thresholds(rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw how much hazard of each cause a patient survives: exponential, mean 1.

    Death comes when the cumulative hazard passes it, so that two courses with equal hazards die
    on the same day, whatever their cells draw.
    """
    crs, icans, progression = rng.standard_exponential(len(CAUSES)).tolist()
    return crs, icans, progression


def infections(params: Parameters, rng: np.random.Generator, after: float = 0.0) -> np.ndarray:
    """Draw the days on which background fevers begin, from `after` on while white cells are low.

    Parameters
    ----------
    params : Parameters
        With the patient's covariates.
    rng : numpy.random.Generator
        The stream of background fevers.
    after : float
        First day after infusion.

    Returns
    -------
    array, float
        Days after infusion, rising; a Poisson process.
    """
    rate, end = params.physiology.neutropenic_fever_per_day, neutropenia_ends(params)
    if rate == 0.0 or end <= after:
        return np.zeros(0)
    number = int(rng.poisson(rate * (end - after)))
    return np.sort(rng.uniform(after, end, number))


def neutropenia_ends(params: Parameters) -> float:
    """Return the day on which white cells come above twice their nadir; 0 if never below."""
    patient, depletion = params.patient, params.lymphodepletion
    rise = patient.white_cell_normal_per_ul - patient.white_cell_nadir_per_ul
    limit = (LOW_WHITE_CELLS - 1.0) * patient.white_cell_nadir_per_ul
    if not depletion.given:
        return 0.0 if rise >= limit else params.time.days
    share = limit / rise if rise > 0.0 else math.inf
    if share >= 1.0:
        return params.time.days
    return patient.white_cell_recovery_days * (share / (1.0 - share)) ** (
        1.0 / depletion.white_cell_steepness
    )
