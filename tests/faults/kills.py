"""Commands killed at random moments: `python tests/faults/kills.py [KILLS] [SEED] [NAME ...]`.

Of each kind of command a table is made undisturbed. Then the command is begun, its parent, a worker
or both are killed at some moment, and it is begun again; the last time nothing is killed. Held is
what gives the same bytes, with no process left five seconds after any kill, nor a temporary folder,
nor a lock that is held.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from multiprocessing import util
from pathlib import Path
from random import Random

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

import psutil  # noqa: E402
from faults.failing import contents, execute, left  # noqa: E402
from faults.flips import SWEEP  # noqa: E402

import tcellabm.experiments.compute.dispatch  # noqa: E402, F401 - before the processes part
import tcellabm.model  # noqa: E402, F401
from tcellabm import cli  # noqa: E402
from tcellabm.cli import plotting, reporting  # noqa: E402
from tcellabm.experiments.compute import collect  # noqa: E402

MOST_SECONDS = 5.0  # that anything may outlive what was killed
MARK = "TCELLABM_TEST_OF_KILLS"
_SWEEP = [word for word in SWEEP if word not in ("--workers", "0")]
_AXES = ["product.dose_cells_per_kg={uniform=[1e5,1e7]}", "product.fitness={uniform=[0.5,2]}"]
COMMANDS = {
    "sweep": _SWEEP,
    "sweep --series": [*_SWEEP, "--series"],
    "sweep --shard": [*_SWEEP, "--shard", "1/2"],
    "sweep --overwrite": [*_SWEEP, "--overwrite"],
    "sweep --series --overwrite": [*_SWEEP, "--series", "--overwrite"],
    "trial": ["trial", "-n", "6", "--days", "30"],
    "trial --overwrite": ["trial", "-n", "6", "--days", "30", "--overwrite"],
    "sensitivity": ["sensitivity", "--samples", "2", "--days", "30", "--set", _AXES[0]]
    + ["--set", _AXES[1]],
    "counterfactuals": ["counterfactuals", "-n", "2"],
    "calibrate": ["calibrate", str(Path(__file__).with_name("calibration.toml"))],
}
HERE = ["--workers", "0"]
WORKERS = (0, 0, 2)  # numbers of processes to choose from


class Killed:
    """A command, in a folder of its own, with what it gives undisturbed."""

    def __init__(self, scratch, words, random, workers):
        self.words, self.random, self.workers = words, random, workers
        self.out, self.temporary = scratch / "results" / "a", scratch / "temporary"
        self.temporary.mkdir()
        begun = time.monotonic()
        self.finish([word for word in words if word != "--overwrite"])
        self.seconds = {0: time.monotonic() - begun}
        self.wanted = contents(self.out)

    def finish(self, words):
        """Bring the command to its end in this process; of parts, all and the whole."""
        if "--shard" in words:
            for part in ("1/2", "2/2"):
                own = [part if word == "1/2" else word for word in words]
                self.end(*own)
            words = [word for word in words if word not in ("--shard", "1/2")]
            self.end(*words)
        else:
            self.end(*words)

    def end(self, *words):
        resumed = [] if "--overwrite" in words else ["--resume"]
        came = execute([*words, *HERE, *resumed], self.out)
        if came[0]:
            raise AssertionError(f"{words}: {came}")

    def begin(self, workers):
        """Begin the command in a process of its own; return that."""
        resumed = [] if "--overwrite" in self.words else ["--resume"]
        process = os.fork()
        if process:
            return psutil.Process(process)
        os.environ["TMPDIR"] = tempfile.tempdir = str(self.temporary)
        os.environ[MARK] = str(self.temporary)
        os.setsid()
        quiet = os.open(os.devnull, os.O_RDWR)
        for handle in (0, 1, 2):
            os.dup2(quiet, handle)
        sys.argv = ["tcellabm", *self.words]
        code = cli.execute(
            [*self.words, *resumed, "--workers", str(workers), "--out", str(self.out)]
        )
        util._exit_function()  # nothing else: this process has the folders of the one it is from
        os._exit(code)

    def round(self):
        """Kill the command, and sometimes its workers, some times over; return what, and faults."""
        if self.out.parent.exists():
            shutil.rmtree(self.out.parent)
        if "--overwrite" in self.words:
            old = ["4" if word == "6" else word for word in self.words if word != "--overwrite"]
            self.finish(old)
        kills, faults = [], []
        for _ in range(self.random.randint(1, 4)):
            workers = self.random.choice(self.workers)
            killed, ran_out = self.kill(workers)
            kills += killed
            faults += self.remains()
            if ran_out:
                break
        try:
            self.finish(self.words)
        except AssertionError as error:
            faults.append(str(error))
        else:
            if contents(self.out) != self.wanted:
                faults.append("other bytes than undisturbed")
        faults += [f"left: {name}" for name in left(self.out.parent)]
        return kills, faults

    def kill(self, workers):
        """Kill what there is of a command at some moment; return what, and if it ended before."""
        parent = self.begin(workers)
        longest = self.seconds.get(workers, 6.0)
        time.sleep(self.random.uniform(0.0, 1.1 * longest))
        kills = []
        whom = self.random.choice(["parent", "worker", "both"]) if workers else "parent"
        own = workers_of(parent)
        if whom != "parent" and own:
            self.random.choice(own).kill()
            kills.append("worker")
            if whom == "worker":
                time.sleep(self.random.uniform(0.0, 2.0))
        ended = os.waitpid(parent.pid, os.WNOHANG)[0] != 0
        if not ended:
            os.kill(parent.pid, signal.SIGKILL)
            os.waitpid(parent.pid, 0)
            kills.append("parent" if workers else "parent without workers")
        return kills, ended

    def remains(self):
        """Return what of a killed command is there yet, after as long as it may be."""
        until = time.monotonic() + MOST_SECONDS
        while time.monotonic() < until and (self.living() or any(self.temporary.iterdir())):
            time.sleep(0.05)
        living = [f"process {' '.join(p.cmdline())[:80]}" for p in self.living()]
        files = [f"temporary {path.name}" for path in self.temporary.iterdir()]
        for process in self.living():
            process.kill()
        shutil.rmtree(self.temporary)
        self.temporary.mkdir()
        return living + files

    def living(self):
        """Return the processes that this command has started."""
        return [p for p in psutil.process_iter() if marked(p, str(self.temporary))]


def marked(process, mark):
    try:
        return process.environ().get(MARK) == mark
    except psutil.Error:
        return False


def workers_of(parent):
    """Return processes that compute, or soon will: those that the fork server has started."""
    try:
        return [p for server in parent.children() for p in server.children()]
    except psutil.Error:
        return []


def without_figures():
    """Figures take most of the time of a small command, and are drawn when all runs are there."""
    plotting.map_of = sys.modules["tcellabm.cli.trial"]._draw = lambda result: b"a figure"
    reporting.report_of = lambda result, plan, courses: b"a report"
    whole = plotting.sensitivity_of
    plotting.sensitivity_of = lambda study, result: {
        "indices.csv": whole(study, result)["indices.csv"]
    }


def kills(number, seed=1, names=tuple(COMMANDS), workers=WORKERS):
    """Kill commands of each kind in turn until so many processes were killed."""
    random, tried, faults = Random(seed), Counter(), []
    collect.SHARD_RUNS, collect.SHARDS_APART = 1, 0.0
    without_figures()
    with tempfile.TemporaryDirectory() as scratch:
        cases = {}
        for name in names:
            Path(scratch, str(len(cases))).mkdir()
            cases[name] = Killed(Path(scratch, str(len(cases))), COMMANDS[name], random, workers)
        while sum(tried.values()) < number:
            for name, case in cases.items():
                killed, wrong = case.round()
                tried.update(f"{name}: {whom}" for whom in killed)
                faults += [f"{name}, after {killed}: {what}" for what in wrong]
                print(sum(tried.values()), name, killed, wrong, file=sys.stderr, flush=True)
    return tried, faults


def main(number=300, seed=1, *names):
    begun = time.monotonic()
    here = "--workers=0" in names
    chosen = [name for name in names if name in COMMANDS] or tuple(COMMANDS)
    tried, faults = kills(int(number), int(seed), chosen, (0,) if here else WORKERS)
    for name, count in sorted(tried.items()):
        print(f"{count:4} {name}")
    print(f"{sum(tried.values())} kills in {time.monotonic() - begun:.0f} s")
    print(*faults[:50], sep="\n")
    print(f"kills: {sum(tried.values())} tried, {len(faults)} misses")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
