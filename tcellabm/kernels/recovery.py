"""What comes and goes with the day: cytokines, rejection, white cells, new cells."""

import math

from tcellabm.kernels.jit import kernel
from tcellabm.kernels.layout import Recovery


@kernel
def returned(day: float, half_way: float, steepness: float, law: Recovery) -> float:
    """Return the share that is back on `day`; all of it where nothing was depleted.

    Parameters
    ----------
    day : float
        Day after infusion.
    half_way : float
        Day on which a half is back.
    steepness : float
        Exponent of the rise.
    law : Recovery
        Of it whether there was lymphodepletion.

    Returns
    -------
    float
        0 to 1.
    """
    if not law.depleted:
        return 1.0
    return risen(day, half_way, steepness)


@kernel
def risen(day: float, half_way: float, steepness: float) -> float:
    """Return a share that rises from 0 on day 0 by way of a half to 1.

    Parameters
    ----------
    day : float
        Day after infusion.
    half_way : float
        Day of a half.
    steepness : float
        Exponent of the rise.

    Returns
    -------
    float
        0 to 1; 0 before day 0.

    Notes
    -----
    1 / (1 + (half_way / day)^steepness).
    """
    if day <= 0.0:
        return 0.0
    return 1.0 / (1.0 + (half_way / day) ** steepness)


@kernel
def homeostatic(day: float, law: Recovery) -> float:
    """Return IL-7 and IL-15 over their peak after lymphodepletion, in the usual patient."""
    extra = math.exp(-day / law.homeostatic_decay_days) if law.depleted else 0.0
    return law.homeostatic_floor + (1.0 - law.homeostatic_floor) * extra


@kernel
def release_factor(day: float, law: Recovery) -> float:
    """Return the factor of IL-15 on the release of cytokines by CAR T cells."""
    share = homeostatic(day, law) ** law.release_exponent
    return law.release_least + (1.0 - law.release_least) * share


@kernel
def rejection(day: float, law: Recovery) -> float:
    """Return the loss of CAR T cells to the host's immune response, per day."""
    if not law.depleted:
        return law.rejection_per_day + law.rejection_undepleted_per_day
    return law.rejection_per_day * risen(day, law.rejection_days, law.rejection_steepness)


@kernel
def white_cells(day: float, law: Recovery) -> float:
    """Return white cells other than CAR T cells, blasts and B cells in blood, cells/uL."""
    back = returned(day, law.white_days, law.white_steepness, law)
    return law.white_nadir_per_ul + (law.white_normal_per_ul - law.white_nadir_per_ul) * back


@kernel
def b_influx(day: float, law: Recovery) -> float:
    """Return new B cells per day."""
    return law.b_influx * returned(day, law.b_days, law.b_steepness, law)


@kernel
def b_division(day: float, b_cells: float, law: Recovery) -> float:
    """Return the division rate of B cells, per day; 0 where they fill their space.

    Parameters
    ----------
    day : float
        Day after infusion.
    b_cells : float
        B cells of the simulated part.
    law : Recovery
        Constants of the patient.

    Returns
    -------
    float
        Per day, 0 or more.
    """
    if law.b_most <= 0.0:
        return 0.0
    back = returned(day, law.b_days, law.b_steepness, law)
    return law.b_division_per_day * back * max(0.0, 1.0 - b_cells / law.b_most)


@kernel
def myeloid_output(day: float, law: Recovery) -> float:
    """Return new resting myeloid cells per day."""
    back = returned(day, law.white_days, law.white_steepness, law)
    return law.myeloid_steady * (law.myeloid_share_left + (1.0 - law.myeloid_share_left) * back)
