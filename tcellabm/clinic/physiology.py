"""The bedside of one patient: from parameters to what `kernels.bedside` follows."""

import math

from tcellabm.body import myeloid_pool
from tcellabm.kernels.bedside import Body, BodyLaw, FeverLaw, LeakLaw
from tcellabm.params import Parameters


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
