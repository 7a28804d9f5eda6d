"""The ready stories: a plan, a guiding text with stops, and the ending they were chosen for.

They stand in `stories.toml`. A seed is that of a patient whose fate is what the story tells under
the parameters of today; `scripts/find_stories.py` finds it anew when parameters change.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from tcellabm.app.plan import Plan
from tcellabm.params import InputError

FILE = Path(__file__).with_name("stories.toml")


class Note(NamedTuple):
    """A stop: a day, and what to look at there."""

    day: float
    text: str


class Story(NamedTuple):
    """One story; `ends` are the endings of your patient and of the twin."""

    name: str
    title: str
    lead: str
    why: str
    ends: tuple[str, str]
    notes: tuple[Note, ...]
    plan: Plan


def _read() -> dict[str, Story]:
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: _story(name, told) for name, told in table.items()}


def _story(name: str, told: dict[str, Any]) -> Story:
    plan, _ = Plan.of_query(f"{told['query']}&seed={told['seed']}&story={name}")
    notes = tuple(Note(float(day), text) for day, text in told["notes"])
    ends = (told["ends"][0], told["ends"][1])
    return Story(name, told["title"], told["lead"], told["why"], ends, notes, plan)


ALL = _read()


def plan_of(name: str) -> Plan:
    """Return the plan of a story.

    Raises
    ------
    InputError
        If there is no such story.
    """
    if name not in ALL:
        raise InputError(f"story = {name[:30]}", "page", f"allowed: {', '.join(ALL)}")
    return ALL[name].plan


def next_note(story: str, day: float) -> float | None:
    """Return the day of the next stop after a day."""
    told = ALL.get(story)
    return min((n.day for n in told.notes if n.day > day), default=None) if told else None


def note_at(story: str, day: float) -> str:
    """Return the text of the stop on exactly that day; empty if there is none."""
    told = ALL.get(story)
    return next((n.text for n in told.notes if n.day == day), "") if told else ""
