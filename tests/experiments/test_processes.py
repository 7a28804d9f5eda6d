"""Sweeps in real processes, disturbed the way the world does it."""

import signal

import numba
import psutil
import pytest
from experiments.conftest import PATIENCE, runs_on_disk, wait_until

from tcellabm.cli import execute
from tcellabm.experiments.compute import runner
from tcellabm.experiments.results import ownership
from tcellabm.params import InputError, load

SHORT = [
    *("-n", "24", "--set", "time.days=20", "--set", "product.dose_cells_per_kg=[5e5, 2e6]"),
    *("--set", "product.persistence_half_life_days=60"),
]
RUNS = 48
# `tcellabm` that puts every run on the disk at once, so that it can be caught in the middle.
PROGRAM = """
from tcellabm import cli
from tcellabm.experiments.compute import collect
collect.SHARD_RUNS, collect.SHARDS_APART = 1, 0.0
cli.main()
"""


@pytest.fixture
def begin(start):
    """Start `tcellabm sweep`."""
    return lambda *words: start("-c", PROGRAM, "sweep", *SHORT, *words)


def workers_of(process):
    """Return the processes that compute: all but the one that starts them."""
    return server_of(process).children()


def server_of(process):
    """Return the process that workers are forked from."""
    (server,) = [
        child
        for child in psutil.Process(process.pid).children()
        if "forkserver" in " ".join(child.cmdline())
    ]
    return server


def test_a_sweep_survives_ctrl_c_a_kill_and_the_death_of_a_worker(begin, tmp_path, monkeypatch):
    runner.warm_up(load())  # so that no process has to compile
    folder = tmp_path / "a"
    sweep = begin("--workers", "2", "--out", "a")
    wait_until(lambda: runs_on_disk(folder) >= 1)
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

    sweep = begin("--workers", "0", "--out", "a", "--resume")
    wait_until(lambda: runs_on_disk(folder) >= int(kept) + 3)
    sweep.kill()
    sweep.communicate()

    sweep = begin("--workers", "2", "--out", "a", "--resume")
    wait_until(lambda: runs_on_disk(folder) >= int(kept) + 6)
    with pytest.raises(InputError, match="in use by another process"):
        ownership.locked(folder).__enter__()
    workers_of(sweep)[0].kill()
    err = sweep.communicate(timeout=PATIENCE)[1]
    assert "Traceback" not in err
    assert sweep.returncode == 0, err
    assert not (folder / ownership.LOCK).exists()

    monkeypatch.chdir(tmp_path)
    assert execute(["sweep", *SHORT, "--workers", "0", "--out", "undisturbed"]) == 0
    undisturbed = (tmp_path / "undisturbed" / "outcomes.parquet").read_bytes()
    assert (folder / "outcomes.parquet").read_bytes() == undisturbed


# What a command does before it makes its plan, and a process as workers are.
EARLY = """
import time
from tcellabm.experiments.compute import forking
from tcellabm.kernels import jit

def tell(pipe):
    pipe.send(len(jit._CODES))

if __name__ == "__main__":
    forking.begin()
    ours, theirs = forking.context().Pipe()
    with forking.starting():
        forking.context().Process(target=tell, args=(theirs,), daemon=True).start()
    print(ours.recv(), flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_workers_have_kernels_from_where_they_are_forked_which_ends_with_the_command(
    start, tmp_path
):
    runner.warm_up(load())
    (tmp_path / "early.py").write_text(EARLY)
    command = start("early.py")
    assert int(command.stdout.readline()) > 0
    server = server_of(command)
    command.kill()
    command.communicate()
    wait_until(lambda: not server.is_running())


def test_a_worker_that_is_not_forked_needs_no_alarm(start):
    """On Windows it imports what it runs, in the environment that a fork server would have."""
    program = "import signal; del signal.SIGALRM, signal.setitimer\n"
    program += "import tcellabm.experiments.compute.workers"
    worker = start("-c", program, TCELLABM_PARENT="1")
    assert worker.communicate(timeout=PATIENCE)[1] == ""
    assert worker.returncode == 0


def test_what_dask_watches_of_our_workers_is_hardly_looked_at():
    """A profile a hundred times a second, and health checks fifty times, cost processor time."""
    from tcellabm.experiments.compute import cluster

    with cluster.dask_client(1, "", 1) as (client, workers):
        wait_until(workers.present)
        (worker,) = client.run(
            lambda dask_worker: {
                name: each.callback_time for name, each in dask_worker.periodic_callbacks.items()
            }
        ).values()
        scheduler = client.run_on_scheduler(
            lambda dask_scheduler: {
                name: each.callback_time
                for name, each in dask_scheduler.periodic_callbacks.items()
                if each is not None
            }
        )
    for found in (worker, scheduler):
        assert "profile" not in found
        assert {name: ms for name, ms in found.items() if ms < 200} == {}
