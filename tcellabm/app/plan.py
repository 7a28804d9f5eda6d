"""A plan: all that decides what a class page shows, as plain data and as the query of its URL."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from tcellabm.clinic.care import POLICIES
from tcellabm.params import InputError, Parameters, load
from tcellabm.posterior import one_patient

WHERE = "URL"
DAYS_PER_STEP = 1.0 / 64.0  # the page's time grid; a power of two, so that sums are exact
LONGEST_QUERY = 4000
MOST_TREATMENTS = 40
LARGEST_SEED = 2**63 - 1
LONGEST_DAYS = 730.0
SCENARIOS = {"body": "scenarios/kymriah.toml", "biopsy": "scenarios/biopsy.toml"}
BOTH, YOURS = "both", "a"
ARMS = ("a", "b")
MOST_AGENTS = 400_000  # of one patient
DOSE = "product.dose_cells_per_kg"
POLICY = "care.policy"


class Slider(NamedTuple):
    """One slider of the page: where it may stand, and what it is called there."""

    key: str  # of the parameters
    name: str
    low: float
    high: float
    unit: str
    help: str


class Button(NamedTuple):
    """One button of the page, for something that is given now."""

    name: str
    key: str  # of the keyboard
    mark: str  # on the charts
    term: str  # of the glossary


TREATMENTS = {
    "car_t": Button("Infuse CAR T cells", "I", "CAR T", "CAR T cell"),
    "tocilizumab": Button("Tocilizumab", "T", "tocilizumab", "tocilizumab"),
    "corticosteroid": Button("Dexamethasone", "D", "dexa", "dexamethasone"),
    "anakinra": Button("Anakinra", "A", "anakinra", "anakinra"),
}
SLIDERS = {
    "dose": Slider(DOSE, "Dose", 2e5, 1e7, "cells/kg", "CAR T cells infused per kg of body weight"),
    "persistence": Slider(
        "product.persistence_half_life_days", "Persistence", 5.0, 1000.0, "days",
        "half-life of memory CAR T cells: how long they stay",
    ),
    "burden": Slider(
        "patient.leukemic_burden", "Leukemia at start", 1e7, 7e11, "cells",
        "leukemic cells in the whole body on day 0",
    ),
    "quality": Slider(
        "product.killing", "Product quality", 0.01, 20.0, "× reference",
        "how well a CAR T cell kills, against the reference product",
    ),
    "antigen": Slider(
        "leukemia.antigen_median", "CD19 on leukemia", 500.0, 5e4, "molecules/cell",
        "median number of CD19 molecules, the target, on a leukemic cell",
    ),
    "myeloid": Slider(
        "patient.myeloid_sensitivity", "Myeloid sensitivity", 0.01, 100.0, "× average",
        "how much IL-6 and IL-1 the patient's myeloid cells release",
    ),
}  # fmt: skip


@dataclass(frozen=True, order=True, slots=True)
class Treatment:
    """Something given on a day to your patient or to both; CAR T cells may have a dose per kg."""

    day: float
    name: str
    who: str = YOURS
    per_kg: float | None = None

    def concerns(self, arm: str) -> bool:
        """Tell whether an arm gets it."""
        return self.who in (BOTH, arm)

    def __str__(self) -> str:
        """Write it as in a URL."""
        dose = "" if self.per_kg is None else f":{_text(self.per_kg)}"
        return f"{_text(self.day)}:{self.name}:{self.who}{dose}"


@dataclass(frozen=True)
class Plan:
    """What decides two patients, from day 0 on.

    Attributes
    ----------
    scenario : str
        A key of SCENARIOS.
    seed : int
        The patient.
    policy : str
        Who treats CRS: a care policy of the model, `none` to leave it to the class.
    settings : mapping of str to float
        Sliders that were moved, by name; the dose goes with each infusion instead.
    treatments : tuple of Treatment
        In the order of days.
    days : float
        The last day.
    story : str
        The story it was begun from, for its guiding text; empty if none.
    """

    scenario: str = "body"
    seed: int = 1
    policy: str = "none"
    settings: Mapping[str, float] = field(default_factory=dict)
    treatments: tuple[Treatment, ...] = ()
    days: float = 365.0
    story: str = ""

    def __post_init__(self) -> None:
        """Seal the settings, and put the treatments in order."""
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))
        object.__setattr__(self, "treatments", tuple(sorted(self.treatments, key=lambda t: t.day)))

    def params(self) -> Parameters:
        """Resolve the parameters that both patients share; the dose is that of the patient.

        They are those that `tcellabm run` follows: a draw of the posterior comes with the seed.

        Raises
        ------
        InputError
            If a setting is not allowed.
        """
        return one_patient(SCENARIOS[self.scenario], self._set(), self.seed)

    def undrawn(self) -> Parameters:
        """Resolve the parameters of all patients of this plan, whatever their seed.

        Raises
        ------
        InputError
            If a setting is not allowed.
        """
        return load(SCENARIOS[self.scenario], self._set())

    def _set(self) -> dict[str, object]:
        chosen = {SLIDERS[name].key: value for name, value in self.settings.items()}
        fixed = {"time.days": self.days, POLICY: self.policy}
        return {**fixed, "resolution.max_agents": MOST_AGENTS, **chosen}

    def later(self, day: float) -> tuple[Treatment, ...]:
        """Return what is planned for after a day."""
        return tuple(given for given in self.treatments if given.day > day)

    def give(self, treatment: Treatment) -> Plan:
        """Return the plan with something given: what was planned for later is dropped."""
        if len(self.treatments) >= MOST_TREATMENTS:
            raise InputError(
                f"{len(self.treatments) + 1} treatments", "", f"allowed: {MOST_TREATMENTS}"
            )
        earlier = tuple(given for given in self.treatments if given.day <= treatment.day)
        return dataclasses.replace(self, treatments=(*earlier, treatment))

    def same_until(self) -> float:
        """Return the day of the first treatment that only your patient gets; infinite if none."""
        return min((t.day for t in self.treatments if t.who != BOTH), default=math.inf)

    # --- as a URL -----------------------------------------------------------------------------

    def query(self, day: float = 0.0) -> str:
        """Write the plan, and the day that is shown, as the query of a URL."""
        values: dict[str, str] = {"scenario": self.scenario, "seed": str(self.seed)}
        if self.story:
            values["story"] = self.story
        values |= {"care": self.policy, "days": _text(self.days)}
        values |= {name: _text(value) for name, value in self.settings.items()}
        if self.treatments:
            values["give"] = ",".join(map(str, self.treatments))
        if day:
            values["day"] = _text(on_grid(day))
        return urlencode(values, safe=":,")

    @classmethod
    def of_query(cls, query: str, base: Plan | None = None) -> tuple[Plan, float]:
        """Read a plan and a day from the query of a URL; keys that are not known say nothing.

        Parameters
        ----------
        base : Plan, optional
            What holds where the query says nothing; the plan by default if not given.

        Raises
        ------
        InputError
            If anything that is known is repeated or out of range.
        """
        values, base = known(query), base or cls()
        days = _number(values, "days", base.days, 1.0, LONGEST_DAYS)
        moved = {
            name: _number(values, name, 0.0, slider.low, slider.high)
            for name, slider in SLIDERS.items()
            if name in values
        }
        given = _treatments(values["give"], days) if "give" in values else base.treatments
        plan = cls(
            scenario=_choice(values, "scenario", tuple(SCENARIOS), base.scenario),
            seed=_seed(values, base.seed),
            policy=_choice(values, "care", tuple(POLICIES), base.policy),
            settings={**base.settings, **moved},
            treatments=given,
            days=days,
            story=_story(values, base.story),
        )
        return plan, on_grid(_number(values, "day", 0.0, 0.0, days))


def on_grid(day: float) -> float:
    """Return the last moment of the page's time grid that is not after `day`."""
    return math.floor(day / DAYS_PER_STEP) * DAYS_PER_STEP


_KNOWN = ("scenario", "seed", "story", "care", "days", "day", "give", *SLIDERS)


def known(query: str) -> dict[str, str]:
    """Return what a query says of a plan, by key.

    Raises
    ------
    InputError
        If it is no query, or says a thing twice.
    """
    values: dict[str, str] = {}
    for name, value in _pairs(query):
        if name in values:
            raise InputError(f"{name} is set twice", WHERE, "allowed: once")
        if name in _KNOWN:
            values[name] = value
    return values


def unknown(query: str) -> list[str]:
    """Return the keys of a query that say nothing of a plan, each once.

    Raises
    ------
    InputError
        If it is no query.
    """
    return list(dict.fromkeys(name for name, _ in _pairs(query) if name not in _KNOWN))


def _pairs(query: str) -> list[tuple[str, str]]:
    if len(query) > LONGEST_QUERY:
        raise InputError(f"{len(query)} characters", WHERE, f"allowed: {LONGEST_QUERY}")
    text = query.removeprefix("?")
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=50, errors="strict")
    except ValueError:  # not UTF-8, or too many
        raise InputError("not a query", WHERE, "allowed: up to 50 of NAME=VALUE") from None


def _text(number: float) -> str:
    """Write a number as short as can be, so that reading gives the same number."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def _number(values: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = values.get(name)
    if text is None:
        return default
    return _read(text, name, low, high)


def _read(text: str, name: str, low: float, high: float) -> float:
    try:
        number = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise InputError(f"{name} = {text[:30]}", WHERE, f"allowed: {low:g} to {high:g}")
    return number


def _choice(values: Mapping[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    value = values.get(name, default)
    if value not in choices:
        raise InputError(f"{name} = {value[:30]}", WHERE, f"allowed: {', '.join(choices)}")
    return value


def _seed(values: Mapping[str, str], default: int) -> int:
    text = values.get("seed", str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= LARGEST_SEED):
        raise InputError(f"seed = {text[:30]}", WHERE, f"allowed: 0 to {LARGEST_SEED}")
    return int(text)


def _story(values: Mapping[str, str], default: str) -> str:
    name = values.get("story", default)
    plain = name.isascii() and name.replace("-", "").isalnum() and len(name) <= 40
    if name and not plain:
        raise InputError(f"story = {name[:30]}", WHERE, "allowed: the name of a story")
    return name


def _treatments(text: str, days: float) -> tuple[Treatment, ...]:
    items = text.split(",") if text else []
    if len(items) > MOST_TREATMENTS:
        raise InputError(f"{len(items)} treatments", WHERE, f"allowed: {MOST_TREATMENTS}")
    return tuple(_treatment(item, days) for item in items)


def _treatment(text: str, days: float) -> Treatment:
    day, name, who, dose, *rest = [*text.split(":"), "", "", ""][: max(4, text.count(":") + 1)]
    if rest or name not in TREATMENTS or who not in ("", *ARMS[:1], BOTH):
        allowed = f"allowed: DAY:NAME:a|both with NAME of {', '.join(TREATMENTS)}"
        raise InputError(f"give = {text[:30]}", WHERE, allowed)
    if dose and name != "car_t":
        raise InputError(f"give = {text[:30]}", WHERE, "allowed: a dose with car_t only")
    slider = SLIDERS["dose"]
    per_kg = _read(dose, "dose", slider.low, slider.high) if dose else None
    return Treatment(on_grid(_read(day, "give", 0.0, days)), name, who or YOURS, per_kg)
