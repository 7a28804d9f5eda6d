"""What a sweep found, for the terminal: a short table, and what each axis does in plain English.

All of it follows from the table of points. A rate is said to rise or fall only where a difference
from the reference is resolved.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from tcellabm.analysis.answer import INSIDE, Answer
from tcellabm.analysis.drivers import SHOWN
from tcellabm.analysis.paired import Z
from tcellabm.analysis.summary import RATES
from tcellabm.analysis.words import columns

NAMES = {
    "remission": "remission",
    "remission_365": "remission on day 365",
    "severe_crs": "severe CRS",
}
_MOST_ROWS = 12  # of points; with those of drivers a table has at most 20 lines
_SURE = 0.95
_EVENTS = {"severe_crs": "with severe CRS", "relapse": "who relapses, of those in remission,"}
RISES, FALLS, PEAKS, DIPS, DIFFERS, OPEN = "rises", "falls", "peaks", "dips", "differs", ""


class Labels(Protocol):
    """How axes and their values are named, as `tcellabm.figures.labels` does."""

    def axis_label(self, key: str) -> str:
        """Name an axis, with its unit."""
        ...

    def value_label(self, key: str, value: object) -> str:
        """Write a value in that unit."""
        ...


def benefit_of(summary: pd.DataFrame) -> str:
    """Return the rate that stands for benefit: on day 365, or of a shorter sweep at all."""
    return "remission" if summary["remission_365"].isna().all() else "remission_365"


def along(answer: Answer, key: str) -> pd.DataFrame:
    """Return the points that differ from the reference in one axis alone, with itself, in order."""
    rows = answer.summary
    for other, value in answer.question.reference.items():
        if other != key:
            rows = rows[rows[other] == value]
    return rows.sort_values(key) if pd.api.types.is_numeric_dtype(rows[key]) else rows


def trend(rows: pd.DataFrame, rate: str, reference: int, ordered: bool = True) -> str:
    """Return how a rate changes along an axis, as far as differences are resolved.

    Parameters
    ----------
    rows : DataFrame
        Points along the axis, in order.
    rate : str
        Which rate.
    reference : int
        Index of the reference in `rows`.
    ordered : bool
        Whether the values have an order.

    Returns
    -------
    str
        RISES or FALLS with the value, PEAKS or DIPS at the reference, DIFFERS if neither fits or
        there is no order, OPEN if nothing is resolved.
    """
    signs = (np.sign(rows[f"{rate}_difference"]) * rows[f"{rate}_resolved"]).fillna(0.0)
    place = rows.index.get_loc(reference)
    below, above = set(signs[:place]) - {0.0}, set(signs[place + 1 :]) - {0.0}
    if not below | above:
        return OPEN
    if not ordered or max(len(below), len(above)) > 1:
        return DIFFERS
    if not above or not below or below != above:
        return RISES if -1.0 in below or 1.0 in above else FALLS
    return PEAKS if -1.0 in below else DIPS


def sentences(answer: Answer, labels: Labels) -> list[str]:
    """Return what each axis does and how sure that is.

    Parameters
    ----------
    answer : Answer
        Of a sweep.
    labels : Labels
        Names of axes and values.

    Returns
    -------
    list of str
        Empty if there is no reference to compare with.
    """
    if answer.reference is None:
        return []
    axes = list(answer.question.reference)
    rates = (benefit_of(answer.summary), "severe_crs")
    lines, silent = [], []
    for key in axes:
        rows = along(answer, key)
        if len(rows) < 2:
            continue
        trends = {rate: _trend(answer, rows, key, rate) for rate in rates}
        if any(trends.values()):
            lines.append(_axis_sentence(answer, rows, key, trends, labels))
        else:
            silent.append(_name(key, labels))
    if silent:
        names = " and ".join(silent)
        lines.append(
            f"{names[:1].upper()}{names[1:]}: no effect on {NAMES[rates[0]]} or severe CRS is "
            "resolved along the reference."
        )
    return [*lines, _how_sure(answer, labels)]


def _trend(answer: Answer, rows: pd.DataFrame, key: str, rate: str) -> str:
    assert answer.reference is not None
    return trend(rows, rate, answer.reference, pd.api.types.is_numeric_dtype(rows[key]))


def _axis_sentence(
    answer: Answer, rows: pd.DataFrame, key: str, trends: dict[str, str], labels: Labels
) -> str:
    """Say what an axis does to benefit and harm, and what that comes to."""
    parts = [_rate_part(answer, rows, key, rate, found, labels) for rate, found in trends.items()]
    name = _name(key, labels)
    return f"{name[:1].upper()}{name[1:]}: {'; '.join(parts)}{_verdict(list(trends.values()))}."


def _verdict(trends: list[str]) -> str:
    """Say what more of an axis means, where both rates move one way along it."""
    benefit, harm = trends
    if {benefit, harm} <= {RISES, FALLS}:
        amount = "more" if benefit == RISES else "less"
        if benefit == harm:
            return f": {amount} of it buys remission at the price of severe CRS"
        return f": {amount} of it is better in both"
    return ""


def _rate_part(
    answer: Answer, rows: pd.DataFrame, key: str, rate: str, found: str, labels: Labels
) -> str:
    """Say how one rate changes along an axis, with the largest resolved difference."""
    reference = labels.value_label(key, answer.question.reference[key])
    if found == OPEN:
        return f"no effect on {NAMES[rate]} is resolved"
    resolved = rows[rows[f"{rate}_resolved"]]
    row = resolved.loc[resolved[f"{rate}_difference"].abs().idxmax()]
    way = {PEAKS: f"is highest near {reference}", DIPS: f"is lowest near {reference}"}
    how = way.get(found, f"{found} with it" if found != DIFFERS else "differs")
    value = labels.value_label(key, row[key])
    return f"{NAMES[rate]} {how} (at {value} {_points(row, rate)} than at {reference})"


def _points(row: pd.Series, rate: str) -> str:
    """Write a difference in points with its interval: 16 points lower, 95 % 9 to 22."""
    value, low, high = (100 * row[f"{rate}_difference{end}"] for end in ("", "_low", "_high"))
    if value < 0:
        value, low, high = -value, -high, -low
        return f"{value:.0f} points lower, 95 % {low:.0f} to {high:.0f},"
    return f"{value:.0f} points higher, 95 % {low:.0f} to {high:.0f},"


def resolution(answer: Answer) -> float:
    """Return about how large a difference must be to be resolved: the median over points."""
    others = answer.summary.drop(index=answer.reference)
    widths = [
        others[f"{rate}_difference_high"] - others[f"{rate}_difference_low"] for rate in RATES
    ]
    known = pd.concat(widths).dropna()
    return float(known.median()) / 2 / Z * answer.critical if len(known) else np.nan


def _how_sure(answer: Answer, labels: Labels) -> str:
    """Say how many points differ, how large a difference shows, and where the window is met."""
    others = answer.summary.drop(index=answer.reference)
    resolved = others[[f"{rate}_resolved" for rate in RATES]].any(axis=1)
    patients = int(answer.summary["n"].max())
    least = 100 * resolution(answer)
    count = f"{int(resolved.sum())} of {len(others)} points differ from the reference in some rate"
    if not resolved.any():
        count = f"none of {len(others)} points differs from the reference"
    sure = f"How sure: {count}, by 95 % limits for all points at once"
    if np.isfinite(least):
        sure += f"; {patients} patients resolve differences of about {least:.0f} points"
    return f"{sure}{_window(answer, labels)}."


def _window(answer: Answer, labels: Labels) -> str:
    """Say where the therapeutic window is met, and how surely."""
    window, inside = answer.question.window, answer.summary[INSIDE]
    if not window or inside.isna().all():
        return ""
    best = answer.summary.loc[inside.idxmax()]
    asked = (
        f"remission on day 365 at least {window['remission_365']:.0%}, severe CRS at most "
        f"{window['severe_crs']:.0%}"
    )
    if best[INSIDE] == 0.0:
        return f"; no point meets the window ({asked})"
    place = ", ".join(
        f"{_name(key, labels)} {labels.value_label(key, best[key])}"
        for key in answer.question.reference
    )
    sure = int((inside >= _SURE).sum())
    return (
        f"; the window ({asked}) is met in 95 % or more of resamplings at {sure or 'no'} "
        f"point{'s' if sure > 1 else ''}, most surely at {place} ({best[INSIDE]:.0%})"
    )


def _name(key: str, labels: Labels) -> str:
    return labels.axis_label(key).split(" (")[0]


def table(answer: Answer, found: pd.DataFrame, labels: Labels) -> str:
    """Return the table that the command ends with, at most 20 lines.

    Parameters
    ----------
    answer : Answer
        Of a sweep with a reference.
    found : DataFrame
        From `drivers`.
    labels : Labels
        Names of axes and values.

    Returns
    -------
    str
        Lines; empty without a reference.
    """
    if answer.reference is None:
        return ""
    axes = list(answer.question.reference)
    rates = (benefit_of(answer.summary), "severe_crs")
    heads = [labels.axis_label(key) for key in axes]
    for rate in rates:
        heads += [f"{NAMES[rate]}, %", "difference"]
    rows = [
        [
            *(labels.value_label(key, row[key]) for key in axes),
            *(cell for rate in rates for cell in _cells(row, rate, place == answer.reference)),
        ]
        for place, row in _shown(answer, axes).iterrows()
    ]
    lines = [columns(heads, rows)]
    return "\n".join([*lines, *driver_lines(found, labels)])


def _shown(answer: Answer, axes: Sequence[str]) -> pd.DataFrame:
    """Return the points along each axis through the reference; of many, some evenly apart."""
    each = max(2, (_MOST_ROWS - 1) // len(axes))
    chosen = [int(answer.reference or 0)]
    for key in axes:
        places = along(answer, key).index.drop(answer.reference)
        if len(places) > each and sum(len(along(answer, k)) - 1 for k in axes) >= _MOST_ROWS:
            places = places[np.unique(np.linspace(0, len(places) - 1, each).round().astype(int))]
        chosen += list(places)
    return answer.summary.loc[sorted(set(chosen[:_MOST_ROWS]))]


def _cells(row: pd.Series, rate: str, itself: bool) -> list[str]:
    """Return a rate with its interval, and the difference; * if it is resolved."""
    value, low, high = (100 * row[f"{rate}{end}"] for end in ("", "_low", "_high"))
    difference, least, most = (
        100 * row[f"{rate}_difference{end}"] for end in ("", "_low", "_high")
    )
    share = "-" if np.isnan(value) else f"{value:.0f} ({low:.0f}-{high:.0f})"
    if itself or np.isnan(difference):
        return [share, "reference" if itself else "-"]
    mark = " *" if row[f"{rate}_resolved"] else ""
    return [share, f"{difference:+.0f} ({least:+.0f} to {most:+.0f}){mark}"]


def driver_lines(found: pd.DataFrame, labels: Labels) -> list[str]:
    """Return the covariates that most separate patients, three an event, in words."""
    rows = found.groupby("event", sort=False).head(SHOWN)
    if rows.empty:
        return []
    lines = [
        "Of two patients at the same point, the one ... has the (95 % limits for all at once):"
    ]
    for _, row in rows.iterrows():
        share, low, high = (100 * row[name] for name in ("higher", "higher_low", "higher_high"))
        way = "higher"
        if share < 50:
            way, share, low, high = "lower", 100 - share, 100 - high, 100 - low
        chance = "" if row["separates"] else ", maybe by chance"
        name = _name(row["covariate"], labels)
        pairs = f"{share:.0f} % of pairs ({low:.0f}-{high:.0f}{chance})"
        lines.append(f"  {_EVENTS[row['event']]} has {way} {name} in {pairs}")
    return lines
