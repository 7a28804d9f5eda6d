"""A model to test sweeps with: rows that follow from parameters and seed, in no time."""

import math
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import tcellabm
from tcellabm.columns import OUTCOMES, SERIES
from tcellabm.experiments.compute import runner
from tcellabm.experiments.design.plan import Plan

DOSE = "product.dose_cells_per_kg"
HALF_LIFE = "product.persistence_half_life_days"
PATIENCE = 240.0  # seconds that anything may take on a slow machine
NOTHING = {float: math.nan, int: 0, bool: False, str: ""}


def fake_outcomes(params, seed):
    lucky = seed % 3 > 0
    row = {column.name: NOTHING[column.kind] for column in OUTCOMES} | {
        "remission": lucky,
        "remission_day": 28.0 if lucky else math.nan,
        "relapse_day": 200.0 if seed % 2 else math.nan,
        "crs_grade_penn": 3 if params.get(DOSE) > 1e6 else 1,
        "followed_days": params.time.days,
        "peak_il6": params.get(HALF_LIFE) + seed % 10,
    }
    return row | {"seed": seed}


def fake_simulate(params, seed):
    days = range(int(params.time.days) + 1)
    series = pd.DataFrame({column.name: [0.0] * len(days) for column in SERIES})
    series["day"], series["b_cell"] = [float(d) for d in days], [seed % 7 + d for d in days]
    row = fake_outcomes(params, seed)
    patient = SimpleNamespace(covariates={"patient.leukemic_burden": float(seed % 1000)})
    model = {"outcomes": lambda: row, "series": series, "patient": patient, "params": params}
    return SimpleNamespace(**model)


@pytest.fixture
def fake_model(monkeypatch):
    monkeypatch.setattr(runner, "simulate", fake_simulate)


@pytest.fixture
def plan():
    """4 points, 5 patients each."""
    axes = {DOSE: [5e5, 2e6], HALF_LIFE: [30, 120]}
    return Plan.load("params/scenarios/kymriah.toml", axes | {"sweep.patients": 5})


@pytest.fixture(scope="session")
def with_package():
    """Environment in which other Python processes find the package, installed or not."""
    return os.environ | {"PYTHONPATH": str(Path(tcellabm.__file__).parents[1])}


@pytest.fixture
def start(tmp_path, with_package):
    """Start Python in the test's folder; whatever is left of it is killed."""
    with starter(tmp_path, with_package) as begin:
        yield begin


@contextmanager
def starter(folder, world):
    """Yield what starts Python in a folder; whatever is left of it is killed."""
    started = []

    def _start(*words, **environment):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        place = {"cwd": folder, "env": world | environment}
        started.append(subprocess.Popen([sys.executable, *words], **place, **pipes))
        return started[-1]

    try:
        yield _start
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
                process.communicate()


def wait_until(condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def runs_on_disk(folder):
    """Return how many shards are whole; of one run each where SHARD_RUNS is 1."""
    return len(list(folder.glob("shards/[!.]*.parquet")))
