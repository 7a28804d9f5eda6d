"""A patient from one clinical event to the next: ticks of cells, drugs, bedside and fate."""

import math
from typing import NamedTuple

from numpy.random import Generator

from tcellabm.kernels import recovery
from tcellabm.kernels.bedside import (
    Body,
    BodyLaw,
    Cns,
    CnsLaw,
    Signs,
    advance_body,
    advance_cns,
    signs_of,
)
from tcellabm.kernels.drugs import (
    DrugLaws,
    Drugs,
    advance_drugs,
    cytokine_effect,
    division_factor,
    il1_free,
    il6_free,
)
from tcellabm.kernels.grading import Needs, astct, lee, penn
from tcellabm.kernels.jit import inlined_kernel, kernel
from tcellabm.kernels.layout import (
    ACTIVATED,
    B_CELL,
    DISORDER,
    EFFECTOR,
    EXHAUSTED,
    IFNG,
    IL1,
    IL2,
    IL6,
    LEUKEMIA,
    LOST,
    MEMORY,
    RESTING,
    ROWS,
    Column,
    Drive,
    Law,
    Room,
    State,
    Work,
)
from tcellabm.kernels.pictures import paint
from tcellabm.kernels.tick import tick

DENSE_DAYS = 60.0  # a row per tick until then, per day after
HOMING_HALVINGS = 3  # infused cells pass from blood to marrow within hours: ticks of an eighth
CRS, ICANS, PROGRESSION = range(3)  # causes of death
ALIVE = -1


class ClockLaw(NamedTuple):
    """How long ticks may be: 2^-k days."""

    halvings: int  # k of the tick while things move
    slow_halvings: int  # k of the longest
    change_per_tick: float


class FateLaw(NamedTuple):
    """Hazards of death, per day, and what brings them about."""

    crs_per_day: float  # on multiple vasopressors
    ventilated_factor: float  # times that on ventilation
    icans_per_day: float
    progression_per_day: float  # where leukemia fills the marrow; in proportion below
    capacity_cells: float  # of the body


class BloodLaw(NamedTuple):
    """What is measured in blood and scaled to the body."""

    ul: float  # volume of the simulated part
    fraction: float  # of the body that is simulated
    copies_per_share: float  # transgene copies per ug if all cells were CAR T cells
    blasts_per_ul: float  # from which blasts are seen


class Rules(NamedTuple):
    """The constants of one patient; kernels take them packed."""

    law: Law
    drugs: DrugLaws
    body: BodyLaw
    cns: CnsLaw
    clock: ClockLaw
    fate: FateLaw
    blood: BloodLaw
    infection_days: float
    room: Room
    most_agents: int


class Course(NamedTuple):
    """All of a patient that is neither a cell nor a cytokine, at the end of a tick."""

    day: float  # of that end
    due: float  # when the next tick ends
    halvings: int  # k of the next tick, which is 2^-k days long
    drugs: Drugs
    body: Body
    cns: Cns
    signs: Signs
    left: tuple[float, float, float]  # hazard until death by CRS, ICANS, progression
    fastest: float = 0.0  # how fast hazards changed in the last tick, per day
    homing_until: float = 0.0  # ticks are shortest until then
    alert_until: float = 0.0  # and short until then
    blasts: bool = True  # seen in blood
    appeared: bool = False  # they were not, a tick ago
    changed: bool = False  # something happened in the last tick that care or the chart must notice
    cause: int = ALIVE  # of death
    died: float = math.nan  # day of death


class Chart(NamedTuple):
    """The series so far, of which the first `used[0]` rows are in use; and infections to come."""

    rows: Column  # records, see `columns.SERIES`
    used: Column  # int64[1]
    infections: Column  # days on which background fevers begin, rising


@kernel
def run(
    rng: Generator,
    until: float,
    state: State,
    course: Course,
    packed_rules: Column,
    chart: Chart,
    work: Work | None,
) -> Course:
    """Advance a patient to the last tick that ends by a day, or to the first that changes signs.

    It returns sooner too where a table is full, single cells are out of order, blasts appear in
    blood, or the patient dies.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    until : float
        Day after infusion.
    state : State
        Cells and cytokines, changed in place.
    course : Course
        At the end of the last tick.
    packed_rules : array of one record
        The `Rules` of the patient.
    chart : Chart
        The series; rows are added in place.
    work : Work or None
        Scratch of groups; None if every agent is one cell.

    Returns
    -------
    Course
        At the end of the last tick that was run.
    """
    rules = packed_rules[0]
    while course.due <= until and course.cause == ALIVE and has_room(state, rules, chart):
        course = advance(rng, state, course, rules, chart, work)
        if wants_row(course):
            write_row(state, course, rules, chart)
        if course.changed:
            break
    paint(state)
    return course


@kernel
def has_room(state: State, rules: Rules, chart: Chart) -> bool:
    """Tell whether there is room for what a tick adds, and single cells lie in order.

    Parameters
    ----------
    state : State
        Its cells are looked at.
    rules : Rules
        `room` and `most_agents` are the limits.
    chart : Chart
        The series, with a row or more to spare.

    Returns
    -------
    bool
        False where the caller must enlarge a table, sort the cells or stop.
    """
    used, room = state.cells.meta[ROWS], rules.room
    enough = used + room.spare + int(room.spare_per_row * used) <= state.cells.count.size
    ordered = state.cells.meta[DISORDER] <= room.disorder * used
    fits = used <= rules.most_agents and state.cells.meta[LOST] == 0
    return enough and ordered and fits and chart.used[0] < chart.rows.size


@inlined_kernel
def advance(
    rng: Generator, state: State, course: Course, rules: Rules, chart: Chart, work: Work | None
) -> Course:
    """Run one tick.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    state : State
        Cells and cytokines, changed in place.
    course : Course
        At the end of the last tick; the next lasts from `day` to `due`.
    rules : Rules
        Constants of the patient.
    chart : Chart
        Of it the days of background fevers.
    work : Work or None
        Scratch of groups; None if every agent is one cell.

    Returns
    -------
    Course
        At the end of the tick, with the next one planned.
    """
    dt, drugs = course.due - course.day, course.drugs
    drive = drive_of(dt, state, course, rules)
    effect = cytokine_effect(drugs, rules.drugs)
    fastest = tick(rng, dt, state, rules.law, drive, effect, work)
    drugs = advance_drugs(dt, drugs, rules.drugs)
    infected = under_way(course.due, chart.infections, rules.infection_days)
    body, cns = follow(dt, state, course, drugs, infected, rules)
    signs = signs_of(body, cns, rules.body, rules.cns)
    hazards = hazards_of(state, cns, signs.needs, rules)
    left, cause, died = meet_fate(dt, course, hazards)
    blasts = sum_of(state.blood, LEUKEMIA, B_CELL) / rules.blood.ul >= rules.blood.blasts_per_ul
    appeared = blasts and not course.blasts
    course = Course(
        course.due,
        course.due,
        course.halvings,
        drugs,
        body,
        cns,
        signs,
        left,
        fastest,
        course.homing_until,
        course.alert_until,
        blasts,
        appeared,
        appeared or cause != ALIVE or signs != course.signs,
        cause,
        died,
    )
    return planned(course, course.day, rules.clock)


@kernel
def drive_of(dt: float, state: State, course: Course, rules: Rules) -> Drive:
    """Return what drives a tick of `dt` days: recovery at its middle, drugs at its start.

    Parameters
    ----------
    dt : float
        Tick length, 2^-`course.halvings` days.
    state : State
        Of it the B cells, which limit their own division.
    course : Course
        At the start of the tick.
    rules : Rules
        Constants of the patient.

    Returns
    -------
    Drive
        Rates per day, outputs in cells per day.
    """
    law, middle, by_tick = rules.law.recovery, course.day + 0.5 * dt, rules.law.by_tick
    halvings, turn = course.halvings, int(round(course.day / dt)) % 2
    passing = by_tick.passing[halvings]
    return Drive(
        recovery.homeostatic(middle, law) * law.homeostatic_patient,
        division_factor(course.drugs, rules.drugs),
        recovery.release_factor(middle, law),
        recovery.rejection(middle, law),
        recovery.b_division(middle, sum_of(state.body, B_CELL, MEMORY), law),
        recovery.b_influx(middle, law),
        recovery.myeloid_output(middle, law),
        passing[0],
        passing[1],
        passing[2],
        passing[3],
        passing[4],
        passing[5],
        by_tick.up[halvings, turn],
        by_tick.down[halvings, turn],
    )


@kernel
def follow(
    dt: float, state: State, course: Course, drugs: Drugs, infected: bool, rules: Rules
) -> tuple[Body, Cns]:
    """Return the bedside and the CNS after a tick of `dt` days.

    Parameters
    ----------
    dt : float
        Tick length, days.
    state : State
        Cytokines in plasma and activated myeloid cells at the end of the tick.
    course : Course
        Bedside and CNS at its start.
    drugs : Drugs
        At its end.
    infected : bool
        A background fever is under way at its end.
    rules : Rules
        Constants of the patient.

    Returns
    -------
    body : Body
        Temperature, leak, laboratory values.
    cns : Cns
        Injury of the CNS.
    """
    il6, il1, ifng = state.plasma[IL6], state.plasma[IL1], state.plasma[IFNG]
    unblocked = (
        il6 * il6_free(drugs, rules.drugs),
        il1 * il1_free(drugs, rules.drugs, 1.0),
        ifng,
    )
    activated = state.body[ACTIVATED] / rules.blood.fraction
    least = rules.body.fever.high_fever_c if infected else 0.0
    body = advance_body(dt, course.body, unblocked, activated, least, rules.body)
    in_cns = il1 * il1_free(drugs, rules.drugs, rules.drugs.anakinra.cns_share)
    return body, advance_cns(dt, course.cns, in_cns, ifng, body.leak, rules.cns)


@kernel
def under_way(day: float, infections: Column, lasting: float) -> bool:
    """Tell whether a background fever is under way.

    Parameters
    ----------
    day : float
        Day after infusion.
    infections : ndarray, float64, shape (fevers,)
        Days on which they begin.
    lasting : float
        Length of each, days.

    Returns
    -------
    bool
        True from the day one begins until just before its end.
    """
    found = False
    for start in infections:
        found |= start <= day < start + lasting
    return found


@kernel
def hazards_of(state: State, cns: Cns, needs: Needs, rules: Rules) -> tuple[float, float, float]:
    """Return the hazards of death by CRS, ICANS and progression, per day.

    Parameters
    ----------
    state : State
        Of it the leukemic cells.
    cns : Cns
        Its injury kills from edema on.
    needs : Needs
        CRS kills where either is 3.
    rules : Rules
        Constants of the patient.

    Returns
    -------
    (float, float, float)
        In the order of CRS, ICANS, PROGRESSION.
    """
    law = rules.fate
    failing = law.ventilated_factor if needs.oxygen == 3 else 1.0
    if max(needs.blood_pressure, needs.oxygen) < 3:
        failing = 0.0
    leukemia = sum_of(state.body, LEUKEMIA, B_CELL) / rules.blood.fraction
    return (
        law.crs_per_day * failing,
        law.icans_per_day if cns.injury >= rules.cns.edema_injury else 0.0,
        law.progression_per_day * leukemia / law.capacity_cells,
    )


@kernel
def meet_fate(
    dt: float, course: Course, hazards: tuple[float, float, float]
) -> tuple[tuple[float, float, float], int, float]:
    """Return the hazard left until each death, the cause that came first, and its day.

    Parameters
    ----------
    dt : float
        Tick length, days.
    course : Course
        With the hazards left at the start of the tick, which ends on day `due`.
    hazards : (float, float, float)
        Of death by CRS, ICANS and progression in this tick, per day.

    Returns
    -------
    left : (float, float, float)
        Hazard until each death; not above 0 where it came.
    cause : int
        CRS, ICANS or PROGRESSION; ALIVE if none.
    died : float
        Day after infusion; NaN if alive.
    """
    cause, died = ALIVE, math.nan
    for which in range(3):
        rest = course.left[which] - hazards[which] * dt
        if rest <= 0.0:
            day = course.due + rest / hazards[which]
            if cause == ALIVE or day < died:
                cause, died = which, day
    left = (
        course.left[CRS] - hazards[CRS] * dt,
        course.left[ICANS] - hazards[ICANS] * dt,
        course.left[PROGRESSION] - hazards[PROGRESSION] * dt,
    )
    return left, cause, died


@kernel
def sum_of(counts: Column, first: int, end: int) -> int:
    """Return the cells of some consecutive states.

    Parameters
    ----------
    counts : ndarray, int64, shape (STATES,)
        Cells of each state.
    first, end : int
        States from `first` to before `end`.

    Returns
    -------
    int
        Cells.
    """
    total = 0
    for which in range(first, end):
        total += counts[which]
    return total


# --- the clock ------------------------------------------------------------------------------------


@kernel
def planned(course: Course, now: float, law: ClockLaw) -> Course:
    """Plan the next tick: the longest of 2^-k days, on a grid from day 0, that the state allows.

    It ends after `now`, which is later than the end of the last tick where something is ordered
    within a tick.

    Parameters
    ----------
    course : Course
        At the end of a tick.
    now : float
        Day after infusion.
    law : ClockLaw
        Limits of the tick length.

    Returns
    -------
    Course
        With `due` and `halvings` of the next tick.
    """
    halvings = law.slow_halvings
    if course.day < course.homing_until:
        halvings = law.halvings + HOMING_HALVINGS
    elif course.body.in_crs or course.day < course.alert_until:
        halvings = law.halvings
    length = 0.5**halvings
    while course.day % length != 0.0 or (
        halvings < law.halvings and course.fastest * length > law.change_per_tick
    ):
        halvings, length = halvings + 1, 0.5 * length
    while course.day + length <= now:
        halvings, length = halvings - 1, 2.0 * length
    return Course(
        course.day,
        course.day + length,
        halvings,
        course.drugs,
        course.body,
        course.cns,
        course.signs,
        course.left,
        course.fastest,
        course.homing_until,
        course.alert_until,
        course.blasts,
        course.appeared,
        course.changed,
        course.cause,
        course.died,
    )


# --- the chart ------------------------------------------------------------------------------------


@kernel
def wants_row(course: Course) -> bool:
    """Tell whether the series gets a row now: each tick early, then each day; at death."""
    daily = course.day == math.floor(course.day)
    return course.day <= DENSE_DAYS or daily or course.cause != ALIVE


@kernel
def write_row(state: State, course: Course, rules: Rules, chart: Chart) -> None:
    """Note this moment in the series; cells are those of the body.

    Parameters
    ----------
    state : State
        Cells and cytokines now.
    course : Course
        Day, bedside, CNS and drugs now.
    rules : Rules
        Constants of the patient.
    chart : Chart
        The next free row is filled in place; the caller sees to it that there is one.
    """
    signs, row = course.signs, chart.rows[chart.used[0]]
    row["day"] = course.day if course.cause == ALIVE else course.died
    write_cells(state, course.day, rules, row)
    row["il6_pg_per_ml"] = state.plasma[IL6]
    row["il1_pg_per_ml"] = state.plasma[IL1]
    row["il2_pg_per_ml"] = state.plasma[IL2]
    row["ifng_pg_per_ml"] = state.plasma[IFNG]
    volume = rules.drugs.tocilizumab.volume_l
    row["tocilizumab_ug_per_ml"] = course.drugs.tocilizumab_mg.x / volume
    row["temperature_c"] = course.body.temperature_c
    row["crp_mg_per_l"] = course.body.crp_mg_per_l
    row["ferritin_ng_per_ml"] = course.body.ferritin_ng_per_ml
    row["blood_pressure_need"] = signs.needs.blood_pressure
    row["oxygen_need"] = signs.needs.oxygen
    row["crs_grade_penn"] = penn(signs.needs)
    row["crs_grade_astct"] = astct(signs.needs)
    row["crs_grade_lee"] = lee(signs.needs)
    row["icans_grade"] = signs.icans
    row["fever_hours"] = course.body.fever_hours
    row["infected"] = under_way(course.day, chart.infections, rules.infection_days)
    row["cerebral_edema"] = course.cns.injury >= rules.cns.edema_injury
    chart.used[0] += 1


@kernel
def write_cells(state: State, day: float, rules: Rules, row: Column) -> None:
    """Note the cells of the body, and what blood shows of them.

    Parameters
    ----------
    state : State
        Cells of the simulated part.
    day : float
        Day after infusion, for the white cells.
    rules : Rules
        Constants of the patient.
    row : record
        Of `columns.SERIES`, changed in place: cells of the body, cells/uL, copies/ug.
    """
    row["leukemia_cd19_positive"] = sum_of(state.body, LEUKEMIA + 1, B_CELL) / rules.blood.fraction
    row["leukemia_cd19_negative"] = state.body[LEUKEMIA] / rules.blood.fraction
    row["car_t_memory"] = sum_of(state.body, MEMORY, EFFECTOR) / rules.blood.fraction
    row["car_t_effector"] = sum_of(state.body, EFFECTOR, EXHAUSTED) / rules.blood.fraction
    row["car_t_exhausted"] = sum_of(state.body, EXHAUSTED, RESTING) / rules.blood.fraction
    row["b_cell"] = sum_of(state.body, B_CELL, MEMORY) / rules.blood.fraction
    row["myeloid_activated"] = state.body[ACTIVATED] / rules.blood.fraction
    row["copies_per_ug"] = copies_per_ug(state, day, rules)
    row["b_cells_per_ul"] = sum_of(state.blood, B_CELL, MEMORY) / rules.blood.ul
    row["blood_blasts_per_ul"] = sum_of(state.blood, LEUKEMIA, B_CELL) / rules.blood.ul


@kernel
def copies_per_ug(state: State, day: float, rules: Rules) -> float:
    """Return transgene copies per ug of DNA in blood.

    Parameters
    ----------
    state : State
        Of it the cells in blood.
    day : float
        Day after infusion, for the white cells.
    rules : Rules
        Constants of the patient.

    Returns
    -------
    float
        Copies/ug; see `copies_of`.
    """
    car_t = sum_of(state.blood, MEMORY, RESTING) / rules.blood.ul
    others = recovery.white_cells(day, rules.law.recovery)
    others += sum_of(state.blood, LEUKEMIA, MEMORY) / rules.blood.ul  # blasts and B cells
    return copies_of(car_t, others, rules.blood.copies_per_share)


@kernel
def sampled_copies(state: State, day: float, packed_rules: Column) -> float:
    """Return transgene copies per ug of DNA in a blood sample.

    Parameters
    ----------
    state : State
        Of it the cells in blood.
    day : float
        Day after infusion, for the white cells.
    packed_rules : array of one record
        The `Rules` of the patient: entered sooner than with the record in it.

    Returns
    -------
    float
        Copies/ug; see `copies_per_ug`.
    """
    return copies_per_ug(state, day, packed_rules[0])


@kernel
def copies_of(car_t: float, others: float, copies_per_share: float) -> float:
    """Return transgene copies per ug of DNA, from CAR T and other nucleated cells per uL.

    Parameters
    ----------
    car_t, others : float
        In blood, cells/uL.
    copies_per_share : float
        Copies/ug if all cells were CAR T cells.

    Returns
    -------
    float
        Copies/ug; 0 where there are no cells.
    """
    every = car_t + others
    return copies_per_share * car_t / every if every > 0.0 else 0.0
