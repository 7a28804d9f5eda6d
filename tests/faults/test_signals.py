"""What stops a command, and that no process of it stays: signals, a dropped line, a kill."""

import json
import os
import pty
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
from experiments.conftest import PATIENCE, runs_on_disk, wait_until
from faults.test_faults import PROGRAM, SWEEP, finish, here, in_a_folder, undisturbed  # noqa: F401

from tcellabm.cli import errors

MOST_SECONDS = 5.0  # that a process may outlive the one that started it
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def sweep(start):
    """Start a sweep that is in the middle, in a group of its own; return it and its children."""

    def _sweep(*words, **world):
        begun = start(PROGRAM, *SWEEP, "--out", "a", *words, PAUSE="0.05", SHARD_RUNS="5", **world)
        wait_until(lambda: runs_on_disk(Path("a")) >= 1)
        return begun, psutil.Process(begun.pid).children(recursive=True)

    return _sweep


def assert_gone(processes):
    """Require that all end within the time allowed."""
    _, left = psutil.wait_procs(processes, MOST_SECONDS)
    for process in left:
        process.kill()
    assert not left


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM"])
def test_a_signal_to_all_stops_a_sweep_that_says_how_to_go_on(sweep, undisturbed, name, workers):  # noqa: F811
    begun, children = sweep("--workers", workers)
    assert len(children) >= (0 if workers == "0" else 3)
    for process in (*children, begun):
        process.send_signal(getattr(signal, name))
    code, said = finish(begun)
    assert_gone(children)
    assert code == 130
    assert len(said) == 1
    assert said[0].startswith("interrupted: ")
    assert said[0].endswith(f"--out {Path('a').resolve()} --resume")
    kept = int(said[0].split()[1])
    assert json.loads(Path("a/manifest.json").read_bytes())["runs"] == kept > 0
    assert sorted(os.listdir("a")) == ["manifest.json", "shards"]
    assert here("a", "--resume") == undisturbed


def test_a_dropped_line_stops_a_sweep(undisturbed, with_package):  # noqa: F811
    """The terminal goes first: nothing that is said then may hinder what is put in order."""
    ours, theirs = pty.openpty()
    command = [sys.executable, PROGRAM, *SWEEP, "--out", "a", "--workers", "0"]
    begun = os.posix_spawn(
        sys.executable,
        command,
        with_package | {"PAUSE": "0.05", "SHARD_RUNS": "5", "TERM": "xterm"},
        file_actions=[(os.POSIX_SPAWN_DUP2, theirs, handle) for handle in (0, 1, 2)],
        setsid=True,
    )
    os.close(theirs)
    process = psutil.Process(begun)
    wait_until(lambda: runs_on_disk(Path("a")) >= 1)
    os.close(ours)
    process.send_signal(signal.SIGHUP)  # as the kernel, or the shell, would
    assert os.waitstatus_to_exitcode(os.waitpid(begun, 0)[1]) == 130
    assert json.loads(Path("a/manifest.json").read_bytes())["status"] == "interrupted"
    assert sorted(os.listdir("a")) == ["manifest.json", "shards"]
    assert here("a", "--resume") == undisturbed


@pytest.fixture
def handlers(monkeypatch):
    """Put back what signals do."""
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    before = {number: signal.getsignal(number) for number in errors.STOPS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_what_nohup_has_ignored_stays_so():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    errors.stop_on_signals()
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    errors.stop_on_signals()
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        assert signal.getsignal(number) is errors._interrupt


HELD = """
import os, signal, time
from multiprocessing import resource_tracker
from tcellabm.experiments.compute.processes import STOPS, interrupts_held
with interrupts_held():
    assert set(STOPS) <= signal.pthread_sigmask(signal.SIG_BLOCK, [])
assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])
tracker = resource_tracker._resource_tracker
os.kill(tracker._pid, signal.SIGHUP)
time.sleep(0.3)
assert tracker._check_alive()
"""


def test_processes_start_with_signals_held_and_so_does_that_of_python_itself(start):
    assert finish(start("-c", HELD)) == (0, [])


DROPPED = """
import os, signal, sys, time, weakref
from tcellabm.cli import errors

class Thing:
    pass

def interrupted_here(reference):
    os.kill(os.getpid(), signal.{name})
    time.sleep(1.0)

errors.stop_on_signals()
thing = Thing()
reference = weakref.ref(thing, interrupted_here)
try:
    del thing
    time.sleep(20.0)
    print("went on", file=sys.stderr)
except KeyboardInterrupt:
    print("interrupted", file=sys.stderr)
"""


@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM", "SIGINT"])
def test_an_interrupt_that_python_drops_in_a_callback_comes_again(start, name):
    assert finish(start("-c", DROPPED.format(name=name))) == (0, ["interrupted"])


@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM", "SIGINT", "SIGKILL"])
def test_no_process_of_calibrate_outlives_it(start, name):
    pytest.importorskip("emcee")
    words = ["calibrate", "--workers", "2", "-n", "200", "--out", "a"]
    begun = start("-m", "tcellabm.cli", *words)
    wait_until(lambda: begun.poll() is not None or runs_on_disk(Path("a/pool-1")) >= 1)
    children = psutil.Process(begun.pid).children(recursive=True)
    assert len(children) >= 2, begun.communicate()
    begun.send_signal(getattr(signal, name))
    begun.wait(PATIENCE)
    assert_gone(children)
    _, said = begun.communicate(timeout=PATIENCE)
    if name == "SIGKILL":
        return
    assert begun.returncode == 130
    assert "runs are kept; go on with: tcellabm calibrate" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert not Path("a/.tcellabm.lock").exists()


def command_of(process):
    """Return the command of a process; empty if it has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_the_process_that_compiles_ends_with_its_parent(start, tmp_path):
    """No kernel is on the disk of this home."""
    begun = start("-m", "tcellabm.cli", "sweep", "--out", "a", "--workers", "2", HOME=str(tmp_path))
    parent = psutil.Process(begun.pid)
    wait_until(lambda: any("spawn_main" in command_of(child) for child in parent.children()))
    time.sleep(3.0)  # in the middle of it
    children = parent.children(recursive=True)
    begun.kill()
    begun.wait()
    assert_gone(children)
    begun.communicate()  # to the end of the pipes, which children have too
