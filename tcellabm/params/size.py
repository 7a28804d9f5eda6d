"""How large a patient is on day 0 at least: what cannot be simulated is refused before it is."""

from tcellabm.params.errors import InputError
from tcellabm.params.parameters import Parameters


def check_size(params: Parameters, where: str = "") -> None:
    """Refuse single cells where no patient that may be drawn has few enough of them.

    Raises
    ------
    InputError
        Every patient has more than `resolution.max_agents`.
    """
    resolution = params.resolution
    if not resolution.single_cell:
        return
    agents = round(least_cells(params) * resolution.represented_fraction)
    if agents > resolution.max_agents:
        what = f"resolution.single_cell makes {agents:.2g} agents of this body on day 0"
        allowed = f"allowed: resolution.max_agents {resolution.max_agents:.2g}, or lower "
        raise InputError(what, where, f"{allowed}resolution.represented_fraction")


def least_cells(params: Parameters) -> float:
    """Return the fewest cells of the whole body that a patient can have on day 0."""
    if params.lymphodepletion.given:
        b_cells = _least(params, "lymphodepletion.b_cells_left")
        left = _least(params, "lymphodepletion.myeloid_share_left")
    else:
        death = params.b_cell.death_per_day
        b_cells = _least(params, "b_cell.output_steady_per_day") / death if death else 0.0
        left = 1.0
    myeloid = _least(params, "myeloid.pool_cells") * left
    return _least(params, "patient.leukemic_burden") + b_cells + myeloid


def _least(params: Parameters, key: str) -> float:
    """Return the lowest value of a parameter: that of its distribution where it is drawn."""
    if key in params.pinned or key not in params.distributions:
        return float(params.get(key))
    return params.distributions[key].low
