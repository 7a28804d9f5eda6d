"""Sections of parameters that say what is done to a patient, and what is seen of one."""

from tcellabm.params.section import Section


class Lymphodepletion(Section):
    """Chemotherapy before infusion."""

    given: bool
    window_floor: float
    window_decay_days: float
    recovery_steepness: float
    b_cells_left: float
    myeloid_share_left: float
    anti_car_factor: float


class Tocilizumab(Section):
    """Tocilizumab: pharmacokinetics and dosing."""

    clearance_l_per_day: float
    central_volume_l: float
    exchange_l_per_day: float
    peripheral_volume_l: float
    maximal_rate_mg_per_day: float
    michaelis_ug_per_ml: float
    dissociation_ug_per_ml: float
    dose_mg_per_kg: float
    dose_light_mg_per_kg: float
    light_weight_kg: float
    maximal_dose_mg: float
    maximal_doses: int
    interval_hours: float


class Corticosteroid(Section):
    """Dexamethasone: pharmacokinetics, effect and dosing."""

    dose_mg_per_kg: float
    peak_nm_per_mg_per_kg: float
    half_life_hours: float
    cytokine_emax: float
    ec50_nm: float
    division_emax: float
    after_tocilizumab_hours: float
    interval_hours: float


class Physiology(Section):
    """From cytokine signal to fever, pressure, oxygen and laboratory values."""

    il6_half_pg_per_ml: float
    il6_hill: float
    il1_half_pg_per_ml: float
    il1_weight: float
    normal_temperature_c: float
    temperature_rise_c: float
    highest_temperature_c: float
    temperature_lag_hours: float
    fever_c: float
    fever_hours: float
    high_fever_c: float
    neutropenic_fever_per_day: float
    neutropenic_fever_days: float
    leak_half_life_days: float
    fluids_leak: float
    pressor_leak: float
    high_pressor_leak: float
    low_flow_leak: float
    high_flow_leak: float
    ventilation_leak: float
    crs_death_per_day: float
    crp_half_life_hours: float
    crp_maximum_mg_per_l: float
    crp_half_pg_per_ml: float
    crp_normal_mg_per_l: float
    ferritin_normal_ng_per_ml: float
    ferritin_maximum_ng_per_ml: float
    ferritin_loss_per_day: float
    ferritin_half_share: float
    progression_share: float
    progression_death_per_day: float


class Care(Section):
    """What the clinicians do."""

    policy: str


class Assay(Section):
    """What blood draws and marrow aspirates can see."""

    cells_per_ug: float
    quantification_limit_copies_per_ug: float
    marrow_cells_counted: int
    flow_events: int
    mrd_limit: float
    remission_blast_share: float
    circulating_blasts_per_ul: float
    cytometer_limit_molecules: float
    aplasia_b_cells_per_ul: float
    normal_marrow_start_share: float
    normal_marrow_end_share: float
    normal_marrow_recovery_days: float
