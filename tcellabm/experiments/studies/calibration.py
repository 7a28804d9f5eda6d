"""Calibration: laws of a population fitted to the rows marked `calibrate`, by weighting a pool.

A folder holds `pool-1` (a result folder like that of a sweep), the chains, perhaps a second pool
around the first fit, and at the end `posterior.json`. Every part resumes.
"""

import json
import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from tcellabm.analysis.comparison import read_published
from tcellabm.analysis.fit import Target
from tcellabm.analysis.fit_checks import of_posterior
from tcellabm.analysis.fit_report import table_of_individuals, table_of_rows
from tcellabm.analysis.likelihood import Row, read_rows
from tcellabm.analysis.weighting import (
    Laws,
    Weighting,
    covariate_of,
    laws_of,
    mixed_proposal,
)
from tcellabm.disk import write_whole
from tcellabm.experiments.compute.collect import Work
from tcellabm.experiments.results.ownership import entries, locked
from tcellabm.experiments.studies.fitted import Fit, individuals, predicted, short, some
from tcellabm.experiments.studies.pool import Pool, PoolPlan, compute_pool
from tcellabm.experiments.studies.sampler import (
    Chains,
    Sampling,
    engine,
    one_thread_each,
    sample,
)
from tcellabm.experiments.studies.trial import PUBLISHED
from tcellabm.identity import MODEL_VERSION, digest
from tcellabm.params import InputError, Parameters, load_trial
from tcellabm.params.files import find_file, read_form
from tcellabm.params.meta import meta_of
from tcellabm.posterior import NONE

POSTERIOR, ROWS, INDIVIDUALS, RECIPE = "posterior.json", "rows.csv", "courses.csv", "recipe.json"
IDENTIFIED = 0.5  # share of the prior's variance (of logs) that the data must take away
SMALL_SHARE = 0.1  # of a small pool, the effective patients that are asked for
WIDER = 1.5  # the second pool is that much wider than the first fit
_MARGIN = 1.1  # the sampler keeps so far above the least effective patients


class _PoolSize(BaseModel):
    model_config = ConfigDict(extra="forbid")

    patients: Annotated[int, Field(ge=20, le=10_000_000)]
    days: Annotated[float, Field(ge=460.0)]  # twelve-month RFS of a day-90 responder
    most: Annotated[int, Field(ge=1, le=9)]


class _Sampler(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ensembles: Annotated[int, Field(ge=2, le=64)]
    walkers: Annotated[int, Field(ge=4, le=1000)]
    draws: Annotated[int, Field(ge=10, le=100_000)]
    least_draws: Annotated[int, Field(ge=1)]
    least_patients: Annotated[int, Field(ge=1)]
    rounds: Annotated[int, Field(ge=1, le=10_000)]
    steps: Annotated[int, Field(ge=40, le=1_000_000)]


class _Prior(BaseModel):
    model_config = ConfigDict(extra="forbid")

    low: Annotated[float, Field(gt=0.0)]
    high: float


class _Files(BaseModel):
    model_config = ConfigDict(extra="forbid")

    trial: str
    likelihood: str


class _Written(BaseModel):
    """A calibration file."""

    model_config = ConfigDict(extra="forbid")

    files: _Files
    pool: _PoolSize
    sampler: _Sampler
    priors: Annotated[dict[str, _Prior], Field(min_length=1)]


@dataclass(frozen=True)
class Calibration:
    """What to fit, and how.

    Attributes
    ----------
    written : _Written
        The file.
    seed : int
        Of everything: laws, patients, chains.
    settings : mapping
        What the user has set besides.
    patients : int
        Enrolled in a pool.
    """

    written: _Written
    seed: int
    settings: Mapping[str, Any]
    patients: int

    @classmethod
    def load(
        cls, file: str, seed: int, settings: Mapping[str, Any], patients: int | None = None
    ) -> "Calibration":
        """Read a calibration file.

        Parameters
        ----------
        file : str
            Path, or name of a shipped file.
        seed : int
            Of everything: laws, patients, chains.
        settings : mapping
            Values by dotted key, over those of the trial.
        patients : int, optional
            Enrolled in a pool; as the file has it if not given.

        Returns
        -------
        Calibration
            Checked.

        Raises
        ------
        InputError
            It is none, or a prior is not of a law of the population, or not a range.
        """
        allowed = "allowed: files, pool, sampler, and priors KEY = { low, high }"
        written = read_form(_Written, file, "a calibration", allowed)
        calibration = cls(written, seed, settings, patients or written.pool.patients)
        calibration._check(file)
        return calibration

    def _check(self, where: str) -> None:
        fixed = ("files.posterior", "files.cohort", "trial.", "time.")
        if taken := [key for key in self.settings if key.startswith(fixed)]:
            raise InputError(f"{taken[0]} is set", "--set", "allowed: other keys; patients by -n")
        needed = 2 * len(self.keys) + 2
        if self.written.sampler.walkers < needed:
            raise InputError("too few walkers", where, f"allowed: {needed} or more")
        for key, prior in self.written.priors.items():
            if not prior.low < prior.high:
                what = f"prior of {key}: {prior.low:g} to {prior.high:g}"
                raise InputError(what, where, "allowed: low < high")
            for end in (prior.low, prior.high):
                meta_of(key, where).check(end, where)
            covariate = covariate_of(key)
            if covariate not in self.params.distributions or covariate in self.params.pinned:
                what = f"{key} is no law of the population"
                raise InputError(what, where, "allowed: population.COVARIATE.median or .sigma_ln")
            self.params.replace({key: prior.low}).replace({key: prior.high})
        _ = self.rows  # reads and checks them

    @cached_property
    def params(self) -> Parameters:
        """Parameters of the trial."""
        return load_trial(self.written.files.trial, self.of_trial).params

    @property
    def of_trial(self) -> dict[str, Any]:
        """What the trial is run with."""
        days = {"time.days": self.written.pool.days, "files.posterior": NONE}
        return {**days, **self.settings}

    @property
    def keys(self) -> tuple[str, ...]:
        """The laws that are fitted."""
        return tuple(self.written.priors)

    @cached_property
    def laws(self) -> Laws:
        """The same as laws of covariates."""
        return laws_of(self.keys, self.params.distributions)

    @property
    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """Logs of the ends of the priors."""
        priors = self.written.priors.values()
        return np.log([prior.low for prior in priors]), np.log([prior.high for prior in priors])

    @cached_property
    def published(self) -> pd.DataFrame:
        """The published figures."""
        trial = load_trial(self.written.files.trial, self.of_trial)
        return read_published(find_file(trial.files.get("published", PUBLISHED)))

    @cached_property
    def rows(self) -> list[Row]:
        """The rows that are fitted."""
        return read_rows(find_file(self.written.files.likelihood), self.published)

    @property
    def population(self) -> str:
        """The population file whose laws are fitted."""
        trial = load_trial(self.written.files.trial, self.of_trial)
        return trial.files.get("population", "").removeprefix("params/")

    @property
    def recipe(self) -> dict[str, Any]:
        """All that decides the result."""
        return {
            "model_version": MODEL_VERSION,
            "calibration": self.written.model_dump(),
            "patients": self.patients,
            "seed": self.seed,
            "settings": dict(self.settings),
            "rows": digest(repr(self.rows)),
            "parameters": digest(json.dumps(self.params.resolved(), sort_keys=True)),
        }

    def sampling(self, work: Work) -> Sampling:
        """Return how chains are made."""
        size = self.written.sampler
        return Sampling(
            size.ensembles,
            size.walkers,
            size.draws,
            size.least_draws,
            size.rounds,
            size.steps,
            min(work.processes, size.ensembles),
        )

    def chance(self, *words: int) -> int:
        """Return the seed of one purpose."""
        return int(np.random.SeedSequence(self.seed, spawn_key=words).generate_state(1)[0])

    def pool_plan(self, number: int, drawn: np.ndarray) -> PoolPlan:
        """Return the plan of a pool, each of other patients."""
        seed = self.chance(number)
        return PoolPlan.of(self.written.files.trial, self.of_trial, self.keys, drawn, seed)

    def compute(
        self, number: int, drawn: np.ndarray, folder: Path, work: Work, command: str
    ) -> Pool:
        """Compute a pool into a folder, or go on with it.

        Parameters
        ----------
        number : int
            Of the pool, from 1: each has other patients.
        drawn : ndarray, shape (patients, keys)
            Logs of the laws of each patient.
        folder : Path
            The pool's own.
        work : Work
            Workers and part.
        command : str
            Kept in the manifest.

        Returns
        -------
        Pool
            With every run that is there.
        """
        return compute_pool(self.pool_plan(number, drawn), folder, work, command)

    def target(self, pool: Pool) -> Target:
        """Return the density that is sampled."""
        covariates = pool.covariates(self.laws)
        proposal = mixed_proposal(covariates, self.laws, pool.drawn)
        infused = pool.infused
        weighting = Weighting(covariates, self.laws, proposal)
        return Target(self.rows, infused, weighting, self.least_patients(len(infused["seed"])))

    def least_patients(self, patients: int) -> float:
        """Return how many effective patients the sampler keeps to, in a pool of some size."""
        return _MARGIN * min(self.written.sampler.least_patients, SMALL_SHARE * patients)


def from_priors(calibration: Calibration) -> np.ndarray:
    """Return the laws of the first pool: of each patient, drawn from the priors."""
    low, high = calibration.box
    rng = np.random.default_rng(calibration.chance(0))
    drawn: np.ndarray = rng.uniform(low, high, (calibration.patients, len(low)))
    return drawn


def around(calibration: Calibration, draws: np.ndarray) -> np.ndarray:
    """Return the laws of a further pool: as the fit has them, wider, each covariate by itself."""
    rng = np.random.default_rng(calibration.chance(1, len(draws)))
    middle = draws.mean(axis=0)
    wide = np.clip(middle + WIDER * (draws - middle), *calibration.box)
    drawn = np.empty((calibration.patients, len(calibration.keys)))
    for covariate in calibration.laws.covariates:
        own = [i for i, key in enumerate(calibration.keys) if covariate_of(key) == covariate]
        drawn[:, own] = wide[rng.integers(len(wide), size=len(drawn))][:, own]
    return drawn


def calibrate(
    calibration: Calibration,
    folder: Path,
    work: Work | None = None,
    *,
    resume: bool = False,
    command: str = "",
) -> dict[str, Any] | None:
    """Compute a pool and fit it, or go on; return and write the posterior; None for a part.

    Parameters
    ----------
    calibration : Calibration
        What to fit, and how.
    folder : Path
        Where pools, chains and the posterior are kept; made if missing.
    work : Work, optional
        How to compute the pools.
    resume : bool
        Go on with a folder that is not empty.
    command : str
        The command line, for the manifests of pools.

    Returns
    -------
    dict or None
        What `posterior.json` holds; None for a part.

    Raises
    ------
    InputError
        emcee or arviz-stats is not installed; the folder is in use, not empty, or was made from
        another recipe; the pool is too small.
    Interrupted
        Ctrl-C; what is finished is kept.
    """
    engine()
    work = work or Work()
    folder.mkdir(parents=True, exist_ok=True)
    # Parts of a pool are held by their own folders.
    with nullcontext() if work.part else locked(folder):
        _hold(folder, calibration.recipe, resume or bool(work.part))
        fit = _fitted(calibration, folder, work, command)
        if fit is None:
            return None
        posterior = written(calibration, fit)
        text = json.dumps(posterior, indent=None, separators=(",", ":"), allow_nan=False)
        tables = {ROWS: table_of_rows(posterior), INDIVIDUALS: table_of_individuals(posterior)}
        for name, table in tables.items():
            if len(table):
                write_whole(folder / name, table.to_csv(index=False, lineterminator="\n").encode())
        write_whole(folder / POSTERIOR, (text + "\n").encode())
    return posterior


def pool_folder(folder: Path, number: int) -> Path:
    """Return the folder of a pool, numbered from 1."""
    return folder / f"pool-{number}"


def _fitted(calibration: Calibration, folder: Path, work: Work, command: str) -> Fit | None:
    """Compute pools and chains until a pool suffices, or the most pools are there."""
    drawn, pool, fit = from_priors(calibration), None, None
    for number in range(1, calibration.written.pool.most + 1):
        own = calibration.compute(number, drawn, pool_folder(folder, number), work, command)
        if not own.complete:
            return None
        pool = own if pool is None else pool.with_more(own)
        fit = fit_pool(calibration, pool, work, folder / f"chains-{number}")
        if fit.pool_suffices(calibration.written.sampler.least_patients):
            break
        drawn = around(calibration, fit.chains.flat)
    return fit


def fit_pool(calibration: Calibration, pool: Pool, work: Work, folder: Path | None = None) -> Fit:
    """Sample the posterior that a pool gives.

    Parameters
    ----------
    calibration : Calibration
        With priors and sampler.
    pool : Pool
        Patients to weight.
    work : Work
        Of it the workers.
    folder : Path, optional
        Where chains are kept, and found again.

    Returns
    -------
    Fit
        With its chains and how well the pool speaks to them.
    """
    target = calibration.target(pool)
    how = calibration.sampling(work)
    with one_thread_each():
        seed = calibration.chance(2)
        chains = sample(target.log_probability, *calibration.box, seed, how, folder)
    return Fit.of(target, chains)


def _hold(folder: Path, recipe: dict[str, Any], resume: bool) -> None:
    """Note the recipe in a new folder; refuse one made from another."""
    file = folder / RECIPE
    content = (json.dumps(recipe, indent=1, sort_keys=True) + "\n").encode()
    if not entries(folder):
        write_whole(file, content)
    elif not resume:
        raise InputError("the result folder is not empty", str(folder), "allowed: --resume")
    elif not file.exists() or file.read_bytes() != content:
        allowed = "allowed: the same calibration as there, or another --out"
        raise InputError("the folder was made from another recipe", str(folder), allowed)


# --- the posterior as written ---------------------------------------------------------------------


def written(calibration: Calibration, fit: Fit) -> dict[str, Any]:
    """Return what `posterior.json` holds."""
    chains = fit.chains
    facts = {
        "recipe": calibration.recipe,
        "diagnostics": fit.diagnostics(calibration.written.sampler.least_patients),
    }
    mean = chains.flat.mean(axis=0, keepdims=True)
    logs = fit.target.weighting.log_weights(mean)[0]
    return {
        "model_version": MODEL_VERSION,
        "population": calibration.population,
        "passed": all(check.met for check in of_posterior(facts)),
        **facts,
        "parameters": identified(calibration, chains),
        "predictive": predictive(calibration, fit),
        **individuals(fit),
        "keys": list(calibration.keys),
        "draws": [
            [[short(v) for v in draw] for draw in chain] for chain in np.exp(chains.draws).tolist()
        ],
        "log_weights": [round(float(v), 3) for v in logs - logs.max()],
    }


def identified(calibration: Calibration, chains: Chains) -> dict[str, dict[str, Any]]:
    """Say of each parameter how much of the prior's variance (of logs) the data took away."""
    found = {}
    for place, (key, prior) in enumerate(calibration.written.priors.items()):
        logs = chains.flat[:, place]
        left = float(np.var(logs)) / (math.log(prior.high / prior.low) ** 2 / 12.0)
        quantiles = np.exp(np.quantile(logs, [0.05, 0.5, 0.95]))
        found[key] = {
            "prior": [prior.low, prior.high],
            **{name: short(v) for name, v in zip(("q5", "q50", "q95"), quantiles, strict=True)},
            "variance_taken": round(1.0 - left, 3),
            "variance_taken_error": round(left * math.sqrt(2.0 / chains.effective), 3),
            "identified": 1.0 - left >= IDENTIFIED,
        }
    return found


def predictive(calibration: Calibration, fit: Fit) -> dict[str, dict[str, Any]]:
    """Return what cohorts of the published size, drawn from the posterior, say to each row."""
    rng = np.random.default_rng(calibration.chance(3))
    weights = fit.target.weighting.weights(some(fit.chains.flat))
    return {row.name: predicted(row, fit.target, weights, rng) for row in fit.target.rows}


def replaced(calibration: Calibration, **changes: Any) -> Calibration:
    """Return a calibration with another sampler."""
    sampler = calibration.written.sampler.model_copy(update=changes)
    return replace(calibration, written=calibration.written.model_copy(update={"sampler": sampler}))
