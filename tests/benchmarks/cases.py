"""What the benchmarks time, and how: processor time of one thread, always from the same state."""

import inspect
import math
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple
from unittest import mock

import numpy as np
from biology.living import B_CELLS, drive_of
from numba import njit

from tcellabm import TumorTCellModel, load
from tcellabm.clinic import course
from tcellabm.kernels import census, encounter, fields, groups, layout, single, tick
from tcellabm.kernels.draws import binomial, birth_death, birth_death_law
from tcellabm.kernels.landing import divides
from tcellabm.kernels.layout import ROWS
from tcellabm.kernels.rules import birth_and_death, changes, kill_hazard, rung_of, supply_of

CELLS_PER_VOXEL = 8
DENSE = 7e11  # cells of a body whose marrow is well filled
EARLY, LATE = 1.0, 8.0  # days: next to no CAR T cells yet; about half of the cells, and moving
YEAR = 365.0


def fastest(call, times):
    """Return the least processor time of some calls, s: that least disturbed by other programs."""
    return min(cpu_seconds(call) for _ in range(times))


def cpu_seconds(call):
    """Return the processor time of one call in this thread, s."""
    start = time.thread_time()
    call()
    return time.thread_time() - start


# --- patients -------------------------------------------------------------------------------------


def biopsy(cells, day=EARLY):
    """Return a well-filled biopsy of about so many cells, on a day."""
    edge = round(math.sqrt(cells / CELLS_PER_VOXEL))
    changes = {
        "marrow.rows": edge,
        "marrow.cols": edge,
        "resolution.represented_fraction": cells / DENSE,
        "patient.leukemic_burden": DENSE,
        "product.dose_cells_per_kg": 1e8,
    }
    model = TumorTCellModel(load("scenarios/biopsy.toml", changes), rng=1)
    model.run_until(day)
    return model


def body(day, seed=1):
    """Return a patient of the default scenario on a day."""
    model = TumorTCellModel(load("scenarios/kymriah.toml"), rng=seed)
    model.run_until(day)
    return model


def patient_year(seed):
    """Follow one patient of the default scenario for a year; return the outcomes."""
    model = body(YEAR, seed)
    return model.outcomes()


# --- kernels --------------------------------------------------------------------------------------


class Kernels:
    """The compiled tick of one model and its parts, called with what the model would give them.

    Every call starts from the same cells, put back outside of the time measured.
    """

    def __init__(self, model):
        tissue, time = model.tissue, model.params.time
        dt = 2.0**-time.tick_halvings
        tissue.make_room()
        self.state, self.cells = tissue.state, tissue.state.cells
        self.given = {
            "rng": model.rng,
            "dt": dt,
            "state": tissue.state,
            "law": tissue.law,
            "drive": drive_of(tissue.law, model.time, dt, tissue.body(B_CELLS)),
            "effect": layout.Effect(),
            "work": tissue.work,
        }
        self.saved = type(self.cells)(*(column.copy() for column in self.cells))
        self.alive = int(np.count_nonzero(self.cells.count[: self.cells.meta[ROWS]]))

    def restore(self):
        """Put the cells back."""
        for column, saved in zip(self.cells, self.saved, strict=True):
            np.copyto(column, saved)

    def call(self, kernel):
        """Run a kernel with the arguments it names."""
        names = inspect.signature(kernel.py_func).parameters
        return kernel(*(self.given[name] for name in names))

    def seconds(self, kernel, times=25):
        """Return the least processor time of one call, s."""
        spent = []
        for _ in range(times):
            self.restore()
            spent.append(cpu_seconds(lambda: self.call(kernel)))
        self.restore()
        return min(spent)

    def busy(self):
        """Return the share of agents that one step changes."""
        self.restore()
        self.call(single.step_cells)
        old = slice(0, self.saved.meta[ROWS])
        columns = ("count", "site", "state", "divisions")
        pairs = ((getattr(self.cells, name), getattr(self.saved, name)) for name in columns)
        changed = np.any([now[old] != before[old] for now, before in pairs], axis=0)
        self.restore()
        return changed.sum() / self.alive


@njit
def whole_tick(rng, dt, state, law, drive, effect, work):
    return tick.tick(rng, dt, state, law, drive, effect, work)


@njit
def one_draw_an_agent(rng, state):
    """The least that a stochastic tick of single cells can do."""
    total = 0.0
    for _ in range(state.cells.meta[ROWS]):
        total += rng.random()
    return total


PARTS = {
    "encounter": encounter.encounter,
    "step": single.step_cells,
    "census": census.census,
    "cytokines": fields.advance_fields,
}


def tick_of_cells(cells, day, times=25):
    """Return {part: seconds} of a single-cell tick, agents, the share of them that change."""
    kernels = Kernels(biopsy(cells, day))
    spent = {"tick": kernels.seconds(whole_tick, times)}
    spent |= {"bare": kernels.seconds(one_draw_an_agent, times)}
    spent |= {name: kernels.seconds(kernel, times) for name, kernel in PARTS.items()}
    return spent, kernels.alive, kernels.busy()


# --- groups against their bare draws --------------------------------------------------------------


@njit
def put_back(cells, saved):
    """Put the rows in use back."""
    used = saved.meta[0]
    for i in range(used):
        cells.count[i] = saved.count[i]
        cells.site[i] = saved.site[i]
        cells.state[i] = saved.state[i]
        cells.divisions[i] = saved.divisions[i]
        cells.unique_id[i] = saved.unique_id[i]
    cells.meta[:] = saved.meta


@njit
def only_put_back(times, saved, cells):
    for _ in range(times):
        put_back(cells, saved)


@njit
def steps(times, saved, rng, dt, state, law, drive, work):
    for _ in range(times):
        put_back(state.cells, saved)
        groups.step_groups(rng, dt, state, law, drive, work)


@njit
def fates(times, saved, rng, dt, state, law, drive, work):
    for _ in range(times):
        put_back(state.cells, saved)
        for known in (0, state.cells.meta[ROWS]):
            groups.fate(rng, 0.5 * dt, known, state, law, drive, work)


class Laws(NamedTuple):
    """The law of every draw of a step, by row."""

    alpha: np.ndarray  # birth and death over half a tick
    beta: np.ndarray
    divided: np.ndarray  # mean number of divisions used up
    first: np.ndarray  # chances of the two changes of state, the second of those left
    second: np.ndarray
    passing: np.ndarray  # chance of passing between marrow and blood


@njit
def laws(dt, saved, state, law, drive):
    """Return the laws that a step of groups draws from."""
    used, sites = saved.meta[0], state.sites
    rows = np.zeros((6, used))
    table = Laws(rows[0], rows[1], rows[2], rows[3], rows[4], rows[5])
    leaves, comes_home, _hops = groups.chances(dt, law.rates, drive)
    for i in range(used):
        s, which, left = saved.site[i], saved.state[i], saved.divisions[i]
        phi, rung = sites.stimulation[s], rung_of(which)
        killed = kill_hazard(which, s, sites, law.ladder.lysis, drive)
        supplied = supply_of(which, s, sites, drive)
        birth, death = birth_and_death(which, left, killed, supplied, phi, law.rates)
        table.alpha[i], table.beta[i] = birth_death_law(birth, death, 0.5 * dt)
        table.divided[i] = 2.0 * birth * dt if divides(which) and left > 0 else 0.0
        up, down = drive.up[rung], drive.down[rung]
        release, activation = sites.release[s], sites.activation[s]
        one, two = changes(which, up, down, phi, release, activation, law.rates)
        if one + two > 0.0:
            share = -math.expm1(-(one + two) * dt) / (one + two)
            table.first[i] = one * share
            table.second[i] = two * share / (1.0 - one * share)
        in_blood = s == sites.volume.size - 1
        table.passing[i] = comes_home[which] if in_blood else leaves[which]
    return table


@njit
def bare_draws(times, saved, rng, cells, table):
    """Draw all that a step draws, and do nothing else."""
    count = cells.count
    for _ in range(times):
        put_back(cells, saved)
        for i in range(table.alpha.size):
            count[i] = birth_death(rng, count[i], table.alpha[i], table.beta[i])
            if table.divided[i] > 0.0:
                cells.divisions[i] -= min(cells.divisions[i], rng.poisson(table.divided[i]))
            count[i] -= binomial(rng, count[i], table.first[i])
            count[i] -= binomial(rng, count[i], table.second[i])
            count[i] -= binomial(rng, count[i], table.passing[i])
            count[i] = birth_death(rng, count[i], table.alpha[i], table.beta[i])


class Groups:
    """The step of groups of one patient on one day, and the draws it cannot do without."""

    def __init__(self, day, seed=1):
        self.kernels = Kernels(body(day, seed))
        self.alive = self.kernels.alive
        given = self.kernels.given
        self.given = given | {"saved": self.kernels.saved, "cells": self.kernels.cells}
        self.kernels.restore()
        names = tuple(inspect.signature(laws.py_func).parameters)
        self.given |= {"table": laws(*(self.given[name] for name in names))}

    def run(self, loop, times):
        """Run one of the loops above so many times."""
        names = tuple(inspect.signature(loop.py_func).parameters)[1:]
        return loop(times, *(self.given[name] for name in names))

    def seconds(self, loop, times=200, rounds=7):
        """Return the least processor time of one pass, without putting back, s."""
        self.run(loop, 1)
        self.run(only_put_back, 1)
        spent = fastest(lambda: self.run(loop, times), rounds)
        return (spent - fastest(lambda: self.run(only_put_back, times), rounds)) / times


# --- whole runs -----------------------------------------------------------------------------------


def kernel_seconds(seed, days):
    """Return (all, in the kernel) processor time of one patient over some days, s, and entries."""
    spent = [0.0, 0]
    real = course.machine_code

    def machine_code(kernel, *examples):
        code = real(kernel, *examples)

        def timed(*given):
            start = time.thread_time()
            found = code(*given)
            spent[0] += time.thread_time() - start
            spent[1] += 1
            return found

        return timed

    with mock.patch.object(course, "machine_code", machine_code):
        whole = cpu_seconds(lambda: body(days, seed))
    return whole, *spent


def construction_seconds(seed):
    """Return the processor time of drawing a patient and the cells of day 0, s."""
    params = load("scenarios/kymriah.toml")
    return fastest(lambda: TumorTCellModel(params, rng=seed), 5)


def patients_of_worker(seeds):
    """Follow patients for a year each; return the processor time, s."""
    return cpu_seconds(lambda: [patient_year(seed) for seed in seeds])


def ready(barrier):
    """Load and warm up a worker, then wait for the others."""
    patient_year(0)
    barrier.wait()


def workers(number, patients):
    """Return (wall time, processor time) of following patients for a year on so many processes."""
    context = get_context("spawn")
    barrier = context.Barrier(number + 1)
    with ProcessPoolExecutor(number, context, ready, (barrier,)) as pool:
        for _ in range(number):
            pool.submit(int)  # each starts a process
        barrier.wait()
        start = time.perf_counter()
        spent = sum(pool.map(patients_of_worker, [[seed] for seed in range(patients)]))
        return time.perf_counter() - start, spent
