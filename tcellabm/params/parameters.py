"""Frozen parameters of one run, and where each of them was set."""

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from pydantic import PrivateAttr

from tcellabm.params.errors import InputError, shorten, toml_text
from tcellabm.params.files import Said, flatten, plain
from tcellabm.params.meta import (
    DISTRIBUTION_FIELDS,
    POPULATION,
    Meta,
    Value,
    catalog,
    meta_of,
    settable,
)
from tcellabm.params.own import Source, check_values, own
from tcellabm.params.schema import Sections
from tcellabm.params.section import Section

OVERRIDE = "--set"
RULES = "files.rules"
_SIZES = ("sweep.", "trial.")  # parameters that say how many runs, not what one is


class Entry(NamedTuple):
    """A value set by a layer above `model.toml`."""

    value: Value
    source: str
    file: str
    holds: bool  # for every patient, so that it is not drawn


@dataclasses.dataclass(frozen=True, slots=True)
class Distribution:
    """A log-normal number between patients, clipped to [low, high]."""

    median: float
    sigma_ln: float
    low: float
    high: float

    def at(self, z: float) -> float:
        """Value at the standard normal deviate `z`."""
        return min(max(self.median * math.exp(self.sigma_ln * z), self.low), self.high)


def entries(raw: Mapping[str, Said], where: str, holds: bool) -> dict[str, Entry]:
    """Check what a layer sets, by dotted key.

    Parameters
    ----------
    raw : mapping of str to Said
        Values as written, by dotted key.
    where : str
        File or option, named in an error.
    holds : bool
        For every patient: a parameter that is set is not drawn.

    Returns
    -------
    dict of str to Entry
        Values in the type and unit of their parameters.
    """
    return {key: _entry(key, *raw[key], where, holds) for key in raw}


def _entry(key: str, raw: Any, source: str, where: str, holds: bool) -> Entry:
    meta = meta_of(key, where)
    if isinstance(raw, Mapping):
        if "value" not in raw or not raw.keys() <= {"value", "unit", "source"}:
            raise InputError(f"{key} is a table", where, "allowed: value, unit, source in it")
        if raw.get("unit", meta.unit) != meta.unit:
            what = f"{key} has unit {shorten(raw['unit'])}"
            raise InputError(what, where, f"allowed: {meta.unit}")
        raw, source = raw["value"], raw.get("source", source)
    return Entry(meta.check(raw, where), shorten(source or where, 200), where, holds)


class Parameters(Sections):
    """Every parameter of a run: `params.leukemia.death_per_day`, and by dotted key.

    Frozen; pickles in well under a millisecond. Made by `load` and by `replace`.
    """

    _entries: dict[str, Entry] = PrivateAttr(default_factory=dict)
    _distributions: dict[str, Distribution] = PrivateAttr(default_factory=dict)
    _rules: tuple[Source, ...] = PrivateAttr(default=())

    @classmethod
    def of(cls, entries: Mapping[str, Entry], rules: tuple[Source, ...] = ()) -> Self:
        """Lay checked entries over `model.toml`; `rules` are the files that may be meant in them.

        Raises
        ------
        InputError
            An entry names a rule that is in none of the files.
        """
        check_values({key: entry.value for key, entry in entries.items()}, rules)
        return cls._of(entries, rules, _distributions(entries))

    @classmethod
    def _of(
        cls,
        entries: Mapping[str, Entry],
        rules: tuple[Source, ...],
        distributions: dict[str, Distribution],
    ) -> Self:
        values = {key: entry.value for key, entry in entries.items() if key in catalog()}
        params = cls.model_construct(**dict(_changed(_defaults(), _nested(values))))
        params._entries, params._rules = dict(entries), rules
        params._distributions = distributions
        return params

    def replace(self, values: Mapping[str, Any]) -> Self:
        """Set values by dotted key, for every patient.

        Raises
        ------
        InputError
            If a key is unknown or a value is not allowed.
        """
        raw = flatten(values, OVERRIDE, settable())
        new = entries(raw, OVERRIDE, holds=True)
        merged = {**self._entries, **new}
        check_values({key: entry.value for key, entry in merged.items()}, self._rules)
        described = any(key.startswith(POPULATION) for key in new)
        laws = _distributions(merged) if described else self._distributions
        return self._of(merged, self._rules, laws)

    def of_patient(self, covariates: Mapping[str, float]) -> Self:
        """Set the covariates of a patient, then what rules of one's own compute, one by one.

        Raises
        ------
        RuleError
            A rule raised.
        InputError
            A covariate, or what a rule gave, is not a value of the parameter.
        """
        params = self._with(covariates, OVERRIDE)
        for rule in own(self._rules).of("rate"):
            key = rule.facts["key"]
            value = plain(rule(params.get(key), params))
            params = params._with({key: value}, f"rule {rule.name}")
        return params

    def _with(self, values: Mapping[str, Any], where: str) -> Self:
        """Set parameters, none of them of a distribution, for every patient."""
        held = {
            key: Entry(catalog()[key].check(value, where), where, where, holds=True)
            for key, value in values.items()
        }
        return self._of({**self._entries, **held}, self._rules, self._distributions)

    def get(self, key: str) -> Value:
        """Value by dotted key."""
        return _value(key, self._entries)

    def describe(self, key: str) -> Meta:
        """Value, unit, range, source and file by dotted key."""
        meta, entry = meta_of(key), self._entries.get(key)
        if entry is None:
            return meta
        return dataclasses.replace(meta, value=entry.value, source=entry.source, file=entry.file)

    @property
    def entries(self) -> Mapping[str, Entry]:
        """What layers above `model.toml` have set, as `of` takes it."""
        return MappingProxyType(self._entries)

    @property
    def rules(self) -> tuple[Source, ...]:
        """Files of rules of one's own."""
        return self._rules

    @property
    def set_keys(self) -> frozenset[str]:
        """Keys set in a scenario, a sweep axis or an override."""
        return frozenset(key for key, entry in self._entries.items() if entry.holds)

    @property
    def pinned(self) -> frozenset[str]:
        """Parameters set for every patient: not drawn, whatever the population says."""
        return self.set_keys & catalog().keys()

    @property
    def distributions(self) -> Mapping[str, Distribution]:
        """Distribution of each parameter that a population describes, pinned or not."""
        return MappingProxyType(self._distributions)

    def resolved(self) -> dict[str, Value]:
        """All that decides a run, by dotted key: what is fixed, then what the rest is drawn from.

        Laid over `model.toml` as a scenario, it gives the same again. Where there are rules of
        one's own, `files.rules` has their names and the hashes of their files.
        """
        values, drawn = _values(self._entries), self._distributions.keys() - self.pinned
        keys = [key for key in catalog() if key not in drawn]
        keys += [part for key in self._distributions if key in drawn for part in _parts(key)]
        rules = {RULES: ", ".join(map(str, self._rules))} if self._rules else {}
        return {key: values[key] for key in keys} | rules

    def deciding(self) -> dict[str, Value]:
        """All that decides one run but its seed: `resolved` without how many runs there are."""
        return {key: v for key, v in self.resolved().items() if not key.startswith(_SIZES)}

    @cached_property
    def deciding_text(self) -> str:
        """`deciding` as JSON, in the order of the keys."""
        return next(self.deciding_texts([{}]))

    def deciding_texts(self, changes: Iterable[Mapping[str, Value]]) -> Iterator[str]:
        """Yield `deciding_text` after each of some changes: checked values of what is set here.

        One by one, since each has some 14 kB.

        Raises
        ------
        KeyError
            A parameter is not fixed here: with a value for all it would no longer be drawn.
        """
        known = self.deciding()
        for change in changes:
            changed = {key: v for key, v in change.items() if not key.startswith(_SIZES)}
            if unknown := changed.keys() - known.keys():
                raise KeyError(min(unknown))
            yield json.dumps(known | changed, sort_keys=True)

    def to_toml(self) -> str:
        """Write `resolved` as the text of a scenario file."""
        values: dict[str, Any] = self.resolved()
        if self._rules:
            values[RULES] = [source.file for source in self._rules]
        lines = (f"{key} = {toml_text(value)}" for key, value in values.items())
        return "".join(f"{line}\n" for line in lines)


def _value(key: str, entries: Mapping[str, Entry]) -> Value:
    entry = entries.get(key)
    return meta_of(key).value if entry is None else entry.value


def _values(entries: Mapping[str, Entry]) -> dict[str, Value]:
    """Return the values of all keys there are, faster than one by one."""
    return {**_written(), **{key: entry.value for key, entry in entries.items()}}


@cache
def _written() -> dict[str, Value]:
    return {key: meta.value for key, meta in settable().items()}


def _parts(key: str) -> list[str]:
    return [f"{POPULATION}{key}.{field}" for field in DISTRIBUTION_FIELDS]


def _distributions(entries: Mapping[str, Entry]) -> dict[str, Distribution]:
    """Return the distributions of a population, in the order of the catalog."""
    parts = [key for key in entries if key.startswith(POPULATION)]
    described = {part.removeprefix(POPULATION).rpartition(".")[0] for part in parts}
    values = _values(entries)
    return {key: _distribution(key, values) for key in catalog() if key in described}


def _distribution(key: str, values: Mapping[str, Value]) -> Distribution:
    drawn = Distribution(*(float(values[part]) for part in _parts(key)))
    if not drawn.low <= drawn.median <= drawn.high:
        low, median, high = map(toml_text, (drawn.low, drawn.median, drawn.high))
        what = f"{POPULATION}{key}.median = {median} is out of bounds"
        raise InputError(what, "", f"allowed: its low {low} to its high {high}")
    return drawn


@cache
def _defaults() -> Sections:
    """Return the values of `model.toml`."""
    return Sections.model_validate(_nested({key: meta.value for key, meta in catalog().items()}))


def _changed(section: Section, values: Mapping[str, Any]) -> Section:
    """Return a section with some values in place of its own; they have been checked."""
    update = {
        name: _changed(getattr(section, name), value) if isinstance(value, Mapping) else value
        for name, value in values.items()
    }
    return section.model_copy(update=update)


def _nested(values: Mapping[str, Value]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for key, value in values.items():
        *sections, name = key.split(".")
        table = root
        for section in sections:
            table = table.setdefault(section, {})
        table[name] = value
    return root
