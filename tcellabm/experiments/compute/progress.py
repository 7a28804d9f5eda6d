"""How far a sweep has got, on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tcellabm.params import Parameters

Advance = Callable[[int], None]
_SECONDS_BETWEEN_LINES = 30.0
_SECONDS_OF_SILENCE = 5.0  # of one run
_SHORTEST_DAYS = 2.0**-15  # no tick is shorter


class Pace:
    """Runs per second, counted from the first result: workers take a while to start."""

    def __init__(self) -> None:
        self.start: float | None = None
        self.runs = 0

    def add(self, runs: int) -> None:
        """Count runs that have just been done."""
        if self.start is None:
            self.start = time.monotonic()
        else:
            self.runs += runs

    @property
    def rate(self) -> float:
        """Runs per second; 0 while it is not known."""
        seconds = 0.0 if self.start is None else time.monotonic() - self.start
        return self.runs / seconds if seconds else 0.0

    def left(self, runs: int) -> str:
        """Say how long that many runs will take; empty while it is not known."""
        if not self.rate:
            return ""
        minutes, seconds = divmod(round(runs / self.rate), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{self.rate:.1f} runs/s, {hours}:{minutes:02}:{seconds:02} left"


@contextmanager
def progress(total: int, done: int, quiet: bool = False) -> Iterator[Advance]:
    """Show a bar with rate and time left; off a terminal, a line every half minute.

    Parameters
    ----------
    total, done : int
        Runs wanted, and runs that an earlier session has done.
    quiet : bool
        Show nothing.

    Yields
    ------
    callable
        To be called with the number of runs just done.
    """
    if quiet:
        yield lambda runs: None
    elif sys.stderr.isatty():
        with _bar(total, done) as advance:
            yield advance
    else:
        yield _lines(total, done)


@contextmanager
def _bar(total: int, done: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    count = TextColumn("{task.completed:.0f} of {task.total:.0f} runs")
    pace, left = Pace(), TextColumn("{task.fields[left]}")
    with Progress("sweep", BarColumn(), count, left, console=Console(stderr=True)) as bar:
        row = bar.add_task("sweep", total=total, completed=done, left="")

        def advance(runs: int) -> None:
            pace.add(runs)
            bar.advance(row, runs)
            bar.update(row, left=pace.left(total - int(bar.tasks[row].completed)))

        yield advance


def _lines(total: int, done: int) -> Advance:
    pace = Pace()
    last = time.monotonic()

    def advance(runs: int) -> None:
        nonlocal done, last
        pace.add(runs)
        done += runs
        if time.monotonic() - last > _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            told = (f"sweep: {done} of {total} runs", pace.left(total - done))
            print(*filter(None, told), sep=", ", file=sys.stderr)

    return advance


def slices(params: Parameters) -> Iterator[float]:
    """Yield days up to the last of a run, and say on stderr now and then which one it is.

    They lie closer the longer it takes from one to the next, so that no run is silent for long.
    """
    begun = spoken = time.monotonic()
    day, length, last = 0.0, _SHORTEST_DAYS, params.time.days
    while day < last:
        day, before = min(day + length, last), time.monotonic()
        yield day
        now = time.monotonic()
        length = 0.5 * length if now - before > 1.0 else 2.0 * length
        if now - spoken > _SECONDS_OF_SILENCE and day < last:
            spoken = now
            print(f"day {day:.4g} of {last:g} after {now - begun:.0f} s", file=sys.stderr)
