"""What is scheduled in a model: methods of its own, each at its time."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from mesa import Model

from tcellabm.checkpoint.header import Event, Order
from tcellabm.clinic import assays
from tcellabm.clinic.record import MOST_CELLS, TREATMENTS

START, DRAW, ASSESS, CARRY_OUT = "_start", "_draw_blood", "_assess", "_carry_out"
_NEXT = {DRAW: assays.next_draw, ASSESS: assays.next_assessment}


def methods(model: Model) -> dict[str, Callable[[], None]]:
    """Return the methods by name that can be events: those below Mesa's, without arguments."""
    own = type(model).__mro__[: type(model).__mro__.index(Model)]
    functions = {
        name: part for cls in reversed(own) for name, part in vars(cls).items() if _is_event(part)
    }
    return {name: getattr(model, name) for name in functions}


def _is_event(part: object) -> bool:
    if not inspect.isfunction(part):
        return False
    _, *arguments = inspect.signature(part).parameters.values()
    return all(argument.default is not argument.empty for argument in arguments)


def scheduled(model: Any) -> list[Event]:
    """Return (time, priority, name of the method) of what is scheduled, in order.

    Raises
    ------
    ValueError
        Something is scheduled that recurs or is not a method of the model.
    """
    if any(series.is_active for series in model.recurring):
        raise ValueError("an event that recurs is scheduled, allowed in a checkpoint: one-off ones")
    events, known = [], methods(model)
    for event in sorted(model.scheduled, key=lambda event: (event.time, event.priority)):
        function = event.fn()
        if getattr(function, "__self__", None) is not model or function.__name__ not in known:
            what = f"{function} is scheduled"
            raise ValueError(f"{what}, allowed in a checkpoint: the model's methods")
        events.append((event.time, event.priority, function.__name__))
    return events


def check_events(model: Any, events: Sequence[Event], orders: Sequence[Order]) -> None:
    """Check that what is planned is what such a patient has before them.

    Parameters
    ----------
    model : TumorTCellModel
        At the day of the checkpoint.
    events : sequence of (float, int, str)
        Day, priority, name of the method.
    orders : sequence of (float, str, float)
        Day, treatment, amount in cells or mg.

    Raises
    ------
    ValueError
        It is something else.
    """
    if any(time < model.time for time, _, _ in events):
        raise ValueError(f"an event in the past, allowed: from day {model.time} on")
    _check_orders(orders, [time for time, _, name in events if name == CARRY_OUT])
    begun = bool(model.record.treatments)
    if [time for time, _, name in events if name == START] != [0.0] * (not begun):
        raise ValueError("the infusion is not planned once, or is planned again")
    for name, following in _NEXT.items():
        planned = [time for time, _, each in events if each == name]
        wanted = [following(model.time)] if begun and model.running else planned[:1]
        if planned != wanted:
            raise ValueError(f"{name} on days {planned[:3]}, allowed: {wanted}")


def _check_orders(orders: Sequence[Order], days: Sequence[float]) -> None:
    for day, treatment, amount in orders:
        if treatment not in TREATMENTS or not 0.0 <= amount <= MOST_CELLS:
            raise ValueError(f"an order of {amount} {treatment!r} on day {day}")
    if sorted(day for day, _, _ in orders) != sorted(days):
        raise ValueError("orders and their days differ")
