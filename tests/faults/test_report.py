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
    assert ", 0 misses" in printed("-W", "ignore", str(HERE / "kills.py"), "2", "1", "sweep")


@pytest.mark.slow
def test_commands_are_killed_at_random_moments_and_all_calls_fail():
    assert printed(str(HERE / "report.py")).count(", 0 misses") == 2
