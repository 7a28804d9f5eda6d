"""What a sweep computes: points, arms, patients, seeds, names of runs. Nothing here says how."""

import math
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from tcellabm.analysis.packed import pack
from tcellabm.clinic.drugs import treatments
from tcellabm.clinic.outcomes import own_columns
from tcellabm.columns import FAULT, OUTCOMES, RUN, Column
from tcellabm.experiments.design import arms
from tcellabm.experiments.design.arms import Arm
from tcellabm.experiments.design.cohort_file import CohortFile, with_cohort
from tcellabm.experiments.design.points import Axis, axes_of, check_runs, points_of
from tcellabm.experiments.design.reference import reference_point
from tcellabm.identity import MODEL_VERSION, digest, named
from tcellabm.params import InputError, Parameters, Question, load_sweep
from tcellabm.params.loading import GRID
from tcellabm.params.meta import POPULATION
from tcellabm.params.question import is_question
from tcellabm.posterior import Posterior

if TYPE_CHECKING:
    from tcellabm.model import TumorTCellModel

CURVES = "curves"  # column of shards: the packed course of a run
MOST_CURVES = 10_000  # runs whose courses are kept: what one page can show
Row = dict[str, Any]

_ARROW = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


@dataclass(frozen=True, slots=True)
class Task:
    """One run: what it sets, which patient it is, what that one is given."""

    settings: dict[str, Any]
    patient: int
    replicate: int
    seed: int
    run_id: str
    arm: Arm | None = None

    @classmethod
    def of(cls, task: "Task") -> Self:
        """Return the same run as one of this kind."""
        return cls(**{each.name: getattr(task, each.name) for each in fields(Task)})

    @property
    def identity(self) -> Row:
        """The columns that tell a row from all others."""
        names = ("patient", "replicate", "seed", "run_id")
        return {name: getattr(self, name) for name in names}

    @property
    def not_run(self) -> Row:
        """The row of a patient whom no run follows."""
        return self.identity | {"error": ""}

    def observe(self, model: "TumorTCellModel") -> Row:
        """Return the columns of the row that a finished run gives."""
        return dict(model.outcomes()) | dict(model.patient.covariates)


class TaskWithCourse(Task):
    """A run whose course is kept too."""

    __slots__ = ()

    def observe(self, model: "TumorTCellModel") -> Row:
        """Return the columns of the row, and the packed course."""
        row = super().observe(model)
        return row | {CURVES: pack(model.series, model.params.time.days)}


def patient_seed(root: int, patient: int, replicate: int = 0) -> int:
    """Return the seed of a patient: the same at every grid point, whoever computes it.

    Parameters
    ----------
    root : int
        Seed of the sweep (`--seed`).
    patient, replicate : int
        Numbers from 0.

    Returns
    -------
    int
        0 to 2^63 - 1.
    """
    sequence = np.random.SeedSequence(root, spawn_key=(patient, replicate))
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


@dataclass(frozen=True)
class Plan:
    """Points, and the same virtual patients at every one of them.

    Attributes
    ----------
    params : Parameters
        What all points share.
    axes : dict
        Dotted name -> values, or the range that they are sampled from.
    given : dict
        What the user has set: columns of the table beside the axes.
    points : list of dict
        What each point sets, in the order of the table; of a grid the last axis runs fastest.
    tasks : list of Task
        Every run, in the order of the table.
    seed : int
        The seed that all patients' seeds come from.
    design : dict
        What else the points follow from, as JSON values.
    arms : tuple of Arm
        Treatment arms; empty where there are none.
    posterior : Posterior, optional
        Draws of parameters, one for each patient.
    cohort : CohortFile, optional
        What one's own patients are set to.
    question : Question
        What the points are held against.
    """

    params: Parameters
    axes: dict[str, Axis]
    given: dict[str, Any]
    points: list[dict[str, Any]]
    tasks: list[Task]
    seed: int
    design: dict[str, Any] = field(default_factory=dict)
    arms: tuple[Arm, ...] = ()
    posterior: Posterior | None = None
    cohort: CohortFile | None = None
    question: Question = Question()

    @classmethod
    def load(
        cls, file: str | Path, overrides: Mapping[str, object] | None = None, seed: int = 1
    ) -> "Plan":
        """Read a sweep file; `overrides` come on top, a list for the values of an axis.

        Parameters
        ----------
        file : path
            A sweep file.
        overrides : mapping, optional
            Values by dotted key, which replace those of the files.
        seed : int
            Root of all patients' seeds.

        Returns
        -------
        Plan
            With all its tasks.

        Raises
        ------
        InputError
            A file, key or value can't be used.
        """
        sweep = load_sweep(file, overrides)
        axes = axes_of(sweep, str(file))
        params, cohort = with_cohort(sweep, "sweep.patients", overrides)
        given = settings_of(params, overrides, axes)
        points = points_of(replace(sweep, params=params), axes, seed)
        plan = cls(params, axes, given, points, [], seed, cohort=cohort)
        if sweep.arms:
            known = ("car_t", *treatments(sweep.params))
            plan = replace(plan, arms=arms.read_arms(sweep.arms, str(file), known))
        if posterior := Posterior.chosen(sweep.files, sweep.params):
            plan = replace(plan, posterior=posterior)
            plan._check_posterior(sweep.files.get("posterior", ""))
        return replace(plan, question=plan._asked(sweep.question, str(file))).filled()

    def _asked(self, question: Question, where: str) -> Question:
        """Return the question with its reference; a sample, or one point, has none."""
        values = {key: axis for key, axis in self.axes.items() if isinstance(axis, list)}
        if self.arms:
            values[arms.COLUMN] = [arm.name for arm in self.arms]
        if self.is_grid and math.prod(map(len, values.values())) > 1:
            point = reference_point(question.reference, values, self.params, where)
            return replace(question, reference=point)
        return replace(question, reference={})

    def _check_posterior(self, name: str) -> None:
        """Refuse a posterior that was named and draws what is set; the shipped one gives way."""
        assert self.posterior is not None
        for key in self.posterior.keys if name else ():
            if key in self.axes or key in self.given or key in self.cohort_columns:
                raise InputError(f"{key} is set and drawn too", name, "allowed: one of them")

    def filled(self) -> "Plan":
        """Return the plan with its tasks: of each point all patients, of each all arms."""
        size = self.params.sweep
        check_runs(len(self.points) * size.patients * size.replicates * self.together)
        patients = [(i, r) for i in range(size.patients) for r in range(size.replicates)]
        seeds = [patient_seed(self.seed, *each) for each in patients]
        own = [self.own(number, seed) for (number, _), seed in zip(patients, seeds, strict=True)]
        names = self._names(own, seeds)
        tasks = [
            Task(point | each, *who, seed, of_arm(name[place], arm), arm)
            for place, point in enumerate(self.points)
            for each, who, seed, name in zip(own, patients, seeds, names, strict=True)
            for arm in self.arms or (None,)
        ]
        return replace(self, tasks=tasks)

    def own(self, patient: int, seed: int) -> dict[str, Any]:
        """Return what is set for one patient at every point: a draw, and over it a row of a file.

        Parameters
        ----------
        patient : int
            Number, from 0.
        seed : int
            Of the patient.

        Returns
        -------
        dict
            Values by dotted key.
        """
        row = self.cohort_row(patient)
        return self._drawn(seed, row) | row

    @property
    def cohort_columns(self) -> dict[str, list[Any]]:
        """What patients of one's own are set to, by key; empty if there are none."""
        return {} if self.cohort is None else self.cohort.columns

    def cohort_row(self, patient: int) -> dict[str, Any]:
        """Return what a patient of one's own is set to; nothing if there are none."""
        return {} if self.cohort is None else self.cohort.rows[patient]

    def _drawn(self, seed: int, row: Collection[str] = ()) -> dict[str, Any]:
        """Return what a draw of the posterior sets for one patient, where nothing else does."""
        if self.posterior is None:
            return {}
        return self.posterior.settings(self.params, seed, (*self.axes, *row))

    def _names(
        self, own: Sequence[dict[str, Any]], seeds: Sequence[int]
    ) -> Sequence[Sequence[str]]:
        """Name the runs of each patient, by point; texts are hashed one by one, for their size."""
        checked = map(self.params.replace, self.points)
        values = [{key: params.get(key) for key in self.axes} for params in checked]
        laws = any(key.startswith(POPULATION) for key in self.axes)

        def texts(each: dict[str, Any]) -> Iterator[str]:
            if laws:  # each is checked with what it becomes
                return (self.params.replace(at | each).deciding_text for at in self.points)
            return self.params.replace(self.points[0] | each).deciding_texts(values)

        if self.posterior is None and self.cohort is None:  # all have the same texts
            by_point = [[named(text, seed) for seed in seeds] for text in texts({})]
            return list(zip(*by_point, strict=True))
        patients = zip(own, seeds, strict=True)
        return [[named(text, seed) for text in texts(each)] for each, seed in patients]

    @property
    def together(self) -> int:
        """Number of runs in a row that are of one patient, and begin alike."""
        return len(self.arms) or 1

    @property
    def is_grid(self) -> bool:
        """Whether points are all combinations of values of the axes."""
        return self.params.sweep.sample == GRID and not self.design

    @property
    def keys(self) -> list[str]:
        """The columns that tell points apart."""
        return list(self.axes) + ([arms.COLUMN] if self.arms else [])

    def with_curves(self) -> Self:
        """Return the plan that keeps courses too: of the same first patients at every point."""
        shown = max(1, MOST_CURVES // (len(self.points) * self.together))
        tasks, left = list(self.tasks), MOST_CURVES
        for place, task in enumerate(tasks):
            if task.patient < shown and left > 0:
                tasks[place] = TaskWithCourse.of(task)
                left -= 1
        return replace(self, tasks=tasks)

    @property
    def shard_schema(self) -> pa.Schema:
        """Columns of the shards: those of the table, and courses where they are kept."""
        if not any(isinstance(task, TaskWithCourse) for task in self.tasks):
            return self.schema
        return self.schema.append(pa.field(CURVES, pa.binary()))

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns of the table of outcomes; last, what is drawn for each patient."""
        columns: dict[str, Sequence[Any]] = {
            key: axis if isinstance(axis, list) else [axis.at(0.0), axis.at(0.5)]
            for key, axis in self.axes.items()
        }
        columns |= {arms.COLUMN: [""]} if self.arms else {}
        columns |= {key: [value] for key, value in self.given.items()}
        if self.posterior is not None:
            draws, keys = self.posterior.draws, self._drawn(self.seed)
            columns |= {key: [draw[key] for draw in draws] for key in keys}
        columns |= self.cohort_columns
        laws = [key for key in self.params.distributions if key not in columns]
        covariates = [(key, pa.float64()) for key in laws if key not in self.params.pinned]
        outcomes = outcome_schema(columns, own_columns(self.params))
        return pa.schema([*outcomes, *(pa.field(*each) for each in covariates)])

    @property
    def recipe(self) -> dict[str, Any]:
        """All that decides the results, as JSON values."""
        axes = {k: a if isinstance(a, list) else a.as_table() for k, a in self.axes.items()}
        more: dict[str, Any] = {}
        if self.arms:
            more["arms"] = [arm.as_table() for arm in self.arms]
        if self.posterior is not None:
            more["posterior"] = self.posterior.digest
        if self.cohort is not None:
            more["cohort"] = self.cohort.digest
        return {
            "model_version": MODEL_VERSION,
            "seed": self.seed,
            "axes": axes,
            "parameters": self.params.resolved(),
            **self.design,
            **self.question.as_table(),
            **more,
        }

    def with_settings(self, settings: dict[str, Any]) -> Self:
        """Return the same plan with other columns beside the axes."""
        return replace(self, given=settings)

    def labeled(self, row: Row, task: Task) -> Row:
        """Add to a row what the axes and the user have set."""
        arm = {} if task.arm is None else {arms.COLUMN: task.arm.name}
        return row | self.given | task.settings | arm


def outcome_schema(keys: Mapping[str, Sequence[object]], own: Sequence[Column] = ()) -> pa.Schema:
    """Return the columns of `outcomes.parquet`.

    Parameters
    ----------
    keys : mapping
        Dotted name of each axis and set parameter -> the values it takes.
    own : sequence of Column
        Outcomes of one's own.
    """
    fields = [(key, _type_of(values)) for key, values in keys.items()]
    fields += [(column.name, _ARROW[column.kind]) for column in (*RUN, *OUTCOMES, *own, FAULT)]
    return pa.schema(fields)


def _type_of(values: Sequence[object]) -> pa.DataType:
    for kind, arrow in ((bool, pa.bool_()), (int, pa.int64()), (int | float, pa.float64())):
        if all(isinstance(value, kind) for value in values):
            return arrow
    return pa.string()


def settings_of(
    params: Parameters, overrides: Mapping[str, object] | None, axes: Container[str] = ()
) -> dict[str, Any]:
    """Return what the user has set that is no axis, in the parameters' own types.

    Parameters
    ----------
    params : Parameters
        The parameters in force.
    overrides : mapping, optional
        What the user has set, by dotted key.
    axes : container of str
        Keys that are axes.

    Returns
    -------
    dict
        Value by dotted key; names of files as one text.
    """
    return {
        key: _text(value) if key.startswith("files.") else params.get(key)
        for key, value in (overrides or {}).items()
        if key not in axes and not is_question(key)
    }


def _text(named: object) -> str:
    return ", ".join(map(str, named)) if isinstance(named, list | tuple) else str(named)


def of_arm(name: str, arm: Arm | None) -> str:
    """Return the name of a run in an arm; where nothing is given, it is the same run as ever."""
    if arm is None or not arm.orders:
        return name
    return digest(f"{name} {arm.orders}")
