"""The maps of a report: what is written on each square, in which color, and how it is read."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tcellabm.analysis.answer import INSIDE, Answer
from tcellabm.analysis.summary import RATES, places
from tcellabm.figures import squares
from tcellabm.figures.differences import has_differences
from tcellabm.figures.labels import DOSE, axis_label, value_label
from tcellabm.figures.rates import TITLES

WINDOW = "window"  # beside the rates, where one is asked for
_ENDS = ("", "_low", "_high")
_UNSEEN = "#dddddd"
_NOTHING = {"percent": "", "range": "", "change": "", "difference": ""}  # is written


def cells(points: pd.DataFrame, keys: list[str], reference: int | None) -> list[dict[str, Any]]:
    """Return a cell per square of the maps, with what is written on it.

    Parameters
    ----------
    points : DataFrame
        A row per point: rates, intervals, differences.
    keys : list of str
        Columns that tell points apart, the axis across first.
    reference : int, optional
        Index of the reference in `points`.

    Returns
    -------
    list of dict
        `values`, `labels`, `n`, `reference`, `rates`, and `shown` by panel; sorted by `keys`.
    """
    held = has_differences(points)
    rows = points.to_dict("records")
    order = points[keys].apply(places).sort_values(keys, kind="stable").index if keys else range(1)
    return [_cell(rows[place], keys, held, place == reference) for place in order]


def _cell(row: Mapping[Any, Any], keys: Sequence[str], held: bool, itself: bool) -> dict[str, Any]:
    values = [row[key] for key in keys]
    shown = {rate: _written(row, rate, held, itself) for rate in RATES}
    return {
        "values": [plain(value) for value in values],
        "labels": [value_label(key, value) for key, value in zip(keys, values, strict=True)],
        "n": int(row["n"]),
        "reference": itself,
        "rates": {rate: [number(row[rate + end]) for end in _ENDS] for rate in RATES},
        "shown": shown | ({WINDOW: _window(row)} if _asked(row) else {}),
    }


def _written(row: Mapping[Any, Any], rate: str, held: bool, itself: bool) -> dict[str, str]:
    """Return how a rate stands on its square, and its tooltip."""
    if math.isnan(row[rate]):
        return _NOTHING | {"color": _UNSEEN, "rate": "not observed"}
    low, high = (f"{100 * row[f'{rate}_{end}']:.0f}" for end in ("low", "high"))
    written = _NOTHING | {
        "percent": squares.percent(row, rate),
        "range": squares.interval(row, rate),
        "rate": f"{100 * row[rate]:.0f} % ({low} to {high})",
    }
    if not held:
        return written | _colored(squares.color_of_share(row[rate], rate))
    difference, resolved = row[f"{rate}_difference"], bool(row[f"{rate}_resolved"])
    written["change"] = squares.REFERENCE if itself else squares.change(row, rate)
    written["difference"] = "itself" if itself else _difference(row, rate)
    return written | _colored(squares.color_of(float(difference), resolved, rate))


def _colored(color: squares.Color) -> dict[str, str]:
    from matplotlib.colors import to_hex

    return {"color": to_hex(color), "ink": squares.ink_on(color)}


def _difference(row: Mapping[Any, Any], rate: str) -> str:
    ends = [100 * row[f"{rate}_difference{end}"] for end in _ENDS]
    if any(map(math.isnan, ends)):
        return "–"
    value, low, high = (f"{end:+.0f}".replace("-", "−") for end in ends)
    unsure = "" if row[f"{rate}_resolved"] else ", not resolved"
    return f"{value} points ({low} to {high}){unsure}"


def _asked(row: Mapping[Any, Any]) -> bool:
    return not math.isnan(row.get(INSIDE, math.nan))


def _window(row: Mapping[Any, Any]) -> dict[str, str]:
    from matplotlib import colormaps

    red, green, blue, _ = colormaps["Purples"](0.8 * row[INSIDE])
    words = f"met in {row[INSIDE]:.0%} of resamplings"
    shown = {"percent": f"{row[INSIDE]:.0%}", "rate": words}
    return _NOTHING | shown | _colored((red, green, blue))


def panels(answer: Answer, points: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the maps in their order: each rate, then how surely the window is met."""
    rates = [
        {"name": rate, "title": TITLES[rate], "unseen": bool(points[rate].isna().all())}
        for rate in RATES
    ]
    window = answer.question.window
    if not window or points.get(INSIDE, pd.Series()).isna().all():
        return rates
    asked = f"Window met (remission on day 365 ≥ {window['remission_365']:.0%}, severe CRS ≤ "
    title = f"{asked}{window['severe_crs']:.0%}): % of resamplings"
    return [*rates, {"name": WINDOW, "title": title, "unseen": False}]


def legend(answer: Answer, points: pd.DataFrame, within: Sequence[str]) -> list[str]:
    """Return how squares are to be read.

    Parameters
    ----------
    answer : Answer
        With the question.
    points : DataFrame
        A row per point.
    within : sequence of str
        The axes of a map, the one across first.

    Returns
    -------
    list of str
        Sentences.
    """
    lines = ["Percent of all infused, with the 95 % interval under it."]
    if has_differences(points):
        lines.append(squares.LEGEND)
    if answer.question.label and DOSE in within[:1]:
        low, high = (value_label(DOSE, end) for end in answer.question.label)
        lines.append(f"Black bar: doses within the label ({low}–{high}).")
    return [*lines, "Magenta frame: the point whose patients are shown below."]


def within_label(
    label: Sequence[float], within: Sequence[str], cells: list[dict[str, Any]]
) -> list[str]:
    """Return the doses across that the product's label allows.

    Parameters
    ----------
    label : sequence of float
        Lowest and highest dose, cells/kg; empty for none.
    within : sequence of str
        The axes of a map, the one across first.
    cells : list of dict
        From `cells`.

    Returns
    -------
    list of str
        As they are written on the axis.
    """
    if not label or within[:1] != [DOSE]:
        return []
    inside = {c["labels"][0]: None for c in cells if label[0] <= c["values"][0] <= label[1]}
    return list(inside)


def axis(key: str, cells: list[dict[str, Any]], number: int) -> dict[str, Any]:
    """Return an axis with its values as they are written, in order.

    Parameters
    ----------
    key : str
        Its dotted name.
    cells : list of dict
        From `cells`.
    number : int
        Its place among their values.

    Returns
    -------
    dict
        `key`, `label`, `values`.
    """
    found = pd.DataFrame([(c["values"][number], c["labels"][number]) for c in cells])
    order = places(found[0]).sort_values(kind="stable").index
    written = found[1][order].drop_duplicates().tolist()
    return {"key": key, "label": axis_label(key), "values": written}


def facets(cells: list[dict[str, Any]], further: list[str], start: int) -> list[str]:
    """Give each cell the number of its small multiple.

    Parameters
    ----------
    cells : list of dict
        From `cells`; each gets `facet`.
    further : list of str
        Axes beyond the two of a map.
    start : int
        Place of the first of them among the labels of a cell.

    Returns
    -------
    list of str
        The title of each small multiple.
    """
    titles: dict[str, int] = {}
    for cell in cells:
        pairs = zip(further, cell["labels"][start:], strict=True)
        title = "; ".join(f"{axis_label(key)}: {label}" for key, label in pairs)
        cell["facet"] = titles.setdefault(title, len(titles))
    return list(titles)


def plain(value: Any) -> Any:
    """Return a number of NumPy's as one of Python's."""
    return value.item() if isinstance(value, np.generic) else value


def number(value: Any, digits: int = 4) -> float | None:
    """Return a number as JSON takes it, None for NaN."""
    plain_number = float(value)
    return round(plain_number, digits) if math.isfinite(plain_number) else None
