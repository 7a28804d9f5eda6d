"""Kernels give the same numbers, bit for bit, compiled and as plain Python.

Run as a script, this file writes what two short runs came to.
"""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

DAYS = 12
CASES = {
    "body": (
        "scenarios/kymriah.toml",
        {
            "marrow.rows": 2,
            "marrow.cols": 2,
            "resolution.agents_per_population": 16,
            "leukemia.cd19_loss_per_division": 1e-9,
        },
    ),
    # 10^4 cells: killed, dividing, mutating and moving; ticks of 3 h, to save time without the JIT
    "biopsy": (
        "scenarios/biopsy.toml",
        {
            "marrow.rows": 35,
            "marrow.cols": 35,
            "resolution.represented_fraction": 1e-8,
            "patient.leukemic_burden": 7e11,
            "product.dose_cells_per_kg": 1e8,
            "product.killing": 0.05,
            "patient.weight_kg": 60.0,
            "physiology.progression_death_per_day": 0.0,
            "lymphodepletion.given": False,
            "leukemia.cd19_loss_per_division": 1e-2,
            "time.tick_halvings": 3,
            "time.slow_tick_halvings": 3,
        },
    ),
}


def run(name):
    """Return everything that a run of 12 days came to, drugs and a second dose on the way."""
    from tcellabm import TumorTCellModel, load

    scenario, overrides = CASES[name]
    model = TumorTCellModel(load(scenario, overrides), rng=1)
    for day, treatment in ((6, "tocilizumab"), (7.01, "corticosteroid"), (9.7, "car_t")):
        model.give(treatment, at=day)
    model.run_until(DAYS)
    return {
        "series": {name: model.series[name].to_numpy() for name in model.series},
        "counts": model.counts(),
        "outcomes": {name: None if v != v else v for name, v in model.outcomes().items()},
        "layers": {name: layer.data for name, layer in model.tissue.marrow.layers.items()},
        "cells": model.agents.get(["unique_id", "count", "site", "antigen", "divisions_left"]),
        "stream": model.rng.bit_generator.state,
    }


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What the runs came to, with the JIT and without, each in a process of its own."""
    folder = tmp_path_factory.mktemp("jit")
    running = {}
    for off in ("0", "1"):
        env = {**os.environ, "NUMBA_DISABLE_JIT": off, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-W", "error", __file__, str(folder / off)]
        running[off] = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    errors = [process.communicate()[1] for process in running.values()]
    assert [process.returncode for process in running.values()] == [0, 0], errors
    return {off: pickle.loads((folder / off).read_bytes()) for off in running}


@pytest.mark.parametrize("name", CASES)
def test_results_are_the_same_with_the_jit_off(results, name):
    on, off = results["0"][name], results["1"][name]
    for kind in ("series", "layers"):
        for column, values in on[kind].items():
            differs = np.flatnonzero(values != off[kind][column])
            assert differs.size == 0, f"{column} differs in {differs.size} places from {differs[0]}"
            assert values.tobytes() == off[kind][column].tobytes()
    for kind in ("counts", "outcomes", "cells", "stream"):
        assert on[kind] == off[kind]


@pytest.mark.parametrize("name", CASES)
def test_the_compared_runs_exercise_the_rules(results, name):
    run = results["0"][name]
    series = run["series"]
    assert np.diff(series["day"]).max() == 1 / 8 and series["day"][-1] == DAYS
    assert run["outcomes"]["tocilizumab_doses"] > 0
    for column in ("leukemia_cd19_positive", "leukemia_cd19_negative", "car_t_exhausted"):
        assert series[column].max() > 0
    if name == "biopsy":
        assert 5e3 < len(run["cells"]) < 2e4


def test_the_two_processes_had_the_jit_on_and_off(results):
    assert [results[off]["disabled"] for off in ("0", "1")] == [0, 1]


if __name__ == "__main__":
    import numba

    found = {name: run(name) for name in CASES} | {"disabled": numba.config.DISABLE_JIT}
    Path(sys.argv[1]).write_bytes(pickle.dumps(found))
