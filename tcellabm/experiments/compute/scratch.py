"""Temporary files of this process, which go when it ends, even if it is killed."""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from multiprocessing import util

from tcellabm.experiments.compute.signals import interrupts_held

# Processes that end with this one may still write for a moment.
_REMOVE_AT_ITS_END = """
import shutil, sys, time
sys.stdin.buffer.read()
until = time.monotonic() + 1.5
while time.monotonic() < until:
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    time.sleep(0.1)
"""


@cache
def folder() -> str:
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
