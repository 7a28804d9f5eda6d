"""Results in words, for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

_CAUSES = {"progression": "progression", "crs": "cytokine release syndrome", "icans": "ICANS"}
_DRUGS = {
    "car_t_doses": "CAR T cells",
    "tocilizumab_doses": "tocilizumab",
    "steroid_doses": "corticosteroid",
    "anakinra_doses": "anakinra",
}
_PHENOTYPES = {"cd19_positive": "CD19-positive", "cd19_negative": "CD19-negative"}


def sentences(outcomes: Mapping[str, Any]) -> list[str]:
    """Say in plain sentences what happened to one patient.

    Parameters
    ----------
    outcomes : mapping
        A row of outcomes, and where known `car_t_doses`, `anakinra_doses`; None where nothing
        happened.
    """
    lines = [_expansion(outcomes), _remission(outcomes), *_relapse(outcomes), _crs(outcomes)]
    lines += [*_icans(outcomes), *_late_fever(outcomes), *_intensive_care(outcomes)]
    lines += _doses(outcomes)
    if outcomes["death_day"] is not None:
        cause = _CAUSES.get(outcomes["death_cause"], outcomes["death_cause"])
        lines.append(f"The patient died on day {outcomes['death_day']:.0f} ({cause}).")
    return [*lines, _end(outcomes)]


def _expansion(outcomes: Mapping[str, Any]) -> str:
    if not outcomes["cmax_cells"]:
        return "No CAR T cells were found in the blood."
    peak = f"CAR T cells peaked at {cells(outcomes['cmax_cells'])} in the body"
    if outcomes["cmax_copies_per_ug"] is None or outcomes["tmax_day"] is None:
        return f"{peak}."
    copies = f"{outcomes['cmax_copies_per_ug']:,.0f} copies/µg"
    return f"{peak}; in blood {copies} (Cmax) on day {outcomes['tmax_day']:.0f}."


def _remission(outcomes: Mapping[str, Any]) -> str:
    if not outcomes["remission"]:
        return f"No confirmed remission by day {outcomes['followed_days']:.0f}."
    residue = "MRD-negative" if outcomes["mrd_negative"] else "not MRD-negative"
    return f"Remission (CR or CRi) from day {outcomes['remission_day']:.0f}, {residue}."


def _relapse(outcomes: Mapping[str, Any]) -> list[str]:
    if outcomes["relapse_day"] is None:
        return []
    kind = _PHENOTYPES.get(outcomes["relapse_phenotype"], "")
    return [f"{kind} relapse on day {outcomes['relapse_day']:.0f}.".strip()]


def _crs(outcomes: Mapping[str, Any]) -> str:
    penn, astct, lee = (outcomes[f"crs_grade_{scale}"] for scale in ("penn", "astct", "lee"))
    whole = outcomes["crs_grade_penn_whole"]
    if not max(penn, astct, lee, whole):
        return "No cytokine release syndrome."
    if not max(penn, astct, lee):
        return f"Cytokine release syndrome after week 8 only: worst grade {whole} (Penn)."
    text = f"Cytokine release syndrome: worst grade {penn} (Penn), {astct} (ASTCT), {lee} (Lee)"
    if outcomes["crs_onset_day"] is not None:
        text += f", from day {outcomes['crs_onset_day']:.1f}"
    if whole > penn:
        text += f"; after week 8 grade {whole} (Penn)"
    return f"{text}."


def _icans(outcomes: Mapping[str, Any]) -> list[str]:
    grade, whole = outcomes["icans_grade"], outcomes["icans_grade_whole"]
    if not max(grade, whole):
        return []
    late = " after week 8" if whole > grade else ""
    return [f"Neurotoxicity (ICANS): worst grade {max(grade, whole)} (ASTCT){late}."]


def _late_fever(outcomes: Mapping[str, Any]) -> list[str]:
    days = outcomes["late_fever_days"]
    return [f"Fever on {_days(days)} after day 60."] if days and days >= 0.5 else []


def _intensive_care(outcomes: Mapping[str, Any]) -> list[str]:
    days = outcomes["icu_days"]
    return [f"In intensive care for {_days(days)}."] if days else []


def _days(number: float) -> str:
    """Write a length of time: less than a day, or whole days."""
    if number < 0.5:
        return "less than a day"
    return "1 day" if number < 1.5 else f"{number:.0f} days"


def _doses(outcomes: Mapping[str, Any]) -> list[str]:
    given = [f"{outcomes[key]} of {name}" for key, name in _DRUGS.items() if outcomes.get(key)]
    ill = outcomes["crs_grade_penn_whole"] or outcomes["icans_grade_whole"]
    return [f"Doses given: {', '.join(given) or 'none'}."] if given or ill else []


def _end(outcomes: Mapping[str, Any]) -> str:
    day = f"At the end (day {outcomes['followed_days']:.0f})"
    if outcomes["cured"]:
        return f"{day} no leukemic cell was alive: cured."
    alive = outcomes["leukemic_cells_end"]
    if alive is None:
        return f"{day}."
    return f"{day} {cells(alive)} leukemic {'cell was' if alive == 1 else 'cells were'} alive."


_WORDS = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand"))


def cells(number: float) -> str:
    """Write a number of cells as a reader says it: 3, 1,200, 45 thousand, 2.1 million.

    Parameters
    ----------
    number : float
        Cells, 0 or more.
    """
    if round(number) < 10_000:
        return f"{round(number):,}"
    for unit, word in _WORDS:
        if (scaled := number / unit) >= 0.9995:
            digits = f"{scaled:.1f}" if scaled < 9.95 else f"{float(f'{scaled:.2g}'):,.0f}"
            return f"{digits} {word}"
    return f"{number:,.0f}"


def columns(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table as aligned text, never cut."""
    lines = [[str(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
