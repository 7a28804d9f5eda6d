"""Sections of parameters that say what cells do."""

from tcellabm.params.section import Section


class Patient(Section):
    """One patient, at infusion."""

    weight_kg: float
    leukemic_burden: float
    net_growth_per_day: float
    cd19_negative_fraction: float
    white_cell_nadir_per_ul: float
    white_cell_normal_per_ul: float
    white_cell_recovery_days: float
    myeloid_sensitivity: float
    vascular_sensitivity: float
    neuro_sensitivity: float
    fever_sensitivity: float
    anti_car_response: float
    homeostatic_cytokines: float
    b_cell_output: float
    niche_fraction: float


class Leukemia(Section):
    """Leukemic cells."""

    death_per_day: float
    antigen_median: float
    antigen_sigma_ln: float
    antigen_relaxation_days: float
    cd19_loss_per_division: float
    niche_reach: float
    niche_exit_per_day: float
    leave_marrow_per_day: float
    home_per_day: float
    motility_um2_per_day: float


class Antigen(Section):
    """CD19 molecules at which a target is recognized by half."""

    lysis_half_point: float
    activation_half_point: float
    cytokine_half_point: float
    ladder_low: float
    ladder_high: float
    hill: float


class Product(Section):
    """The infused CAR T cells: what differs between products."""

    dose_cells_per_kg: float
    persistence_half_life_days: float
    memory_fraction: float
    fitness: float
    killing: float
    affinity: float
    exhaustion: float
    copies_per_cell: float
    engrafting_fraction: float
    divisions: int


class Encounter(Section):
    """How CAR T cells meet and kill their targets."""

    kill_per_day: float
    kill_half_density_per_ul: float
    activation_half_density_per_ul: float
    blood_factor: float
    stimulation_half_engagement: float
    release_hill: float
    exhaustion_affinity_exponent: float
    memory_activity: float
    exhausted_activity: float


class CarT(Section):
    """CAR T cells: what products share."""

    division_per_day: float
    memory_division_share: float
    contraction_per_day: float
    contraction_protection: float
    memory_activation_per_day: float
    memory_return_per_day: float
    exhaustion_per_day: float
    exhausted_loss_per_day: float
    leave_marrow_per_day: float
    home_per_day: float
    motility_um2_per_day: float


class BCell(Section):
    """Healthy B cells, which carry CD19 too."""

    influx_per_day: float
    division_per_day: float
    most_cells: float
    share_undepleted: float
    recovery_days: float
    recovery_steepness: float
    death_per_day: float
    antigen_median: float
    leave_marrow_per_day: float
    home_per_day: float
    motility_um2_per_day: float


class Homeostatic(Section):
    """IL-7 and IL-15, which lymphodepletion raises, CAR T cells consume and release needs."""

    floor: float
    decay_days: float
    half_level: float
    consumption_half_per_ul: float
    release_least: float
    release_exponent: float


class Rejection(Section):
    """The host's immune response against CAR T cells."""

    threshold: float
    loss_per_day: float
    half_way_days: float
    steepness: float
    loss_without_depletion_per_day: float


class Myeloid(Section):
    """Monocytes and macrophages."""

    pool_cells: float
    turnover_per_day: float
    activation_per_day: float
    deactivation_per_day: float
    killing_flux_half_per_ul_per_day: float
    ifng_half_pg_per_ml: float
    contact_half_density_per_ul: float
    contact_share: float


class Cytokine(Section):
    """One cytokine: secretion per cell, clearance from plasma, level in health."""

    secretion_pg_per_cell_per_day: float
    clearance_per_day: float
    baseline_pg_per_ml: float


class Il6(Cytokine):
    """IL-6, of which its receptor clears a share that tocilizumab blocks."""

    receptor_share: float


class Cytokines(Section):
    """Cytokines in marrow and plasma."""

    diffusion_um2_per_day: float
    perfusion_per_day: float
    plasma_ml_per_kg: float
    il6: Il6
    il1: Cytokine
    il2: Cytokine
    ifng: Cytokine


class Marrow(Section):
    """The marrow's sites."""

    rows: int
    cols: int
    reference_weight_kg: float
    capacity_cells: float
    cells_per_ul: float


class Blood(Section):
    """The blood site."""

    ml_per_kg: float
