"""The point of a grid that all others are held against."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tcellabm.experiments.design.arms import COLUMN
from tcellabm.params import InputError, Parameters
from tcellabm.params.errors import shorten, toml_text
from tcellabm.params.meta import meta_of


def reference_point(
    wanted: Mapping[str, Any], axes: Mapping[str, Sequence[Any]], params: Parameters, where: str
) -> dict[str, Any]:
    """Return the reference point: as wanted, else nearest to the scenario's own values.

    Parameters
    ----------
    wanted : mapping
        Values by axis, as the user wrote them; what is absent is chosen.
    axes : mapping
        Values by axis, that of arms too.
    params : Parameters
        What all points share. Its own value of what patients differ in is the median.
    where : str
        The file, for errors.

    Returns
    -------
    dict
        A value for each axis.

    Raises
    ------
    InputError
        A key is no axis, or a value is none of its axis.
    """
    for key in wanted:
        if key not in axes:
            allowed = f"allowed: {', '.join(axes) or 'none, there are no axes'}"
            raise InputError(f"sweep.reference: {shorten(key)} is no axis", where, allowed)
    return {
        key: _chosen(key, wanted[key], values, where)
        if key in wanted
        else _nearest(key, values, params)
        for key, values in axes.items()
    }


def _chosen(key: str, raw: Any, values: Sequence[Any], where: str) -> Any:
    value = raw if key == COLUMN else meta_of(key, where).check(raw, where)
    if value not in values:
        listed = shorten(", ".join(map(toml_text, values)), 60)
        raise InputError(
            f"sweep.reference: {key} = {shorten(raw)} is no point", where, f"allowed: {listed}"
        )
    return value


def _nearest(key: str, values: Sequence[Any], params: Parameters) -> Any:
    """Return the value nearest to the scenario's own, in log distance; of choices, its own."""
    if key == COLUMN:
        return values[0]
    law = params.distributions.get(key)
    own = law.median if law is not None and key not in params.pinned else params.get(key)
    if isinstance(own, bool | str):
        return own if own in values else values[0]
    return min(values, key=lambda value: _distance(float(value), float(own)))


def _distance(value: float, own: float) -> tuple[float, float]:
    """Return the distance of logs, and the plain one for where that is infinite or equal."""
    logs = abs(math.log(value / own)) if value > 0.0 < own else math.inf
    return (0.0 if value == own else logs), abs(value - own)
