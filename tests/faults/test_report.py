"""Calls to the disk that fail, and commands that are killed: a few here, all with `-m slow`."""

import subprocess
import sys
from pathlib import Path

import pytest
from faults import report
from faults.failing import make_world_quick

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
FEW = ("run", "run --overwrite", "sweep --series --overwrite")
SLOW = ("kills", "calls", "flips", "fuzz", "streams")


@pytest.mark.parametrize("name", FEW)
def test_a_call_to_the_disk_that_fails_costs_one_line(name, monkeypatch):
    make_world_quick(monkeypatch.setattr)
    for _, tried, held, missed in report.calls(step=37, first=5, names=[name]):
        assert 0 < held == tried, missed


def printed(*words):
    done = subprocess.run([sys.executable, *words], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_command_that_is_killed_is_brought_to_its_end_by_the_next():
    """In one process, which begins at once; workers are killed in `test_faults`."""
    told = printed("-W", "ignore", str(HERE / "kills.py"), "2", "1", "sweep", "--workers=0")
    assert ", 0 misses" in told


@pytest.mark.slow
@pytest.mark.parametrize("part", SLOW)
def test_all_that_the_report_tries_is_held(part):
    assert printed("-W", "ignore", str(HERE / "report.py"), part).endswith(", 0 misses\n")
