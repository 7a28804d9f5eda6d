"""Story trees: at each stop a prediction and a decision, and every path through the decisions.

They stand in `trees.toml`, and the patients in `stories.toml`.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tcellabm.app import stories
from tcellabm.app.plan import DOSE, POLICY, SLIDERS, Plan, Treatment
from tcellabm.params import InputError

FILE = Path(stories.FILE).with_name("trees.toml")
LEAST_DECISIONS = 2

type Choices = tuple[int, ...]  # the index of the option at each stop
type Run = Mapping[str, Any]  # a row of outcomes, with `recording` and `given`


class Option(NamedTuple):
    """What can be decided at a stop.

    Attributes
    ----------
    name, mark : str
        On its button, and in a list of what was decided.
    give : tuple of Treatment
        What it adds.
    dose : float, optional
        Of the infusion of day 0, cells/kg.
    last : bool
        Nothing is decided after it.
    """

    name: str
    mark: str
    give: tuple[Treatment, ...] = ()
    dose: float | None = None
    last: bool = False


class Prediction(NamedTuple):
    """A question with answers in order: the first is of values below the first cut, and so on."""

    ask: str
    what: str
    cuts: tuple[float, ...]
    answers: tuple[str, ...]

    def right(self, outcomes: Mapping[str, Any]) -> int:
        """Return the index of the answer that outcomes give; what never happened is above all."""
        value = float(outcomes[self.what])
        value = math.inf if math.isnan(value) else value
        return sum(value >= cut for cut in self.cuts)


class Hold(NamedTuple):
    """What the text of a stop says, as a number of the series on its day; see `stories.Claim`."""

    says: str
    what: str
    least: float = -math.inf
    most: float = math.inf


class Stop(NamedTuple):
    """A day on which the pupil predicts and decides."""

    day: float
    text: str
    decide: str
    options: tuple[Option, ...]
    predict: Prediction
    holds: tuple[Hold, ...]


class Tree(NamedTuple):
    """A story with its stops."""

    story: stories.Story
    title: str
    lead: str
    lesson: str
    given: tuple[Treatment, ...]
    stops: tuple[Stop, ...]

    def choices(self) -> Iterator[Choices]:
        """Yield every path, as far as there is something to decide."""
        yield from _below(self.stops)

    def options(self, path: Sequence[int]) -> list[Option]:
        """Return the options of a path."""
        return [stop.options[index] for stop, index in zip(self.stops, path, strict=False)]

    def orders(self, path: Sequence[int]) -> list[tuple[str, float]]:
        """Return what a path gives after day 0: treatments and days."""
        chosen = [given for option in self.options(path) for given in option.give]
        return [(given.name, given.day) for given in (*self.given, *chosen) if given.day > 0.0]

    def right(self, path: Sequence[int], run: Run) -> list[int]:
        """Return the right answers of a path, at each of its stops."""
        return [stop.predict.right(run) for stop in self.stops[: len(path)]]

    def settings(self, path: Sequence[int]) -> dict[str, Any]:
        """Return what a path sets, by dotted key of the parameters."""
        plan: Plan = self.story.plan
        fixed = {"time.days": plan.days, POLICY: plan.policy}
        sliders = {SLIDERS[name].key: value for name, value in plan.settings.items()}
        doses = [option.dose for option in self.options(path) if option.dose is not None]
        return fixed | sliders | ({DOSE: doses[-1]} if doses else {})


def _below(stops: Sequence[Stop]) -> Iterator[Choices]:
    if not stops:
        yield ()
        return
    for index, option in enumerate(stops[0].options):
        for rest in [()] if option.last else _below(stops[1:]):
            yield (index, *rest)


def read_trees(file: Path = FILE) -> dict[str, Tree]:
    """Read story trees, by story.

    Raises
    ------
    InputError
        A tree has no story, or fewer than two decisions, or days out of order.
    """
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    return {name: _tree(name, raw) for name, raw in table.items()}


def _tree(name: str, raw: Mapping[str, Any]) -> Tree:
    stories.plan_of(name)
    story = stories.ALL[name]
    stops = tuple(_stop(each, story.plan.days) for each in raw["stops"])
    days = [stop.day for stop in stops]
    if len(stops) < LEAST_DECISIONS or days != sorted(set(days)):
        allowed = f"allowed: {LEAST_DECISIONS} stops or more, in the order of days"
        raise InputError(f"story {name}", FILE.name, allowed)
    words = (raw["title"], raw["lead"], raw["lesson"])
    return Tree(story, *words, _treatments(raw["given"], story.plan.days), stops)


def _stop(raw: Mapping[str, Any], days: float) -> Stop:
    options = tuple(
        Option(**{**option, "give": _treatments(option.get("give", ""), days)})
        for option in raw["options"]
    )
    asked = raw["predict"]
    predict = Prediction(asked["ask"], asked["what"], tuple(asked["cuts"]), tuple(asked["answers"]))
    holds = tuple(Hold(**hold) for hold in raw.get("holds", ()))
    return Stop(float(raw["day"]), raw["text"], raw["decide"], options, predict, holds)


def _treatments(text: str, days: float) -> tuple[Treatment, ...]:
    return Plan.of_query(f"days={days:g}&give={text}")[0].treatments
