"""What the kernels work on: cells as columns, sites as columns, rates as named numbers.

A *state* is everything about a cell that is neither its place nor its remaining divisions:
kind x antigen rung for leukemia and B cells, kind x phenotype for CAR T cells, kind x activation
for myeloid cells. Quiescent leukemic cells in a niche stand on the last rung. States are
consecutive integers, so a table of states is an array.
"""

from typing import NamedTuple

import numpy as np

type Column = np.ndarray

RUNGS = 26  # rung 0 carries no antigen; 1..24 climb the ladder; the last is the niche
NICHE = RUNGS - 1  # quiescent leukemic cells, out of reach of most CAR T cells
LEUKEMIA = 0
B_CELL = RUNGS
MEMORY = 2 * RUNGS
EFFECTOR = MEMORY + 1
EXHAUSTED = MEMORY + 2
RESTING = MEMORY + 3
ACTIVATED = MEMORY + 4
STATES = MEMORY + 5
IL6, IL1, IL2, IFNG = range(4)  # places of the cytokines
# Columns of the series that are cells: the states that each counts.
SERIES_CELLS = {
    "leukemia_cd19_positive": slice(LEUKEMIA + 1, B_CELL),
    "leukemia_cd19_negative": slice(LEUKEMIA, LEUKEMIA + 1),  # the lowest rung carries no CD19
    "car_t_memory": slice(MEMORY, EFFECTOR),
    "car_t_effector": slice(EFFECTOR, EXHAUSTED),
    "car_t_exhausted": slice(EXHAUSTED, RESTING),
    "b_cell": slice(B_CELL, MEMORY),
    "myeloid_activated": slice(ACTIVATED, STATES),
}
DIVIDING = 2  # memory and effector cells have divisions left to count

# Places of the integers in Cells.meta: rows in use, next unique_id, rows born, dead or moved since
# sorting, rows that found no room.
ROWS, NEXT_ID, DISORDER, LOST = range(4)


class Cells(NamedTuple):
    """Columns of the agents; the first `meta[ROWS]` rows are in use, those of count 0 are dead."""

    count: Column  # type: ignore[assignment]  # int64: living identical cells
    site: Column  # int32: voxel index, or the last site for blood
    state: Column  # int16
    divisions: Column  # int16: divisions left (CAR T cells)
    unique_id: Column  # int64
    meta: Column  # int64[4]: see the names above


class Sites(NamedTuple):
    """Columns of the sites (voxels in row-major order, blood last); densities in cells/uL.

    One array of records: what a cell needs of its site lies together.
    """

    volume: Column  # uL
    effectors: Column  # activity-weighted CAR T cells
    lysis: Column  # targets weighted by g(A; A_lysis)
    lysis_squared: Column  # targets weighted by its square
    activating: Column  # targets weighted by g(A; A_act)
    releasing: Column  # targets weighted by g(A; A_cyt)
    targets: Column  # leukemic and B cells: what shares the room of the marrow
    killing: Column  # hazard of a target with g = 1, per day
    stimulation: Column  # phi
    supply: Column  # factor of IL-7 and IL-15 on division
    release: Column  # f_c
    room: Column  # 1 - targets/capacity, not below 0; 0 in blood
    engaged: Column  # CAR T cells that release cytokines, cells/uL
    activation: Column  # hazard of a resting myeloid cell, per day
    activated: Column  # activated myeloid cells
    activated_before: Column  # the same at the count before


class Ladder(NamedTuple):
    """Per antigen rung, shape (RUNGS,): responses to the density of CD19, 0 to 1."""

    lysis: Column
    activation: Column
    release: Column


class ByTick(NamedTuple):
    """Hazards by the length of a tick, 2^-k days; the first index is k.

    Passing between marrow and blood is faster than a tick, so its hazards are those that over one
    tick give the exact two-place transition probabilities. Steps on the antigen ladder take turns
    (second index): neighbor rungs exchange cells in pairs, 1-2, 3-4, ... or 2-3, 4-5, ...
    """

    passing: Column  # [k, 6]: leave and home of CAR T, leukemic and B cells
    up: Column  # [k, 2, RUNGS]
    down: Column  # [k, 2, RUNGS]


class Work(NamedTuple):
    """Scratch of a tick, kept between ticks to save allocation."""

    row_of: Column  # int32[sites, STATES]: a row of that site and state, -1 if none
    arrivals: Column  # int64[sites, STATES]: cells on their way there
    arrival_divisions: Column  # int16[sites, STATES]
    homing: Column  # int64[STATES, divisions + 1]: cells leaving blood for marrow
    rows_in: Column  # int64[STATES]: rows per state
    alpha: Column  # float64[capacity]: law of birth and death of a row over half a tick
    beta: Column  # float64[capacity]
    births: Column  # float64[capacity]: expected CD19+ leukemic births of a row in this tick


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
    supply_half: float  # level of IL-7 and IL-15 at half-maximal division
    consumption_half: float  # activity-weighted CAR T cells, cells/uL, that halve that level
    memory_division_share: float
    contraction: float
    contraction_protection: float
    memory_loss: float
    exhausted_loss: float
    memory_activation: float
    memory_return: float
    exhaustion: float
    t_hop: float
    leukemia_division: float
    leukemia_death: float
    cd19_loss: float
    niche_exit: float
    niche_exit_state: int
    leukemia_hop: float
    b_death: float
    b_hop: float
    b_state: int
    myeloid_loss: float
    myeloid_activation: float
    myeloid_deactivation: float
    flux_half: float
    ifng_half: float
    contact_half: float
    contact_share: float
    voxel_capacity: float


class Drive(NamedTuple):
    """What changes from tick to tick; outputs are cells per day into all voxels."""

    homeostatic: float  # IL-7 and IL-15 before CAR T cells consume them; 1 is the peak
    division: float  # factor of drugs on CAR T division
    release: float  # factor of IL-15 on the release of cytokines
    rejection: float  # loss of CAR T cells to the host, per day
    b_division: float  # of B cells, per day
    b_output: float
    myeloid_output: float
    t_leave: float
    t_home: float
    leukemia_leave: float
    leukemia_home: float
    b_leave: float
    b_home: float
    up: Column  # rates of expression noise on each rung, per day
    down: Column


class Recovery(NamedTuple):
    """What comes and goes with the day; outputs and cells are of the simulated part."""

    depleted: bool
    homeostatic_floor: float
    homeostatic_decay_days: float
    homeostatic_patient: float  # times the usual
    release_least: float  # share of release that needs no IL-15
    release_exponent: float
    rejection_per_day: float  # of who rejects, else 0
    rejection_days: float  # half-way to it
    rejection_steepness: float
    rejection_undepleted_per_day: float  # of all, where there was no lymphodepletion
    white_steepness: float
    white_nadir_per_ul: float
    white_normal_per_ul: float
    white_days: float  # half-way back
    b_steepness: float
    b_days: float  # half-way back
    b_influx: float  # cells per day
    b_division_per_day: float
    b_most: float  # cells at which B cells divide no more
    myeloid_share_left: float
    myeloid_steady: float  # cells per day


class Cytokines(NamedTuple):
    """Secretion, exchange and clearance; columns have one entry per cytokine."""

    per_myeloid: Column  # pg/d of an activated myeloid cell
    per_car_t: Column  # pg/d of an engaged CAR T cell
    clearance: Column  # from plasma, per day
    production: Column  # of the host, into plasma, pg/mL/d
    exchange: float  # of voxel fluid with plasma, per day
    marrow_to_plasma: float  # volume of all voxels over that of plasma
    blood_to_plasma: float


class Spread(NamedTuple):
    """Cytokines that diffuse, as cosine modes, each of which decays on its own."""

    losses: Column  # of each mode by diffusion, per day, shape (rows, cols)
    levels: Column  # of four cytokines, pg/mL, shape (4, rows, cols); mode (0, 0) is the mean


class State(NamedTuple):
    """The living part of one patient, changed in place."""

    cells: Cells
    sites: Sites
    body: Column  # int64[STATES]: cells of each state, in all
    blood: Column  # int64[STATES]: cells of each state, in blood
    densities: tuple[Column, ...]  # four kinds, cells/uL, shape (voxels,), as last painted
    fields: tuple[Column, ...]  # four cytokines, pg/mL, shape (voxels,); see `spread`
    plasma: Column  # four cytokines, pg/mL
    spread: Spread | None  # what `fields` is painted from; None in voxels too large for diffusion


class Law(NamedTuple):
    """The constants of one patient that cells and cytokines follow; kernels take it packed."""

    rates: Rates
    ladder: Ladder
    by_tick: ByTick
    recovery: Recovery
    cytokines: Cytokines
    rows: int  # of the marrow, voxels
    cols: int
    budget: int  # agents of a phenotype, and of a site and state


class Room(NamedTuple):
    """What must hold before a tick: kernels do not look at bounds."""

    spare: int  # rows that are free
    spare_per_row: float  # and that many more for each row in use
    disorder: float  # greatest share of rows born, dead or moved since they were sorted


class Effect(NamedTuple):
    """What drugs do to cytokines in a tick, as factors."""

    secretion: float = 1.0
    il6_clearance: float = 1.0
