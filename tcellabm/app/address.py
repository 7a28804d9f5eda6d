"""Where on the class page a run of a sweep is played: the query of its address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tcellabm.app.plan import BOTH, DOSE, POLICY, SLIDERS, YOURS, Plan, Treatment, on_grid
from tcellabm.params import InputError, Parameters

_HOW = ("resolution.max_agents",)  # changes no number
_SEED = "seed=1"
_NAMES = {slider.key: name for name, slider in SLIDERS.items()}


def query_of(params: Parameters, orders: Sequence[tuple[str, float]] = ()) -> str:
    """Return the query, without the seed, that plays patients with these parameters.

    Parameters
    ----------
    params : Parameters
        Of a run, without what its seed draws.
    orders : sequence of (str, float)
        Treatments and their days, which your patient gets and the twin does not.

    Returns
    -------
    str
        `NAME=VALUE`, joined by `&`.

    Raises
    ------
    InputError
        The class page has no scenario, slider or range for it; the message says which.
    """
    faults = []
    for scenario in ("body", "biopsy"):
        try:
            return _query(params, scenario, orders)
        except InputError as fault:
            faults.append(fault)
    raise faults[0]


def patient_query(own: Mapping[str, Any]) -> str:
    """Return what a patient's own settings add to a query.

    Raises
    ------
    InputError
        There is no slider for one, or it does not go so far.
    """
    sliders = {_slider(key): float(value) for key, value in own.items()}
    return "&".join(_part(Plan(settings=sliders).query(), name) for name in sliders)


def _query(params: Parameters, scenario: str, orders: Sequence[tuple[str, float]]) -> str:
    own = _deciding(params)
    plain = Plan(scenario=scenario, policy=str(own[POLICY]), days=float(own["time.days"]))
    base = _deciding(plain.undrawn())
    changed = {key: value for key, value in own.items() if base.get(key) != value}
    per_kg = float(changed.pop(DOSE)) if DOSE in changed else None
    sliders = {_slider(key): float(value) for key, value in changed.items()}
    given = [Treatment(0.0, "car_t", BOTH, per_kg), *(_ordered(*order) for order in orders)]
    plan = Plan(scenario, 1, plain.policy, sliders, tuple(given), plain.days)
    query = plan.query()
    played, _ = Plan.of_query(query)
    if played != plan:
        raise InputError("the class page does not play it alike")
    return "&".join(part for part in query.split("&") if part != _SEED)


def _deciding(params: Parameters) -> dict[str, Any]:
    return {key: value for key, value in params.deciding().items() if key not in _HOW}


def _ordered(treatment: str, day: float) -> Treatment:
    if day != on_grid(day):
        raise InputError(f"the class page gives nothing on day {day:g} exactly")
    return Treatment(day, treatment, YOURS)


def _slider(key: str) -> str:
    if key not in _NAMES or key == DOSE:
        raise InputError(f"the class page has no slider for {key}")
    return _NAMES[key]


def _part(query: str, name: str) -> str:
    Plan.of_query(query)  # in its range
    return next(part for part in query.split("&") if part.startswith(f"{name}="))
