"""The files of the classroom edition: a page, its program, and data as scripts.

All words stand in `data/texts.js`, numbers in the other files; the page joins them.
"""

from __future__ import annotations

import base64
import json
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tcellabm.analysis.recording import GRID, QUANTITIES
from tcellabm.app.assets import STATIC, classroom_program, style
from tcellabm.app.bedside import FIRST_DAY, NEAR_HOSPITAL_DAYS
from tcellabm.app.classroom import worksheet
from tcellabm.app.classroom.hundred import LETTERS, Hundred, ends, fate
from tcellabm.app.classroom.trees import Choices, Run, Tree
from tcellabm.app.ending import NAMES, WHY
from tcellabm.app.export import appearance
from tcellabm.app.frames import GLOWS
from tcellabm.params import Parameters

TEXTS = Path(__file__).with_name("texts.toml")
_COLUMNS = {"il6": "il6_pg_per_ml", "ifng": "ifng_pg_per_ml"}  # of the recording, by glow
_WORDS = ("places", "needs", "grades", "edema", "treatments", "glossary")  # of the appearance
# What the page's controls, which stand aside here, want to know of a patient.
_CONTROLS: dict[str, Any] = {
    **{"scenario": "body", "seed": 0, "care": "none", "story": "", "lead": ""},
    **{"policies": [], "settings": {}, "sliders": {}, "stories": {}},
}
# Of the outcomes: what is said of a patient at the end.
_FACTS = (
    *("remission", "remission_day", "relapse_day", "death_day", "followed_days", "cured"),
    *("crs_grade_astct", "icans_grade_whole", "icu_days", "cmax_cells", "tmax_day"),
    "leukemic_cells_end",
)
_DIGITS = 6  # that count

type File = tuple[str, bytes]


class Contents(NamedTuple):
    """What a site is made of.

    Attributes
    ----------
    params : Parameters
        What all patients share.
    trees : mapping of str to Tree
        By story.
    paths : mapping
        Of each story, the run of each path, by its choices.
    hundred : Hundred
        The patients of the grid.
    """

    params: Parameters
    trees: Mapping[str, Tree]
    paths: Mapping[str, Mapping[Choices, Run]]
    hundred: Hundred


def files(contents: Contents) -> Iterator[File]:
    """Yield every file of the site: its path and what is in it."""
    texts = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    texts["page"] = {text: text for text in texts["page"]}
    texts |= _words(contents)
    yield "index.html", (STATIC / "classroom.html").read_bytes()
    for name, page in worksheet.pages(contents, texts).items():
        yield name, page.encode()
    css = style() + (STATIC / "classroom.css").read_text(encoding="utf-8")
    yield "data/page.css", css.encode()
    yield "data/page.js", classroom_program().encode()
    yield "data/texts.js", _script("texts", texts, indent=1)
    yield "data/site.js", _script("site", _numbers(contents))
    for name, runs in contents.paths.items():
        yield f"data/story-{name}.js", _recordings(f"story-{name}", runs.values())
    yield from _patients(contents.hundred)


# --- words ----------------------------------------------------------------------------------------


def _words(contents: Contents) -> dict[str, Any]:
    shown = appearance(contents.params)
    hundred = contents.hundred
    return {
        "about": {name: shown[name] for name in _WORDS},
        "fates": NAMES,
        "whys": WHY,
        "trees": {name: _tree_words(tree) for name, tree in contents.trees.items()},
        "hundred": {
            "axes": [
                {"name": axis.name, "values": axis.values, "short": axis.short}
                for axis in hundred.axes
            ],
            "questions": [{"ask": one.ask, "answers": one.answers} for one in hundred.questions],
        },
    }


def _tree_words(tree: Tree) -> dict[str, Any]:
    stops = [
        {
            "text": stop.text,
            "decide": stop.decide,
            "options": [{"name": one.name, "mark": one.mark} for one in stop.options],
            "predict": {"ask": stop.predict.ask, "answers": stop.predict.answers},
        }
        for stop in tree.stops
    ]
    return {"title": tree.title, "lead": tree.lead, "lesson": tree.lesson, "stops": stops}


# --- numbers --------------------------------------------------------------------------------------


def _numbers(contents: Contents) -> dict[str, Any]:
    shown = appearance(contents.params)
    numbers = {name: value for name, value in shown.items() if name not in _WORDS}
    trees = contents.trees.items()
    return {
        "about": {**numbers, **_CONTROLS, "code": _code()},
        "trees": {name: _tree_numbers(tree, contents.paths[name]) for name, tree in trees},
        "hundred": _hundred_numbers(contents.hundred, contents.params.time.days),
    }


def _code() -> dict[str, Any]:
    """Return how the bytes of a recording are read."""
    glows = {
        name: {"name": _COLUMNS[name], "low": low, "high": high}
        for name, (low, high) in GLOWS.items()
    }
    keys = ("name", "low", "step", "log")
    return {
        "grid": GRID,
        "quantities": [{key: getattr(one, key) for key in keys} for one in QUANTITIES],
        "glows": glows,
        "stay": {"near": NEAR_HOSPITAL_DAYS, "first": FIRST_DAY},
    }


def _tree_numbers(tree: Tree, runs: Mapping[Choices, Run]) -> dict[str, Any]:
    stops = [
        {"day": stop.day, "options": [{"last": one.last} for one in stop.options]}
        for stop in tree.stops
    ]
    paths = [
        {"choices": choices, "run": number, "right": tree.right(choices, run)}
        for number, (choices, run) in enumerate(runs.items())
    ]
    return {"days": tree.story.plan.days, "stops": stops, "paths": paths}


def _hundred_numbers(hundred: Hundred, days: float) -> dict[str, Any]:
    points = [
        {
            "ends": "".join(LETTERS[end] for end in ends(runs)),
            "icu": [round(value, 3) for value in runs["icu_days"]],
        }
        for runs in hundred.points
    ]
    questions = [
        {
            "cuts": one.cuts,
            "value": one.change,
            "from": f"{one.first:.0f}",
            "to": f"{one.second:.0f}",
        }
        for one in hundred.questions
    ]
    sizes = {"patients": hundred.patients, "days": days, "start": hundred.start}
    return sizes | {"points": points, "questions": questions}


def _patients(hundred: Hundred) -> Iterator[File]:
    """Yield a file of each dose and persistence: of each patient the runs of all policies."""
    policies = len(hundred.axes[-1].values)
    for number, first in enumerate(range(0, len(hundred.points), policies)):
        points = [runs.to_dict("records") for runs in hundred.points[first : first + policies]]
        runs = [run for together in zip(*points, strict=True) for run in together]
        yield f"data/patients-{number}.js", _recordings(f"patients-{number}", runs)


def _recordings(name: str, runs: Iterable[Run]) -> bytes:
    """Return runs with what is said of them; equal recordings are there once."""
    recordings: dict[str, int] = {}
    listed = []
    for run in runs:
        text = base64.b64encode(run["recording"]).decode()
        number = recordings.setdefault(text, len(recordings))
        facts = {key: _plain(run[key]) for key in _FACTS}
        given, died = _given(run), run["death_cause"]
        listed.append(
            {**facts, "fate": fate(run), "given": given, "died": died, "recording": number}
        )
    return _script(name, {"runs": listed, "recordings": list(recordings)})


def _given(run: Run) -> list[list[Any]]:
    """Return days and names of treatments; an infusion of no cells is none."""
    infused = run["cmax_cells"] > 0
    return [one for one in json.loads(run["given"]) if infused or one[1] != "car_t"]


def _plain(value: Any) -> Any:
    """Return a number with the digits that count; None for NaN."""
    if not isinstance(value, float):
        return value
    return None if math.isnan(value) else float(f"{value:.{_DIGITS}g}")


def _script(name: str, data: Any, indent: int | None = None) -> bytes:
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(
        data, ensure_ascii=False, separators=separators, allow_nan=False, indent=indent
    )
    return f'CLASSROOM.take("{name}",{text});\n'.encode()
