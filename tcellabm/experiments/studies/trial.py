"""A virtual trial: everyone enrolled, from enrollment to infusion and for years after."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from tcellabm.analysis.cohort import Cohort
from tcellabm.analysis.comparison import compare, read_published
from tcellabm.analysis.measures import own_measures
from tcellabm.analysis.report import agreement
from tcellabm.analysis.shown import card
from tcellabm.analysis.weighting import (
    Covariates,
    Weighting,
    covariate_of,
    laws_of,
    log_proposal,
)
from tcellabm.biology.patient import draw_patient
from tcellabm.clinic.observations import COURSES, observations
from tcellabm.clinic.outcomes import own_columns
from tcellabm.clinic.pathway import Enrolled, Journey, journeys, settings
from tcellabm.columns import Column
from tcellabm.experiments.design.cohort_file import CohortFile, with_cohort
from tcellabm.experiments.design.plan import (
    Plan,
    Row,
    Task,
    outcome_schema,
    patient_seed,
    settings_of,
)
from tcellabm.experiments.design.points import check_runs
from tcellabm.experiments.results.shards import parquet, to_table
from tcellabm.experiments.studies.sweep import File, Output, Provenance, Work, session
from tcellabm.identity import MODEL_VERSION, digest, run_id
from tcellabm.params import InputError, Parameters, load_trial
from tcellabm.params.errors import nearest, shorten
from tcellabm.params.files import find_file
from tcellabm.posterior import Posterior, applied

if TYPE_CHECKING:
    from tcellabm.model import TumorTCellModel

PUBLISHED = "trials/published.csv"
_TEXTS = {"not_infused"}
_FLAGS = {"infused", "bridged", "cerebral_edema"}
_WHOLE = {"worst_blood_pressure_need", "worst_oxygen_need"}
OBSERVED = (
    *COURSES,
    *("il6_peak_day", "il1_peak_day", "ifng_peak_day", "crp_peak_day", "ferritin_peak_day"),
    *("peak_ferritin", "fever_onset_day", "fever_days"),
    *("worst_blood_pressure_need", "worst_oxygen_need", "icu_entry_day"),
    "late_fever_day",
    *("cerebral_edema", "first_tocilizumab_day", "fever_after_tocilizumab_hours"),
    *("il6_after_over_before", "copies_day_60", "copies_day_180", "b_cells_back_day"),
    *("peak_day", "ventilated_days", "terminal_half_life_days", "blasts_on_day_0"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialTask(Task):
    """One enrolled patient, with an own draw of the posterior, if there is one."""

    journey: Journey
    covariates: Mapping[str, float]

    def observe(self, model: "TumorTCellModel") -> Row:
        """Return outcomes and what the trial notes besides; a transplant only if it came to it."""
        row = dict(model.outcomes()) | observations(model.record, model.params)
        day = self.journey.transplant_day
        ends = (row["relapse_day"], row["death_day"], row["followed_days"])
        due = row["remission"] and not any(end <= day for end in ends)
        return row | {"transplant_day": day if due else float("nan")}


@dataclass(frozen=True, kw_only=True)
class TrialPlan(Plan):
    """What a trial computes: `tasks` are the infused patients, `enrolled` is everyone.

    Attributes
    ----------
    published : DataFrame
        The figures to stand beside.
    enrolled : list of TrialTask
        In the order of the table.
    """

    published: pd.DataFrame
    enrolled: list[TrialTask]

    @classmethod
    def load(
        cls, file: str | Path, overrides: Mapping[str, object] | None = None, seed: int = 1
    ) -> "TrialPlan":
        """Read a trial file; `overrides` come on top.

        Parameters
        ----------
        file : path
            A trial file.
        overrides : mapping, optional
            Values by dotted key, which replace those of the files.
        seed : int
            Root of all patients' seeds.

        Returns
        -------
        TrialPlan
            With the infused as tasks.

        Raises
        ------
        InputError
            A file, key or value can't be used.
        """
        trial = load_trial(file, overrides)
        params, cohort = with_cohort(trial, "trial.patients", overrides)
        if params.resolution.represented_fraction < 1.0:
            what = "a trial needs whole patients"
            raise InputError(what, str(file), "allowed: resolution.represented_fraction = 1")
        if params.time.days == 0.0:
            raise InputError("no day is followed", "time.days", "allowed: above 0, in a trial")
        published = read_published(find_file(trial.files.get("published", PUBLISHED)))
        _check_measures(params, published)
        posterior = Posterior.chosen(trial.files, params)
        check_runs(params.trial.patients, "trial.patients")
        enrolled = enroll(params, seed, draws_of(posterior, params, cohort))
        given = settings_of(params, overrides)
        tasks: list[Task] = [task for task in enrolled if task.journey.infused]
        more: dict[str, Any] = {"published": published, "enrolled": enrolled, "cohort": cohort}
        return cls(params, {}, given, [{}], tasks, seed, posterior=posterior, **more)

    @property
    def infused(self) -> list[TrialTask]:
        """The enrolled who are infused."""
        return [task for task in self.enrolled if task.journey.infused]

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns of `patients.parquet`."""
        given: dict[str, Sequence[object]] = {key: [value] for key, value in self.given.items()}
        own = own_columns(self.params)
        return columns_of(given | self.cohort_columns, laws_drawn(self.enrolled), own)

    @property
    def recipe(self) -> dict[str, Any]:
        """All that decides the results, as JSON values."""
        return {
            "model_version": MODEL_VERSION,
            "seed": self.seed,
            "posterior": self.posterior.digest if self.posterior else "",
            "parameters": self.params.resolved(),
            **({} if self.cohort is None else {"cohort": self.cohort.digest}),
        }

    @property
    def stamp(self) -> str:
        """Name of what the trial rests on: parameters, published figures, model version."""
        return digest(json.dumps(self.recipe, sort_keys=True) + self.published.to_csv())

    def labeled(self, row: Row, task: Task) -> Row:
        """Add to a row what the user has set, and the way from enrollment to infusion."""
        assert isinstance(task, TrialTask)
        own = self.cohort_row(task.patient)
        drawn = {key: value for key, value in task.settings.items() if covariate_of(key)}
        return self.given | own | drawn | task.journey._asdict() | row


def _check_measures(params: Parameters, published: pd.DataFrame) -> None:
    """Refuse a measure of one's own that no published figure has the id of."""
    known = published["id"].tolist()
    for name, measure in own_measures(params).items():
        if name not in known:
            what = f"rule {measure.note} measures {shorten(name)}"
            raise InputError(
                what, "", f"allowed: a published figure, nearest: {nearest(name, known)}"
            )


def columns_of(
    given: Mapping[str, Sequence[object]], laws: Sequence[str], own: Sequence[Column] = ()
) -> pa.Schema:
    """Return the columns of patients: what is set, laws drawn, outcomes, observations.

    Parameters
    ----------
    given : mapping
        Key -> values that are set.
    laws : sequence of str
        Keys of laws that each patient has an own draw of.
    own : sequence of Column
        Outcomes of one's own.

    Returns
    -------
    Schema
        Of `patients.parquet`.
    """
    outcomes = outcome_schema({**given, **{key: [1.0] for key in laws}}, own)
    names = [name for name in Journey._fields if name not in given]
    return pa.schema([*outcomes, *(pa.field(name, _type(name)) for name in (*names, *OBSERVED))])


def laws_drawn(enrolled: Sequence[TrialTask]) -> list[str]:
    """Return the laws of covariates that patients have an own draw of."""
    found = dict.fromkeys(key for task in enrolled for key in task.settings)
    return [key for key in found if covariate_of(key)]


def _type(name: str) -> pa.DataType:
    if name in COURSES:
        return pa.list_(pa.float64())
    if name in _TEXTS:
        return pa.string()
    return pa.bool_() if name in _FLAGS else pa.int64() if name in _WHOLE else pa.float64()


Draws = Callable[[int, int], dict[str, Any]]  # number and seed of a patient -> what its draw sets


def draws_of(
    posterior: Posterior | None, params: Parameters, cohort: CohortFile | None = None
) -> Draws:
    """Return what sets each patient: a draw of a posterior, and over it a row of a file.

    Parameters
    ----------
    posterior : Posterior or None
        Draws by the seed of the patient.
    params : Parameters
        What a draw is laid over.
    cohort : CohortFile, optional
        Rows by the number of the patient.

    Returns
    -------
    callable
        Number and seed of a patient -> values by dotted key.
    """

    def draw(number: int, seed: int) -> dict[str, Any]:
        row = {} if cohort is None else cohort.rows[number]
        drawn = {} if posterior is None else posterior.settings(params, seed, row)
        return drawn | row

    return draw


def enroll(params: Parameters, seed: int, draws: Draws) -> list[TrialTask]:
    """Return every patient of a trial, in the order of enrollment.

    Parameters
    ----------
    params : Parameters
        Of the trial; `trial.patients` are enrolled.
    seed : int
        Root of all patients' seeds.
    draws : callable
        Number and seed of a patient -> values by dotted key.

    Returns
    -------
    list of TrialTask
        Infused or not.
    """
    seeds = [patient_seed(seed, number) for number in range(params.trial.patients)]
    points = [draws(number, own) for number, own in enumerate(seeds)]
    patients = [
        _at_enrollment(params.replace(point) if point else params, own)
        for own, point in zip(seeds, points, strict=True)
    ]
    ways = journeys(Enrolled(own.params, own.way) for own in patients)
    each = zip(range(len(seeds)), seeds, points, patients, ways, strict=True)
    return list(starmap(_task, each))


def _task(
    number: int, seed: int, point: dict[str, Any], patient: "_Drawn", way: Journey
) -> TrialTask:
    more = settings(way, patient.population) if way.infused else {}
    name = run_id(patient.population.replace(more), seed)
    return TrialTask(
        point | more, number, 0, seed, name, journey=way, covariates=patient.covariates
    )


class _Drawn(NamedTuple):
    """A patient on enrollment."""

    population: Parameters  # that the patient is one of
    params: Parameters  # with the covariates in place
    covariates: dict[str, float]
    way: np.random.Generator


def _at_enrollment(params: Parameters, seed: int) -> _Drawn:
    """Draw a patient as the model will, with the third stream of the seed for the way there."""
    covariates, _, way = np.random.SeedSequence(seed).spawn(3)
    patient = draw_patient(params, seed, np.random.default_rng(covariates))
    own = dict(patient.covariates)
    return _Drawn(params, params.replace(own), own, np.random.default_rng(way))


def cohort_weights(
    enrolled: Sequence[TrialTask], posterior: Posterior | None, params: Parameters, seed: int
) -> np.ndarray | None:
    """Return what makes the enrolled those of one draw.

    Each patient has an own draw: together they are a pool, and a cohort of one draw is a weighting
    of it.

    Parameters
    ----------
    enrolled : sequence of TrialTask
        Infused or not.
    posterior : Posterior or None
        `trial.posterior_draws` of its draws are taken.
    params : Parameters
        Of the trial.
    seed : int
        Of the draws taken.

    Returns
    -------
    ndarray, shape (draws, enrolled), or None
        They sum to 1 at each draw. None without a posterior of laws, or where no draws are wanted.
    """
    # A patient whose covariate is set in a file of one's own has no law of it to be weighted by.
    keys = [key for key in laws_drawn(enrolled) if all(key in task.settings for task in enrolled)]
    if posterior is None or not keys or not params.trial.posterior_draws:
        return None
    laws = laws_of(keys, params.distributions)
    values = [[task.covariates[name] for name in laws.covariates] for task in enrolled]
    own = np.log([[task.settings[key] for key in keys] for task in enrolled])
    patients = Covariates.of(np.array(values), laws)
    proposal = log_proposal(patients, laws, own, independent=False)
    wanted = posterior.sample(params.trial.posterior_draws, seed)
    theta = np.log([[applied(draw, params)[key] for key in keys] for draw in wanted])
    return Weighting(patients, laws, proposal).weights(theta)


@dataclass(frozen=True)
class TrialResult:
    """A finished trial, or what is there of it while parts (`--shard`) are missing.

    Attributes
    ----------
    patients : DataFrame
        A row per patient enrolled.
    comparison : DataFrame
        A row per published figure.
    complete : bool
        Whether every run is there.
    limit : float
        Limit of quantification of the transgene, copies/ug.
    draws : int
        Draws of the posterior that intervals are over; 0 for one population.
    """

    patients: pd.DataFrame
    comparison: pd.DataFrame
    complete: bool
    limit: float
    draws: int = 0

    @property
    def errors(self) -> int:
        """Number of runs that ended as error rows."""
        return int((self.patients["error"] != "").sum())

    def _repr_html_(self) -> str:
        if not self.complete:
            return card("Trial", [f"{len(self.patients)} patients so far"])
        columns = ["id", "quantity", "published", "simulated", "agrees"]
        lines = agreement(self.patients, self.comparison)
        return card("Trial", lines, self.comparison[columns])


Plot = Callable[[TrialResult], bytes]
Write = Callable[[TrialResult, str], str]


def trial(
    plan: TrialPlan,
    out: Path | str,
    work: Work | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    command: str = "",
    plot: Plot | None = None,
    write: Write | None = None,
) -> TrialResult:
    """Compute a trial into a folder.

    Writes `patients.parquet`, `comparison.csv`, `figure.png` (with `plot`), `validation.md` (with
    `write`) and `manifest.json`. Errors are those of `experiments.studies.sweep.sweep`.

    Parameters
    ----------
    plan : TrialPlan
        What to compute.
    out : path
        The folder.
    work : Work, optional
        How to compute it.
    overwrite, resume : bool
        What to do with a folder that is not empty, see `store.open_folder`.
    command : str
        The command line, for the manifest.
    plot : callable, optional
        Makes the figure of the result, PNG.
    write : callable, optional
        Makes the text of `validation.md` from result and stamp.

    Returns
    -------
    TrialResult
        Without a comparison where parts are missing.
    """
    work = work or Work()

    def result(plan: TrialPlan, runs: pa.Table) -> TrialResult:
        return _result(plan, runs, whole=not work.part)

    def files(
        plan: TrialPlan, runs: pa.Table, result: TrialResult, origin: Provenance
    ) -> Iterator[File]:
        yield "patients.parquet", parquet(_patients(plan, runs))
        text = result.comparison.to_csv(index=False, lineterminator="\n")
        yield "comparison.csv", text.encode()
        if plot:
            yield "figure.png", plot(result)
        if write:
            yield "validation.md", write(result, plan.stamp).encode()

    output = Output(result, files)
    return session(plan, out, work, output, overwrite=overwrite, resume=resume, command=command)


def _patients(plan: TrialPlan, runs: pa.Table) -> pa.Table:
    """Return a row per patient enrolled whose run is there or who was never infused."""
    done = {row["run_id"]: row for row in runs.to_pylist()}
    rows = [
        done.get(task.run_id) or plan.labeled(task.not_run, task)
        for task in plan.enrolled
        if task.run_id in done or not task.journey.infused
    ]
    return to_table(rows, plan.schema)


def _result(plan: TrialPlan, runs: pa.Table, whole: bool) -> TrialResult:
    """Return the patients, and once all are there the comparison; a part never is whole."""
    patients = _patients(plan, runs).to_pandas()
    complete = whole and len(patients) == len(plan.enrolled)
    limit = plan.params.assay.quantification_limit_copies_per_ug
    if not complete:
        return TrialResult(patients, pd.DataFrame(), complete, limit)
    weights = cohort_weights(plan.enrolled, plan.posterior, plan.params, plan.seed)
    ok = (patients["error"] == "").to_numpy()
    if weights is not None:  # those whose run failed are in no cohort
        weights = weights[:, ok] / weights[:, ok].sum(axis=1, keepdims=True)
    own = own_measures(plan.params)
    rows = compare(Cohort.of(patients), plan.published, plan.seed, weights, own)
    return TrialResult(patients, rows, complete, limit, 0 if weights is None else len(weights))
