"""Studies of what must not matter: agent budget, voxels, tick. Paired by seed, with intervals.

    python -m slow.convergence ticks --patients 40 --days 28 --out runs/studies

from the folder `tests`, or `pytest -m slow tests/slow/test_convergence.py` with the full numbers.
"""

import argparse
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from population import NOBODY_DIES, digest, mean, ratio, together

from tcellabm import load


class Measure(NamedTuple):
    """What is compared, and how far it may move."""

    name: str
    kind: str  # ratio of geometric means, or mean difference
    limit: float  # of |log ratio|, or of the difference


class Study(NamedTuple):
    """Two resolutions of the same patients."""

    usual: dict[str, Any]
    finer: dict[str, Any]
    patients: int
    days: float
    measures: tuple[Measure, ...]


RESPONSE = (
    Measure("cmax_copies_per_ug", "ratio", math.log(1.10)),
    Measure("peak_copies", "ratio", math.log(1.10)),
    Measure("peak_day", "difference", 0.5),
    Measure("remission", "difference", 0.05),
    Measure("severe_crs", "difference", 0.05),
)
EXPOSURE = (
    Measure("cmax_copies_per_ug", "ratio", math.log(1.02)),
    Measure("auc_0_28", "ratio", math.log(1.02)),
    Measure("peak_copies", "ratio", math.log(1.02)),
)
DEFAULT = load()
AGENTS = DEFAULT.resolution.agents_per_population
FOUR_A_VOXEL = {"resolution.agents_per_population": 4 * 16 * 16}
STUDIES = {
    "agents": Study({}, {"resolution.agents_per_population": 4 * AGENTS}, 200, 120.0, RESPONSE),
    "voxels": Study(
        FOUR_A_VOXEL | {"marrow.rows": 4, "marrow.cols": 4},
        FOUR_A_VOXEL | {"marrow.rows": 16, "marrow.cols": 16},
        200,
        120.0,
        RESPONSE,
    ),
    "ticks": Study(
        {},
        {
            "time.tick_halvings": DEFAULT.time.tick_halvings + 1,
            "time.slow_tick_halvings": DEFAULT.time.slow_tick_halvings + 1,
        },
        100,
        28.0,
        EXPOSURE,
    ),
    # What the tests of emergence run on, against the default.
    "coarse": Study(
        {"marrow.rows": 2, "marrow.cols": 2, "resolution.agents_per_population": 32},
        {},
        200,
        120.0,
        RESPONSE,
    ),
}


def run(name: str, patients: int | None = None, days: float | None = None) -> pd.DataFrame:
    """Run a study; return a row per measure.

    Columns: study, n, days, measure, kind, usual, finer, change (finer less or over usual, of
    pairs), low, high (95 %), limit_low, limit_high, within (the point), shown (the interval too).
    """
    study = STUDIES[name]
    n, span = patients or study.patients, days or study.days
    arms = [_arm(overrides, n, span) for overrides in (study.usual, study.finer)]
    return pd.DataFrame([_compare(name, n, span, measure, *arms) for measure in study.measures])


def _arm(overrides: dict[str, Any], patients: int, days: float) -> pd.DataFrame:
    table = pd.DataFrame(together(digest, patients, days, NOBODY_DIES | overrides))
    table["severe_crs"] = table["crs_grade_penn"] >= 3
    return table


def _compare(
    study: str, n: int, days: float, measure: Measure, usual: pd.DataFrame, finer: pd.DataFrame
) -> dict[str, Any]:
    a, b = (np.asarray(arm[measure.name], float) for arm in (usual, finer))
    if measure.kind == "ratio":
        change, limits = ratio(b, a), (math.exp(-measure.limit), math.exp(measure.limit))
        levels = [float(np.exp(np.log(np.maximum(x, 1.0)).mean())) for x in (a, b)]
    else:
        change, limits = mean(b - a), (-measure.limit, measure.limit)
        levels = [float(x.mean()) for x in (a, b)]
    return {
        "study": study,
        "n": n,
        "days": days,
        "measure": measure.name,
        "kind": measure.kind,
        "usual": levels[0],
        "finer": levels[1],
        "change": change.value,
        "low": change.low,
        "high": change.high,
        "limit_low": limits[0],
        "limit_high": limits[1],
        "within": limits[0] <= change.value <= limits[1],
        "shown": limits[0] <= change.low and change.high <= limits[1],
    }


def report(table: pd.DataFrame, folder: Path) -> None:
    """Print a study and keep it as `<study>-<n>.csv`."""
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / f"{table['study'][0]}-{table['n'][0]}.csv", index=False)
    print(table.to_string(index=False, float_format=lambda x: f"{x:.4g}"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("-n", "--patients", type=int)
    parser.add_argument("--days", type=float)
    parser.add_argument("--out", type=Path, default=Path("runs/studies"))
    given = parser.parse_args()
    report(run(given.study, given.patients, given.days), given.out)
