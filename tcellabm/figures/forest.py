"""Every published row beside the simulated one, on a common scale."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_USES = {
    "calibrate": "CALIBRATE: the population may be fitted to these",
    "validate": "VALIDATE: never fitted",
    "input": "INPUT: the population is made from these",
}
_EDGE = 3.0  # the scale ends there; what lies beyond is drawn at the edge as an arrow
_PUBLISHED, _FOUND = 3.5, 6.7  # columns of numbers
_GOOD, _BAD = "#0072b2", "#d55e00"


def draw_forest(panel: "Axes", comparison: pd.DataFrame) -> None:
    """Draw the rows with a judgment, then name those without.

    Each is on a scale of its own: -1 and 1 are the ends of the published interval.
    """
    line, places = 0.0, []
    for use, heading in _USES.items():
        rows = comparison[(comparison["use"] == use) & (comparison["agrees"] != "")]
        panel.text(-12.3, line, heading, fontweight="bold", fontsize=9, va="center")
        line += 1.0
        for _, row in rows.iterrows():
            _draw_row(panel, line, row)
            places.append(line)
            line += 1.0
        line += 0.6
    silent = comparison.loc[comparison["agrees"] == "", "id"]
    panel.axvspan(-1, 1, color="0.88", lw=0, zorder=0)
    panel.axvline(0, color="0.6", lw=0.8, zorder=0)
    panel.set(xlim=(-_EDGE - 0.3, _EDGE + 0.3), ylim=(line + 1.2, -1.6))
    panel.set_xticks([-1, 0, 1], ["low", "", "high"])
    panel.xaxis.tick_top()
    panel.tick_params(axis="x", length=0, labelsize=8.5)
    panel.set_yticks([])
    for side in ("left", "bottom", "top"):
        panel.spines[side].set_visible(False)
    _write_heads(panel)
    _write_silent(panel, line, list(silent))


def _write_heads(panel: "Axes") -> None:
    title = (
        "Every published figure: simulated inside (blue ●) or outside (orange ◆) its gray interval"
    )
    panel.text(-12.3, -3.2, title, fontsize=10.5, fontweight="bold")
    panel.text(-3.5, -1.1, "* in part recalled, not read", fontsize=8.5, ha="right")
    for place, text in ((_PUBLISHED, "published"), (_FOUND, "simulated (z)")):
        panel.text(place, -1.1, text, fontsize=8.5, fontweight="bold")


def _write_silent(panel: "Axes", line: float, ids: list[str]) -> None:
    half = (len(ids) + 1) // 2
    text = "Not judged (why: column `note` of comparison.csv):\n"
    text += "\n".join(", ".join(part) for part in (ids[:half], ids[half:]))
    panel.text(-12.3, line - 0.3, text, fontsize=8, va="top", linespacing=1.4)


def _draw_row(panel: "Axes", line: float, row: pd.Series) -> None:
    agrees = row["agrees"] == "true"
    color = _GOOD if agrees else _BAD
    point, low, high = (
        _place(float(row[name]), row) for name in ("simulated", "simulated_low", "simulated_high")
    )
    panel.plot([low, high], [line] * 2, color=color, lw=1.3)
    marker: Any = "o" if agrees else "D"
    if abs(point) >= _EDGE:
        marker = 9 if point > 0 else 8  # carets that point off the scale
    panel.plot(point, line, marker=marker, color=color, ms=5 if agrees else 4.5)
    recalled = "*" if "recalled" in str(row["confidence"]) else ""
    name = f"{row['id']}{recalled}  {_short(str(row['quantity']))}{_when(row)}"
    panel.text(-3.5, line, name, fontsize=7.8, ha="right", va="center")
    panel.text(_PUBLISHED, line, _published(row), fontsize=7.8, va="center")
    z = "" if math.isnan(row["z"]) else f" ({row['z']:+.1f})"
    simulated = f"{_number(row['simulated'])} {_unit(row)}{z}"
    weight = "normal" if agrees else "bold"
    panel.text(_FOUND, line, simulated, fontsize=7.8, va="center", color=color, fontweight=weight)


def _place(value: float, row: pd.Series) -> float:
    """Return the place of a value: 0 is what was published, -1 and 1 the ends of its interval."""
    low, middle, high = (row[f"published{end}"] for end in ("_low", "", "_high"))
    if math.isnan(high):  # only a side is known
        return float(np.clip(value / low - 1.0 if low else np.sign(value), -_EDGE, _EDGE))
    if math.isnan(middle):
        middle = 0.5 * (low + high)
    width = (high - middle) if value >= middle else (middle - low)
    return float(np.clip((value - middle) / width if width > 0.0 else 0.0, -_EDGE, _EDGE))


def _published(row: pd.Series) -> str:
    low, middle, high = (row[f"published{end}"] for end in ("_low", "", "_high"))
    span = "" if math.isnan(low) or math.isnan(high) else f" ({_number(low)}-{_number(high)})"
    if math.isnan(high) and not math.isnan(low):
        span = f" (above {_number(low)})"
    return ("" if math.isnan(middle) else _number(middle)) + span


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    if value != 0.0 and (abs(value) >= 1e5 or abs(value) < 1e-2):
        return f"{value:.1e}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
    return f"{value:.0f}" if abs(value) >= 20 else f"{value:.3g}"


def _unit(row: pd.Series) -> str:
    unit = str(row["unit"])
    if unit in ("nan", "", "1", "ratio", "r"):
        return ""
    return unit.replace("ug", "µg").removesuffix(" DNA")


def _when(row: pd.Series) -> str:
    when = str(row.get("timepoint", ""))
    return f", {when}" if when.endswith("mo") else ""


def _short(quantity: str) -> str:
    plain = quantity.split(" [")[0].split("; the 2017")[0]
    return plain if len(plain) <= 52 else f"{plain[:50]}…"
