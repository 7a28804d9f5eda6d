"""A pool of infused patients whose laws differ, to be weighted into any population of a prior."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tcellabm.analysis.cohort import Cohort, Columns
from tcellabm.analysis.weighting import Covariates, Laws, covariate_of
from tcellabm.clinic.observations import COURSES
from tcellabm.experiments.compute.collect import Work
from tcellabm.experiments.design.plan import Row, Task
from tcellabm.experiments.results.shards import parquet
from tcellabm.experiments.studies.sweep import File, Output, Provenance, session
from tcellabm.experiments.studies.trial import TrialPlan, TrialTask, enroll
from tcellabm.identity import digest

POOL = "pool.parquet"


@dataclass(frozen=True, kw_only=True)
class PoolPlan(TrialPlan):
    """Enrolled patients, each with laws of covariates of an own; `tasks` are the infused.

    Attributes
    ----------
    fitted : tuple of str
        The laws.
    drawn : ndarray, shape (enrolled, keys)
        Logs of their values, a row per patient.
    """

    fitted: tuple[str, ...]
    drawn: np.ndarray

    @classmethod
    def of(
        cls,
        trial: str,
        settings: Mapping[str, Any],
        keys: tuple[str, ...],
        drawn: np.ndarray,
        seed: int,
    ) -> "PoolPlan":
        """Enroll one patient for each row of laws.

        Parameters
        ----------
        trial : str
            A trial file.
        settings : mapping
            Values by dotted key, over those of the file.
        keys : tuple of str
            The laws that differ between patients.
        drawn : ndarray, shape (enrolled, keys)
            Logs of their values.
        seed : int
            Root of all patients' seeds.

        Returns
        -------
        PoolPlan
            Without a posterior.

        Raises
        ------
        InputError
            A file, key or value can't be used.
        """
        sets = {**settings, "files.posterior": "none"}
        base = TrialPlan.load(trial, sets | {"trial.patients": 1}, seed)
        params = base.params.replace({"trial.patients": len(drawn)})
        values = np.exp(drawn).tolist()
        enrolled = enroll(params, seed, lambda n, own: dict(zip(keys, values[n], strict=True)))
        tasks: list[Task] = [task for task in enrolled if task.journey.infused]
        own = {key: value for key, value in base.given.items() if not key.startswith("files.")}
        return cls(
            params=params,
            axes={},
            given={key: value for key, value in own.items() if key != "trial.patients"},
            points=[{}],
            tasks=tasks,
            seed=seed,
            published=base.published,
            enrolled=enrolled,
            fitted=keys,
            drawn=drawn,
        )

    @property
    def covariates(self) -> list[str]:
        """The covariates whose laws differ."""
        return list(dict.fromkeys(map(covariate_of, self.fitted)))

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns of `pool.parquet`: those of a trial without courses, and covariates."""
        whole = super().schema
        more = [pa.field(name, pa.float64()) for name in self.covariates]
        return pa.schema([*(field for field in whole if field.name not in COURSES), *more])

    @property
    def recipe(self) -> dict[str, Any]:
        """All that decides the results, as JSON values."""
        laws = digest(repr((self.fitted, self.drawn.tolist())))
        return super().recipe | {"keys": list(self.fitted), "laws": laws}

    def labeled(self, row: Row, task: Task) -> Row:
        """Add to a row laws and covariates too."""
        assert isinstance(task, TrialTask)
        own = {name: task.covariates[name] for name in self.covariates}
        return super().labeled(row, task) | own


@dataclass(frozen=True)
class Pool:
    """Patients of one pool, or of several together.

    Attributes
    ----------
    patients : DataFrame
        A row per infused patient.
    drawn : list of ndarray
        The laws that the patients of each pool were drawn from.
    complete : bool
        Whether every run is there.
    """

    patients: pd.DataFrame
    drawn: list[np.ndarray]
    complete: bool

    @property
    def errors(self) -> int:
        """Number of runs that ended as error rows; they are in no population."""
        return int((self.patients["error"] != "").sum())

    @property
    def infused(self) -> Columns:
        """Columns of those whose runs ended well."""
        return Cohort.of(self.patients).infused

    def covariates(self, laws: Laws) -> Covariates:
        """Return the covariates of `infused`."""
        own = self.infused
        return Covariates.of(np.stack([own[name] for name in laws.covariates], axis=1), laws)

    def with_more(self, other: "Pool") -> "Pool":
        """Return both together."""
        patients = pd.concat([self.patients, other.patients], ignore_index=True)
        drawn = [*self.drawn, *other.drawn]
        return replace(self, patients=patients, drawn=drawn, complete=other.complete)


def compute_pool(plan: PoolPlan, out: Path, work: Work, command: str = "") -> Pool:
    """Compute a pool into a folder, or go on with it: `pool.parquet` and `manifest.json`.

    Errors are those of `experiments.studies.sweep.sweep`.

    Parameters
    ----------
    plan : PoolPlan
        What to compute.
    out : Path
        The folder.
    work : Work
        How to compute it.
    command : str
        The command line, for the manifest.

    Returns
    -------
    Pool
        Not complete where a part was computed.
    """

    def result(plan: PoolPlan, runs: pa.Table) -> Pool:
        complete = not work.part and runs.num_rows == len(plan.tasks)
        return Pool(runs.to_pandas(), [plan.drawn], complete)

    def files(plan: PoolPlan, runs: pa.Table, result: Pool, origin: Provenance) -> Iterator[File]:
        yield POOL, parquet(runs, origin)

    output = Output(result, files)
    return session(plan, out, work, output, resume=True, command=command)
