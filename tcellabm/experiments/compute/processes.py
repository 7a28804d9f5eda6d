"""Processes that are started: signals do not reach them, they and their files end with this one."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import parent_process, resource_tracker, util

# Ctrl-C, a job scheduler's end, a dropped line; Windows has no SIGHUP.
STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

PARENT = "TCELLABM_PARENT"  # in the environment: number of the process that starts the fork server

# Processes that end with this one may still write for a moment.
_REMOVE_AT_ITS_END = """
import shutil, sys, time
sys.stdin.buffer.read()
until = time.monotonic() + 1.5
while time.monotonic() < until:
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    time.sleep(0.1)
"""


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Start processes that don't see signals sent to a whole group: this process ends them.

    What stops this process reaches it after the block.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        # Python's own helper process undoes the block in the thread that first needs it.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """Have this process end as soon as the one that started it has, however that ended."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@cache
def scratch_folder() -> str:
    """Return a folder for temporary files, made when it is first asked for.

    A process beside this one waits for its end and removes the folder: who is killed cannot.
    """
    path = tempfile.mktemp(prefix="tcellabm-")  # noqa: S306 - who comes first has `mkdir` fail
    command = [sys.executable, "-I", "-S", "-c", _REMOVE_AT_ITS_END, path]
    with interrupts_held():
        heir = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    os.mkdir(path, 0o700)
    util.Finalize(None, _remove, args=(path, heir), exitpriority=-200)  # after what is in it
    _hold_sockets(path)
    return path


def _remove(path: str, heir: "subprocess.Popen[bytes]") -> None:
    shutil.rmtree(path, ignore_errors=True)
    heir.kill()
    heir.wait()


def _hold_sockets(path: str) -> None:
    """Have `multiprocessing` make its own folder in this one, unless it has one already."""
    before, tempfile.tempdir = tempfile.tempdir, path
    try:
        util.get_temp_dir()
    finally:
        tempfile.tempdir = before
