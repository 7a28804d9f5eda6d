"""Print every speed figure of the project, with the ratios between figures of this one run.

Run as `python tests/benchmarks/report.py` on an idle machine. Times are processor times of one
thread, the least of several, so that other programs disturb them little; wall times are for
workers alone.
"""

import os
import platform
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent), str(FOLDER.parents[1])]

import cases  # noqa: E402

SIZES = (10_000, 100_000, 1_000_000)
REFERENCE_DAYS = 28.0


def line(what, figure, wanted=""):
    print(f"{what:<58} {figure:>22}   {wanted}", flush=True)


def single_cells():
    """A tick of single cells: rate, parts, growth with the number of agents."""
    per_agent = {}
    for day, size in [(cases.EARLY, size) for size in SIZES] + [(cases.LATE, SIZES[1])]:
        times = 25 if size < 1_000_000 else 9
        spent, agents, busy = cases.tick_of_cells(size, day, times)
        per_agent.setdefault(size, spent["tick"] / agents)
        rate = f"{agents / spent['tick'] / 1e6:.1f} M/s"
        what = f"tick of {agents} single cells, {busy:.0%} of them changing"
        line(what, rate, ">= 50 M/s at 10^5-10^6")
        parts = (f"{part} {spent[part] / agents * 1e9:.1f}" for part in cases.PARTS)
        print(f"    ns per agent: {', '.join(parts)}")
        bare = f"{spent['bare'] / spent['tick']:.3f}"
        line("    one draw an agent over the whole tick", bare, ">= 0.25 at 10^5")
    growth = per_agent[SIZES[-1]] / per_agent[SIZES[0]]
    line("per-agent cost at 10^6 over that at 10^4", f"{growth:.2f}", "<= 1.5")


def groups():
    """The step of groups against its own draws."""
    for day in (5, 20, 100):
        patient = cases.Groups(day)
        step, fate, bare = map(patient.seconds, (cases.steps, cases.fates, cases.bare_draws))
        line(f"group step on day {day}, {patient.alive} groups", f"{step * 1e6:.1f} us")
        line("    all its draws, bare", f"{bare * 1e6:.1f} us")
        line("    step over its own draws", f"{step / bare:.2f}", "<= 2")
        line("    of it births and deaths (`fate` twice)", f"{fate * 1e6:.1f} us")


def year(seeds=24):
    """A patient's year, default scenario."""
    cases.patient_year(0)
    cpu = [cases.fastest(lambda seed=seed: cases.patient_year(seed), 3) for seed in range(seeds)]
    low, high = np.quantile(cpu, [0.1, 0.9])
    line(f"patient-year, median of {seeds}", f"{median(cpu):.3f} s", "aim 0.03 s")
    line("    10th to 90th percentile", f"{low:.3f}-{high:.3f} s")
    spent = [cases.kernel_seconds(seed, cases.YEAR) for seed in range(seeds)]
    whole, kernels, entries = np.array(spent).T
    line(
        "    share of it inside the kernel, entering included", f"{kernels.sum() / whole.sum():.0%}"
    )
    line("    entries into the kernel", f"{np.median(entries):.0f}")
    built = median(cases.construction_seconds(seed) for seed in range(seeds))
    line("construction of a patient", f"{built * 1e3:.1f} ms", "<= 2 ms")


def reference(seeds=(1, 2, 3)):
    """The kernels against the slow plain-Python model, same patients, same ticks."""
    try:
        from reference import Reference
    except ImportError:
        line("against tests/reference.py", "not there")
        return
    from tcellabm import load

    slow = whole = kernels = 0.0
    for seed in seeds:
        model = Reference(load("scenarios/kymriah.toml"), seed)
        slow += cases.cpu_seconds(lambda model=model: model.run_until(REFERENCE_DAYS))
        spent = cases.kernel_seconds(seed, REFERENCE_DAYS)
        whole, kernels = whole + spent[0], kernels + spent[1]
    line(f"reference.py, {REFERENCE_DAYS:.0f} days", f"{slow / len(seeds):.2f} s")
    line("    over the kernels, which take shorter ticks at first", f"{slow / kernels:.0f}")
    line("    over the whole model", f"{slow / whole:.0f}")


def two_workers(patients=32, rounds=2):
    """Patients on two processes against one, in turns."""
    runs = [(cases.workers(1, patients), cases.workers(2, patients)) for _ in range(rounds)]
    one, two = (min(pair) for pair in zip(*runs, strict=True))
    line(f"{patients} patient-years, one worker, wall time", f"{one[0]:.1f} s")
    line("    two workers over one", f"{one[0] / two[0]:.2f}", ">= 1.8")
    line("    were both cores free: 2 x processor time", f"{2.0 * one[1] / two[1]:.2f}")


def main():
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load}, {time.strftime('%F %T')}\n")
    for part in (single_cells, groups, year, reference, two_workers):
        part()


if __name__ == "__main__":
    main()
