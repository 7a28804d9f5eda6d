"""What can be kept of a page: a table, and a replay in a single file."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from tcellabm.app import stories
from tcellabm.app.assets import STATIC, program, style
from tcellabm.app.bedside import PLACES
from tcellabm.app.frames import (
    CHART_COLUMNS,
    DRAWN,
    GLOWS,
    KINDS,
    SMEAR_CELLS,
    chart_rows,
)
from tcellabm.app.glossary import EDEMA, GLOSSARY, GRADES, NEEDS
from tcellabm.app.plan import ARMS, SLIDERS, TREATMENTS
from tcellabm.app.twins import Twins

if TYPE_CHECKING:
    from tcellabm.app.feed import Kept
    from tcellabm.params import Parameters


def appearance(params: Parameters) -> dict[str, Any]:
    """Return what the drawing of any patient with these parameters needs to know."""
    physiology = params.physiology
    return {
        "whole_body": params.resolution.represented_fraction == 1.0,
        "days": params.time.days,
        "shape": [params.marrow.rows, params.marrow.cols],
        "single_cells": params.resolution.single_cell,
        "fraction": params.resolution.represented_fraction,
        "kinds": list(KINDS),
        "drawn": list(DRAWN),
        "glows": list(GLOWS),
        "columns": list(CHART_COLUMNS),
        "smear_cells": SMEAR_CELLS,
        "mrd_cells": params.assay.mrd_limit * params.marrow.capacity_cells,
        "fever": physiology.fever_c,
        "highest_temperature": physiology.highest_temperature_c,
        "places": PLACES,
        "needs": NEEDS,
        "grades": GRADES,
        "edema": EDEMA,
        "treatments": {name: button._asdict() for name, button in TREATMENTS.items()},
        "glossary": GLOSSARY,
    }


def described(twins: Twins) -> dict[str, Any]:
    """Return what holds for two patients throughout, as the browser needs it."""
    params, plan = twins.arms[0].params, twins.plan
    story = stories.ALL.get(plan.story)
    return {
        **appearance(params),
        "scenario": plan.scenario,
        "seed": plan.seed,
        "care": plan.policy,
        "policies": list(params.describe("care.policy").range),
        "settings": dict(plan.settings),
        "sliders": {
            name: {**slider._asdict(), "value": twins.covariates[slider.key]}
            for name, slider in SLIDERS.items()
        },
        "story": plan.story,
        "lead": story.lead if story else "",
        "stories": {name: story.title for name, story in stories.ALL.items()},
    }


def table(twins: Twins) -> str:
    """Return the record of both as CSV: the published columns, and which patient it is."""
    parts = []
    for arm, model in zip(ARMS, twins.arms, strict=True):
        part = model.series
        part.insert(0, "patient", arm)
        parts.append(part)
    text: str = pd.concat(parts).to_csv(index=False, lineterminator="\n")
    return text


def replay(about: dict[str, Any], frames: Sequence[tuple[float, Kept]], twins: Twins) -> str:
    """Return a page that plays the frames by itself, from a file and without a server.

    Parameters
    ----------
    about : dict
        As `described` returns it.
    frames : sequence of (float, Kept)
        Day after infusion and frame, in order.
    twins : Twins
        Of which the whole series is written.

    Returns
    -------
    str
        HTML with style, program and gzipped data inside.
    """
    data = {
        "about": about,
        "frames": [frame.facts for _, frame in frames],
        "places": [[_text(part) for part in frame.places] for _, frame in frames],
        "rows": [chart_rows(model, 0).round(4).tolist() for model in twins.arms],
    }
    packed = _text(gzip.compress(json.dumps(data).encode(), mtime=0))
    page = (STATIC / "replay.html").read_text(encoding="utf-8")
    # JavaScript that is written into a page must not end its own script element
    code = program().replace("</script", "<\\/script")
    for mark, text in (("STYLE", style()), ("PROGRAM", code), ("DATA", packed)):
        page = page.replace(f"/*{mark}*/", text)
    return page


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
