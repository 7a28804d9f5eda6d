"""Patients of a pool, run again at the dose and weight of individuals whose courses are fitted."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import pyarrow as pa

from tcellabm.analysis.courses import Individual
from tcellabm.clinic.observations import on_days
from tcellabm.experiments.compute.collect import Work
from tcellabm.experiments.design.data_file import DAYS, DOSE, WEIGHT
from tcellabm.experiments.design.plan import Plan, Row, Task
from tcellabm.experiments.design.points import check_runs
from tcellabm.experiments.results.shards import parquet
from tcellabm.experiments.studies.pool import PoolPlan
from tcellabm.experiments.studies.sweep import File, Output, Provenance, session
from tcellabm.experiments.studies.trial import TrialTask
from tcellabm.identity import digest

if TYPE_CHECKING:
    from tcellabm.model import TumorTCellModel

COURSES, COPIES, CONDITION = "courses.parquet", "copies_per_ug", "condition"
BURDEN = "patient.leukemic_burden"


class Condition(NamedTuple):
    """A dose at a body weight, and the days on which someone with both was measured."""

    dose_cells: float
    weight_kg: float
    days: tuple[float, ...]

    def settings(self, task: TrialTask) -> dict[str, float]:
        """Return what a patient of the pool is set to: cells of the body go with its weight."""
        heavier = self.weight_kg / task.journey.weight_kg
        return {
            WEIGHT: self.weight_kg,
            DOSE: self.dose_cells / self.weight_kg,
            BURDEN: float(round(task.journey.infusion_burden * heavier)),
            DAYS: float(max(1, math.ceil(self.days[-1]))),
        }


def conditions(individuals: Sequence[Individual]) -> list[Condition]:
    """Return each dose and weight once, with the days of all who share them."""
    days: dict[tuple[float, float], set[float]] = {}
    for person in individuals:
        days.setdefault(person.condition, set()).update(person.days.tolist())
    return [Condition(*condition, tuple(sorted(own))) for condition, own in days.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseTask(Task):
    """One patient of a pool under one condition, of whom the transgene is kept."""

    number: int  # of the condition
    days: tuple[float, ...]

    def observe(self, model: "TumorTCellModel") -> Row:
        """Return the transgene on the days of the condition, copies/µg; NaN after death."""
        record = model.record
        copies = on_days(record.column("day"), record.column("copies_per_ug"), self.days)
        return {CONDITION: self.number, COPIES: copies.tolist()}


@dataclass(frozen=True, kw_only=True)
class CoursePlan(Plan):
    """The first infused patients of a pool, each under every condition.

    Attributes
    ----------
    individuals : str
        Digest of the data.
    followed : tuple of TrialTask
        These patients, as the pool has them.
    """

    individuals: str
    followed: tuple[TrialTask, ...]

    @classmethod
    def of(cls, pool: PoolPlan, wanted: Sequence[Condition], patients: int, data: str) -> Self:
        """Plan the runs.

        Parameters
        ----------
        pool : PoolPlan
            Whose infused patients are run again.
        wanted : sequence of Condition
            Dose and weight of each individual.
        patients : int
            At most so many of the pool's.
        data : str
            Checksum of the data.

        Returns
        -------
        CoursePlan
            Of every patient at every condition.

        Raises
        ------
        InputError
            They are more than can be planned.
        """
        followed = tuple(pool.infused[:patients])
        check_runs(len(followed) * len(wanted), "individual courses")
        tasks: list[Task] = [
            _task(task, number, condition)
            for number, condition in enumerate(wanted)
            for task in followed
        ]
        return cls(
            params=pool.params,
            axes={},
            given=pool.given,
            points=[{}],
            tasks=tasks,
            seed=pool.seed,
            design={"individuals": data, "patients": len(followed), "pool": digest_of(pool)},
            individuals=data,
            followed=followed,
        )

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns of `courses.parquet`."""
        return pa.schema(
            [
                *((name, pa.int64()) for name in ("patient", "replicate", "seed", CONDITION)),
                ("run_id", pa.string()),
                (COPIES, pa.list_(pa.float64())),
                ("error", pa.string()),
            ]
        )


def digest_of(pool: PoolPlan) -> str:
    """Return the name of the laws that the patients of a pool were drawn from."""
    return digest(repr((pool.fitted, pool.drawn.tolist())))


def _task(task: TrialTask, number: int, condition: Condition) -> CourseTask:
    sets = task.settings | condition.settings(task)
    name = digest(f"{task.run_id} {sorted(sets.items())}")
    return CourseTask(sets, task.patient, 0, task.seed, name, number=number, days=condition.days)


@dataclass(frozen=True)
class CourseRuns:
    """What the patients of one pool did under each condition.

    Attributes
    ----------
    seeds : ndarray, shape (patients,)
        Of the patients all of whose runs ended well.
    copies : list of ndarray, shape (patients, days)
        Transgene under each condition, copies/µg; NaN after death.
    complete : bool
        Whether every run is there.
    errors : int
        Number of runs that ended as error rows.
    """

    seeds: np.ndarray
    copies: list[np.ndarray]
    complete: bool
    errors: int = 0

    def with_more(self, other: "CourseRuns") -> "CourseRuns":
        """Return both together."""
        copies = [np.vstack(pair) for pair in zip(self.copies, other.copies, strict=True)]
        seeds = np.concatenate([self.seeds, other.seeds])
        return CourseRuns(seeds, copies, other.complete, self.errors + other.errors)

    def of(self, person: Individual, wanted: Sequence[Condition]) -> np.ndarray:
        """Return the transgene under an individual's condition on that individual's days."""
        places = {(each.dose_cells, each.weight_kg): n for n, each in enumerate(wanted)}
        number = places[person.condition]
        on = np.searchsorted(wanted[number].days, person.days)
        found: np.ndarray = self.copies[number][:, on]
        return found


def compute_courses(plan: CoursePlan, out: Path, work: Work, command: str = "") -> CourseRuns:
    """Compute courses into a folder, or go on with them: `courses.parquet`, `manifest.json`.

    Errors are those of `experiments.studies.sweep.sweep`.

    Parameters
    ----------
    plan : CoursePlan
        Every patient at every condition.
    out : Path
        The result folder.
    work : Work
        Workers and part.
    command : str
        Kept in the manifest.

    Returns
    -------
    CourseRuns
        Empty, and not complete, while runs are missing.
    """

    def result(plan: CoursePlan, runs: pa.Table) -> CourseRuns:
        complete = not work.part and runs.num_rows == len(plan.tasks)
        return _runs_of(plan, runs) if complete else CourseRuns(np.zeros(0, int), [], False)

    def files(
        plan: CoursePlan, runs: pa.Table, result: CourseRuns, origin: Provenance
    ) -> Iterator[File]:
        yield COURSES, parquet(runs, origin)

    return session(plan, out, work, Output(result, files), resume=True, command=command)


def _runs_of(plan: CoursePlan, runs: pa.Table) -> CourseRuns:
    """Return the courses of those whose runs all ended well, in the order of the pool."""
    table = runs.to_pandas()
    failed = table["error"] != ""
    ill = set(table.loc[failed, "patient"])
    well = [task for task in plan.followed if task.patient not in ill]
    order = [task.patient for task in well]
    copies = []
    for _, own in table[~failed].groupby(CONDITION):
        levels = own.set_index("patient").loc[order, COPIES].to_list()
        copies.append(np.array(levels, float).reshape(len(order), -1))
    seeds = np.array([task.seed for task in well], np.int64)
    return CourseRuns(seeds, copies, True, int(failed.sum()))
