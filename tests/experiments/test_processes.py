"""Sweeps in real processes, disturbed the way the world does it."""

import signal
import subprocess
import sys
import time

import psutil
import pytest

from tcellabm.cli import execute
from tcellabm.experiments import lock, runner
from tcellabm.params import InputError, load

SHORT = [
    *("-n", "24", "--set", "time.days=20", "--set", "product.dose_cells_per_kg=[5e5, 2e6]"),
    *("--set", "product.persistence_half_life_days=60"),
]
RUNS = 48
PATIENCE = 240.0
# `tcellabm` that puts every run on the disk at once, so that it can be caught in the middle.
PROGRAM = """
from tcellabm import cli
from tcellabm.experiments import keeping
keeping.SHARD_RUNS, keeping.SHARDS_APART = 1, 0.0
cli.main()
"""


@pytest.fixture
def start(tmp_path, with_package):
    """Start `tcellabm sweep` in the test's folder; whatever is left of it is killed."""
    started = []

    def _start(*words):
        command = [sys.executable, "-c", PROGRAM, "sweep", *SHORT, *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, cwd=tmp_path, env=with_package, **pipes))
        return started[-1]

    yield _start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def workers_of(process):
    """Return the processes that compute: all but the one that starts them."""
    (server,) = [
        child
        for child in psutil.Process(process.pid).children()
        if "forkserver" in " ".join(child.cmdline())
    ]
    return server.children()


def wait_for_runs(folder, runs):
    """Wait until that many runs are on the disk."""
    until = time.monotonic() + PATIENCE
    while len(list(folder.glob("shards/[!.]*.parquet"))) < runs:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_sweep_survives_ctrl_c_a_kill_and_the_death_of_a_worker(start, tmp_path, monkeypatch):
    runner.warm_up(load())  # so that no process has to compile
    folder = tmp_path / "a"
    sweep = start("--workers", "2", "--out", "a")
    wait_for_runs(folder, 1)
    workers = workers_of(sweep)
    for process in (*workers, sweep):  # a terminal's Ctrl-C reaches workers too
        process.send_signal(signal.SIGINT)
    out, err = sweep.communicate(timeout=PATIENCE)
    assert sweep.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    said, _, kept = err.splitlines()[-1].partition(" of ")[0].partition(": ")
    assert said == "interrupted"
    assert 1 <= int(kept) < RUNS
    assert err.endswith(f"--out {folder} --resume\n")
    assert len(workers) == 2
    assert not any(worker.is_running() for worker in workers)
    assert not (folder / "outcomes.parquet").exists()

    sweep = start("--workers", "0", "--out", "a", "--resume")
    wait_for_runs(folder, int(kept) + 3)
    sweep.kill()
    sweep.communicate()

    sweep = start("--workers", "2", "--out", "a", "--resume")
    wait_for_runs(folder, int(kept) + 6)
    with pytest.raises(InputError, match="in use by process"):
        lock.locked(folder).__enter__()
    workers_of(sweep)[0].kill()
    err = sweep.communicate(timeout=PATIENCE)[1]
    assert "Traceback" not in err
    assert sweep.returncode == 0, err
    assert not (folder / ".lock").exists()

    monkeypatch.chdir(tmp_path)
    assert execute(["sweep", *SHORT, "--workers", "0", "--out", "undisturbed"]) == 0
    undisturbed = (tmp_path / "undisturbed" / "outcomes.parquet").read_bytes()
    assert (folder / "outcomes.parquet").read_bytes() == undisturbed
