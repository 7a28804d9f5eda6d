"""JSON Schema of parameter files, so that an editor completes keys and marks mistakes.

Made from the sections that parameters are checked against and what `model.toml` says of each.
"""

from collections.abc import Mapping
from typing import Any

from tcellabm.params.axes import RANGES, SPACED
from tcellabm.params.errors import shorten, toml_text
from tcellabm.params.loading import FILES
from tcellabm.params.meta import DISTRIBUTION_FIELDS, OWN, POPULATION, Meta, catalog, settable
from tcellabm.params.question import LABEL, LIMITS, REFERENCE, WINDOW
from tcellabm.params.schema import Sections
from tcellabm.params.section import Section

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES = {float: "number", int: "integer", bool: "boolean", str: "string"}
_TEXT = {"type": "string"}

type Schema = dict[str, Any]

_ANYTHING_DOTTED: Schema = {r"\.": {}}  # a quoted dotted key: the program itself checks it


def json_schema() -> Schema:
    """Return the schema of scenarios, sweeps, trials, products and populations."""
    sections = _section(Sections, "", _parameter)["properties"]
    sections["sweep"]["properties"] |= _question()
    files: Schema = {name: _TEXT | {"description": about} for name, about in FILES.items()}
    files["rules"] = {
        "description": FILES["rules"],
        "anyOf": [_TEXT, {"type": "array", "items": _TEXT}],
    }
    return {
        "$schema": DIALECT,
        "title": "tcellabm parameter file",
        **_table(
            sections
            | {
                "files": _table(files, description="other files that this one rests on"),
                "population": _section(Sections, "", _distribution),
                "axes": _axes(),
                "arms": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/arm"}},
                "source": _TEXT,
            },
            patternProperties=_ANYTHING_DOTTED,
            minProperties=1,
        ),
        "$defs": {"arm": _arm(), "law": _law(), "told": _told({"type": "number"}, {})},
    }


def _question() -> Schema:
    """Describe what a sweep is asked; the program itself checks the reference."""
    share = {"type": "number", "minimum": 0.0, "maximum": 1.0}
    dose = {"type": "number", "minimum": 0.0}
    return {
        REFERENCE: {"type": "object", "description": "the point that others are compared with"},
        WINDOW: _table(
            dict.fromkeys(LIMITS, share),
            required=list(LIMITS),
            description="remission on day 365 at least, severe CRS at most",
        ),
        LABEL: {
            "type": "array",
            "items": dose,
            "minItems": 2,
            "maxItems": 2,
            "description": "lowest and highest dose of the label, cells/kg",
        },
    }


def _table(properties: Mapping[str, Any], **more: Any) -> Schema:
    named = dict(properties)
    return {"type": "object", "properties": named, "additionalProperties": False, **more}


def _section(section: type[Section], prefix: str, leaf: Any) -> Schema:
    """Describe a section; what `leaf` has nothing to say about is left out."""
    described: Schema = {}
    for name, field in section.model_fields.items():
        key, kind = f"{prefix}{name}", field.annotation
        assert isinstance(kind, type)
        inner = _section(kind, f"{key}.", leaf) if issubclass(kind, Section) else leaf(key)
        if inner:
            described[name] = inner
    if not described:
        return {}
    about = (section.__doc__ or "").partition("\n")[0]
    more: Schema = {"description": about, "patternProperties": _ANYTHING_DOTTED}
    return _table(described | {"source": _TEXT}, **more)


def _value(meta: Meta) -> Schema:
    """Describe the bare value of a parameter."""
    if meta.kind in (bool, str):
        choice = {"type": _TYPES[meta.kind], "enum": list(meta.range)}
        rule = _TEXT | {"pattern": r"^\w+\.\w+$", "description": "a rule: FILE.FUNCTION"}
        return {"anyOf": [choice, rule]} if meta.key in OWN else choice
    low, high = meta.range
    return {"type": _TYPES[meta.kind], "minimum": low, "maximum": high}


def _parameter(key: str) -> Schema:
    """Describe a parameter: a value, or a table with its source."""
    meta = catalog()[key]
    value = _value(meta)
    about = f"{meta.unit}; {meta.bounds}; default {toml_text(meta.value)}: {meta.source}"
    return {
        "description": shorten(about, 400),
        "anyOf": [value, _told(value, {"const": meta.unit})],
    }


def _told(value: Schema, unit: Schema) -> Schema:
    """Describe a table of a value with where it comes from."""
    return _table({"value": value, "unit": unit, "source": _TEXT}, required=["value"])


def _distribution(key: str) -> Schema:
    """Describe how a parameter differs between patients; nothing if it cannot."""
    meta = catalog()[key]
    if meta.kind is not float:
        return {}
    parts = (settable()[f"{POPULATION}{key}.{name}"] for name in DISTRIBUTION_FIELDS)
    described = {
        part.key.rpartition(".")[2]: {"anyOf": [_value(part), {"$ref": "#/$defs/told"}]}
        for part in parts
    }
    about = f"log-normal between patients, {meta.unit}"
    return _table(described | {"unit": {"const": meta.unit}, "source": _TEXT}, description=about)


def _axes() -> Schema:
    """Describe the axes of a sweep: by quoted dotted key, or in tables of sections."""
    keys = {key: _axis(meta) for key, meta in catalog().items() if not key.startswith("sweep.")}
    tables = dict.fromkeys([*Sections.model_fields, "population"], {"type": "object"})
    loose: Schema = {rf"^{POPULATION[:-1]}\.": {}}
    return _table(keys | tables, description="what a sweep varies", patternProperties=loose)


def _axis(meta: Meta) -> Schema:
    values = {"type": "array", "minItems": 1, "uniqueItems": True, "items": _value(meta)}
    if meta.kind in (bool, str):
        return values
    described = f"{meta.unit}; {meta.bounds}"
    return {"description": described, "anyOf": [values, {"$ref": "#/$defs/law"}]}


def _law() -> Schema:
    """Describe spaced values, and ranges to sample from."""
    lengths = dict.fromkeys(SPACED, 3) | dict.fromkeys(RANGES, 2)
    laws = {
        law: {"type": "array", "items": {"type": "number"}, "minItems": size, "maxItems": size}
        for law, size in lengths.items()
    }
    return _table(laws, minProperties=1, maxProperties=1)


def _arm() -> Schema:
    day = {"type": "number", "minimum": 0}
    order = _table({"treatment": _TEXT, "day": day, "cells": day}, required=["treatment"])
    return _table(
        {"name": _TEXT | {"minLength": 1}, "give": {"type": "array", "items": order}},
        required=["name"],
        description="what is ordered for the same patients beyond what the care policy gives",
    )
