"""A virtual trial in words: who was infused, which rows agree, and the validation report."""

import pandas as pd

JUDGED = ("true", "false")
_REASONS = {
    "manufacturing_failure": "manufacture failed",
    "death": "died waiting",
    "adverse_event": "not fit for infusion",
}


def agreement(patients: pd.DataFrame, comparison: pd.DataFrame) -> list[str]:
    """Return a few sentences: what became of everyone enrolled, and what agrees, misses first."""
    counts = patients["not_infused"].value_counts()
    told = [f"{counts[reason]} {words}" for reason, words in _REASONS.items() if reason in counts]
    infused = int(patients["infused"].sum())
    others = f" ({', '.join(told)})" if told else ""
    lines = [f"{infused} of {len(patients)} patients enrolled were infused{others}."]
    for use in ("calibrate", "validate", "input"):
        rows = comparison[comparison["use"] == use]
        judged = rows[rows["agrees"].isin(JUDGED)]
        missed = judged.loc[judged["agrees"] == "false", "id"]
        words = f"; outside: {', '.join(missed)}" if len(missed) else ""
        beyond = len(rows) - len(judged)
        lines.append(
            f"Rows marked {use}: {len(judged) - len(missed)} of {len(judged)} agree"
            f"{f', {beyond} not judged' if beyond else ''}{words}."
        )
    return lines
