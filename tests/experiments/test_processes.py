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
    *("-n", "60", "--set", "time.days=20", "--set", "product.dose_cells_per_kg=[5e5, 2e6]"),
    *("--set", "product.persistence_half_life_days=60"),
]
PATIENCE = 240.0  # the kernels may have to be compiled first


@pytest.fixture
def start(tmp_path, with_package):
    """Start `tcellabm sweep` in the test's folder; whatever is left of it is killed."""
    started = []

    def _start(*words):
        command = [sys.executable, "-m", "tcellabm.cli", "sweep", *SHORT, *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, cwd=tmp_path, env=with_package, **pipes))
        return started[-1]

    yield _start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def workers_of(process):
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def wait_for(condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def busy_workers(process):
    """Wait until two workers have got some way, and return them."""
    wait_for(lambda: len(workers_of(process)) == 2)
    workers = workers_of(process)
    wait_for(lambda: all(worker.cpu_times().user > 2.0 for worker in workers))
    return workers


def test_a_sweep_survives_ctrl_c_a_kill_and_the_death_of_a_worker(start, tmp_path, monkeypatch):
    runner.warm_up(load())  # so that no process has to compile
    sweep = start("--workers", "2", "--out", "a")
    workers = busy_workers(sweep)
    for process in (*workers, sweep):  # a terminal's Ctrl-C reaches workers too
        process.send_signal(signal.SIGINT)
    out, err = sweep.communicate(timeout=PATIENCE)
    assert sweep.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("interrupted: ")
    assert err.rstrip().endswith(f"--out {tmp_path}/a --resume")
    assert not any(worker.is_running() for worker in workers)
    assert not (tmp_path / "a" / "outcomes.parquet").exists()

    sweep = start("--workers", "0", "--out", "a", "--resume")
    wait_for((tmp_path / "a" / ".lock").exists)
    time.sleep(0.5)
    sweep.kill()
    sweep.communicate()

    sweep = start("--workers", "2", "--out", "a", "--resume")
    busy_workers(sweep)[0].kill()
    with pytest.raises(InputError, match="in use by process"):
        lock.locked(tmp_path / "a").__enter__()
    err = sweep.communicate(timeout=PATIENCE)[1]
    assert "Traceback" not in err
    assert "error" not in err
    assert sweep.returncode == 0
    assert not (tmp_path / "a" / ".lock").exists()

    monkeypatch.chdir(tmp_path)
    assert execute(["sweep", *SHORT, "--workers", "0", "--out", "undisturbed"]) == 0
    tables = [(tmp_path / name / "outcomes.parquet").read_bytes() for name in ("a", "undisturbed")]
    assert tables[0] == tables[1]
