"""The study of what must not matter: voxels, agents and ticks. Paired patients, with intervals.

    python -m slow.convergence --patients 200 --out ../docs/convergence.md

from the folder `tests`, or `pytest -m slow tests/slow/test_convergence.py`.
"""

import argparse
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from population import follow, mean, ratio, together

from tcellabm import load
from tcellabm.analysis.summary import in_remission_at_a_year

YEAR = 366.0
PATIENTS = 200


class Measure(NamedTuple):
    """What is compared, and how far it may move."""

    label: str
    column: str
    is_ratio: bool  # of geometric means, else a difference in points
    limit: float  # of |log ratio|, or of the difference


MEASURES = (
    Measure("remission, points", "remission", False, 5.0),
    Measure("remission on day 365, points", "remission_365", False, 5.0),
    Measure("severe CRS, points", "severe_crs", False, 5.0),
    Measure("Cmax, ratio", "cmax_copies_per_ug", True, math.log(1.10)),
)
DEFAULT = load()


def _grid(edge: int, agents: int) -> dict[str, int]:
    return {
        "marrow.rows": edge,
        "marrow.cols": edge,
        "resolution.agents_per_population": agents,
    }


# Agents are of a population in the whole marrow: finer grids have four in a voxel.
ARMS = {
    "1×1 voxels, 8 agents": _grid(1, 8),
    "1×1 voxels, 64 agents": _grid(1, 64),
    "1×1 voxels, 256 agents": _grid(1, 256),
    "4×4 voxels, 16 agents": _grid(4, 16),
    "4×4 voxels, 64 agents": _grid(4, 64),
    "16×16 voxels, 1024 agents": _grid(16, 1024),
    "ticks of half the length": {
        "time.tick_halvings": DEFAULT.time.tick_halvings + 1,
        "time.slow_tick_halvings": DEFAULT.time.slow_tick_halvings + 1,
    },
}
USUAL = "1×1 voxels, 16 agents (default)"


def _outcomes(overrides: dict[str, Any], days: float, seed: int) -> dict[str, Any]:
    return follow(overrides, days, seed).outcomes


def _arm(overrides: dict[str, Any], patients: int) -> pd.DataFrame:
    table = pd.DataFrame(together(_outcomes, patients, YEAR, overrides))
    table["severe_crs"] = 100.0 * (table["crs_grade_penn"] >= 3)
    table["remission_365"] = 100.0 * in_remission_at_a_year(table)
    table["remission"] = 100.0 * table["remission"]
    return table


def run(patients: int = PATIENTS) -> pd.DataFrame:
    """Run all arms; return one row per arm and measure.

    Columns: arm, n, measure, default, value, change (of pairs), low, high (95 %), within (the
    change lies inside its limits).
    """
    usual = _arm({}, patients)
    rows = []
    for arm, overrides in ARMS.items():
        table = _arm(overrides, patients)
        rows += [_compare(arm, measure, usual, table) for measure in MEASURES]
    return pd.DataFrame(rows)


def _compare(
    arm: str, measure: Measure, usual: pd.DataFrame, other: pd.DataFrame
) -> dict[str, Any]:
    a, b = (np.asarray(table[measure.column], float) for table in (usual, other))
    change = ratio(b, a) if measure.is_ratio else mean(b - a)
    moved = abs(math.log(change.value)) if measure.is_ratio else abs(change.value)
    return {
        "arm": arm,
        "n": len(a),
        "measure": measure.label,
        "default": _level(a, measure.is_ratio),
        "value": _level(b, measure.is_ratio),
        "change": change.value,
        "low": change.low,
        "high": change.high,
        "within": moved <= measure.limit,
    }


def _level(values: np.ndarray, is_ratio: bool) -> float:
    return float(np.exp(np.log(np.maximum(values, 1.0)).mean()) if is_ratio else values.mean())


def page(table: pd.DataFrame) -> str:
    """Return the document."""
    n, labels = table["n"].iloc[0], [measure.label for measure in MEASURES]
    usual = table[table["arm"] == table["arm"].iloc[0]].set_index("measure")["default"]
    lines = [
        "# Does the resolution matter?",
        "",
        f"The same {n} patients of `scenarios/kymriah.toml`, followed for a year at other numbers",
        "of voxels, agents and ticks. Each cell gives the change from the default with its paired",
        "95 % interval; Cmax is a ratio of geometric means. Agents are those of a population in",
        "the whole marrow. Written by `python -m slow.convergence` in the folder `tests`.",
        "",
        f"| | {' | '.join(labels)} |",
        f"|---|{'---|' * len(labels)}",
        f"| {USUAL} | " + " | ".join(f"{usual[label]:,.4g}" for label in labels) + " |",
    ]
    for arm, rows in table.groupby("arm", sort=False):
        cells = (_cell(row) for row in rows.itertuples())
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(row: Any) -> str:
    if row.measure.endswith("ratio"):
        return f"×{row.change:.2f} [{row.low:.2f}, {row.high:.2f}]"
    return f"{row.change:+.1f} [{row.low:.1f}, {row.high:.1f}]"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--patients", type=int, default=PATIENTS)
    parser.add_argument("--out", type=Path, default=Path("convergence.md"))
    given = parser.parse_args()
    found = run(given.patients)
    given.out.write_text(page(found), encoding="utf-8")
    print(found.to_string(index=False, float_format=lambda x: f"{x:.4g}"))
