"""What returns after lymphodepletion: from parameters to what `kernels.recovery` follows."""

from tcellabm.kernels.layout import Recovery
from tcellabm.params import Parameters


def recovery_law(params: Parameters) -> Recovery:
    """Return the course of one patient's host compartments; outputs are of the simulated part."""
    depletion, patient, b_cell = params.lymphodepletion, params.patient, params.b_cell
    fraction = params.resolution.represented_fraction
    early = min(b_cell.output_early_per_day, b_cell.output_steady_per_day)
    myeloid = params.myeloid.pool_cells * params.myeloid.turnover_per_day
    return Recovery(
        depleted=depletion.given,
        steepness=depletion.recovery_steepness,
        window_floor=depletion.window_floor,
        window_decay_days=depletion.window_decay_days,
        white_nadir_per_ul=patient.white_cell_nadir_per_ul,
        white_normal_per_ul=patient.white_cell_normal_per_ul,
        white_days=patient.white_cell_recovery_days,
        b_early=early * fraction,
        b_steady=b_cell.output_steady_per_day * fraction,
        b_days=b_cell.output_recovery_days,
        myeloid_share_left=depletion.myeloid_share_left if depletion.given else 1.0,
        myeloid_steady=myeloid * fraction,
    )
