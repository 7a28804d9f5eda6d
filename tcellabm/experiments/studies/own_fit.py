"""A fit to data of one's own: a calibration whose rows, or individual courses, come from a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from tcellabm.analysis.courses import Courses
from tcellabm.analysis.fit import Target
from tcellabm.analysis.likelihood import Row, read_forms, read_rows
from tcellabm.analysis.weighting import covariate_of
from tcellabm.experiments.compute.collect import Work
from tcellabm.experiments.design.data_file import DOSE, WEIGHT, DataFile
from tcellabm.experiments.studies.calibration import Calibration
from tcellabm.experiments.studies.course_pool import (
    BURDEN,
    Condition,
    CoursePlan,
    CourseRuns,
    compute_courses,
    conditions,
)
from tcellabm.experiments.studies.pool import Pool, PoolPlan
from tcellabm.params import InputError
from tcellabm.params.files import find_file, read_form

FILE = "params/trials/fit.toml"


class _Files(BaseModel):
    model_config = ConfigDict(extra="forbid")

    calibration: str


class _Courses(BaseModel):
    model_config = ConfigDict(extra="forbid")

    patients: Annotated[int, Field(ge=20, le=1_000_000)]
    error_sd_ln: Annotated[float, Field(gt=0.0, le=5.0)]
    laws: Annotated[list[str], Field(min_length=1)]


class _Fit(BaseModel):
    """A file that says how data are fitted."""

    model_config = ConfigDict(extra="forbid")

    files: _Files
    courses: _Courses


def read_fit(file: str) -> _Fit:
    """Read a file that says how data are fitted.

    Raises
    ------
    InputError
        It is none.
    """
    allowed = "allowed: files.calibration; courses: patients, error_sd_ln, laws"
    return read_form(_Fit, file, "a fit", allowed)


@dataclass(frozen=True)
class OwnPool(Pool):
    """A pool whose first patients were also run under the conditions of individuals.

    Attributes
    ----------
    runs : CourseRuns
        Their courses.
    """

    runs: CourseRuns

    def with_more(self, other: Pool) -> "OwnPool":
        """Return both together."""
        assert isinstance(other, OwnPool)
        both = Pool.with_more(self, other)
        return OwnPool(both.patients, both.drawn, both.complete, self.runs.with_more(other.runs))


@dataclass(frozen=True)
class OwnFit(Calibration):
    """What to fit to data of one's own, and how.

    Attributes
    ----------
    data : DataFile
        The data.
    published_too : bool
        Whether the published rows marked `calibrate` are fitted as well.
    courses : _Courses
        How individual courses are fitted.
    """

    data: DataFile
    published_too: bool
    courses: _Courses

    @classmethod
    def read(
        cls,
        data: str,
        seed: int = 1,
        settings: Mapping[str, Any] | None = None,
        patients: int | None = None,
        *,
        published_too: bool = False,
        file: str = FILE,
    ) -> "OwnFit":
        """Read data and the file that says how they are fitted.

        Parameters
        ----------
        data : str
            CSV file, see `DataFile`.
        seed : int
            Of everything: laws, patients, chains.
        settings : mapping, optional
            Further parameters, by dotted key.
        patients : int, optional
            Enrolled in a pool, and run for individuals; as the files say if not given.
        published_too : bool
            Fit the published rows marked `calibrate` as well.
        file : str
            How to fit.

        Returns
        -------
        OwnFit
            Checked.

        Raises
        ------
        InputError
            A file or value in it cannot be used.
        """
        how = read_fit(file)
        base = Calibration.load(how.files.calibration, seed, settings or {}, patients)
        content = DataFile.load(data, read_forms(find_file(base.written.files.likelihood)))
        written, enrolled = base.written, base.patients
        if content.individuals and not published_too:
            written = _of_transgene(base, how.courses.laws, file)
            enrolled = patients or how.courses.patients
        courses = how.courses.model_copy(update={"patients": patients or how.courses.patients})
        own = cls(written, seed, base.settings, enrolled, content, published_too, courses)
        own._check_laws()
        return own

    def _check_laws(self) -> None:
        """Refuse laws of what every virtual patient is set to."""
        fixed = (DOSE, WEIGHT, BURDEN) if self.data.individuals else ()
        for key in self.keys:
            if covariate_of(key) in fixed:
                what = f"{key} with individual courses, which set it"
                raise InputError(what, self.data.name, "allowed: laws of other covariates")

    @cached_property
    def rows(self) -> list[Row]:
        """The rows that are fitted, published ones first."""
        likelihood = find_file(self.written.files.likelihood)
        published = read_rows(likelihood, self.published) if self.published_too else []
        return [*published, *self.data.rows]

    @property
    def recipe(self) -> dict[str, Any]:
        """All that decides the result."""
        more = {"data": self.data.digest, "published_too": self.published_too}
        if self.data.individuals:
            more["courses"] = self.courses.model_dump()
        return super().recipe | more

    @cached_property
    def conditions(self) -> list[Condition]:
        """Doses and weights of the individuals."""
        return conditions(self.data.individuals)

    def compute(
        self, number: int, drawn: np.ndarray, folder: Path, work: Work, command: str
    ) -> Pool:
        """Compute a pool, and its first patients under each condition, or go on with them.

        Parameters
        ----------
        number : int
            Of the pool, from 1.
        drawn : ndarray, shape (patients, keys)
            Logs of the laws of each patient.
        folder : Path
            The pool's own.
        work : Work
            Workers and part.
        command : str
            Kept in the manifests.

        Returns
        -------
        Pool
            With courses where there are individuals.
        """
        if not self.data.individuals:
            return super().compute(number, drawn, folder, work, command)
        plan = self.pool_plan(number, drawn)
        courses = CoursePlan.of(plan, self.conditions, self.courses.patients, self.data.digest)
        if not self.rows:
            runs = compute_courses(courses, folder, work, command)
            return OwnPool(_followed(plan, runs), [drawn], runs.complete, runs)
        pool = super().compute(number, drawn, folder, work, command)
        beside = folder.with_name(f"{folder.name}-courses")
        runs = compute_courses(courses, beside, work, command)
        return OwnPool(pool.patients, [drawn], pool.complete and runs.complete, runs)

    def target(self, pool: Pool) -> Target:
        """Return the density that is sampled."""
        target = super().target(pool)
        if not isinstance(pool, OwnPool):
            return target
        courses = self._courses_of(pool, target.infused["seed"])
        least = self.least_patients(len(courses.places))
        return replace(target, courses=courses, least=least)

    def _courses_of(self, pool: OwnPool, infused: np.ndarray) -> Courses:
        """Return the likelihood of the individuals, by patients whose every run ended well."""
        place = {seed: number for number, seed in enumerate(infused.tolist())}
        known = np.array([seed in place for seed in pool.runs.seeds.tolist()], bool)
        if not known.any():
            what = f"all courses of the pool failed ({pool.runs.errors} runs)"
            raise InputError(what, self.data.name, "see column error of courses.parquet")
        people = self.data.individuals
        copies = [pool.runs.of(person, self.conditions)[known] for person in people]
        places = np.array([place[seed] for seed in pool.runs.seeds[known].tolist()])
        return Courses(people, copies, self.courses.error_sd_ln, places)


def _of_transgene(base: Calibration, laws: Sequence[str], file: str) -> Any:
    """Return what a calibration says, of some of its laws alone."""
    priors = base.written.priors
    for key in laws:
        if key not in priors:
            raise InputError(f"{key} has no prior", file, "allowed: laws of the calibration")
    return base.written.model_copy(update={"priors": {key: priors[key] for key in laws}})


def _followed(plan: PoolPlan, runs: CourseRuns) -> pd.DataFrame:
    """Return the patients with courses as a pool has them, without outcomes: none was followed."""
    wanted = set(runs.seeds.tolist())
    rows = [
        {"seed": task.seed, "infused": True, "error": ""}
        | {name: task.covariates[name] for name in plan.covariates}
        for task in plan.infused
        if task.seed in wanted
    ]
    return pd.DataFrame(rows)
