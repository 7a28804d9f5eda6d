"""Predictions beside published figures, in words and as a page."""

import pandas as pd

from tcellabm.analysis.report import markdown_table, number
from tcellabm.analysis.words import columns

HEAD = ("figure", "arm", "n", "predicted", "95 % of cohorts of n", "published", "hit")


def cells(table: pd.DataFrame) -> list[list[str]]:
    """Return predictions as text, misses first."""
    order = {"false": 0, "unresolved": 1, "true": 2}
    rows = table.sort_values("hit", key=lambda hits: hits.map(order), kind="stable")
    return [
        [
            f"{row['id']} {row['quantity']}",
            f"{row['arm']}{f' less {row["minus"]}' if row['minus'] else ''}",
            str(row["n"]),
            number(row["predicted"]),
            f"{number(row['low'])} to {number(row['high'])}",
            "above 0" if pd.isna(row["value"]) else number(row["value"]),
            str(row["hit"]),
        ]
        for _, row in rows.iterrows()
    ]


def sentences(table: pd.DataFrame) -> list[str]:
    """Return predictions for a terminal."""
    hits = int((table["hit"] == "true").sum())
    sentence = f"{hits} of {len(table)} published figures lie where they were predicted."
    return [columns(list(HEAD), cells(table)), sentence]


def as_markdown(table: pd.DataFrame) -> list[str]:
    """Return predictions as a Markdown table."""
    return markdown_table(HEAD, [tuple(row) for row in cells(table)])
