"""How two patients ended: in one word each, in sentences, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tcellabm.analysis.words import sentences
from tcellabm.app import stories
from tcellabm.app.plan import ARMS
from tcellabm.app.twins import Twins
from tcellabm.model import TumorTCellModel

DAYS_TO_WELL = 3.0
SHARE_OF_TIME = 0.8  # of the time to relapse, in B-cell aplasia: whether CAR T cells were there
BURDEN = "patient.leukemic_burden"
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
_WHY = {
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


def fits(story: str, twins: Twins) -> bool:
    """Tell whether two patients, at their last day, ended as a story tells, and clearly so."""
    if tuple(map(ending_of, twins.arms)) != stories.ALL[story].ends:
        return False
    a, b = (model.outcomes() for model in twins.arms)
    return bool(_CLEARLY[story](twins, a, b))


def _soon_well(twins: Twins) -> bool:
    """Tell whether your patient left intensive care within three days of the drug, for good."""
    model = twins.arms[0]
    given = model.record.days_of("tocilizumab")[0]
    series = model.series
    late = series[series.day > given + DAYS_TO_WELL]
    return not ((late.blood_pressure_need >= 2) | (late.oxygen_need >= 2)).any()


type _Row = Mapping[str, Any]

# What else must hold for a story to be plain to see.
_CLEARLY: dict[str, Callable[[Twins, _Row, _Row], bool]] = {
    "remission": lambda twins, a, b: a["mrd_negative"] and a["crs_grade_astct"] in (1, 2),
    "rescue": lambda twins, a, b: (
        a["mrd_negative"] and _soon_well(twins) and b["icu_days"] > a["icu_days"] + DAYS_TO_WELL
    ),
    "cd19-negative": lambda twins, a, b: (
        a["mrd_negative"] and b["b_cell_aplasia_days"] > SHARE_OF_TIME * b["relapse_day"]
    ),
    "cd19-positive": lambda twins, a, b: (
        b["mrd_negative"] and b["b_cell_aplasia_days"] < SHARE_OF_TIME * b["relapse_day"]
    ),
    # as many CAR T cells as to show that their number is not what failed
    "non-response": lambda twins, a, b: (
        a["cmax_cells"] > 0.1 * twins.covariates[BURDEN] and a["crs_grade_astct"] < 3
    ),
}


def screen(twins: Twins) -> dict[str, Any]:
    """Return the end screen: what happened to each, and why."""
    story = stories.ALL.get(twins.plan.story)
    ends = [ending_of(model) for model in twins.arms]
    as_told = story is not None and tuple(ends) == story.ends and _untouched(twins)
    return {
        "title": story.title if story and as_told else "What happened",
        "as_told": as_told,
        "arms": [
            {"name": arm, "end": end, "word": NAMES[end], "said": _said(model), "why": _WHY[end]}
            for arm, end, model in zip(ARMS, ends, twins.arms, strict=True)
        ],
        "why": story.why if story and as_told else "",
    }


def _untouched(twins: Twins) -> bool:
    """Tell whether a story went as it was planned."""
    return twins.plan == stories.plan_of(twins.plan.story)


def _said(model: TumorTCellModel) -> list[str]:
    known = {
        name: None if isinstance(value, float) and value != value else value
        for name, value in model.outcomes().items()
    }
    known["anakinra_doses"] = len(model.record.days_of("anakinra"))
    said = sentences(known)
    return (
        said if known["cured"] or model.params.resolution.represented_fraction == 1.0 else said[:1]
    )
