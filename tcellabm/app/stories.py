"""The ready stories: a plan, a guiding text with stops, and the ending they were chosen for.

They stand in `stories.toml`. A seed is that of a patient whose fate is what the story tells under
the parameters of today; `scripts/find_stories.py` finds it again when parameters change. Every
number and claim of the texts has its `claims`, which are held against the data.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from tcellabm.app.plan import Plan, known, unknown
from tcellabm.params import InputError

FILE = Path(__file__).with_name("stories.toml")


class Note(NamedTuple):
    """A stop: a day, and what to look at there."""

    day: float
    text: str


class Claim(NamedTuple):
    """What a story's text says, as a number that can be held against the data.

    Attributes
    ----------
    says : str
        Words of the text.
    what : str
        A column of the outcomes; or, with a `day`, of the series.
    arm : str
        Of which patient.
    day : float, optional
        When.
    least, most : float
        Between which the number must lie.
    of : str
        What the number is divided by: `start`, the same on day 0; `day N`, the same on that day;
        `peak`, its highest; `twin`, that of the other arm; `story NAME`, that of your patient of
        another story; else another column of the same patient and day; nothing if empty.
    """

    says: str
    what: str
    arm: str = "a"
    day: float | None = None
    least: float = -math.inf
    most: float = math.inf
    of: str = ""


class Story(NamedTuple):
    """One story.

    Attributes
    ----------
    ends : tuple of str
        The endings of your patient and of the twin.
    moves : str
        What the day of its later treatment follows, a key of `ending.MOMENTS`; empty if nothing.
    """

    name: str
    title: str
    lead: str
    why: str
    ends: tuple[str, str]
    notes: tuple[Note, ...]
    claims: tuple[Claim, ...]
    plan: Plan
    moves: str

    @property
    def texts(self) -> str:
        """All that it says."""
        return " ".join([self.title, self.lead, *(note.text for note in self.notes), self.why])


class Opened(NamedTuple):
    """What an address asks for, and what to say about it."""

    plan: Plan
    day: float
    note: str


def _read() -> dict[str, Story]:
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: _story(name, entry) for name, entry in table.items()}


def _story(name: str, entry: dict[str, Any]) -> Story:
    plan, _ = Plan.of_query(f"{entry['query']}&seed={entry['seed']}&story={name}")
    notes = tuple(Note(float(day), f"Day {day:g}. {text}") for day, text in entry["notes"])
    ends = (entry["ends"][0], entry["ends"][1])
    claims = tuple(Claim(**claim) for claim in entry["claims"])
    texts = (entry["title"], entry["lead"], entry["why"])
    return Story(name, *texts, ends, notes, claims, plan, entry.get("moves", ""))


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


def opened(query: str) -> Opened:
    """Read an address; a story that it names holds where the address says nothing else.

    Raises
    ------
    InputError
        If something in it is not allowed.
    """
    name = known(query).get("story", "")
    base = plan_of(name) if name else None
    plan, day = Plan.of_query(query, base)
    notes = []
    if base is not None and dataclasses.replace(plan, treatments=base.treatments) != base:
        plan = dataclasses.replace(plan, story="")
        notes.append(f"The address changes the patient of the story {name}: shown without its text")
    if ignored := unknown(query):
        notes.append(f"Ignored in the address: {', '.join(ignored)}"[:120])
    return Opened(plan, day, ". ".join(notes))


def next_note(story: str, day: float) -> float | None:
    """Return the day of the next stop after a day."""
    entry = ALL.get(story)
    return min((n.day for n in entry.notes if n.day > day), default=None) if entry else None


def note_at(story: str, day: float) -> str:
    """Return the text of the stop on exactly that day; empty if there is none."""
    entry = ALL.get(story)
    return next((n.text for n in entry.notes if n.day == day), "") if entry else ""
