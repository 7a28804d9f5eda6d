"""One run's record -> one row of outcomes, by the definitions of the published trial."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tcellabm.clinic.cost import cost_usd
from tcellabm.clinic.record import Assessment, Record
from tcellabm.columns import OUTCOMES, Column, names
from tcellabm.params import Parameters
from tcellabm.params.files import plain
from tcellabm.params.own import own
from tcellabm.rules import column_type
from tcellabm.units import HOURS_PER_DAY

NAN = float("nan")
CONFIRMED_AFTER = 28.0  # days a remission must hold
RESPONSE_BY = 90.0  # last day of assessment for a first remission
EXPOSURE_DAYS = 28.0
CONTRACTION_DAYS = 14.0  # after the peak, in which contraction is read
CRS_DAYS = 56.0  # CRS is reported for 8 weeks from an infusion
DEATH_GRADE = 5
SEVERE = 3  # grade from which CRS and ICANS count as severe
LATE_DAY = 60.0  # fever after it is late


class Final(NamedTuple):
    """What is known at the end beside the record."""

    day: float
    leukemic_cells: int  # of the body
    car_t_cells: int
    whole_body: bool  # false in a biopsy, which cannot show remission, relapse or cure
    seed: int
    run_id: str


def outcomes(record: Record, final: Final, params: Parameters) -> dict[str, Any]:
    """Return the outcomes of one run: the names of `columns.OUTCOMES`, then those of one's own.

    Days count from infusion; NaN where nothing happened, False where nothing was observed.

    Parameters
    ----------
    record : Record
        What was observed.
    final : Final
        What is known at the end.
    params : Parameters
        With the patient's covariates.

    Returns
    -------
    dict
        Column -> value, in the units of `columns.OUTCOMES`.
    """
    row = (
        _response(record, final, params)
        | _exposure(record, params)
        | _toxicity(record, params)
        | _aplasia(record, params)
    )
    row |= {
        "cured": final.whole_body and final.leukemic_cells == 0,
        "death_day": record.death_day,
        "death_cause": record.death_cause,
        "followed_days": final.day,
        "tocilizumab_doses": len(record.days_of("tocilizumab")),
        "steroid_doses": len(record.days_of("corticosteroid")),
        "cost_usd": cost_usd(record, row["icu_days"], params),
        "leukemic_cells_end": final.leukemic_cells,
        "car_t_cells_end": final.car_t_cells,
        "seed": final.seed,
        "run_id": final.run_id,
    }
    return {name: row[name] for name in names(OUTCOMES)} | _own(record, params)


def own_columns(params: Parameters) -> tuple[Column, ...]:
    """Return the columns of one's own, which stand behind those of OUTCOMES."""
    return tuple(
        Column(rule.name, column_type(rule), rule.facts["unit"], rule.facts["meaning"], rule.name)
        for rule in own(params.rules).of("outcome")
    )


def _own(record: Record, params: Parameters) -> dict[str, Any]:
    row = {}
    for rule in own(params.rules).of("outcome"):
        kind, value = column_type(rule), plain(rule(record, params))
        if not isinstance(value, (int, float) if kind is float else kind):
            raise rule.refuse(value, kind.__name__)
        row[rule.name] = kind(value)
    return row


# --- response -----------------------------------------------------------------------------------


def in_remission(assessment: Assessment, started_low: bool, params: Parameters) -> bool:
    """Tell whether an assessment shows CR or CRi; who started below 5 % must be MRD-negative.

    Parameters
    ----------
    assessment : Assessment
        Of one day.
    started_low : bool
        The blast share before infusion was below `assay.remission_blast_share`.
    params : Parameters
        `assay` has the limits.

    Returns
    -------
    bool
        True for CR or CRi, confirmed or not.
    """
    assay = params.assay
    few = assessment.blast_share < assay.remission_blast_share and not assessment.circulating
    return few and (not started_low or assessment.mrd < assay.mrd_limit)


def relapsed(assessment: Assessment, params: Parameters) -> bool:
    """Tell whether an assessment shows a relapse: 5 % blasts in marrow, or any in blood."""
    return assessment.blast_share >= params.assay.remission_blast_share or assessment.circulating


def _remissions(assessments: Sequence[Assessment], params: Parameters) -> Iterator[int]:
    """Yield which assessments start a remission that later ones confirm, up to day 90."""
    started_low = assessments[0].blast_share < params.assay.remission_blast_share
    clear = [in_remission(each, started_low, params) for each in assessments]
    for i, first in enumerate(assessments):
        if not 0.0 < first.day <= RESPONSE_BY or not clear[i]:
            continue
        for j in range(i + 1, len(assessments)):
            if not clear[j]:
                break
            if assessments[j].day >= first.day + CONFIRMED_AFTER:
                yield i
                break


def _may_respond(record: Record, followed: float, params: Parameters) -> bool:
    """Tell whether a remission by month 3 may still be seen."""
    if followed < RESPONSE_BY:
        return True
    last = record.assessments[-1]
    started_low = record.assessments[0].blast_share < params.assay.remission_blast_share
    waiting = followed < RESPONSE_BY + CONFIRMED_AFTER + 2.0
    return waiting and last.day <= RESPONSE_BY and in_remission(last, started_low, params)


def _response(record: Record, final: Final, params: Parameters) -> dict[str, Any]:
    assessments = record.assessments
    first = (
        next(_remissions(assessments, params), None) if assessments and final.whole_body else None
    )
    remission_day = assessments[first].day if first is not None else NAN
    relapse = None
    if first is not None:
        relapse = next((a for a in assessments[first + 1 :] if relapsed(a, params)), None)
    phenotype = ""
    if relapse is not None:
        phenotype = "cd19_negative" if relapse.mostly_cd19_negative else "cd19_positive"
    limit = params.assay.mrd_limit
    clear = [0.0 < a.day <= RESPONSE_BY and a.mrd < limit for a in assessments]
    days, event = _event(record, final, params, first is not None, relapse)
    return {
        "remission": first is not None,
        "remission_day": remission_day,
        "mrd_negative": first is not None and any(clear[first:]),
        "relapse_day": relapse.day if relapse is not None else NAN,
        "relapse_phenotype": phenotype,
        "event_free_days": days,
        "event_free_event": event,
    }


def _event(
    record: Record, final: Final, params: Parameters, responded: bool, relapse: Assessment | None
) -> tuple[float, bool]:
    """Return (event-free days, whether they ended in an event)."""
    if not final.whole_body:
        return final.day, False
    if relapse is not None:
        return relapse.day, True
    if not responded and record.assessments and not _may_respond(record, final.day, params):
        return 0.0, True
    if not math.isnan(record.death_day):
        return record.death_day, True
    return final.day, False


# --- exposure -----------------------------------------------------------------------------------


def _exposure(record: Record, params: Parameters) -> dict[str, Any]:
    limit = params.assay.quantification_limit_copies_per_ug
    days = np.array([draw.day for draw in record.draws])
    copies = np.array([draw.copies_per_ug for draw in record.draws])
    measured = np.where(copies >= limit, copies, 0.0)
    found = np.flatnonzero(measured)
    early = days <= EXPOSURE_DAYS
    doubling, contraction = _kinetics(record)
    peak = int(np.argmax(measured)) if found.size else 0
    return {
        "cmax_copies_per_ug": float(measured[peak]) if found.size else 0.0,
        "cmax_cells": _daily_maximum(record),
        "tmax_day": float(days[peak]) if found.size else NAN,
        "auc_0_28": float(np.trapezoid(measured[early], days[early])) if days.size else 0.0,
        "doubling_days": doubling,
        "contraction_half_life_days": contraction,
        "tlast_day": float(days[found[-1]]) if found.size else NAN,
    }


def _car_t(record: Record) -> np.ndarray:
    names = ("car_t_memory", "car_t_effector", "car_t_exhausted")
    total: np.ndarray = sum(record.column(name) for name in names)  # type: ignore[assignment]
    return total


def _daily_maximum(record: Record) -> float:
    """Return the most CAR T cells of the body at the end of any day."""
    day = record.column("day")
    cells = _car_t(record)[day == np.floor(day)]
    return float(cells.max()) if cells.size else 0.0


def _kinetics(record: Record) -> tuple[float, float]:
    """Return (doubling time from the low after infusion to the peak, half-life of contraction).

    From copies per ug at every tick; NaN where copies do not rise, or do not fall.
    """
    day, copies = record.column("day"), record.column("copies_per_ug")
    month = (day <= EXPOSURE_DAYS) & (copies > 0.0)
    day, copies = day[month], np.log2(copies[month])
    if day.size < 3:
        return NAN, NAN
    peak = int(np.argmax(copies))
    low = int(np.argmin(copies[: peak + 1]))
    rise, fall = copies[peak] - copies[low], NAN
    after = (day >= day[peak]) & (day <= day[peak] + CONTRACTION_DAYS)
    if after.sum() >= 3:
        fall = -float(np.polyfit(day[after], copies[after], 1)[0])
    doubling = float(day[peak] - day[low]) / rise if rise > 0.0 else NAN
    return float(doubling), 1.0 / fall if fall > 0.0 else NAN


def _aplasia(record: Record, params: Parameters) -> dict[str, Any]:
    day = record.column("day")
    low = record.column("b_cells_per_ul") < params.assay.aplasia_b_cells_per_ul
    return {"b_cell_aplasia_days": time_in(day, low)}


def time_in(day: np.ndarray, state: np.ndarray) -> float:
    """Return the days spent in a state: each row speaks for the time up to it."""
    return float(np.sum(np.diff(day)[state[1:]])) if day.size > 1 else 0.0


# --- toxicity -----------------------------------------------------------------------------------


def _toxicity(record: Record, params: Parameters) -> dict[str, Any]:
    day, reported = record.column("day"), _reported(record)
    row: dict[str, Any] = {}
    for scale in ("crs_grade_penn", "crs_grade_astct", "crs_grade_lee", "icans_grade"):
        worst = int(record.column(scale)[reported].max(initial=0))
        died_of_it = bool(record.death_cause) and scale.startswith(record.death_cause)
        row[scale] = DEATH_GRADE if died_of_it else worst
    for scale in ("crs_grade_penn", "icans_grade"):
        worst = int(record.column(scale).max(initial=0))
        row[f"{scale}_whole"] = DEATH_GRADE if row[scale] == DEATH_GRADE else worst
    row["icans_onset_day"] = first_day(day, record.column("icans_grade") >= 1)
    row["icans3_day"] = first_day(day, record.column("icans_grade") >= SEVERE)
    row["crs_astct3_day"] = first_day(day, record.column("crs_grade_astct") >= SEVERE)
    row["late_fever_days"] = time_in(day, late_fever(record, params))
    row["crs_onset_day"], row["crs_duration_days"] = _course(record)
    row["icu_days"] = time_in(day, in_icu(record, params))
    for name, column in (
        ("peak_il6", "il6_pg_per_ml"),
        ("peak_ifng", "ifng_pg_per_ml"),
        ("peak_crp", "crp_mg_per_l"),
        ("peak_temperature", "temperature_c"),
    ):
        row[name] = float(record.column(column).max()) if day.size else NAN
    return row


def first_day(day: np.ndarray, state: np.ndarray) -> float:
    """Return the first day in a state; NaN if there is none."""
    hit = np.flatnonzero(state)
    return float(day[hit[0]]) if hit.size else NAN


def late_fever(record: Record, params: Parameters) -> np.ndarray:
    """Tell which rows have fever after day 60 that no background infection explains."""
    day, infected = record.column("day"), record.column("infected")
    fever = record.column("temperature_c") >= params.physiology.fever_c
    found: np.ndarray = fever & ~infected & (day > LATE_DAY)
    return found


def in_icu(record: Record, params: Parameters) -> np.ndarray:
    """Tell which rows lie in intensive care, bool, shape (rows,).

    It begins with a vasopressor, high-flow oxygen or ICANS of grade 3, and ends some hours after
    the last of them.
    """
    day = record.column("day")
    need = np.maximum(record.column("blood_pressure_need"), record.column("oxygen_need")) >= 2
    need |= record.column("icans_grade") >= 3
    last = np.maximum.accumulate(np.where(need, day, -np.inf))
    inside: np.ndarray = day - last <= params.care.icu_discharge_hours / HOURS_PER_DAY
    return inside


def _reported(record: Record) -> np.ndarray:
    """Tell which rows lie within 8 weeks of an infusion; all do where there was none."""
    day, infused = record.column("day"), record.days_of("car_t")
    since = [(day >= start) & (day <= start + CRS_DAYS) for start in infused]
    return np.any(since, axis=0) if since else np.ones(day.size, bool)


def _course(record: Record) -> tuple[float, float]:
    """Return (onset, duration) of CRS, days: from the fever that became sustained to its end."""
    day, grade = record.column("day"), record.column("crs_grade_penn")
    ill = np.flatnonzero((grade > 0) & _reported(record))
    if ill.size == 0:
        return NAN, NAN
    ill = ill[day[ill] <= day[ill[0]] + CRS_DAYS]  # not what a later infusion brings
    onset = float(day[ill[0]]) - float(record.column("fever_hours")[ill[0]]) / HOURS_PER_DAY
    return onset, float(day[ill[-1]]) - onset
