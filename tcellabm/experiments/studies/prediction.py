"""A blind test: a published cohort is predicted and written down before its figures are read."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from tcellabm.analysis.cohort import Cohort
from tcellabm.analysis.prediction import MEASURES, Arm, Prediction, held_against, predict
from tcellabm.clinic.observations import COURSES
from tcellabm.disk import write_whole
from tcellabm.experiments.compute.collect import Work
from tcellabm.experiments.design.cohort_file import with_cohort
from tcellabm.experiments.design.plan import Plan, Row, Task, settings_of
from tcellabm.experiments.results.shards import parquet
from tcellabm.experiments.studies.sweep import File, Output, Provenance, session
from tcellabm.experiments.studies.trial import (
    TrialTask,
    cohort_weights,
    columns_of,
    draws_of,
    enroll,
    laws_drawn,
)
from tcellabm.identity import MODEL_VERSION, run_id
from tcellabm.params import InputError, Parameters, load_trial
from tcellabm.params.files import find_file, read_form
from tcellabm.posterior import Posterior

if TYPE_CHECKING:
    from tcellabm.model import TumorTCellModel

PUBLISHED = "cohorts/published.csv"
PREDICTION, BESIDE = "prediction.csv", "hits.csv"
_FIGURES = ("cohort", "id", "quantity", "value", "low", "high", "unit", "confidence", "source")


class _Arm(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    set: dict[str, Any] = {}


class _Prediction(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    measure: str
    arm: str
    n: Annotated[int, Field(ge=1, le=1_000_000)]
    minus: str = ""


class _Protocol(BaseModel):
    """A cohort file."""

    model_config = ConfigDict(extra="forbid")

    title: str
    changed: str
    trial: str
    arms: Annotated[list[_Arm], Field(min_length=1)]
    predictions: Annotated[list[_Prediction], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortTask(TrialTask):
    """One enrolled patient of one arm."""

    arm_name: str

    def observe(self, model: "TumorTCellModel") -> Row:
        """Return outcomes, what a trial notes, and the share of tumor cells left at the end."""
        row = TrialTask.observe(self, model)
        burden = model.patient.leukemic_burden
        left = row["leukemic_cells_end"] / burden if burden > 0.0 else float("nan")
        return row | {"tumor_left": left}


@dataclass(frozen=True, kw_only=True)
class CohortPlan(Plan):
    """Patients of every arm of a cohort, from the posterior as it is; no published figure.

    Attributes
    ----------
    protocol : _Protocol
        The file.
    name : str
        Of the file, without its ending.
    each : dict
        Of each arm its parameters and everyone enrolled.
    """

    protocol: _Protocol
    name: str
    each: dict[str, tuple[Parameters, list[TrialTask]]]

    @classmethod
    def load(
        cls, file: str | Path, overrides: Mapping[str, Any] | None = None, seed: int = 1
    ) -> "CohortPlan":
        """Read a cohort file; `overrides` come on top of every arm.

        Parameters
        ----------
        file : path
            A cohort file.
        overrides : mapping, optional
            Values by dotted key, which replace those of the files and of every arm.
        seed : int
            Root of all patients' seeds.

        Returns
        -------
        CohortPlan
            With the infused of all arms as tasks.

        Raises
        ------
        InputError
            A file, key or value can't be used.
        """
        protocol = _read(str(file))
        given = dict(overrides or {})
        base = load_trial(protocol.trial, given)
        shared, patients = with_cohort(base, "trial.patients", given)
        if shared.resolution.represented_fraction < 1.0 or shared.time.days == 0.0:
            what = "a cohort needs whole patients, followed for some time"
            raise InputError(
                what, str(file), "allowed: represented_fraction = 1, time.days above 0"
            )
        posterior = Posterior.chosen(base.files, base.params)
        each = {}
        for arm in protocol.arms:
            sets = {**arm.set, **given}
            params, own = with_cohort(load_trial(protocol.trial, sets), "trial.patients", sets)
            each[arm.name] = params, enroll(params, seed, draws_of(posterior, params, own))
        plan = cls(
            params=shared,
            axes={},
            given=settings_of(shared, given),
            points=[{}],
            tasks=[],
            seed=seed,
            posterior=posterior,
            cohort=patients,
            protocol=protocol,
            name=Path(file).stem,
            each=each,
        )
        return replace(plan, tasks=plan._tasks())

    def _tasks(self) -> list[Task]:
        """Return the infused of all arms; what an arm sets is set in each of its runs."""
        tasks: list[Task] = []
        for arm in self.protocol.arms:
            params, enrolled = self.each[arm.name]
            own = {
                key: params.get(key)
                for key in sorted(params.set_keys)
                if key not in self.params.set_keys or params.get(key) != self.params.get(key)
            }
            for task in (task for task in enrolled if task.journey.infused):
                whole = own | task.settings
                name = run_id(self.params.replace(whole), task.seed)
                tasks.append(
                    CohortTask(
                        whole,
                        task.patient,
                        0,
                        task.seed,
                        name,
                        journey=task.journey,
                        covariates=task.covariates,
                        arm_name=arm.name,
                    )
                )
        return tasks

    @property
    def _laws(self) -> list[str]:
        return laws_drawn(next(iter(self.each.values()))[1])

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns of `patients.parquet`."""
        given: dict[str, Sequence[object]] = {key: [value] for key, value in self.given.items()}
        columns = columns_of(given | self.cohort_columns, self._laws)
        fields = [field for field in columns if field.name not in COURSES]
        more = [pa.field("arm", pa.string()), pa.field("tumor_left", pa.float64())]
        return pa.schema([*fields, *more])

    @property
    def recipe(self) -> dict[str, Any]:
        """All that decides the results, as JSON values."""
        return {
            "model_version": MODEL_VERSION,
            "seed": self.seed,
            "posterior": self.posterior.digest if self.posterior else "",
            "cohort": self.protocol.model_dump(),
            "arms": [],
            "parameters": self.params.resolved(),
            **({} if self.cohort is None else {"patients": self.cohort.digest}),
        }

    def labeled(self, row: Row, task: Task) -> Row:
        """Add to a row what the user has set, laws, the way to infusion, and the arm."""
        assert isinstance(task, CohortTask)
        drawn = {key: task.settings[key] for key in self._laws if key in task.settings}
        own = self.cohort_row(task.patient)
        return self.given | own | drawn | task.journey._asdict() | row | {"arm": task.arm_name}


def _read(file: str) -> _Protocol:
    allowed = "allowed: title, changed, trial, [[arms]], [[predictions]]"
    protocol = read_form(_Protocol, file, "a cohort", allowed)
    names = [arm.name for arm in protocol.arms]
    if files := [key for arm in protocol.arms for key in arm.set if key.startswith("files")]:
        raise InputError(
            f"an arm sets {files[0]}", file, "allowed: parameters; a trial names files"
        )
    if len(set(names)) < len(names):
        raise InputError("an arm is there twice", file, "allowed: once")
    for each in protocol.predictions:
        if each.measure not in MEASURES:
            raise InputError(f"measure {each.measure}", file, f"allowed: {', '.join(MEASURES)}")
        if not {each.arm, each.minus} <= {*names, ""} or not each.arm:
            raise InputError(f"{each.id}: arm {each.arm}", file, f"allowed: {', '.join(names)}")
    return protocol


@dataclass(frozen=True)
class Predicted:
    """Predictions of a cohort, and the published figures beside them.

    Attributes
    ----------
    patients : DataFrame
        The infused of all arms.
    table : DataFrame
        A row per figure; empty until every run is there.
    complete : bool
        Whether every run is there.
    """

    patients: pd.DataFrame
    table: pd.DataFrame
    complete: bool

    @property
    def errors(self) -> int:
        """Number of runs that ended as error rows."""
        return int((self.patients["error"] != "").sum())


def predict_cohort(
    plan: CohortPlan,
    out: Path,
    work: Work | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    command: str = "",
) -> Predicted:
    """Compute a cohort, write `prediction.csv`, and only then read what was published.

    Errors are those of `experiments.studies.sweep.sweep`.

    Parameters
    ----------
    plan : CohortPlan
        What to compute.
    out : Path
        The folder.
    work : Work, optional
        How to compute it.
    overwrite, resume : bool
        What to do with a folder that is not empty, see `store.open_folder`.
    command : str
        The command line, for the manifest.

    Returns
    -------
    Predicted
        Not complete where parts are missing.
    """

    def result(plan: CohortPlan, runs: pa.Table) -> Predicted:
        patients = runs.to_pandas()
        complete = len(patients) == len({task.run_id for task in plan.tasks})
        table = _predictions(plan, patients) if complete else pd.DataFrame()
        return Predicted(patients, table, complete)

    def files(
        plan: CohortPlan, runs: pa.Table, found: Predicted, origin: Provenance
    ) -> Iterator[File]:
        yield "patients.parquet", parquet(runs, origin)
        yield PREDICTION, found.table.to_csv(index=False, lineterminator="\n").encode()

    output = Output(result, files)
    found = session(
        plan, out, work or Work(), output, overwrite=overwrite, resume=resume, command=command
    )
    if not found.complete:
        return found
    beside = held_against(found.table, published(plan.name))
    write_whole(out / BESIDE, beside.to_csv(index=False, lineterminator="\n").encode())
    return replace(found, table=beside)


def _predictions(plan: CohortPlan, patients: pd.DataFrame) -> pd.DataFrame:
    wanted = [Prediction(e.id, e.measure, e.arm, e.n, e.minus) for e in plan.protocol.predictions]
    arms = {arm.name: _arm(plan, arm.name, patients) for arm in plan.protocol.arms}
    return predict(wanted, arms, np.random.default_rng(plan.seed))


def _arm(plan: CohortPlan, name: str, patients: pd.DataFrame) -> Arm:
    params, enrolled = plan.each[name]
    own = patients[(patients["arm"] == name) & (patients["error"] == "")]
    weights = cohort_weights(enrolled, plan.posterior, params, plan.seed)
    if weights is not None:
        there = np.isin([task.patient for task in enrolled], own["patient"])
        weights = weights[:, there] / weights[:, there].sum(axis=1, keepdims=True)
    return Arm(Cohort.of(own), weights)


def published(cohort: str) -> pd.DataFrame:
    """Return the published figures of a cohort."""
    path = find_file(PUBLISHED)
    try:
        table = pd.read_csv(path)[list(_FIGURES)]
    except (OSError, ValueError, KeyError) as error:
        allowed = f"allowed: columns {', '.join(_FIGURES)}"
        raise InputError(f"published figures: {error}", str(path), allowed) from None
    return table[table["cohort"] == cohort]


def hash_of(posterior: Posterior | None) -> str:
    """Return the whole hash of a posterior's file; `none` for one population."""
    if posterior is None:
        return "none: one population, that of the population file"
    return hashlib.sha256(find_file(posterior.name).read_bytes()).hexdigest()
