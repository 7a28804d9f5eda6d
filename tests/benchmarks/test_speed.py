"""Time of a tick, of its parts, and of a patient's year; nothing here asserts a duration.

Timed by `pytest -n0 tests/benchmarks --benchmark-enable -m ""`; all of it as one table of figures
and ratios by `python tests/benchmarks/report.py`.
"""

import pytest
from benchmarks import cases

SIZES = [10_000, *(pytest.param(n, marks=pytest.mark.slow) for n in (100_000, 1_000_000))]


@pytest.fixture(scope="module", params=SIZES, ids=lambda n: f"{n:.0e}")
def single_cells(request):
    return cases.Kernels(cases.biopsy(request.param))


def timed(benchmark, kernels, kernel):
    benchmark.extra_info["agents"] = kernels.alive
    benchmark.pedantic(kernels.call, (kernel,), setup=kernels.restore, rounds=25, warmup_rounds=1)


def test_single_cell_tick(benchmark, single_cells):
    timed(benchmark, single_cells, cases.whole_tick)


@pytest.mark.parametrize("part", cases.PARTS)
@pytest.mark.slow
def test_part_of_a_single_cell_tick(benchmark, single_cells, part):
    timed(benchmark, single_cells, cases.PARTS[part])


@pytest.mark.parametrize("loop", ["steps", "fates", "bare_draws"])
@pytest.mark.parametrize("day", [5, 20, 100])
@pytest.mark.slow
def test_step_of_groups_and_its_own_draws(benchmark, day, loop):
    patient = cases.Groups(day)
    benchmark.extra_info["agents"] = patient.alive
    benchmark(patient.run, getattr(cases, loop), 100)


def test_patient_year(benchmark):
    row = benchmark(cases.patient_year, 2)
    assert row["followed_days"] > 0.0


@pytest.mark.slow
def test_eight_patient_years_on_two_workers(benchmark):
    benchmark.pedantic(cases.workers, (2, 8), rounds=1)
