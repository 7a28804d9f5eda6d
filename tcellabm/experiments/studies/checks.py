"""Checks of a calibration, each part kept as it is finished: `tcellabm calibrate --check`.

- simulation-based calibration (Talts 2018): laws drawn from the prior, where as many effective
  patients speak as to the fit, trials simulated from the pool under them, fitted as the real one;
  the rank of the truth among the draws is uniform;
- leaving one trial out: its rows predicted by a fit to the others;
- the weighted pool against direct runs at three draws.
"""

import json
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tcellabm.analysis.cohort import Columns
from tcellabm.analysis.courses import Courses
from tcellabm.analysis.fit import Target, simulated
from tcellabm.analysis.likelihood import Likelihood, Row
from tcellabm.disk import write_whole
from tcellabm.experiments.compute.collect import Work
from tcellabm.experiments.design.data_file import OWN
from tcellabm.experiments.results.ownership import locked
from tcellabm.experiments.studies.calibration import (
    RECIPE,
    Calibration,
    around,
    from_priors,
    pool_folder,
)
from tcellabm.experiments.studies.fitted import PREDICTED, predicted, some
from tcellabm.experiments.studies.pool import Pool
from tcellabm.experiments.studies.sampler import (
    Chains,
    Sampling,
    engine,
    one_thread_each,
    sample,
)
from tcellabm.params import InputError

CHECKS = "checks.json"
SIMULATED = 200  # trials of simulation-based calibration
DIRECT = 6200  # enrolled at each draw, of whom 5000 and more are infused
SHORT = 2  # rounds of a fit among many: some ten autocorrelation times, half of them burn-in
RANKED = 100  # draws among which the truth has its rank
# Whose figures a row is; E and P share patients, so that they are left out together.
TRIALS = {
    "ELIANA and ENSIGN, clinic": ("E", "P"),
    "kinetics": ("K",),
    "tocilizumab": ("C",),
    "rows of one's own": (OWN[0],),
}
RESAMPLED = 200  # of pools that are compared
THIN = 0.05  # share of the fit's draws that may rest on fewer patients than simulated trials do
REACHED = 0.1  # share of the prior in which trials are simulated at least
_PATIENCE = 2000  # points of the prior looked at for one that the pool speaks to


def check(
    calibration: Calibration,
    folder: Path,
    work: Work | None = None,
    *,
    simulations: int = SIMULATED,
    direct: int = DIRECT,
    command: str = "",
) -> dict[str, Any]:
    """Check the calibration in a folder, or go on with it; return and write `checks.json`.

    Parameters
    ----------
    calibration : Calibration
        Of the folder, with equal arguments.
    folder : Path
        Of a finished calibration; parts of the checks are kept there.
    work : Work, optional
        How to compute the direct runs.
    simulations : int
        Trials of simulation-based calibration.
    direct : int
        Patients enrolled at each of three draws.
    command : str
        The command line, for the manifests of direct runs.

    Returns
    -------
    dict
        What `checks.json` holds: `simulation`, `left_out`, `direct`.

    Raises
    ------
    InputError
        There is no finished calibration of this recipe in the folder.
    Interrupted
        Ctrl-C; what is finished is kept.
    """
    engine()
    work = work or Work()
    posterior = _posterior_of(calibration, folder)
    with locked(folder), one_thread_each():
        first, target, draws = _targets(calibration, folder, work, posterior, command)
        done = {
            "simulation": _simulation(
                calibration,
                _as_thick(calibration, first, target, draws),
                folder / "check-simulation",
                simulations,
                work,
            ),
            "left_out": _left_out(calibration, target, folder / "check-left-out"),
            "direct": _direct(calibration, target, draws, folder, work, direct, command),
        }
        write_whole(folder / CHECKS, (json.dumps(done, indent=1) + "\n").encode())
    return done


def _posterior_of(calibration: Calibration, folder: Path) -> dict[str, Any]:
    allowed = "allowed: --out DIR of a finished calibration with the same arguments"
    try:
        recipe = json.loads((folder / RECIPE).read_text(encoding="utf-8"))
        posterior = json.loads((folder / "posterior.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError("no finished calibration in it", str(folder), allowed) from None
    if recipe != json.loads(json.dumps(calibration.recipe)):
        raise InputError("the folder was made from another recipe", str(folder), allowed)
    return dict(posterior)


def _targets(
    calibration: Calibration, folder: Path, work: Work, posterior: Mapping[str, Any], command: str
) -> tuple[Target, Target, np.ndarray]:
    """Return the density of the first pool and of all, and draws of the posterior as logs."""
    drawn, pool, first = from_priors(calibration), None, None
    number = 1
    while pool_folder(folder, number).is_dir():
        own = calibration.compute(number, drawn, pool_folder(folder, number), work, command)
        pool = own if pool is None else pool.with_more(own)
        if first is None:
            first = calibration.target(pool)
        if pool_folder(folder, number + 1).is_dir():
            how = calibration.sampling(work)
            target = first if number == 1 else calibration.target(pool)
            chains = sample(
                target.log_probability,
                *calibration.box,
                calibration.chance(2),
                how,
                folder / f"chains-{number}",
            )
            drawn = around(calibration, chains.flat)
        number += 1
    assert isinstance(pool, Pool) and first is not None
    draws = np.log(np.array(posterior["draws"])).reshape(-1, len(calibration.keys))
    return first, first if number == 2 else calibration.target(pool), draws


def _kept(file: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what a file holds, or make it and keep it."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        content = make()
        file.parent.mkdir(exist_ok=True)
        write_whole(file, json.dumps(content).encode())
        return content


# --- simulation-based calibration -----------------------------------------------------------------


def _as_thick(calibration: Calibration, first: Target, target: Target, draws: np.ndarray) -> Target:
    """Return the first pool, kept to where it speaks by as many patients as all pools to the fit.

    Where a pool is thinner, a fit is overconfident; whether this one is, is what is asked.
    """
    rng = np.random.default_rng(calibration.chance(8))
    prior = rng.uniform(*calibration.box, (PREDICTED, len(calibration.keys)))
    there, here = (
        own.patients(own.weighting.weights(laws))
        for own, laws in ((target, some(draws)), (first, prior))
    )
    wanted = min(np.quantile(there, THIN), np.quantile(here, 1.0 - REACHED))
    return replace(first, least=max(first.least, float(wanted)))


def _simulation(
    calibration: Calibration, target: Target, folder: Path, simulations: int, work: Work
) -> dict[str, Any]:
    """Rank truths among draws of their fits, in the pool of the prior: others lie elsewhere."""

    def one(number: int) -> list[float]:
        make = partial(_ranks, calibration, target, number)
        ranks: list[float] = _kept(folder / f"{number:04d}.json", make)["ranks"]
        return ranks

    threads = ThreadPoolExecutor(max(1, work.processes))
    try:
        ranks = list(threads.map(one, range(simulations)))
    finally:
        threads.shutdown(cancel_futures=True)
    found = uniformity(np.array(ranks, float), calibration.keys)
    return {"effective_patients": round(target.least)} | found


def uniformity(ranks: np.ndarray, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return a histogram and a test of uniformity for each key.

    Parameters
    ----------
    ranks : ndarray, shape (simulations, keys)
        Share of draws below the truth.
    keys : tuple of str
        The laws.
    """
    _, stats = engine()
    found = {}
    for place, key in enumerate(keys):
        own = ranks[:, place]
        p = float(stats.uniformity_test(np.clip(own, 1e-6, 1.0 - 1e-6))[0])
        counts = np.histogram(own, bins=10, range=(0.0, 1.0))[0]
        found[key] = {"p": round(p, 5), "counts": counts.tolist()}
    least = min(value["p"] for value in found.values())
    # Of so many tests the least is compared with its own law (Bonferroni).
    return {"simulations": len(ranks), "keys": found, "uniform": least > 0.05 / len(keys)}


def _ranks(calibration: Calibration, target: Target, number: int) -> dict[str, Any]:
    """Return the rank of the laws of one simulated trial among the draws of its fit."""
    rng = np.random.default_rng(calibration.chance(4, number))
    truth = _truth(calibration, target, rng)
    weights = target.weighting.weights(truth[None])[0]
    rows = [_row_of_trial(row, target.infused, weights, rng) for row in target.rows]
    known = [row for row in rows if row is not None]
    courses = target.courses and target.courses.simulated(weights, rng)
    again = target.with_rows(known).with_courses(courses)
    chains = _short_chains(calibration, again, calibration.chance(5, number))
    own = chains.flat[np.linspace(0, len(chains.flat) - 1, RANKED).astype(int)]
    places = np.sum(own < truth, axis=0) + rng.random(len(truth))  # RANKED + 1 places there are
    return {"ranks": (places / (RANKED + 1)).tolist()}


def _row_of_trial(
    row: Row, infused: Columns, weights: np.ndarray, rng: np.random.Generator
) -> Row | None:
    """Return a row as a trial would tell it, with all the scatter that its likelihood allows for.

    That is the tolerance for another way of measuring. A recalled row, of twice the variance, is
    one of half as many patients.
    """
    few = replace(row, n=row.weight * row.n, n_other=row.weight * row.n_other, weight=1.0)
    found = simulated(few, infused, weights, rng)
    scatter = math.exp(row.tolerance * rng.standard_normal())
    return found and replace(found, value=found.value * scatter)


def _truth(calibration: Calibration, target: Target, rng: np.random.Generator) -> np.ndarray:
    """Draw laws from the prior as it is sampled: where the pool has enough patients."""
    for _ in range(_PATIENCE):
        point: np.ndarray = rng.uniform(*calibration.box)
        patients = target.patients(target.weighting.weights(point[None]))
        if math.log(rng.random()) < float(target.wall(patients)[0]):
            return point
    raise InputError("the pool speaks to no point of the prior", "", "allowed: a larger pool")


def _short_chains(calibration: Calibration, target: Target, seed: int) -> Chains:
    """Sample by one ensemble, of which each walker gives a few draws after burn-in."""
    size = calibration.written.sampler
    how = Sampling(1, size.walkers, RANKED, RANKED, rounds=1, steps=SHORT * size.steps)
    return sample(target.log_probability, *calibration.box, seed, how)


# --- leaving one trial out ------------------------------------------------------------------------


def _left_out(calibration: Calibration, target: Target, folder: Path) -> dict[str, Any]:
    found = {}
    for place, (name, letters) in enumerate(TRIALS.items()):
        left = [row.name[0] in letters for row in target.rows]
        if any(left) and not all(left):
            make = partial(_without, calibration, target, letters)
            found[name] = _kept(folder / f"{place}.json", make)
    return found


def _without(calibration: Calibration, target: Target, letters: tuple[str, ...]) -> dict[str, Any]:
    """Return predictions of the rows of some trials by a fit to the others."""
    remaining = [row for row in target.rows if row.name[0] not in letters]
    chains = _short_chains(
        calibration, target.with_rows(remaining), calibration.chance(6, len(remaining))
    )
    weights = target.weighting.weights(some(chains.flat))
    rng = np.random.default_rng(calibration.chance(7, len(remaining)))
    left = [row for row in target.rows if row.name[0] in letters]
    return {row.name: predicted(row, target, weights, rng) for row in left}


# --- the weighted pool against direct runs --------------------------------------------------------


def _direct(
    calibration: Calibration,
    target: Target,
    draws: np.ndarray,
    folder: Path,
    work: Work,
    enrolled: int,
    command: str,
) -> dict[str, Any]:
    """Run patients of three draws directly, and compare every row with the weighted pool."""
    larger = replace(calibration, patients=enrolled)
    rows: list[dict[str, Any]] = []
    for number, place in enumerate(np.linspace(0, len(draws) - 1, 5).astype(int)[1:4]):
        theta = draws[place]
        laws = np.tile(theta, (enrolled, 1))
        pool = larger.compute(100 + number, laws, folder / f"direct-{number + 1}", work, command)
        weights = target.weighting.weights(theta[None])
        found = against(target, weights, pool)
        found += courses_against(target, weights, larger.target(pool))
        rows += [{"draw": number + 1} | row for row in found]
    table = pd.DataFrame(rows)
    shares = table[table["form"].isin(["binomial", "kaplan_meier"])]["difference"]
    rms = float(np.sqrt(np.mean(shares**2))) if len(shares) else 0.0
    return {
        "infused_each": enrolled,
        "rows": json.loads(table.to_json(orient="records")),
        "worst_z": round(float(table["z"].abs().max()), 2),
        "rms_points": round(rms, 2),
        "met": bool(table["z"].abs().max() <= 3.0 and rms <= 1.5),
    }


def against(target: Target, weights: np.ndarray, pool: Pool) -> list[dict[str, Any]]:
    """Return each row by the weighted pool and by a direct one, with the difference over its error.

    Errors are of patients resampled in both (bootstrap).

    Parameters
    ----------
    target : Target
        The weighted pool.
    weights : ndarray, shape (1, patients)
        Of its patients at one draw.
    pool : Pool
        Run directly at that draw.

    Returns
    -------
    list of dict
        `id`, `form`, `weighted`, `direct`, `difference` (weighted less direct), `z`.
    """
    if not target.rows:
        return []
    rng = np.random.default_rng(1)
    direct = Likelihood(target.rows, pool.infused)
    n = len(pool.infused["seed"])
    ours = target.likelihood.figures(weights)[0]
    theirs = direct.figures(np.full((1, n), 1.0 / n))[0]
    again = weights * rng.poisson(1.0, (RESAMPLED, weights.shape[1]))
    spread = np.std(target.likelihood.figures(again / again.sum(axis=1, keepdims=True)), axis=0)
    other = rng.poisson(1.0, (RESAMPLED, n)) + 0.0
    spread_direct = np.std(direct.figures(other / other.sum(axis=1, keepdims=True)), axis=0)
    names = [(row.name, row.form) for row in target.rows]
    values = zip(names, ours, theirs, spread, spread_direct, strict=True)
    return [_difference(*each) for each in values]


def courses_against(target: Target, weights: np.ndarray, direct: Target) -> list[dict[str, Any]]:
    """Return the log likelihood of each individual by the weighted pool and by a direct one.

    Columns and errors are those of `against`.

    Parameters
    ----------
    target : Target
        The weighted pool.
    weights : ndarray, shape (1, patients)
        Of the weighted pool.
    direct : Target
        Of patients that were all drawn from one population.

    Returns
    -------
    list of dict
        Empty without courses.
    """
    if target.courses is None or direct.courses is None:
        return []
    rng = np.random.default_rng(2)
    equal = np.ones((1, len(direct.infused["seed"])))
    ours, spread = _log_likelihoods(target.courses, weights, rng)
    theirs, spread_direct = _log_likelihoods(direct.courses, equal, rng)
    names = [(f"ID {person.name}", "course") for person in target.courses.individuals]
    values = zip(names, ours, theirs, spread, spread_direct, strict=True)
    return [_difference(*each) for each in values]


def _log_likelihoods(
    courses: Courses, weights: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log likelihood of each individual, and its error by resampled patients."""
    again = weights * rng.poisson(1.0, (RESAMPLED, weights.shape[1]))
    return courses.by_individual(weights)[0], np.std(courses.by_individual(again), axis=0)


def _difference(
    row: tuple[str, str], ours: float, theirs: float, one: float, two: float
) -> dict[str, Any]:
    error = math.hypot(one, two)
    return {
        "id": row[0],
        "form": row[1],
        "weighted": float(ours),
        "direct": float(theirs),
        "difference": float(ours - theirs),
        "z": float((ours - theirs) / error) if error > 0.0 else 0.0,
    }
