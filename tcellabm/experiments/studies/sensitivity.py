"""Which parameters matter: Morris screening and Sobol indices, from runs that vary them all."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tcellabm.analysis.indices import HIGHEST, LEVELS, LOWEST, indices, outputs, problem
from tcellabm.experiments.design.plan import Plan, Task, patient_seed, settings_of
from tcellabm.experiments.design.points import axes_of, check_runs, pick, unit_sample
from tcellabm.identity import run_id
from tcellabm.params import Distribution, InputError, Parameters, load_sweep
from tcellabm.params.size import check_size
from tcellabm.posterior import NONE

METHODS = ("morris", "sobol")
SAMPLES = {"morris": 20, "sobol": 256}  # by default
CHANCE = "chance"
_SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class PopulationAxis:
    """An axis with the distribution that the population draws a parameter from."""

    law: Distribution

    def at(self, share: float) -> float:
        """Return the value that has this share (0 to 1) of patients below it."""
        from scipy.special import ndtri

        return self.law.at(float(ndtri(min(max(share, 1e-9), 1 - 1e-9))))

    def as_table(self) -> dict[str, list[float]]:
        """Return it as JSON values."""
        law = self.law
        return {"lognormal": [law.median, law.sigma_ln, law.low, law.high]}


@dataclass(frozen=True)
class Study:
    """A plan whose points are a sample, and what is needed to analyze it.

    Attributes
    ----------
    plan : Plan
        One run per row of the sample.
    method : str
        `morris` or `sobol`.
    unit : ndarray, shape (rows, inputs)
        The sample, between 0 and 1; the last column is chance.
    """

    plan: Plan
    method: str
    unit: np.ndarray

    @property
    def inputs(self) -> list[str]:
        """What is varied: parameters, then chance."""
        return [*self.plan.axes, CHANCE]

    def analyze(self, outcomes: pd.DataFrame) -> pd.DataFrame:
        """Return the indices of every output, one row per input; see `indices.indices`."""
        if len(outcomes) < len(self.plan.tasks):
            raise InputError("some runs are missing", "", "allowed: --resume first")
        # Runs that the sample has twice are in the table once for each row of the sample.
        tables = [
            indices(self.method, self.unit, values, self.inputs, self.plan.seed).assign(output=name)
            for name, values in outputs(outcomes, self.plan.params).items()
        ]
        table = pd.concat(tables, ignore_index=True)
        return table[["output", *table.columns.drop("output")]]


def study(
    file: str | Path,
    overrides: Mapping[str, object] | None = None,
    method: str = "morris",
    samples: int | None = None,
    seed: int = 1,
) -> Study:
    """Plan an analysis of the axes that a file or the overrides name, or of the population.

    Parameters
    ----------
    file : path
        A scenario, whose population's distributions are varied; or a sweep file, whose axes are.
    overrides : mapping, optional
        Values by dotted key; a list or a range is an axis. What is set is not varied.
    method : str
        `morris` or `sobol`.
    samples : int, optional
        Trajectories of Morris, or base samples of Sobol (a power of 2).
    seed : int
        Of the sample and of the patients.

    Returns
    -------
    Study
        Planned, not computed.

    Raises
    ------
    InputError
        SALib is not installed, nothing is to be varied, or a key or value can't be used.
    """
    if find_spec("SALib") is None:
        allowed = "allowed: once installed with pip install 'tcellabm[analysis]'"
        raise InputError("SALib is missing", "tcellabm sensitivity", allowed)
    if method not in METHODS:
        raise InputError(f"method {method}", "--method", f"allowed: {', '.join(METHODS)}")
    samples = samples or SAMPLES[method]
    sweep = load_sweep(file, overrides)
    axes = axes_of(sweep, str(file))
    params = sweep.params
    if name := sweep.files.get("cohort"):
        raise InputError("files.cohort in a sensitivity study", name, "allowed: run, sweep, trial")
    if (name := sweep.files.get("posterior", NONE)) != NONE:
        what = "files.posterior in a sensitivity study"
        raise InputError(what, name, "allowed: run, sweep, trial; here laws are of the population")
    if params.time.days == 0.0:
        raise InputError("no day is followed", "time.days", "allowed: above 0, for an outcome")
    if not axes:
        laws = params.distributions.items()
        axes = {
            key: PopulationAxis(law)
            for key, law in laws
            if key not in params.pinned and law.sigma_ln
        }
    if not axes:
        raise InputError("nothing to vary", str(file), "allowed: a population, or --set KEY={...}")
    check_runs(samples * (len(axes) + (3 if method == "sobol" else 2)), "--samples")
    unit = _sample(method, samples, len(axes) + 1, seed)
    given = settings_of(params, overrides, axes)
    design = {"sensitivity": method, "samples": samples}
    points = [
        {key: pick(axis, share) for (key, axis), share in zip(axes.items(), row, strict=False)}
        for row in unit.tolist()
    ]
    patients = _patients(method, unit)
    plan = Plan(params, axes, given, points, _tasks(params, points, patients, seed), seed, design)
    return Study(plan, method, unit)


def _sample(method: str, samples: int, inputs: int, seed: int) -> np.ndarray:
    if method == "sobol":
        if samples & (samples - 1):
            raise InputError(f"{samples} samples", "--samples", "allowed with sobol: a power of 2")
        return unit_sample("saltelli", samples, inputs, seed)
    from SALib.sample.morris import sample

    if samples < 2:
        raise InputError(f"{samples} trajectories", "--samples", "allowed: 2 or more")
    levels: np.ndarray = sample(problem(inputs), samples, num_levels=LEVELS, seed=seed)
    return LOWEST + (HIGHEST - LOWEST) * levels


def _patients(method: str, unit: np.ndarray) -> list[int]:
    """Return which patient each run is: chance, as a number; in Morris each trajectory's own."""
    chance = unit[:, -1]
    if method == "sobol":
        return [int(share * _SEEDS) for share in chance.tolist()]
    level = np.rint((chance - LOWEST) / (HIGHEST - LOWEST) * (LEVELS - 1)).astype(int)
    steps = unit.shape[1] + 1
    return [row // steps * LEVELS + int(level[row]) for row in range(len(unit))]


def _tasks(
    params: Parameters, points: list[dict[str, Any]], patients: list[int], seed: int
) -> list[Task]:
    tasks = []
    for point, patient in zip(points, patients, strict=True):
        own = patient_seed(seed, patient)
        whole = params.replace(point)
        check_size(whole)  # some values are allowed only next to others
        tasks.append(Task(point, patient, 0, own, run_id(whole, own)))
    return tasks
