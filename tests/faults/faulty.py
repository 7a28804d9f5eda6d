"""`tcellabm` with a model that takes no time, some of whose runs kill or freeze their process.

Patient 3 of the first point kills its worker, patient 7 never ends, patient 11 raises, patient 15
stops its process as a whole (SIGSTOP). Worker processes read this file again, and so are as bad.
FAULTS in the environment names those wanted: some of the letters d, h, r, s.
"""

import math
import os
import signal
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from experiments.conftest import DOSE, fake_simulate  # noqa: E402

from tcellabm import cli  # noqa: E402
from tcellabm.experiments.compute import collect, dispatch, runner  # noqa: E402
from tcellabm.experiments.design.plan import patient_seed  # noqa: E402
from tcellabm.experiments.studies import sweep as study  # noqa: E402

BAD = {"d": 3, "h": 7, "r": 11, "s": 15}
KINDS = {patient_seed(1, patient): kind for kind, patient in BAD.items()}
dispatch.LEAST_LIMIT = 0.5  # by default runs of no time would be given a minute


def simulate(params, seed):
    kind = KINDS.get(seed, "") if params.get(DOSE) == 5e5 else ""
    if kind and kind in os.environ.get("FAULTS", ""):
        if kind == "d":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "s":
            os.kill(os.getpid(), signal.SIGSTOP)
        while kind == "h":
            pass
        raise FloatingPointError("overflow")
    time.sleep(float(os.environ.get("PAUSE", 0)))
    return fake_simulate(params, seed)


def cut_power(handle):
    """Flush some files, then die as if the machine had: in the middle of one."""
    if next(flushes, None) is None:
        os.ftruncate(handle, os.fstat(handle).st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)


flushes = iter(range(int(os.environ.get("FSYNCS", 0))))
runner.simulate = simulate
collect.SHARD_RUNS = int(os.environ.get("SHARD_RUNS", 100))
collect.SHARDS_APART = 0.0
collect.SECONDS_BETWEEN_LINES = study.MAP_SECONDS = math.inf  # however slow the machine is

if __name__ == "__main__":
    runner.warm_up = lambda params, quiet: None
    if "FSYNCS" in os.environ:
        os.fsync = cut_power
    cli.main()
