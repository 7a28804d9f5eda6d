"""How two patients ended: in one word each, in sentences, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from tcellabm.analysis.words import sentences
from tcellabm.app import stories
from tcellabm.app.claims import broken, extended
from tcellabm.app.plan import ARMS, on_grid
from tcellabm.app.twins import Twins
from tcellabm.model import TumorTCellModel

SOON_DAYS = 0.25  # from what a treatment follows to the treatment
NAMES = {
    "remission": "in remission",
    "cd19_negative_relapse": "CD19-negative relapse",
    "cd19_positive_relapse": "CD19-positive relapse",
    "no_response": "no remission",
    "untreated": "not given CAR T cells, the leukemia grew",
    "death_of_crs": "died of cytokine release syndrome",
    "death_of_icans": "died of ICANS",
    "death_of_leukemia": "died of leukemia",
    "watched": "a biopsy cannot show remission or relapse",
}
WHY = {
    "remission": "The CAR T cells found CD19 on the leukemia, multiplied, and killed it down to "
    "what no assay finds; enough of them stayed to keep it down.",
    "cd19_negative_relapse": "A few leukemic cells carried no CD19. The CAR T cells could not see "
    "them, however many there were, and they grew back.",
    "cd19_positive_relapse": "The leukemia still carried CD19, but too few CAR T cells were left "
    "to kill the residue: it grew back once they were gone.",
    "no_response": "The CAR T cells did not clear the marrow: they killed too poorly, multiplied "
    "too little, or wore out before the work was done.",
    "untreated": "Nothing held the leukemia back, and it filled the marrow.",
    "death_of_crs": "Myeloid cells, driven by the fight, released so much IL-6 and IL-1 that "
    "blood vessels leaked; blood pressure and oxygen could not be held.",
    "death_of_icans": "IL-1, IFN-γ and leaky vessels injured the brain until it swelled (cerebral "
    "edema). Tocilizumab does not reach it; a steroid or anakinra came too late, or not at all.",
    "death_of_leukemia": "Leukemia filled the marrow, and nothing held it back.",
    "watched": "Every dot was one cell, followed through true space. A sample may be cleared "
    "here; whether the patient is cured, it cannot say.",
}


def ending(outcomes: Mapping[str, Any], whole_body: bool = True) -> str:
    """Return how a patient ended, a key of NAMES, from a row of outcomes."""
    if outcomes["relapse_phenotype"]:
        return f"{outcomes['relapse_phenotype']}_relapse"
    if outcomes["death_cause"] in ("crs", "icans"):
        return f"death_of_{outcomes['death_cause']}"
    if outcomes["death_cause"]:
        return "death_of_leukemia"
    if not whole_body:
        return "watched"
    return "remission" if outcomes["remission"] else "no_response"


def ending_of(model: TumorTCellModel) -> str:
    """Return how the patient of a model ended."""
    whole = model.params.resolution.represented_fraction == 1.0
    end = ending(model.outcomes(), whole)
    given = max(model.record.column("car_t_effector"), default=0.0)
    return "untreated" if end in ("no_response", "death_of_leukemia") and not given else end


def fits(story: stories.Story, twins: Twins) -> list[str]:
    """Return what speaks against it that two patients, at their last day, are those of a story."""
    ends = tuple(map(ending_of, twins.arms))
    wrong = [] if ends == story.ends else [f"ended as {', '.join(ends)}"]
    return wrong or broken(story, twins)


def _first_severe(model: TumorTCellModel) -> float | None:
    """Return the day on which a patient first needs intensive care for CRS."""
    needs = (model.record.column(name) for name in ("blood_pressure_need", "oxygen_need"))
    severe = next(needs) >= 2
    severe |= next(needs) >= 2
    return float(model.record.column("day")[severe.argmax()]) if severe.any() else None


def _relapse(model: TumorTCellModel) -> float | None:
    """Return the day of the assessment that shows a relapse."""
    day = model.outcomes()["relapse_day"]
    return None if day != day else float(day)


# What a treatment of a story may follow.
MOMENTS: dict[str, Callable[[TumorTCellModel], float | None]] = {
    "intensive care": _first_severe,
    "relapse": _relapse,
}


def moment(what: str, model: TumorTCellModel) -> float | None:
    """Return when a story's later treatment is given: soon after a moment of an untreated course.

    Parameters
    ----------
    what : str
        A key of MOMENTS.
    """
    day = MOMENTS[what](model)
    return None if day is None else on_grid(day + SOON_DAYS)


def screen(twins: Twins) -> dict[str, Any]:
    """Return the end screen: what happened to each, and why."""
    story = stories.ALL.get(twins.plan.story)
    ends = [ending_of(model) for model in twins.arms]
    as_told = story is not None and tuple(ends) == story.ends and _untouched(twins)
    return {
        "title": story.title if story and as_told else "What happened",
        "as_told": as_told,
        "arms": [
            {"name": arm, "end": end, "word": NAMES[end], "said": _said(model), "why": WHY[end]}
            for arm, end, model in zip(ARMS, ends, twins.arms, strict=True)
        ],
        "why": _filled(story.why, twins) if story and as_told else "",
    }


def _filled(text: str, twins: Twins) -> str:
    """Put the numbers of both patients where a text names them, as in {a.icu_days:.0f}."""
    known = {
        arm: SimpleNamespace(**extended(model)) for arm, model in zip(ARMS, twins.arms, strict=True)
    }
    return text.format(**known)


def _untouched(twins: Twins) -> bool:
    """Tell whether a story went as it was planned."""
    return twins.plan == stories.plan_of(twins.plan.story)


def _said(model: TumorTCellModel) -> list[str]:
    known = {
        name: None if isinstance(value, float) and value != value else value
        for name, value in extended(model).items()
    }
    lines = sentences(known)
    return (
        lines
        if known["cured"] or model.params.resolution.represented_fraction == 1.0
        else lines[:1]
    )
