"""Every parameter at the ends of its range: `python tests/faults/ends.py` prints what happens.

A run of one day is held if it ends within `SECONDS`, or is refused in one line.
"""

import collections
import math
import signal
import sys
import time
import warnings

from tcellabm import InputError, TumorTCellModel, load
from tcellabm.params.meta import catalog

SECONDS = 20
ENDS_SCENARIO = "params/scenarios/kymriah.toml"


class TookTooLongError(Exception):
    """A run did not end in time."""


def too_long(*_):
    raise TookTooLongError


def values(meta):
    """Return the ends of a range, or all choices, and the default."""
    return list(dict.fromkeys([*meta.range, meta.value]))


def fate(key, value, days=1.0):
    """Return what became of a run, in a word and with a reason."""
    start = time.perf_counter()
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    try:
        given = {"time.days": days} | {key: value}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = TumorTCellModel(load(ENDS_SCENARIO, given), rng=1)
            model.run_until(min(days, model.params.time.days))
            row = model.outcomes()
        levels = model.series.select_dtypes(float).to_numpy()
        if not all(math.isfinite(level) for level in levels.ravel()):
            return "not finite", str(row)[:100]
        return "ran", f"{time.perf_counter() - start:.2f} s"
    except InputError as error:
        text = str(error)
        return ("refused" if len(text) <= 193 else "long line"), text
    except BaseException as error:
        return type(error).__name__, str(error)
    finally:
        signal.alarm(0)


def main():
    counts = collections.Counter()
    for key, meta in catalog().items():
        for value in values(meta):
            word, why = fate(key, value)
            counts[word] += 1
            if word != "ran" or float(why[:-2]) > 5:
                print(f"{key} = {value}: {word}, {why[:160]}", flush=True)
    print(dict(counts))
    return counts


if __name__ == "__main__":
    sys.exit(bool(set(main()) - {"ran", "refused"}))
