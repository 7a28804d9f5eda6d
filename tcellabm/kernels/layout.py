"""What the kernels work on: cells as columns, sites as columns, rates as named numbers.

A *state* is everything about a cell that is neither its place nor its remaining divisions:
kind x antigen rung for leukemia and B cells, kind x phenotype for CAR T cells, kind x activation
for myeloid cells. States are consecutive integers, so a table of states is an array.
"""

from typing import NamedTuple

import numpy as np

RUNGS = 25  # rung 0 carries no antigen; 1..24 climb the ladder
LEUKEMIA = 0
B_CELL = RUNGS
MEMORY = 2 * RUNGS
EFFECTOR = MEMORY + 1
EXHAUSTED = MEMORY + 2
RESTING = MEMORY + 3
ACTIVATED = MEMORY + 4
STATES = MEMORY + 5
DIVIDING = 2  # memory and effector cells have divisions left to count

# Places of the integers in Cells.meta
ROWS, NEXT_ID, DISORDER, LOST = range(4)  # LOST: rows that found no room


class Cells(NamedTuple):
    """Columns of the agents; the first `meta[ROWS]` rows are in use, those of count 0 are dead."""

    count: np.ndarray  # int64: living identical cells
    site: np.ndarray  # int32: voxel index, or the last site for blood
    state: np.ndarray  # int16
    divisions: np.ndarray  # int16: divisions left (CAR T cells)
    unique_id: np.ndarray  # int64
    meta: (
        np.ndarray
    )  # int64[4]: rows in use, next unique_id, rows born, dead or moved since sorting


class Sites(NamedTuple):
    """Columns of the sites (voxels in row-major order, blood last); densities in cells/uL."""

    volume: np.ndarray  # uL
    effectors: np.ndarray  # activity-weighted CAR T cells
    lysis: np.ndarray  # targets weighted by g(A; A_lysis)
    lysis_squared: np.ndarray  # targets weighted by its square
    activating: np.ndarray  # targets weighted by g(A; A_act)
    releasing: np.ndarray  # targets weighted by g(A; A_cyt)
    targets: np.ndarray  # leukemic and B cells: what shares the room of the marrow
    killing: np.ndarray  # hazard of a target with g = 1, per day
    stimulation: np.ndarray  # phi
    release: np.ndarray  # f_c
    room: np.ndarray  # 1 - targets/capacity, not below 0; 0 in blood
    engaged: np.ndarray  # CAR T cells that release cytokines, cells/uL
    activation: np.ndarray  # hazard of a resting myeloid cell, per day
    activated: np.ndarray  # activated myeloid cells
    activated_before: np.ndarray  # the same at the count before


class Ladder(NamedTuple):
    """Per antigen rung: responses to the density, and rates of expression noise (per day)."""

    lysis: np.ndarray
    activation: np.ndarray
    release: np.ndarray
    up: np.ndarray
    down: np.ndarray


class Work(NamedTuple):
    """Scratch of a tick, kept between ticks to save allocation."""

    row_of: np.ndarray  # int32[sites, STATES]: a row of that site and state, -1 if none
    arrivals: np.ndarray  # int64[sites, STATES]: cells on their way there
    arrival_divisions: np.ndarray  # int16[sites, STATES]
    homing: np.ndarray  # int64[STATES, divisions + 1]: cells leaving blood for marrow
    rows_in: np.ndarray  # int64[STATES]: rows per state
    alpha: np.ndarray  # float64[capacity]: law of birth and death of a row over half a tick
    beta: np.ndarray  # float64[capacity]
    births: np.ndarray  # float64[capacity]: expected CD19+ leukemic births of a row in this tick


class Rates(NamedTuple):
    """One patient's constants: hazards per day, half-points in the unit of what they halve."""

    kill: float
    kill_half: float
    activation_half: float
    blood_factor: float
    stimulation_half: float
    release_hill: float
    memory_activity: float
    exhausted_activity: float
    t_division: float
    t_capacity: float
    memory_division_share: float
    contraction: float
    contraction_protection: float
    memory_loss: float
    exhausted_loss: float
    anti_car: float
    memory_activation: float
    memory_return: float
    exhaustion: float
    t_hop: float
    leukemia_division: float
    leukemia_death: float
    cd19_loss: float
    leukemia_hop: float
    b_death: float
    b_hop: float
    b_state: int
    myeloid_loss: float
    myeloid_activation: float
    myeloid_deactivation: float
    flux_half: float
    ifng_half: float
    ifng_hill: float
    contact_half: float
    contact_share: float
    voxel_capacity: float


class Drive(NamedTuple):
    """What changes from tick to tick; outputs are cells per day into all voxels.

    Passing between marrow and blood is faster than a tick, so its hazards (`_leave`, `_home`) are
    those that over one tick give the exact two-place transition probabilities.
    """

    window: float  # lymphodepletion window times drug effect on CAR T division
    b_output: float
    myeloid_output: float
    t_leave: float
    t_home: float
    leukemia_leave: float
    leukemia_home: float
    b_leave: float
    b_home: float
