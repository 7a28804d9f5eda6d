"""A comparison of two result folders in words: what differs in their making, then in results."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from tcellabm.analysis.compared import MEASURES, SHARE, Pairs
from tcellabm.analysis.words import columns
from tcellabm.params.errors import shorten, toml_text

_MOST_LINES = 12
_FIRST = ("model_version", "seed", "axes", "arms", "posterior", "cohort")


def recipe_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what differs between two recipes: key, and what it is in each; most telling first."""
    flat_a, flat_b = _flat(a), _flat(b)
    keys = [key for key in [*flat_a, *(k for k in flat_b if k not in flat_a)]]
    differing = [key for key in keys if flat_a.get(key) != flat_b.get(key)]
    differing.sort(key=lambda key: _FIRST.index(key) if key in _FIRST else len(_FIRST))
    return [(key, _short(key, flat_a), _short(key, flat_b)) for key in differing]


def _flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Lay parameters, axes and versions out by key."""
    flat: dict[str, Any] = {}
    for key, value in recipe.items():
        if key in ("parameters", "versions"):
            flat |= value
        elif key == "axes":
            flat |= {f"axis {name}": values for name, values in value.items()}
        else:
            flat[key] = value
    return flat


def _short(key: str, recipe: Mapping[str, Any]) -> str:
    if key in recipe:
        value = recipe[key]
        return shorten("none" if value is None else toml_text(value), 48)
    return "drawn" if f"population.{key}.median" in recipe else "–"


def recipes_told(differing: list[tuple[str, str, str]], a: str, b: str) -> list[str]:
    """Say what differs between the makings of A and B, in some lines.

    Parameters
    ----------
    differing : list of (str, str, str)
        From `recipe_differences`.
    a, b : str
        Names of the folders.

    Returns
    -------
    list of str
        Lines for the terminal.
    """
    lines = [f"A: {a}", f"B: {b}"]
    if not differing:
        return [*lines, "Made from equal recipes, by the same version."]
    shown, more = differing[:_MOST_LINES], len(differing) - _MOST_LINES
    lines += columns(["what differs", "A", "B"], [list(row) for row in shown]).splitlines()
    return [*lines, f"and {more} more, see manifest.json"] if more > 0 else lines


def table_told(differences: pd.DataFrame) -> str:
    """Return the differences over all points as a table of at most 16 lines."""
    rows = differences[differences["at"] == "all"]
    rows_of_text = [_row(row) for row in rows.to_dict("records")]
    return columns(["", "A", "B", "B against A", "95 %", "more in B", "less in B"], rows_of_text)


def _row(row: Mapping[Any, Any]) -> list[str]:
    name, kind = row["measure"], MEASURES[row["measure"]].kind
    ratio = row["compared"] == "ratio"

    def level(value: float) -> str:
        if not math.isfinite(value):
            return "–"
        return f"{100 * value:.0f} %" if kind == SHARE else f"{value:.3g}"

    def effect(value: float) -> str:
        if not math.isfinite(value):
            return "–"
        return (
            f"× {value:.2f}"
            if ratio
            else f"{100 * value:+.1f}"
            if kind == SHARE
            else f"{value:+.2g}"
        )

    interval = f"{effect(row['effect_low'])} to {effect(row['effect_high'])}"
    unseen = not math.isfinite(row["effect_low"])
    if not row["up"] and not row["down"] and kind != SHARE:
        interval = "no pair differs"
    mark = " *" if row["resolved"] else ""
    found = [level(row["a"]), level(row["b"]), effect(row["effect"])]
    counts = [str(row["up"]), str(row["down"])]
    return [MEASURES[name].label, *found, "–" if unseen else f"{interval}{mark}", *counts]


def sentences(pairs: Pairs, differences: pd.DataFrame, changes: int) -> list[str]:
    """Say in up to three sentences what a comparison found.

    Parameters
    ----------
    pairs : Pairs
        The runs compared.
    differences : DataFrame
        From `compared.differences`.
    changes : int
        Pairs that end otherwise, or have another grade of CRS.

    Returns
    -------
    list of str
        One sentence each.
    """
    whole = differences[differences["at"] == "all"].set_index("measure")
    year = "remission_365" in whole.index and math.isfinite(whole.loc["remission_365", "effect"])
    benefit = "remission_365" if year else "remission"
    summary = [_sentence(whole.loc[name], name) for name in (benefit, "severe_crs")]
    points = int(pairs.point.max()) + 1
    each = differences[(differences["at"] == "point") & (differences["measure"] == benefit)]
    at = f" at {points} points" if points > 1 else ""
    resolved = (
        f"; at {int(each['resolved'].sum())} of them remission differs (pointwise)"
        if points > 1
        else ""
    )
    patients = int(pairs.patient.max()) + 1
    total = f"{len(pairs.points)} pairs of {patients} patient{'s' if patients > 1 else ''}"
    return [*summary, f"Of {total}{at}, {changes} end otherwise or have another grade{resolved}."]


def _sentence(row: pd.Series, name: str) -> str:
    label = MEASURES[name].label
    label = label[0].upper() + label[1:]
    counts = f"{row['up']} runs have it in B alone, {row['down']} in A alone"
    if not math.isfinite(row["effect_low"]):
        return f"{label}: {counts}; one patient gives no interval."
    low, high = (f"{100 * row[f'effect_{end}']:+.1f}" for end in ("low", "high"))
    interval = f"95 % {low} to {high}"
    if not row["resolved"]:
        return f"{label}: no resolved difference ({interval} points); {counts}."
    way = "more" if row["effect"] > 0 else "less"
    return f"{label}: {100 * abs(row['effect']):.1f} points {way} in B ({interval}); {counts}."
