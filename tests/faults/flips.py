"""One bit of a result folder flipped; what `--resume` makes of it. As a script: many bits.

python tests/faults/flips.py [FLIPS] [SEED]
"""

import contextlib
import io
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from experiments.conftest import DOSE, HALF_LIFE, fake_simulate  # noqa: E402

from tcellabm.cli import execute, plotting, reporting  # noqa: E402
from tcellabm.experiments.compute import collect, runner  # noqa: E402

SWEEP = ["sweep", "--set", f"{DOSE}=[5e5, 2e6]", "--set", f"{HALF_LIFE}=60", "-n", "6"]
SWEEP += ["--days", "90", "--workers", "0"]
RESULTS = ("outcomes.parquet", "summary.csv", "series.parquet", "map.png")
REFUSED, SAME, WRONG = "refused in one line", "the same bytes", "WRONG"


def sweep(folder, *words):
    """Run a sweep; return its exit code and what it says on stderr."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = execute([*SWEEP, "--out", str(folder), *words])
    return code, said.getvalue().splitlines()


class Folders:
    """Result folders: finished, stopped in the middle, and two parts; in a folder for copies."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.finished, self.stopped, self.parts = (
            scratch / name for name in ("finished", "stopped", "parts")
        )
        assert sweep(self.finished, "--series") == (0, [])
        for part in ("1/2", "2/2"):
            assert sweep(self.parts, "--series", "--shard", part) == (0, [])
        left = iter(range(7))

        def stop(params, seed):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return fake_simulate(params, seed)

        runner.simulate = stop
        assert sweep(self.stopped, "--series")[0] == 130
        runner.simulate = fake_simulate
        self.wanted = self.results(self.finished)

    def results(self, folder):
        return [(folder / name).read_bytes() for name in RESULTS]

    def flip(self, random):
        """Flip a bit in a copy and resume; return the kind of file and what came of it."""
        source = random.choice([self.finished, self.stopped, self.parts])
        copy = self.scratch / "copy"
        shutil.copytree(source, copy)
        try:
            kinds = sorted({kind_of(path.relative_to(copy)) for path in files(copy)})
            kind = random.choice(kinds)
            path = random.choice([p for p in files(copy) if kind_of(p.relative_to(copy)) == kind])
            content = bytearray(path.read_bytes())
            content[random.randrange(len(content))] ^= 1 << random.randrange(8)
            path.write_bytes(content)
            return f"{source.name} {kind}", self.judged(copy)
        finally:
            shutil.rmtree(copy)

    def judged(self, folder):
        code, said = sweep(folder, "--series", "--resume")
        if code == 2 and len(said) == 1 and said[0].startswith("error: ") and len(said[0]) <= 200:
            return REFUSED
        return SAME if code == 0 and self.results(folder) == self.wanted else f"{WRONG} {said}"


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def kind_of(path):
    """Return the file's name, or the folder of shards that it is in."""
    return path.parts[0] if not path.parts[0].startswith("part-") else path.parts[1]


def make_quick(replace=setattr):
    """Have sweeps take no time and write shards of three runs."""
    replace(collect, "SHARD_RUNS", 3)
    replace(collect, "SHARDS_APART", 0.0)
    replace(runner, "simulate", fake_simulate)
    replace(plotting, "map_of", lambda result: b"a map")
    replace(reporting, "report_of", lambda result, plan, courses: b"a report")
    replace(sys, "argv", ["tcellabm"])


def main(number=3000, seed=20):
    random, counts = Random(seed), Counter()
    make_quick()
    with tempfile.TemporaryDirectory() as scratch:
        folders = Folders(Path(scratch))
        for tried in range(1, number + 1):
            counts[folders.flip(random)] += 1
            if tried % 100 == 0:
                print(f"{tried} tried, {misses(counts)} misses", file=sys.stderr, flush=True)
    for (kind, came), count in sorted(counts.items()):
        print(f"{count:5} {kind}: {came}")
    print(f"flips: {number} tried, {misses(counts)} misses")
    return bool(misses(counts))


def misses(counts):
    return sum(count for (_, came), count in counts.items() if came.startswith(WRONG))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
