"""A virtual trial beside the published one, row by row."""

import io
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from tcellabm.analysis.cohort import Cohort
from tcellabm.analysis.measures import BEYOND, FURTHER, MEASURES, Measure
from tcellabm.params import InputError
from tcellabm.params.files import find_file, read_text
from tcellabm.rules import RuleError

COLUMNS = (
    *("id", "quantity", "use", "published", "published_low", "published_high"),
    *("simulated", "simulated_low", "simulated_high", "agrees", "z", "independent", "repeats"),
    *("unit", "n", "population", "timepoint", "interval", "confidence", "source", "note"),
)
USES = ("calibrate", "input", "validate")
# Published ranges are of patients, not of what was estimated: nothing is judged by them.
NOT_OF_THE_ESTIMATE = "range"
RESAMPLES = 200
NONE: Mapping[str, Measure] = MappingProxyType({})
WITHIN = {"median": 1.5, "kinetic": 2.0}
_NEEDED = (
    *("id", "quantity", "value", "low", "high", "interval", "unit", "n"),
    *("population", "timepoint", "source", "repeats"),
)
NORMAL_95 = 1.96  # standard errors to the end of an interval of 95 %
LOGARITHMIC = ("median", "kinetic")  # kinds that are compared as ratios


@cache
def read_published(path: Path) -> pd.DataFrame:
    """Read the published figures.

    Raises
    ------
    InputError
        Columns are missing, a number is none or can't be, or an id is there twice.
    """
    allowed = f"allowed: columns {', '.join((*_NEEDED, 'confidence', 'use'))}"
    text = io.StringIO(read_text(path, str(path)))
    try:
        table = pd.read_csv(text, keep_default_na=False, dtype=str)
        for name in ("value", "low", "high", "n"):
            table[name] = pd.to_numeric(table[name].replace("", None))
    except (ValueError, KeyError) as error:
        raise InputError(f"published figures: {error}", str(path), allowed) from None
    if missing := {*_NEEDED, "confidence", "use"} - set(table.columns):
        raise InputError(f"published figures lack {min(missing)}", str(path), allowed)
    unknown = set(table["repeats"]) - set(table["id"]) - {""}
    if unknown:
        raise InputError(f"published figures: repeats {min(unknown)}", str(path), "allowed: an id")
    if not table["id"].is_unique or not set(table["use"]) <= set(USES):
        raise InputError("published figures: an id twice, or a use", str(path), ", ".join(USES))
    for row in table.to_dict("records"):
        if fault := _fault_of(row):
            allowed = "allowed: finite, low <= high, n from 1, rates of 0 to 100 %"
            raise InputError(f"published figure {row['id']}: {fault}", str(path), allowed)
    return table


def _fault_of(row: dict[str, Any]) -> str:
    """Return which number of a published figure can't be; empty if all can."""
    rate = row["id"] in MEASURES and MEASURES[row["id"]].kind == "rate"
    fits = {
        "value": not rate or not (row["value"] < 0.0 or row["value"] > 100.0),
        "low": not row["low"] > row["high"],  # one that is missing is not
        "n": not row["n"] < 1.0,
    }
    odd = [name for name in ("value", "low", "high", "n") if math.isinf(row[name])]
    odd += [name for name, fit in fits.items() if not fit]
    return f"{odd[0]} {row[odd[0]]:g}" if odd else ""


def published_curves() -> pd.DataFrame:
    """Return the published curves that are shipped: `curve`, `day`, `value`, `source`."""
    return pd.read_csv(find_file("params/trials/curves.csv"))


def compare(
    cohort: Cohort,
    published: pd.DataFrame,
    seed: int = 1,
    weights: np.ndarray | None = None,
    own: Mapping[str, Measure] = NONE,
) -> pd.DataFrame:
    """Return `comparison.csv`: a row per published figure, with what was simulated.

    Parameters
    ----------
    cohort : Cohort
        Everyone enrolled; each with an own draw of the posterior, if there is one.
    published : DataFrame
        From `read_published`.
    seed : int
        Of the resampling of patients.
    weights : ndarray, shape (draws, enrolled), optional
        What makes these patients those of one draw of the posterior.
    own : mapping of str to Measure
        Measures of one's own, by id; they go before the model's.

    Returns
    -------
    DataFrame
        COLUMNS. The interval of what was simulated is that of 95 % over posterior draws and
        resampled patients; of the published figure that by which `agrees` was judged.
    """
    rng = np.random.default_rng(seed)
    spread: Sequence[np.ndarray | None] = [None] if weights is None else list(weights)
    times = max(RESAMPLES, len(spread))
    again = [cohort.resampled(rng, spread[i % len(spread)]) for i in range(times)]
    known, figures = {**MEASURES, **own}, published.to_dict("records")
    rows = [_row(row, known.get(row["id"]), cohort, again) for row in figures]
    return pd.DataFrame(rows, columns=COLUMNS)


def goals(cohort: Cohort) -> pd.DataFrame:
    """Return the windows that the model is to meet (`params/trials/goals.csv`), misses first.

    Returns
    -------
    DataFrame
        `quantity`, `low`, `high`, `unit`, `simulated`, `met` (bool).
    """
    table = pd.read_csv(find_file("params/trials/goals.csv"))
    known = MEASURES | FURTHER
    table["simulated"] = [known[name].of(cohort) for name in table.pop("measure")]
    table["met"] = table["simulated"].between(table["low"], table["high"])
    return table.sort_values("met", kind="stable", ignore_index=True)


def _row(
    published: dict[str, Any], measure: Measure | None, cohort: Cohort, again: list[Cohort]
) -> dict[str, Any]:
    kind = measure.kind if measure else ""
    low, high, interval = judged_by(published, kind)
    row = {name: published[name] for name in COLUMNS if name in published} | {
        "published": published["value"],
        "published_low": low,
        "published_high": high,
        "interval": interval,
        "independent": published["use"] == "validate" and not published["repeats"],
    }
    blank = dict.fromkeys(("simulated", "simulated_low", "simulated_high"), math.nan)
    if measure is None:
        note = BEYOND.get(published["id"], "not modeled")
        return row | blank | {"agrees": "", "z": math.nan, "note": note}
    try:
        value = measure.of(cohort)
        drawn = np.array([measure.of(other) for other in again])
    except RuleError as error:  # a measure of one's own: its row says so, the others stand
        return row | blank | {"agrees": "", "z": math.nan, "note": str(error)}
    known = drawn[np.isfinite(drawn)]
    bounds = np.quantile(known, [0.025, 0.975]) if known.size else [math.nan, math.nan]
    simulated = dict(zip(blank, (value, *map(float, bounds)), strict=True))
    note = measure.note if math.isfinite(value) else "no such patient in this trial"
    agrees = _agrees(simulated, low, high)
    found = (value, simulated["simulated_low"], simulated["simulated_high"])
    z = z_of(kind, (low, published["value"], high), found) if agrees else math.nan
    return row | simulated | {"agrees": agrees, "z": z, "note": note}


def judged_by(published: dict[str, Any], kind: str) -> tuple[float, float, str]:
    """Return the interval by which a row is judged, and what it is.

    The published one, unless it is a range of patients; else Clopper-Pearson 95 % from n for a
    rate, x or / 1.5 for a median, x or / 2 for a kinetic mean.
    """
    value, n, basis = published["value"], published["n"], published["interval"]
    if basis and basis != NOT_OF_THE_ESTIMATE:
        return published["low"], published["high"], basis
    if math.isnan(value):
        return math.nan, math.nan, ""
    if kind == "rate" and n > 0:
        low, high = clopper_pearson(round(value / 100.0 * n), int(n))
        return 100.0 * low, 100.0 * high, "Clopper-Pearson 95 % from n"
    if kind in WITHIN:
        factor = WITHIN[kind]
        return value / factor, value * factor, f"published x or / {factor:g}"
    return math.nan, math.nan, ""


def clopper_pearson(successes: int, n: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a proportion (Clopper and Pearson 1934)."""
    others = n - successes
    low = special.betaincinv(successes, others + 1, 0.025) if successes else 0.0
    high = special.betaincinv(successes + 1, others, 0.975) if others else 1.0
    return float(low), float(high)


def z_of(
    kind: str, published: tuple[float, float, float], simulated: tuple[float, float, float]
) -> float:
    """Return the difference over both standard errors; NaN where one of them is not known.

    Parameters
    ----------
    kind : str
        Of the measure: medians and kinetic means are compared by their logarithms.
    published, simulated : tuple of float
        Low end, value and high end; value, low end and high end. Intervals are of 95 %.

    Returns
    -------
    float
        Positive where the simulated value is higher.
    """
    low, middle, high = published
    value, least, most = simulated
    ends = np.array([low, middle, high, value, least, most])
    if kind in LOGARITHMIC:
        ends = np.log(np.where(ends > 0.0, ends, math.nan))
    errors = np.array([ends[2] - ends[0], ends[5] - ends[4]]) / (2.0 * NORMAL_95)
    both = float(np.hypot(*errors))
    return float((ends[3] - ends[1]) / both) if both > 0.0 else math.nan


def _agrees(simulated: dict[str, float], low: float, high: float) -> str:
    """Tell `true`, `false`, or nothing where there is nothing to compare."""
    value = simulated["simulated"]
    bounds = [bound for bound in (low, high) if not math.isnan(bound)]
    if math.isnan(value) or not bounds:
        return ""
    inside = not value < low and not value > high  # a bound that is not there is not crossed
    return "true" if inside else "false"
