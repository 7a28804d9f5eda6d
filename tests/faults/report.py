"""What befalls result folders: `python tests/faults/report.py [KILLS]` prints what was held.

Every call to the disk fails in turn, in all kinds of commands; then commands are killed.
"""

import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from faults import failing  # noqa: E402
from faults.disk import FULL, ONCE  # noqa: E402


def calls(step=1, first=1, names=tuple(failing.CASES)):
    """Let calls fail; yield command and way, numbers tried and held, and the misses."""
    for name in names:
        for way in (ONCE, FULL):
            with tempfile.TemporaryDirectory() as scratch:
                case = failing.Failing(Path(scratch), failing.CASES[name])
                came = list(case.each(way, step, first))
            missed = [f"{call}: {wrong}" for call, wrong in came if wrong]
            yield f"{name}, {way}", len(came), len(came) - len(missed), missed


def main(number=300):
    from faults import kills

    warnings.simplefilter("ignore")  # Python's, of a fork
    killed = kills.main(number)
    failing.make_world_quick()
    begun, missed, tried = time.monotonic(), [], 0
    for name, number, held, why in calls():
        tried, missed = tried + number, [*missed, *why]
        print(f"{name}: {number} calls failed, {held} held", *why, sep="\n    ", flush=True)
    print(f"{tried} calls in {time.monotonic() - begun:.0f} s, {len(missed)} misses")
    return killed or bool(missed)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
