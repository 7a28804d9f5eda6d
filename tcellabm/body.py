"""The size of a body: all that is extensive goes with weight."""

from tcellabm.params import Parameters


def size(params: Parameters) -> float:
    """Return the patient's weight over that to which cells and volumes in the files refer."""
    return params.patient.weight_kg / params.marrow.reference_weight_kg


def capacity_cells(params: Parameters) -> float:
    """Return the nucleated cells that fill the patient's marrow."""
    return params.marrow.capacity_cells * size(params)


def myeloid_pool(params: Parameters) -> float:
    """Return the patient's myeloid cells in health."""
    return params.myeloid.pool_cells * size(params)
