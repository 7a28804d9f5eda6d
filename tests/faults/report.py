"""What users meet, tried over and over: `python tests/faults/report.py [PART ...]`.

The parts are `kills` (commands killed at random moments), `calls` (every call to the disk fails in
turn), `flips` (a bit of a result folder), `fuzz` (input that nobody meant) and `streams` (standard
streams closed or full). Each prints what it tried as it goes, and ends with its misses.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from faults import failing  # noqa: E402
from faults.disk import FULL, ONCE  # noqa: E402

SCRIPTS = {"kills": ["300"], "flips": ["3000"], "fuzz": ["100000"], "streams": []}
PARTS = (*SCRIPTS, "calls")


def calls(step=1, first=1, names=tuple(failing.CASES)):
    """Let calls fail; yield command and way, numbers tried and held, and the misses."""
    for name in names:
        for way in (ONCE, FULL):
            with tempfile.TemporaryDirectory() as scratch:
                case = failing.Failing(Path(scratch), failing.CASES[name])
                came = list(case.each(way, step, first))
            missed = [f"{call}: {wrong}" for call, wrong in came if wrong]
            yield f"{name}, {way}", len(came), len(came) - len(missed), missed


def report_calls(names=tuple(failing.CASES)):
    """Print what came of every call that failed; return whether any was missed."""
    failing.make_world_quick()
    begun, missed, tried = time.monotonic(), [], 0
    for name, number, held, why in calls(names=names):
        tried, missed = tried + number, [*missed, *why]
        print(f"{name}: {number} calls failed, {held} held", *why, sep="\n    ", flush=True)
    print(f"{time.monotonic() - begun:.0f} s")
    print(f"calls: {tried} tried, {len(missed)} misses")
    return bool(missed)


def main(*parts):
    missed = False
    for part in parts or PARTS:
        if part == "calls":
            missed |= report_calls()
        else:  # each changes the process that it is in
            script = str(Path(__file__).with_name(f"{part}.py"))
            command = [sys.executable, "-W", "ignore", script, *SCRIPTS[part]]
            missed |= bool(subprocess.run(command, check=False).returncode)
    return missed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
