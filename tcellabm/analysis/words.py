"""Results in words, for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

_CAUSES = {"progression": "progression", "crs": "cytokine release syndrome", "icans": "ICANS"}
_DRUGS = {
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
        A row of outcomes, and `anakinra_doses` where known; None where nothing happened.
    """
    lines = [_expansion(outcomes), _remission(outcomes), *_relapse(outcomes), _crs(outcomes)]
    lines += [*_icans(outcomes), *_doses(outcomes)]
    if outcomes["death_day"] is not None:
        cause = _CAUSES.get(outcomes["death_cause"], outcomes["death_cause"])
        lines.append(f"The patient died on day {outcomes['death_day']:.0f} ({cause}).")
    return [*lines, _end(outcomes)]


def _expansion(outcomes: Mapping[str, Any]) -> str:
    if not outcomes["cmax_cells"]:
        return "No CAR T cells were found in the blood."
    peak = f"CAR T cells peaked at {outcomes['cmax_cells']:.1e} in the body"
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
    if not max(penn, astct, lee):
        return "No cytokine release syndrome."
    text = f"Cytokine release syndrome: worst grade {penn} (Penn), {astct} (ASTCT), {lee} (Lee)"
    if outcomes["crs_onset_day"] is not None:
        text += f", from day {outcomes['crs_onset_day']:.1f}"
    return f"{text}."


def _icans(outcomes: Mapping[str, Any]) -> list[str]:
    if not outcomes["icans_grade"]:
        return []
    return [f"Neurotoxicity (ICANS): worst grade {outcomes['icans_grade']} (ASTCT)."]


def _doses(outcomes: Mapping[str, Any]) -> list[str]:
    given = [f"{outcomes[key]} of {name}" for key, name in _DRUGS.items() if outcomes.get(key)]
    ill = outcomes["crs_grade_penn"] or outcomes["icans_grade"]
    return [f"Doses given: {', '.join(given) or 'none'}."] if given or ill else []


def _end(outcomes: Mapping[str, Any]) -> str:
    day = f"At the end (day {outcomes['followed_days']:.0f})"
    if outcomes["cured"]:
        return f"{day} no leukemic cell was alive: cured."
    cells = outcomes["leukemic_cells_end"]
    return f"{day} {cells:.1e} leukemic cells were alive." if cells is not None else f"{day}."


def columns(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table as aligned text, never cut."""
    lines = [[str(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
