"""Every call to the disk fails once, in turn, until a command ends without: what is made of it."""

import contextlib
import io
import math
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from faults.disk import Disk  # noqa: E402
from faults.flips import SWEEP, make_quick  # noqa: E402

from tcellabm import cli  # noqa: E402
from tcellabm.experiments.compute import runner  # noqa: E402
from tcellabm.experiments.results.ownership import DAMAGED, LOCK, NEW, REPLACED  # noqa: E402
from tcellabm.experiments.studies import run  # noqa: E402

PARTED = [*SWEEP, "--series", "--shard"]
RUN = ["run", "--days", "1"]
TRIAL = ["trial", "-n", "2", "--days", "2", "--workers", "0"]
JOINED = [*SWEEP, "--series", "--resume"]


class Case(NamedTuple):
    """A command whose calls fail.

    Attributes
    ----------
    words : list of str
        The command.
    before : list of list of str
        Commands that fill the folder first.
    after : list of list of str
        Commands that bring it to its end, after the fault; the command with `--resume` first.
    """

    words: list[str]
    before: list[list[str]] = []
    after: list[list[str]] = []

    @property
    def overwrites(self):
        return "--overwrite" in self.words

    @property
    def again(self):
        """Return what mends it."""
        if self.overwrites or "--resume" in self.words:
            return [self.words, *self.after]
        return [[*self.words, "--resume"], *self.after]


def over(words):
    other = {"-n": "4"} if "-n" in words else {"--days": "2"}
    old = [other.get(before, word) for before, word in zip(["", *words], words, strict=False)]
    return Case([*words, "--overwrite"], [old])


PARTED_TRIAL = [*TRIAL, "--shard"]
WHAT_IF = ["counterfactuals", "-n", "2", "--workers", "0"]

CASES = {
    "run": Case(RUN),
    "run --overwrite": over(RUN),
    "run --resume of a finished one": Case([*RUN, "--resume"], [RUN]),
    "sweep": Case(SWEEP),
    "sweep --series": Case([*SWEEP, "--series"]),
    "sweep --overwrite": over(SWEEP),
    "sweep --series --overwrite": over([*SWEEP, "--series"]),
    "sweep --shard": Case([*PARTED, "1/2"], [], [[*PARTED, "2/2"], JOINED]),
    "sweep --resume of parts": Case(JOINED, [[*PARTED, "1/2"], [*PARTED, "2/2"]]),
    "sweep --resume of a finished one": Case(JOINED, [[*SWEEP, "--series"]]),
    "trial": Case(TRIAL),
    "trial --overwrite": over(TRIAL),
    "trial --shard": Case(
        [*PARTED_TRIAL, "1/2"], [], [[*PARTED_TRIAL, "2/2"], [*TRIAL, "--resume"]]
    ),
    "trial --resume of parts": Case(
        [*TRIAL, "--resume"], [[*PARTED_TRIAL, "1/2"], [*PARTED_TRIAL, "2/2"]]
    ),
    "trial --resume of a finished one": Case([*TRIAL, "--resume"], [TRIAL]),
    "counterfactuals": Case(WHAT_IF),
    "counterfactuals --resume of a finished one": Case([*WHAT_IF, "--resume"], [WHAT_IF]),
}


def execute(words, folder):
    """Run a command; return its exit code and what it says on stderr."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = cli.execute([*words, "--out", str(folder)])
    return code, said.getvalue().splitlines()


def contents(folder):
    """Return the results: the files of a folder but for its manifest, and those of no result."""
    ours = ("manifest.json", LOCK, REPLACED, NEW)
    files = [path for path in folder.glob("*") if path.is_file() and path.name not in ours]
    return {path.name: path.read_bytes() for path in files}


MARKS = (".part-*", LOCK, REPLACED, NEW, f"*{DAMAGED}", "*.new-*")


def left(scratch, marks=MARKS):
    """Return what no command may leave."""
    return sorted({str(p.relative_to(scratch)) for m in marks for p in scratch.rglob(m)})


class Failing:
    """A case, with what it gives undisturbed; in an empty folder of its own."""

    def __init__(self, scratch, case):
        self.scratch, self.case = scratch, case
        self.template, self.out = scratch / "template", scratch / "try" / "a"
        for words in case.before:
            assert execute(words, self.template)[0] == 0
        self.old = contents(self.template) if case.before else {}
        self.copy()
        for words in (case.words, *case.after):
            assert execute(words, self.out) == (0, [])
        self.wanted = contents(self.out)

    def copy(self):
        shutil.rmtree(self.out.parent, ignore_errors=True)
        self.out.parent.mkdir()
        if self.case.before:
            shutil.copytree(self.template, self.out)

    def once(self, fail_at, way):
        """Let one call fail; return it, and what is wrong with what came of it."""
        self.copy()
        disk = Disk(self.out.parent, fail_at, way)
        with disk.in_use():
            code, said = execute(self.case.words, self.out)
        return disk.failed, self.wrong(code, said, disk.failed)

    def wrong(self, code, said, failed):
        if code == 0 and not self.case.after and contents(self.out) != self.wanted:
            return "it ends well, and the result is not whole"
        if code and not (code == 2 and len(said) == 1 and said[0].startswith("error: ")):
            return f"exit {code}: {said}"
        if self.case.overwrites and contents(self.out) not in (self.old, self.wanted):
            return "neither the old result nor the new"
        if there := self.left_at_once(failed):
            return f"left: {there}"
        for words in self.case.again:
            if (came := execute(words, self.out))[0] != 0:
                return f"{words[-2:]}: {came}"
        if contents(self.out) != self.wanted:
            return "other bytes than undisturbed"
        return f"left for good: {there}" if (there := left(self.out.parent)) else ""

    def left_at_once(self, failed):
        """Return what is left before the next command, unless it could not be removed.

        That command finds the finished runs of an `--overwrite`, and a folder half cleared away.
        """
        if failed.startswith(("unlink", "rmdir")):
            return []
        kept = [
            *self.out.parent.glob("a.new-*/shards/*"),
            *self.out.parent.glob(f"a.new-*/{REPLACED}"),
        ]
        marks = set(MARKS) - ({"*.new-*", NEW, REPLACED} if kept else set())
        if LOCK in failed or failed == "stat a":  # as it is taken; an empty file, held by nobody
            marks.remove(LOCK)
        return left(self.out.parent, marks)

    def each(self, way, step=1, first=1):
        """Let calls fail until none does; yield the call and what is wrong."""
        fail_at = first
        while (came := self.once(fail_at, way))[0]:
            yield came
            fail_at += step


def make_world_quick(replace=setattr):
    """Have all commands take little time; patients are computed once."""
    simulate = cache_by_name(runner.simulate)
    make_quick(replace)
    replace(run, "_SECONDS_OF_SILENCE", math.inf)  # on a busy machine a run would speak
    replace(runner, "simulate", simulate)
    replace(run, "follow", cache_by_name(run.follow))
    replace(cli, "_draw_patient", lambda record, params: b"a figure")
    replace(sys.modules["tcellabm.cli.trial"], "_draw", lambda result: b"a figure")


def cache_by_name(follow):
    from tcellabm.identity import run_id

    known = {}

    def remembered(params, seed=1):
        name = run_id(params, seed)
        if name not in known:
            known[name] = follow(params, seed)
        return known[name]

    return remembered
