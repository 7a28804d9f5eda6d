"""What comes and goes with the day: from parameters to what `kernels.recovery` follows."""

from tcellabm.body import size
from tcellabm.kernels.layout import Recovery
from tcellabm.params import Parameters


def recovery_law(params: Parameters) -> Recovery:
    """Return the course of one patient's host compartments; outputs are of the simulated part."""
    depletion, patient, b_cell = params.lymphodepletion, params.patient, params.b_cell
    cytokines, rejection = params.homeostatic, params.rejection
    simulated = size(params) * params.resolution.represented_fraction
    given = depletion.given
    myeloid = params.myeloid.pool_cells * params.myeloid.turnover_per_day
    rejects = patient.anti_car_response > rejection.threshold
    return Recovery(
        depleted=given,
        homeostatic_floor=cytokines.floor,
        homeostatic_decay_days=cytokines.decay_days,
        homeostatic_patient=patient.homeostatic_cytokines,
        release_least=cytokines.release_least,
        release_exponent=cytokines.release_exponent,
        rejection_per_day=rejection.loss_per_day if rejects else 0.0,
        rejection_days=rejection.half_way_days,
        rejection_steepness=rejection.steepness,
        rejection_undepleted_per_day=rejection.loss_without_depletion_per_day,
        white_steepness=depletion.white_cell_steepness,
        white_nadir_per_ul=patient.white_cell_nadir_per_ul,
        white_normal_per_ul=patient.white_cell_normal_per_ul,
        white_days=patient.white_cell_recovery_days,
        b_steepness=b_cell.recovery_steepness,
        b_days=b_cell.recovery_days,
        b_influx=b_cell.influx_per_day * patient.b_cell_output * simulated,
        b_division_per_day=b_cell.division_per_day,
        b_most=b_cell.most_cells * patient.b_cell_output * simulated,
        myeloid_share_left=depletion.myeloid_share_left if given else 1.0,
        myeloid_steady=myeloid * simulated,
    )
