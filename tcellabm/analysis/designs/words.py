"""What designs do, as a table for the terminal and in two sentences."""

import math
from collections.abc import Sequence

import pandas as pd

from tcellabm.analysis.words import columns

NAMES = {"3+3": "3+3", "boin": "BOIN", "crm": "CRM", "utility": "BOIN12"}
MONTH = 30.44  # days
_MOST_DOSES = 10  # shown


def found(table: pd.DataFrame, labels: Sequence[str], target: float) -> list[str]:
    """Return operating characteristics of dose finding: a table and two sentences.

    Parameters
    ----------
    table : DataFrame
        From `characteristics`.
    labels : sequence of str
        Name of the axis, with its unit, then of each dose.
    target : float
        The toxicity sought.

    Returns
    -------
    list of str
        Lines for the terminal, with the 10 doses that are declared most.
    """
    designs = {str(name): rows for name, rows in table.groupby("design", sort=False)}
    doses = labels[1:]
    first = next(iter(designs.values()))
    body = [
        [doses[place], *_truth(first.iloc[place]), *_cells(designs, place)]
        for place in _shown(table, len(doses))
    ]
    body.append(["no dose", "", "", *_cells(designs, -1)])
    prices = [price(table) for table in designs.values()]
    body += [[name, "", "", *(f"{each[name]:.1f}" for each in prices)] for name in prices[0]]
    body.append(["true response, declared", "", "", *map(_mean_response, designs.values())])
    head = [labels[0], "toxic", "response", *(NAMES[name] for name in designs)]
    lines = columns(head, body).splitlines()
    return [*lines, _finds(designs, doses, target), _costs(designs)]


def price(table: pd.DataFrame) -> dict[str, float]:
    """Return what a trial of one design takes, on average."""
    return {
        "patients infused": table["patients"].sum(),
        "with toxicity": table["toxicities"].sum(),
        "with response": table["responses"].sum(),
        "months": table["days"].iloc[0] / MONTH,
        "million USD": table["cost_usd"].iloc[0] / 1e6,
    }


def _mean_response(table: pd.DataFrame) -> str:
    """Return the mean true response at the doses that were declared."""
    declared = table.iloc[:-1]
    share = declared["selected"].sum()
    return f"{(declared['selected'] * declared['response']).sum() / share:.0%}" if share else "-"


def _shown(table: pd.DataFrame, doses: int) -> list[int]:
    """Return the places of the doses that are declared most, ascending."""
    place = table.groupby("design").cumcount()
    most = table.groupby(place)["selected"].max().iloc[:doses]
    return sorted(most.sort_values(ascending=False, kind="stable").index[:_MOST_DOSES])


def _truth(row: pd.Series) -> list[str]:
    return [f"{row['toxicity']:.0%}", f"{row['response']:.0%}"]


def _cells(designs: dict[str, pd.DataFrame], place: int) -> list[str]:
    rows = [table.iloc[place] for table in designs.values()]
    return [f"{row['selected']:.0%}{'*' if row['right'] else ''}" for row in rows]


def _finds(designs: dict[str, pd.DataFrame], doses: Sequence[str], target: float) -> str:
    """Say which design finds what it should (marked in the table)."""
    order = sorted(designs, key=lambda name: -float(designs[name]["correct"].iloc[0]))
    each = ", ".join(_rate(NAMES[name], designs[name]) for name in order)
    sought = {_right(name, designs[name], doses, target): None for name in designs}
    return f"To be declared (*): {', '.join(sought)}; of all trials do so {each}."


def _right(name: str, table: pd.DataFrame, doses: Sequence[str], target: float) -> str:
    place = int(table["right"].to_numpy().argmax())
    if place == len(doses):
        tolerable = table["toxicity"].iloc[0] < target
        return f"no dose ({'too few responses' if tolerable else 'the lowest is too toxic'})"
    why = "best utility" if name == "utility" else f"toxicity near {target:.0%}"
    return f"{doses[place]} ({why})"


def _rate(name: str, table: pd.DataFrame) -> str:
    right = table[table["right"]].iloc[0]
    low, high = 100 * right["selected_low"], 100 * right["selected_high"]
    return f"{name} {right['selected']:.0%} ({low:.0f}-{high:.0f})"


def _costs(designs: dict[str, pd.DataFrame]) -> str:
    """Say what a trial of each design takes."""
    each = []
    for name, table in designs.items():
        taken = price(table)
        each.append(
            f"{NAMES[name]} {taken['patients infused']:.1f} patients, "
            f"{taken['with toxicity']:.1f} of them with toxicity, {taken['months']:.0f} months "
            f"and {taken['million USD']:.1f} million USD"
        )
    return f"A trial takes, on average: {'; '.join(each)}."


def compared(table: pd.DataFrame, per_arm: int, endpoint: str, arms: Sequence[str]) -> list[str]:
    """Return operating characteristics of two-arm trials: a table and two sentences.

    Parameters
    ----------
    table : DataFrame
        From `comparison`.
    per_arm : int
        The size that the sentences speak of.
    endpoint : str
        Its name.
    arms : sequence of str
        Names of the control and the experimental arm.

    Returns
    -------
    list of str
        Lines for the terminal.
    """
    body = [
        [
            row["design"],
            row["per_arm"],
            _with_interval(row, "power"),
            _with_interval(row, "type_1_error"),
            f"{row['bias']:+.1%}",
            f"{row['patients']:.0f}",
        ]
        for _, row in table.iterrows()
    ]
    head = ["design", "per arm", "power (95 %)", "type I error (95 %)", "bias", "patients, mean"]
    asked = table[table["per_arm"] == per_arm]
    first = asked.iloc[0]
    truth = (
        f"Of all enrolled {first['control']:.1%} meet {endpoint} with {arms[0]} and "
        f"{first['experimental']:.1%} with {arms[1]}; {per_arm} patients an arm find that in "
        + ", ".join(f"{row['power']:.0%} ({row['design']})" for _, row in asked.iterrows())
        + " of trials."
    )
    least = ", ".join(
        f"{_number(row['needed_per_arm'])} ({row['design']})" for _, row in asked.iterrows()
    )
    last = f"80 % power takes {least} patients an arm; a sham arm seems to differ in "
    last += f"{first['type_1_error']:.1%} of trials."
    return [*columns(head, body).splitlines(), truth, last]


def _with_interval(row: pd.Series, key: str) -> str:
    low, high = 100 * row[f"{key}_low"], 100 * row[f"{key}_high"]
    return f"{row[key]:.1%} ({low:.1f}-{high:.1f})"


def _number(value: float) -> str:
    return "over a million" if math.isnan(value) else f"{value:.0f}"
