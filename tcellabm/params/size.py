"""How large a patient is on day 0 at least: what cannot be simulated is refused before it is."""

import math
from collections.abc import Sequence

from tcellabm.params.errors import InputError
from tcellabm.params.parameters import Parameters

_MARGIN = 10.0  # standard deviations of a number of agents


class TooManyAgentsError(InputError):
    """More agents than `resolution.max_agents`.

    Parameters
    ----------
    agents : float
        How many there are.
    most : int
        How many there may be.
    where : str
        File or option they come from.
    """

    def __init__(self, agents: float, most: int, where: str = "") -> None:
        """Say how many there are, and how many there may be."""
        allowed = f"allowed: up to {most}, resolution.max_agents"
        less = "less by resolution.represented_fraction or marrow.rows"
        super().__init__(f"{agents:.4g} agents", where, f"{allowed}; {less}")


def check_size(params: Parameters, where: str = "") -> None:
    """Refuse what makes too many agents of every patient that may be drawn.

    Raises
    ------
    TooManyAgentsError
        Every patient has more than `resolution.max_agents` on day 0.
    """
    fraction = params.resolution.represented_fraction
    check_agents(params, [cells * fraction for cells in least_cells(params)], where)


def check_agents(params: Parameters, cells: Sequence[float], where: str = "") -> None:
    """Refuse a patient who will surely have too many agents, before that takes time or memory.

    Parameters
    ----------
    params : Parameters
        Say what an agent is, and how many are allowed.
    cells : sequence of float
        The simulated cells of each state, spread over the marrow at random.
    where : str
        Where they come from.

    Raises
    ------
    TooManyAgentsError
        There are more than `resolution.max_agents`.
    """
    resolution, voxels = params.resolution, params.marrow.rows * params.marrow.cols
    if resolution.single_cell:
        agents = sum(cells)
    else:  # voxels that hold any of a state
        agents = sum(-voxels * math.expm1(-each / voxels) for each in cells)
    surely = math.floor(agents - _MARGIN * math.sqrt(agents))
    if surely > resolution.max_agents:
        raise TooManyAgentsError(surely, resolution.max_agents, where)


def least_cells(params: Parameters) -> tuple[float, float, float]:
    """Return the fewest leukemic, B and myeloid cells of the body that a patient has on day 0."""
    if params.lymphodepletion.given:
        b_cells = _least(params, "lymphodepletion.b_cells_left")
        left = _least(params, "lymphodepletion.myeloid_share_left")
    else:
        b_cells = _least(params, "b_cell.most_cells") * _least(params, "b_cell.share_undepleted")
        b_cells *= _least(params, "patient.b_cell_output")
        left = 1.0
    myeloid = _least(params, "myeloid.pool_cells") * left
    size = _least(params, "patient.weight_kg") / params.marrow.reference_weight_kg
    burden = "patient.leukemic_burden"
    leukemic = _least(params, burden) * (1.0 if burden in params.pinned else size)
    return leukemic, b_cells * size, myeloid * size


def _least(params: Parameters, key: str) -> float:
    """Return the lowest value of a parameter: that of its distribution where it is drawn."""
    if key in params.pinned or key not in params.distributions:
        return float(params.get(key))
    return params.distributions[key].low
