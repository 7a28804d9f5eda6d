"""The bedside of one patient: from parameters to what `kernels.bedside` follows."""

from tcellabm.kernels.bedside import Body, BodyLaw, SignalLaw
from tcellabm.params import Parameters


def signal_law(params: Parameters) -> SignalLaw:
    """Return what a tissue makes of cytokines; those of health give no signal."""
    p, cytokines = params.physiology, params.cytokines
    return SignalLaw(
        il6_half=p.il6_half_pg_per_ml,
        il6_hill=p.il6_hill,
        il1_half=p.il1_half_pg_per_ml,
        il6_normal=cytokines.il6.baseline_pg_per_ml,
        il1_normal=cytokines.il1.baseline_pg_per_ml,
    )


def body_law(params: Parameters) -> BodyLaw:
    """Return how the body of a patient reacts; `params` hold the patient's covariates."""
    p = params.physiology
    return BodyLaw(
        signal=signal_law(params),
        il1_weight=p.il1_weight,
        sensitivity=params.patient.vascular_sensitivity,
        normal_temperature_c=p.normal_temperature_c,
        temperature_rise_c=p.temperature_rise_c,
        highest_temperature_c=p.highest_temperature_c,
        temperature_lag_hours=p.temperature_lag_hours,
        fever_c=p.fever_c,
        fever_hours=p.fever_hours,
        high_fever_c=p.high_fever_c,
        leak_half_life_days=p.leak_half_life_days,
        blood_pressure_leaks=(p.fluids_leak, p.pressor_leak, p.high_pressor_leak),
        oxygen_leaks=(p.low_flow_leak, p.high_flow_leak, p.ventilation_leak),
        crp_half_life_hours=p.crp_half_life_hours,
        crp_normal=p.crp_normal_mg_per_l,
        crp_maximum=p.crp_maximum_mg_per_l,
        crp_half=p.crp_half_pg_per_ml,
        ferritin_normal=p.ferritin_normal_ng_per_ml,
        ferritin_maximum=p.ferritin_maximum_ng_per_ml,
        ferritin_half_share=p.ferritin_half_share,
        ferritin_loss_per_day=p.ferritin_loss_per_day,
        myeloid_pool=params.myeloid.pool_cells,
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
