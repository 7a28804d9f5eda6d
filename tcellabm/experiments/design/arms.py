"""Treatment arms: what is ordered for the same patients, and from when on that differs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tcellabm.clinic.record import MOST_CELLS, TREATMENTS
from tcellabm.params import InputError, Parameters

if TYPE_CHECKING:
    from tcellabm.model import TumorTCellModel

COLUMN = "arm"
_JUST_BEFORE = 1e-3  # days


@dataclass(frozen=True, slots=True)
class Order:
    """A treatment, the day after infusion on which it is given, and the cells of `car_t`."""

    treatment: str
    day: float
    cells: float | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """A name and what is given beyond what the care policy gives."""

    name: str
    orders: tuple[Order, ...] = ()

    def give(
        self, model: "TumorTCellModel", start: int | None = None, stop: int | None = None
    ) -> None:
        """Give all orders, or those from index `start` to `stop`.

        Parameters
        ----------
        model : TumorTCellModel
            The patient.
        start, stop : int, optional
            Indices into the orders, as of a slice.
        """
        for order in self.orders[start:stop]:
            model.give(order.treatment, at=order.day, cells=order.cells)

    def as_table(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"name": self.name, "give": [asdict(order) for order in self.orders]}


def read_arms(raw: Sequence[Any], where: str, known: Sequence[str] = TREATMENTS) -> tuple[Arm, ...]:
    """Check arms as a sweep file has them: `[[arms]]` with `name` and `give`.

    Parameters
    ----------
    raw : sequence
        Tables as TOML gives them.
    where : str
        The file, named in an error.
    known : sequence of str
        Treatments that an arm may give.

    Returns
    -------
    tuple of Arm
        Orders of each by day.

    Raises
    ------
    InputError
        Another key, an unknown treatment, a day before infusion, a name that is not new, or two
        arms that give the same.
    """
    arms = tuple(_arm(table, where, known) for table in raw)
    names = [arm.name for arm in arms]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"arm {name!r} is there twice", where, "allowed: once")
    if len({arm.orders for arm in arms}) < len(arms):
        raise InputError("two arms give the same", where, "allowed: arms that differ")
    return arms


def _arm(table: Any, where: str, known: Sequence[str]) -> Arm:
    if not isinstance(table, Mapping) or not table.keys() <= {"name", "give"}:
        raise InputError("an arm", where, "allowed: name, give = [{ treatment, day, cells }]")
    name, orders = table.get("name"), table.get("give", [])
    if not isinstance(name, str) or not name or not isinstance(orders, list):
        raise InputError(f"arm {name!r}", where, "allowed: a name, and a list of what to give")
    given = tuple(_order(order, name, where, known) for order in orders)
    return Arm(name, tuple(sorted(given, key=lambda order: order.day)))


def _order(table: Any, arm: str, where: str, known: Sequence[str]) -> Order:
    what = f"arm {arm!r}"
    if not isinstance(table, Mapping) or not table.keys() <= {"treatment", "day", "cells"}:
        raise InputError(what, where, "allowed: give = [{ treatment, day, cells }]")
    treatment, day, cells = table.get("treatment"), table.get("day", 0.0), table.get("cells")
    if not isinstance(treatment, str) or treatment not in known:
        raise InputError(f"{what}, {treatment!r}", where, f"allowed: {', '.join(known)}")
    if not _number(day) or not 0 <= day < math.inf:
        raise InputError(f"{what}, day {day!r}", where, "allowed: days after infusion, 0 or more")
    if cells is not None and (
        treatment != "car_t" or not _number(cells) or not 0 <= cells <= MOST_CELLS
    ):
        allowed = f"allowed: 0 to {MOST_CELLS:g}, with car_t only"
        raise InputError(f"{what}, cells {cells!r}", where, allowed)
    return Order(treatment, float(day), None if cells is None else float(cells))


def _number(value: object) -> bool:
    return type(value) in (int, float)


class SharedCourse:
    """One patient up to the day on which the arms differ; each arm continues as it would alone.

    Parameters
    ----------
    params : Parameters
        Of all arms.
    seed : int
        Of the patient.
    arms : sequence of Arm
        Those to come.
    """

    def __init__(self, params: Parameters, seed: int, arms: Sequence[Arm]) -> None:
        self._params = params
        self._shared, day = shared(arms)
        from tcellabm.model import TumorTCellModel  # where a patient is followed, not before

        self._model = TumorTCellModel(params, rng=seed)
        arms[0].give(self._model, stop=self._shared)
        # Just before: what is given at a moment acts before anything else at that moment.
        self._model.run_until(min(day, params.time.days) - _JUST_BEFORE)

    def treated(self, arm: Arm) -> "TumorTCellModel":
        """Return the patient at the end of an arm."""
        model = self._model.fork()
        arm.give(model, start=self._shared)
        model.run_until(self._params.time.days)
        return model


def shared(arms: Sequence[Arm]) -> tuple[int, float]:
    """Return how many first orders all arms have, and the day of the first that not all have."""
    longest = max(len(arm.orders) for arm in arms)
    for index in range(longest):
        orders = [arm.orders[index] if index < len(arm.orders) else None for arm in arms]
        if len(set(orders)) > 1:
            return index, min(order.day for order in orders if order is not None)
    return longest, math.inf
