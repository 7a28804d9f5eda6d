"""A bounded memory of a run: the early days kept densely, later ones ever more sparsely."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterator

DENSE_DAYS = 8.0  # what is kept is spread evenly over log(1 + day / DENSE_DAYS)


class Thinned[T]:
    """Things by day, never more than so many: every second one goes when there are too many."""

    def __init__(self, most: int, spacing: float) -> None:
        """Start empty; `spacing` is the least distance between things, in the scale above."""
        self._most = most
        self._spacing = spacing
        self._days: list[float] = []
        self._things: list[T] = []

    def __len__(self) -> int:
        """Return how many things are kept."""
        return len(self._days)

    def __iter__(self) -> Iterator[tuple[float, T]]:
        """Yield (day, thing) in the order of days."""
        return iter(list(zip(self._days, self._things, strict=True)))

    @property
    def next_day(self) -> float:
        """The day from which on something is wanted again."""
        if not self._days:
            return 0.0
        place = math.log1p(self._days[-1] / DENSE_DAYS) + self._spacing
        return DENSE_DAYS * math.expm1(place)

    def offer(self, day: float, make: Callable[[], T]) -> None:
        """Keep what `make` returns, if something of that day is wanted."""
        if self._days and day < self.next_day:
            return
        self._days.append(day)
        self._things.append(make())
        if len(self._days) > self._most:
            del self._days[1::2], self._things[1::2]
            self._spacing *= 2.0

    def forget_after(self, day: float) -> None:
        """Drop what is of a later day."""
        last = bisect.bisect_right(self._days, day)
        del self._days[last:], self._things[last:]

    def last(self) -> tuple[float, T]:
        """Return the latest (day, thing)."""
        return self._days[-1], self._things[-1]
