"""Print what a sweep costs beside its runs: per task, in the parent, in memory, at the end.

Run as `python tests/benchmarks/sweeps.py`, some minutes. Runs are fakes that take no time or sleep,
so that what is measured is the sweep itself, on a busy machine too; times of the parent are
processor times. One sweep is real: its workers follow patients of the default scenario between
their runs, since one core is not as fast as another, nor now as a minute ago.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent), str(FOLDER.parents[1])]

os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # before Arrow, as in the command

from tcellabm.experiments.compute import runner  # noqa: E402, I001

from cases import patient_year  # noqa: E402
from experiments.conftest import fake_simulate  # noqa: E402

SLEEP = float(os.environ.get("SLEEP", 0))
NOTES = os.environ.get("NOTES", "")  # folder that the workers of a real sweep note their times in
YEARS = 2  # patient-years between two chunks
RUN_SECONDS = 0.2  # of a patient's year, processor time of an idle machine
DOSE, HALF_LIFE = "product.dose_cells_per_kg", "product.persistence_half_life_days"


def simulate(params, seed):
    if SLEEP:
        time.sleep(SLEEP)
    return fake_simulate(params, seed)


run_here = runner.run_here


def noted(params, tasks, series=False):
    """Compute runs; note their processor time, and that of some patient-years before them."""
    start = time.process_time()
    for task in tasks[:YEARS]:
        patient_year(task.seed)
    between = time.process_time()
    yield from run_here(params, tasks, series)
    end = time.process_time()
    with open(Path(NOTES) / str(os.getpid()), "a", encoding="utf-8") as file:
        print(len(tasks), end - between, len(tasks[:YEARS]), between - start, end, file=file)


if NOTES:
    runner.run_here = noted
else:
    runner.simulate = simulate


def one(folder, runs, workers):
    """Compute a sweep in this process; print what it took."""
    from tcellabm.cli.plotting import map_of
    from tcellabm.experiments.design.plan import Plan
    from tcellabm.experiments.studies.sweep import Work, sweep

    axes = {DOSE: [2e5, 5e5, 1e6, 2e6, 5e6], HALF_LIFE: [15, 60, 120, 220], "time.days": 1}
    before = time.process_time()
    plan = Plan.load("scenarios/kymriah.toml", axes | {"sweep.patients": runs // 20})
    planned = time.process_time() - before
    runner.warm_up = lambda params, quiet: None
    before, wall = time.process_time(), time.monotonic()
    sweep(plan, folder, Work(workers, quiet=True), plot=map_of)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    took = {"parent": time.process_time() - before, "wall": time.monotonic() - wall}
    print(json.dumps(took | {"plan": planned, "peak_mb": peak}))


def measure(folder, runs, workers, sleep=0.0):
    words = [sys.executable, __file__, str(folder), str(runs), str(workers)]
    done = subprocess.run(words, env=os.environ | {"SLEEP": str(sleep)}, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def real(folder):
    """Compute the default sweep; print the processor time of its parent."""
    from tcellabm.cli import execute

    execute(["sweep", "--workers", "2", "--out", folder])
    print(json.dumps({"parent": time.process_time()}))


def cost_of_runs(base):
    """Return what a run costs, in patient-years: in its worker, and with the parent."""
    notes = base / "notes"
    notes.mkdir()
    words = [sys.executable, __file__, str(base / "real")]
    environment = os.environ | {"NOTES": str(notes)}
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE)
    parent = json.loads(done.stdout.splitlines()[-1])["parent"]
    workers = [np.loadtxt(file, ndmin=2) for file in notes.iterdir()]
    runs, _, years, of_years, _ = np.sum([each.sum(axis=0) for each in workers], axis=0)
    whole = sum(each[-1, -1] for each in workers) - of_years  # what a worker needs beside runs too
    year = of_years / years
    return whole / runs / year, (whole + parent) / runs / year


def read_and_draw(folder):
    """Return the seconds of the processor for reading a table and drawing what `plot` draws."""
    from tcellabm.analysis.summary import pooled
    from tcellabm.cli import plotting
    from tcellabm.experiments.results.outcomes import open_sweep
    from tcellabm.figures import draw_map

    sweep = open_sweep(folder)
    plotting.figures_of(sweep, [], (0.6, 0.3))  # imports and fonts
    start = time.process_time()
    sweep = open_sweep(folder)
    draw_map(pooled(sweep.outcomes, sweep.keys), sweep.keys, sweep.settings)
    one_map = time.process_time() - start
    plotting.figures_of(sweep, [], (0.6, 0.3))
    return one_map, time.process_time() - start - one_map


def line(what, figure, wanted=""):
    print(f"{what:<58} {figure:>22}   {wanted}", flush=True)


def main():
    with tempfile.TemporaryDirectory() as place:
        base = Path(place)
        small = measure(base / "a", 1000, 2)
        line("parent, sweep of 1,000 runs, processor time", f"{small['parent']:.2f} s")
        # Of two sizes the difference: starting up takes as long for both.
        sizes = (100, 500)
        slow = [
            [measure(base / f"s{n}-{size}", size, n, sleep=0.1) for size in sizes] for n in (1, 2)
        ]
        walls = [large["wall"] - few["wall"] for few, large in slow]
        more = slow[1][1]["parent"] - slow[1][0]["parent"]
        line("parent, 400 runs of 0.1 s more, in chunks of 2 s", f"{more:.2f} s")
        share = small["parent"] / (1000 * RUN_SECONDS)
        line("    1,000 patient-years of 0.2 s: parent over runs", f"{share:.1%}", "<= 3 %")
        gain = walls[0] / walls[1]
        line("400 sleeping runs more: one worker over two, wall time", f"{gain:.2f}", ">= 1.8")
        idle = walls[1] / (400 * 0.1 / 2) - 1
        line("    wall time beyond the runs' own, two workers", f"{idle:.1%}")
        large = measure(base / "large", 100_000, 2)
        line("parent, 100,000 runs: peak memory", f"{large['peak_mb']:.0f} MB", "< 500 MB")
        line("    that of 1,000 runs", f"{small['peak_mb']:.0f} MB")
        line("    processor time of the plan", f"{large['plan']:.1f} s")
        each = (large["parent"] - small["parent"]) / (1e5 - 1000)
        line("    processor time of a run more", f"{each * 1e3:.2f} ms")
        size = sum(f.stat().st_size for f in (base / "large").rglob("*") if f.is_file())
        line("    on the disk, a run", f"{size / 1e5:.0f} bytes")
        one_map, all_figures = read_and_draw(base / "large")
        in_workers, in_all = cost_of_runs(base)
        line("run of the default sweep, in patient-years, workers", f"{in_workers:.2f}", "<= 1.15")
        line("    with the parent: plan, map, report", f"{in_all:.2f}")
        line("reading 100,000 outcomes and drawing the map", f"{one_map:.1f} s", "< 5 s")
        line("    all three figures", f"{all_figures:.1f} s")


if __name__ == "__main__":
    if NOTES and len(sys.argv) > 1:
        real(sys.argv[1])
    elif len(sys.argv) > 1:
        one(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
