"""The package against the slow reference: the same 200 patients, each with chances of its own."""

import functools
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from reference import Reference

from tcellabm import TumorTCellModel, load

SCENARIO = Path(__file__).parents[1] / "params" / "scenarios" / "kymriah.toml"
PATIENTS = 200
RUNS = 2  # of the package for each patient: its agent budget adds scatter, the reference has none
WORKERS = 2
DAYS = (7.0, 14.0, 28.0)
KINDS = {
    "leukemia": ["leukemia_cd19_positive", "leukemia_cd19_negative"],
    "car_t": ["car_t_memory", "car_t_effector", "car_t_exhausted"],
    "b_cell": ["b_cell"],
    "myeloid_activated": ["myeloid_activated"],
}
UNTREATED = {
    "care.policy": "none",
    "physiology.crs_death_per_day": 0.0,
    "physiology.progression_death_per_day": 0.0,
    "neurotoxicity.icans_death_per_day": 0.0,
    "marrow.rows": 1,
}
LARGEST_ERROR = 0.03  # standard error of a mean log10 count: no shift by 5 of them goes unseen
BY_TICK = np.log10(1.02)  # what ticks of 1/8 d may move a result, in either model


def parameters(seed):
    """Return the parameters of a patient; every eighth has two voxels, twice the work."""
    return load(SCENARIO, UNTREATED | {"marrow.cols": 2 if seed % 8 == 0 else 1})


def of_reference(seed):
    """Return log10(count + 1) by day and kind."""
    model, found = Reference(parameters(seed), seed), []
    for day in DAYS:
        model.run_until(day)
        counts = model.counts()
        found.append([counts[kind] for kind in KINDS])
    return np.log10(np.array(found) + 1.0)


def of_package(seed):
    """Return log10(count + 1) by day and kind, the mean of some runs of the same patient."""
    patient = TumorTCellModel(parameters(seed), rng=seed).params  # all covariates set
    return np.mean([one_run(patient, seed + PATIENTS * n) for n in range(RUNS)], axis=0)


def one_run(patient, seed):
    model = TumorTCellModel(patient, rng=seed)
    model.run_until(DAYS[-1])
    series = model.series.set_index("day").loc[list(DAYS)]
    found = [series[columns].sum(axis=1) for columns in KINDS.values()]
    return np.log10(np.transpose(found) + 1.0)


def difference(seed):
    """Return package less reference for one patient, shape (days, kinds)."""
    return of_package(seed) - of_reference(seed)


@functools.cache
def differences():
    """Return package less reference, shape (patients, days, kinds)."""
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=spawned) as pool:
        return np.array(list(pool.map(difference, range(PATIENTS), chunksize=5)))


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_package_agrees_with_the_reference(kind, day):
    shift = differences()[:, DAYS.index(day), list(KINDS).index(kind)]
    error = shift.std(ddof=1) / np.sqrt(PATIENTS)
    assert error < LARGEST_ERROR
    assert abs(shift.mean()) < 5.0 * error + BY_TICK
