"""Sections of parameters that say what is done to a patient, and what is seen of one."""

from tcellabm.params.section import Section


class Lymphodepletion(Section):
    """Chemotherapy before infusion."""

    given: bool
    white_cell_steepness: float
    b_cells_left: float
    myeloid_share_left: float


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
    icans_grade: int


class Anakinra(Section):
    """Anakinra: pharmacokinetics, effect and dosing."""

    dose_mg_per_kg: float
    maximal_dose_mg: float
    bioavailability: float
    volume_l_per_kg: float
    half_life_hours: float
    half_block_ug_per_ml: float
    cns_share: float
    after_steroid_hours: float
    interval_hours: float


class Neurotoxicity(Section):
    """From cytokines in serum to ICANS."""

    il1_pg_per_ml: float
    ifng_pg_per_ml: float
    leak_weight: float
    exponent: float
    injury_per_day: float
    injury_half_life_days: float
    grade_1_injury: float
    grade_2_injury: float
    grade_3_injury: float
    grade_4_injury: float
    edema_injury: float
    icans_death_per_day: float


class Dosing(Section):
    """How the dose is divided and repeated."""

    schedule: str
    first_share: float
    second_share: float
    third_share: float
    interval_days: float
    hold_days: float
    maximal_reinfusions: int
    reinfusion_after_days: float
    reinfusion_until_day: float


class Cost(Section):
    """Prices, US dollars."""

    product_usd: float
    icu_day_usd: float
    tocilizumab_usd_per_mg: float
    corticosteroid_usd_per_mg: float
    anakinra_usd_per_mg: float


class Physiology(Section):
    """From cytokine signal to fever, pressure, oxygen and laboratory values."""

    fever_il6_half_pg_per_ml: float
    fever_il1_half_pg_per_ml: float
    fever_hill: float
    fever_il6_rise_c: float
    fever_il1_rise_c: float
    normal_temperature_c: float
    highest_temperature_c: float
    temperature_lag_hours: float
    fever_c: float
    fever_hours: float
    high_fever_c: float
    neutropenic_fever_per_day: float
    neutropenic_fever_days: float
    leak_il6_pg_per_ml: float
    leak_il1_pg_per_ml: float
    leak_ifng_pg_per_ml: float
    leak_exponent: float
    leak_injury_per_day: float
    leak_feedback: float
    leak_half_life_days: float
    fluids_leak: float
    pressor_leak: float
    high_pressor_leak: float
    low_flow_leak: float
    high_flow_leak: float
    ventilation_leak: float
    crs_death_per_day: float
    ventilated_death_factor: float
    crp_half_life_hours: float
    crp_maximum_mg_per_l: float
    crp_half_pg_per_ml: float
    crp_normal_mg_per_l: float
    ferritin_normal_ng_per_ml: float
    ferritin_maximum_ng_per_ml: float
    ferritin_loss_per_day: float
    ferritin_half_share: float
    progression_death_per_day: float


class Care(Section):
    """What the clinicians do."""

    policy: str
    reaction_hours: float
    early_fever_hours: float
    eliana_need_hours: float
    eliana_critical_hours: float
    eliana_repeat_hours: float
    eliana_steroid_hours: float
    eliana_icans_grade: int
    anakinra: bool
    high_burden_blast_share: float
    round_hours: float
    icu_discharge_hours: float


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


class Pathway(Section):
    """From enrollment to infusion, and the transplant that may follow."""

    enrollments_per_week: float
    slots_per_week: int
    collection_days: float
    manufacture_days_median: float
    manufacture_sigma_ln: float
    manufacture_failure_share: float
    shipping_days_median: float
    shipping_sigma_ln: float
    scheduling_days_median: float
    scheduling_sigma_ln: float
    depletion_lead_low_days: float
    depletion_lead_high_days: float
    screening_share_median: float
    screening_share_sigma_logit: float
    screening_share_low: float
    screening_share_high: float
    bridging_share: float
    bridging_log10_kill: float
    bridging_sigma_log10: float
    bridging_growth_factor: float
    depletion_log10_kill: float
    depletion_sigma_log10: float
    depletion_log10_least: float
    adverse_event_share: float
    heavy_weight_kg: float
    heavy_dose_low_cells: float
    heavy_dose_high_cells: float
    transplant_share: float
    transplant_from_day: float
    transplant_to_day: float
