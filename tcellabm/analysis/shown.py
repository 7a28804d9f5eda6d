"""Results that show themselves in a notebook: what happened in words, and the numbers."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from tcellabm.analysis.summary import RATES
from tcellabm.analysis.words import sentences

NOTICE = "Virtual patients; not for clinical use."


def card(title: str, lines: Iterable[str], table: pd.DataFrame | None = None) -> str:
    """Return HTML of a title, lines of text and a table.

    Parameters
    ----------
    title : str
        In bold type, escaped.
    lines : iterable of str
        Below it, escaped.
    table : DataFrame, optional
        Below them, with three digits.

    Returns
    -------
    str
        One `div`, with the notice that patients are virtual.
    """
    parts = [f"<p><strong>{escape(title)}</strong></p>"]
    parts += [f"<p>{'<br>'.join(map(escape, lines))}</p>"]
    if table is not None:
        parts += [table.to_html(index=False, border=0, float_format="{:.3g}".format)]
    return f"<div>{''.join(parts)}<p><em>{NOTICE}</em></p></div>"


def rates_in_words(summary: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the rates of a sweep with their intervals as text, one row per point."""
    table = summary[[*keys, "n"]].copy()
    for rate in RATES:
        bounds = zip(*(summary[f"{rate}{end}"] for end in ("", "_low", "_high")), strict=True)
        table[f"{rate}, %"] = [_percent(*each) for each in bounds]
    return table


def _percent(rate: float, low: float, high: float) -> str:
    return "" if math.isnan(rate) else f"{100 * rate:.0f} ({100 * low:.0f} to {100 * high:.0f})"


def patient_card(outcomes: Mapping[str, Any]) -> str:
    """Return HTML of one patient: a row of outcomes, NaN where nothing happened."""
    known = {name: None if _is_nothing(value) else value for name, value in outcomes.items()}
    title = f"Virtual patient, seed {outcomes['seed']}, day {outcomes['followed_days']:.1f}"
    return card(title, sentences(known))


def _is_nothing(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


class Shown:
    """A patient who can be looked at in a notebook."""

    def outcomes(self) -> dict[str, Any]:
        """Return the outcomes so far."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return patient_card(self.outcomes())
