"""Approximate Bayesian calibration (ABC-SMC, pyABC) of population parameters to `calibrate` rows.

The database of particles in the result folder is what a later session goes on from.
"""

import json
import math
import random
import sqlite3
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tcellabm.analysis.cohort import Cohort
from tcellabm.analysis.comparison import judged_by
from tcellabm.analysis.measures import MEASURES
from tcellabm.disk import write_whole
from tcellabm.experiments.compute import runner
from tcellabm.experiments.compute.processes import be_a_child, children_ended
from tcellabm.experiments.design.posterior import weighted_quantile
from tcellabm.experiments.results.ownership import entries, locked
from tcellabm.experiments.results.shards import to_table
from tcellabm.experiments.studies.trial import TrialPlan
from tcellabm.identity import MODEL_VERSION
from tcellabm.params import InputError
from tcellabm.params.files import find_file, read_text

RECALLED_WEIGHT = 0.5  # of a row whose figure or interval was not read
WORST = 5.0  # half-widths: a row further off, or that could not be measured, counts as that far
FOLLOWED_DAYS = 460.0  # twelve-month RFS of a day-90 responder
IDENTIFIED = 0.5  # share of the prior's variance (of logs) that the data must take away
DATABASE, POSTERIOR = "particles.db", "posterior.json"
_MULTIPLICATIVE = ("kinetic", "median")


@dataclass(frozen=True)
class Calibration:
    """What to fit: priors by dotted name, and how large a trial each particle is.

    Attributes
    ----------
    trial : str
        The trial file.
    priors : mapping
        Dotted name -> (low, high); log-uniform.
    patients : int
        Enrolled in the trial of each particle.
    seed : int
        Of everything: particles and their patients.
    settings : mapping
        What the user has set besides.
    """

    trial: str
    priors: Mapping[str, tuple[float, float]]
    patients: int
    seed: int
    settings: Mapping[str, Any]

    @classmethod
    def load(
        cls, file: str, patients: int, seed: int, settings: Mapping[str, Any]
    ) -> "Calibration":
        """Read a calibration file.

        Parameters
        ----------
        file : str
            A calibration file: `files.trial` and `priors`.
        patients : int
            Enrolled in the trial of each particle.
        seed : int
            Of particles and patients.
        settings : mapping
            What the user has set, by dotted key.

        Raises
        ------
        InputError
            It is none, or a prior is not a range of allowed values.
        """
        allowed = 'allowed: files.trial, and priors "key" = { low, high }'
        try:
            content = tomllib.loads(read_text(find_file(file), file))
            priors = {k: (float(p["low"]), float(p["high"])) for k, p in content["priors"].items()}
            trial = str(content["files"]["trial"])
        except InputError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"not a calibration: {error}", file, allowed) from None
        if not priors:
            raise InputError("a calibration of nothing", file, allowed)
        calibration = cls(trial, priors, patients, seed, settings)
        for key, (low, high) in priors.items():
            if not 0.0 < low < high:
                raise InputError(f"prior of {key}: {low:g} to {high:g}", file, "allowed: 0 < low")
            for end in (low, high):
                calibration.plan({key: end}, seed, patients=1)  # checks key and value
        return calibration

    def plan(self, values: Mapping[str, float], seed: int, patients: int = 0) -> TrialPlan:
        """Return the trial of one particle.

        Parameters
        ----------
        values : mapping
            The particle: values by dotted key.
        seed : int
            Root of the patients' seeds.
        patients : int
            Number enrolled; 0 for the calibration's own.
        """
        size = {"trial.patients": patients or self.patients, "time.days": FOLLOWED_DAYS}
        return TrialPlan.load(self.trial, {**size, **self.settings, **values}, seed)

    @property
    def recipe(self) -> dict[str, Any]:
        """All that decides the result, but for how long it goes on."""
        return {
            "model_version": MODEL_VERSION,
            "trial": self.trial,
            "priors": {key: list(bounds) for key, bounds in self.priors.items()},
            "patients": self.patients,
            "seed": self.seed,
            "settings": dict(self.settings),
            "parameters": self.plan({}, self.seed, patients=1).params.resolved(),
        }


def summary(calibration: Calibration, logs: Mapping[str, float]) -> dict[str, float]:
    """Run the trial of one particle and measure the rows marked `calibrate`.

    Its patients' seeds follow from the particle, so that it gives the same wherever it is run.
    """
    text = json.dumps([calibration.seed, sorted(logs.items())])
    seed = int(np.random.SeedSequence(list(text.encode())).generate_state(1)[0])
    values = {key: math.exp(logs[key]) for key in calibration.priors}
    plan = calibration.plan(values, seed)
    rows = []
    for task in plan.enrolled:
        infused = task.journey.infused
        row = runner.run_task(plan.params, task).rows[0] if infused else task.not_run
        rows.append(plan.labeled(row, task))
    cohort = Cohort.of(to_table(rows, plan.schema).to_pandas())
    return {name: MEASURES[name].of(cohort) for name in targets(plan.published)["id"]}


def _summary_in_child(calibration: Calibration, logs: Mapping[str, float]) -> dict[str, float]:
    be_a_child()
    return summary(calibration, logs)


def targets(published: pd.DataFrame) -> pd.DataFrame:
    """Return the rows to fit, with `weight`: those marked `calibrate`, and no others."""
    rows = published[(published["use"] == "calibrate") & published["id"].isin(MEASURES.keys())]
    recalled = rows["confidence"].str.contains("recalled")
    return rows.assign(weight=np.where(recalled, RECALLED_WEIGHT, 1.0))


def distance(simulated: Mapping[str, float], rows: pd.DataFrame) -> float:
    """Return how far a trial is from the published: weighted root mean square, in half-widths."""
    total = 0.0
    for row in rows.to_dict("records"):
        off = min(_off(simulated[row["id"]], row), WORST)
        total += row["weight"] * off**2
    return math.sqrt(total / float(rows["weight"].sum()))


def _off(value: float, row: dict[str, Any]) -> float:
    kind = MEASURES[row["id"]].kind
    low, high, _ = judged_by(row, kind)
    if not math.isfinite(value):
        return WORST
    if kind in _MULTIPLICATIVE:
        if value <= 0.0:
            return WORST
        return abs(math.log(value / row["value"])) / (0.5 * math.log(high / low))
    return abs(value - row["value"]) / (0.5 * (high - low))


def calibrate(
    calibration: Calibration,
    folder: Path,
    particles: int,
    generations: int,
    workers: int,
    *,
    resume: bool = False,
) -> dict[str, Any]:
    """Run ABC-SMC, or go on with it, up to so many generations; return and write the posterior.

    Parameters
    ----------
    calibration : Calibration
        What to fit.
    folder : Path
        Result folder, made if missing.
    particles : int
        Particles per generation.
    generations : int
        Generations in all, earlier sessions included.
    workers : int
        Processes.
    resume : bool
        Continue with the database in the folder.

    Raises
    ------
    InputError
        pyABC is not installed; the folder is in use, not empty, or was made from another recipe;
        the database in it is damaged.
    """
    pyabc = engine()
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder), children_ended(), _global_seed(calibration.seed):
        _hold(folder, calibration.recipe, resume)
        abc = _sampler(pyabc, calibration, particles, workers)
        history = _gone_on(abc, calibration, folder / DATABASE, generations)
        posterior = _posterior(calibration, history)
        write_whole(folder / POSTERIOR, (json.dumps(posterior, indent=1) + "\n").encode())
    return posterior


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """Seed NumPy's global random state, which pyABC draws from, and put back what was there."""
    before, plain = np.random.get_state(), random.getstate()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
        random.setstate(plain)  # whatever a library below drew from Python's own


def _rows(calibration: Calibration) -> pd.DataFrame:
    return targets(calibration.plan({}, calibration.seed, patients=1).published)


def _sampler(pyabc: Any, calibration: Calibration, particles: int, workers: int) -> Any:
    """Return pyABC's ABC-SMC for a calibration."""
    rows = _rows(calibration)
    prior = pyabc.Distribution(
        **{
            key: pyabc.RV("uniform", math.log(low), math.log(high / low))
            for key, (low, high) in calibration.priors.items()
        }
    )
    many = pyabc.MulticoreEvalParallelSampler(workers) if workers > 1 else None
    return pyabc.ABCSMC(
        lambda logs: _summary_in_child(calibration, logs),
        prior,
        lambda simulated, _: distance(simulated, rows),
        population_size=particles,
        sampler=many or pyabc.SingleCoreSampler(),
    )


def _gone_on(abc: Any, calibration: Calibration, database: Path, generations: int) -> Any:
    """Begin in a new database, or go on with an old one; return pyABC's history."""
    fresh = not database.exists()
    address = f"sqlite:///{database}"
    if fresh:
        abc.new(address, {name: 0.0 for name in _rows(calibration)["id"]})
    else:
        _check(database)
        abc.load(address)
    left = generations - (0 if fresh else abc.history.n_populations)
    return abc.run(max_nr_populations=left) if left > 0 else abc.history


def _check(database: Path) -> None:
    """Refuse a database that is damaged, or was not begun."""
    try:
        with closing(sqlite3.connect(database)) as content:
            whole = content.execute("pragma integrity_check").fetchall() == [("ok",)]
            whole = whole and content.execute("select count(*) from abc_smc").fetchone() == (1,)
    except sqlite3.DatabaseError:
        whole = False
    if not whole:
        allowed = "allowed: a whole one, or another --out"
        raise InputError("the database is empty or damaged", str(database), allowed)


def engine() -> Any:
    """Return pyABC, or raise `InputError` if it is not installed."""
    try:
        import pyabc
    except ImportError:
        what = "calibration needs pyABC"
        raise InputError(what, "", "allowed: pip install 'tcellabm[calibrate]'") from None
    return pyabc


def _hold(folder: Path, recipe: dict[str, Any], resume: bool) -> None:
    """Note the recipe in a new folder; refuse one made from another."""
    file = folder / "recipe.json"
    content = (json.dumps(recipe, indent=1, sort_keys=True) + "\n").encode()
    if not entries(folder):
        write_whole(file, content)
    elif not resume:
        raise InputError("the result folder is not empty", str(folder), "allowed: --resume")
    elif not file.exists() or file.read_bytes() != content:
        allowed = "allowed: the same calibration as there, or another --out"
        raise InputError("the folder was made from another recipe", str(folder), allowed)


def _posterior(calibration: Calibration, history: Any) -> dict[str, Any]:
    keys = list(calibration.priors)
    frame, weights = history.get_distribution()
    logs = frame[keys].to_numpy(float)
    populations = history.get_all_populations()
    return {
        "model_version": MODEL_VERSION,
        "seed": calibration.seed,
        "patients": calibration.patients,
        "settings": dict(calibration.settings),
        "made_by": "tcellabm calibrate",
        "keys": keys,
        "draws": np.exp(logs).tolist(),
        "weights": np.asarray(weights, float).tolist(),
        "generations": [
            {"epsilon": None if math.isinf(e) else float(e), "simulations": int(n)}
            for t, e, n in zip(
                populations["t"], populations["epsilon"], populations["samples"], strict=True
            )
            if t >= 0
        ],
        "effective_sample_size": float(1.0 / np.sum(np.asarray(weights) ** 2)),
        "parameters": _identified(calibration.priors, np.exp(logs), np.asarray(weights)),
    }


def _identified(
    priors: Mapping[str, tuple[float, float]], draws: np.ndarray, weights: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Say of each parameter how much of the prior's variance (of logs) the data took away."""
    found = {}
    for i, (key, (low, high)) in enumerate(priors.items()):
        logs = np.log(draws[:, i])
        middle = float(np.average(logs, weights=weights))
        variance = float(np.average((logs - middle) ** 2, weights=weights))
        shrunk = 1.0 - variance / (math.log(high / low) ** 2 / 12.0)
        quantiles = {f"q{q}": weighted_quantile(draws[:, i], weights, q / 100) for q in (5, 50, 95)}
        found[key] = {
            "prior": [low, high],
            **quantiles,
            "variance_taken": round(shrunk, 3),
            "identified": shrunk >= IDENTIFIED,
        }
    return found
