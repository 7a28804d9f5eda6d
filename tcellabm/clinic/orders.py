"""What was ordered and is still to be given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from tcellabm.clinic.record import MOST_CELLS, TREATMENTS
from tcellabm.rules import is_own

type Dose = Callable[[str], tuple[str, float]]


class Order(NamedTuple):
    """A treatment, its day, and how much of it."""

    day: float
    treatment: str
    amount: float  # cells of the body, or mg


def checked_order(
    treatment: str, day: float, cells: float | None, *, now: float, dose: Dose
) -> Order:
    """Return an order that can be given.

    Parameters
    ----------
    treatment : str
        One of TREATMENTS, or a rule of one's own.
    day, now : float
        Days after infusion: of the order, and of the clock.
    cells : float or None
        CAR T cells of the whole body; the labelled amount if None.
    dose : callable
        Returns what a treatment gives, and how much as labelled, cells or mg.

    Returns
    -------
    Order
        Its amount is in cells of the body, or mg.

    Raises
    ------
    ValueError
        An unknown treatment, a day in the past, or a number of cells that cannot be given.
    """
    if treatment not in TREATMENTS and not is_own(treatment):
        raise ValueError(f"unknown treatment {treatment!r}, allowed: {', '.join(TREATMENTS)}")
    if not now <= day < math.inf:
        raise ValueError(f"day {day} of {treatment} is past, allowed: {now} or later")
    if cells is not None and treatment != "car_t":
        raise ValueError(f"cells given with {treatment}, allowed: with car_t only")
    given, labelled = dose(treatment)
    amount = labelled if cells is None else float(cells)
    if not 0.0 <= amount <= MOST_CELLS:
        raise ValueError(f"{cells} cells, allowed: a number from 0 to {MOST_CELLS:g}")
    return Order(day, given, amount)


def due(orders: list[Order], day: float) -> tuple[list[Order], list[Order]]:
    """Return the orders that are due by a day, and those still to come."""
    return [one for one in orders if one.day <= day], [one for one in orders if one.day > day]
