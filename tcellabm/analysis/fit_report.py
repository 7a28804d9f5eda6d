"""A calibration in words and tables, from `posterior.json`."""

from typing import Any

import pandas as pd

from tcellabm.analysis.fit_checks import of_pool, of_posterior
from tcellabm.analysis.report import markdown_table, number
from tcellabm.analysis.words import columns

Written = dict[str, Any]  # what `posterior.json` holds


def table_of_rows(posterior: Written) -> pd.DataFrame:
    """Return a row per fitted figure: published, simulated, and z, the farthest first."""
    if not posterior["predictive"]:
        return pd.DataFrame(columns=["id", "z"])
    table = pd.DataFrame.from_dict(posterior["predictive"], orient="index")
    table = table.rename_axis("id").reset_index()
    order = pd.to_numeric(table["z"]).abs().sort_values(ascending=False, na_position="first")
    return table.loc[order.index].reset_index(drop=True)


def table_of_individuals(posterior: Written) -> pd.DataFrame:
    """Return a row per individual whose course was fitted, the one least like the pool first.

    Columns `ID`, `values`, `censored`; `effective`, virtual patients that its likelihood rests on;
    `inside_90`, share of its quantified values inside the middle 90 % of the population.
    """
    rows = [
        {
            "ID": name,
            "values": own["values"],
            "censored": own["censored"],
            "effective": own["effective"],
            "inside_90": _inside(own["ranks"]),
        }
        for name, own in posterior.get("individuals", {}).items()
    ]
    table = pd.DataFrame(rows, columns=["ID", "values", "censored", "effective", "inside_90"])
    return table.sort_values("effective", kind="stable", ignore_index=True)


def _inside(ranks: list[float]) -> float:
    """Return the share of ranks between 5 and 95 %; NaN without any."""
    return sum(0.05 <= rank <= 0.95 for rank in ranks) / len(ranks) if ranks else float("nan")


def sentences(posterior: Written) -> list[str]:
    """Return what a calibration found, for a terminal."""
    known = [
        [
            key,
            *(f"{found[name]:.3g}" for name in ("q5", "q50", "q95")),
            f"{found['variance_taken']:.0%}",
            "yes" if found["identified"] else "no",
        ]
        for key, found in posterior["parameters"].items()
    ]
    return [
        columns(["key", "5 %", "median", "95 %", "variance taken", "identified"], known),
        *_of_rows(posterior),
        *_of_individuals(posterior),
        *map(str, of_posterior(posterior)),
        *([] if posterior["passed"] else _not_passed(posterior)),
    ]


def _not_passed(posterior: Written) -> list[str]:
    recipe = posterior["recipe"]
    least = recipe["calibration"]["sampler"]["least_patients"]
    thin = any(not check.met for check in of_pool(posterior["diagnostics"], least))
    patients = min(recipe["patients"], recipe.get("courses", recipe)["patients"])
    larger = f"A larger pool may meet what its patients miss: -n, here {patients}."
    return [
        "This posterior does not meet all checks: it is no default.",
        *([larger] if thin else []),
    ]


def _of_rows(posterior: Written) -> list[str]:
    rows = table_of_rows(posterior)
    far = rows[rows["z"].abs() > 2.0]
    named = ", ".join(f"{row['id']} ({row['z']:+.1f})" for _, row in far.iterrows())
    farther = f"; farther: {named}" if named else ""
    words = f"{len(rows) - len(far)} of {len(rows)} fitted rows lie within 2 standard errors"
    return [f"{words}{farther}."] if len(rows) else []


def _of_individuals(posterior: Written) -> list[str]:
    people = table_of_individuals(posterior)
    if people.empty:
        return []
    ranks = [rank for own in posterior["individuals"].values() for rank in own["ranks"]]
    least = people.iloc[0]
    return [
        f"{len(people)} individuals: {_inside(ranks):.0%} of {len(ranks)} quantified values lie in "
        "the middle 90 % of the fitted population.",
        f"Least like the pool is ID {least['ID']}, which {least['effective']:.1f} effective "
        "virtual patients speak for.",
    ]


def rows_table(posterior: Written) -> list[str]:
    """Return the fitted rows as Markdown, the farthest first."""
    cells = [
        (
            row["id"],
            row["form"],
            f"{row['n']:g}",
            number(row["published"]),
            number(row["simulated"]),
            f"{number(row['low'])} to {number(row['high'])}",
            number(row["z"]),
        )
        for _, row in table_of_rows(posterior).iterrows()
    ]
    head = ("row", "form", "n", "published", "simulated", "95 % of cohorts of n", "z")
    return list(markdown_table(head, cells))


def parameters_table(posterior: Written) -> list[str]:
    """Return prior against posterior of each parameter as Markdown."""
    cells = [
        (
            f"`{key}`",
            " to ".join(f"{end:g}" for end in found["prior"]),
            *(f"{found[name]:.3g}" for name in ("q5", "q50", "q95")),
            f"{found['variance_taken']:.0%} ± {2 * found['variance_taken_error']:.0%}",
            "yes" if found["identified"] else "no",
        )
        for key, found in posterior["parameters"].items()
    ]
    head = ("parameter", "prior", "5 %", "median", "95 %", "variance taken", "identified")
    return list(markdown_table(head, cells))
