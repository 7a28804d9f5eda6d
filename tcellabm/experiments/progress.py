"""How far a sweep has got, on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]
_SECONDS_BETWEEN_LINES = 30.0


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
    from rich import progress as rich
    from rich.console import Console

    bar = rich.Progress(
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.TextColumn("{task.completed:.0f} of {task.total:.0f} runs"),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeRemainingColumn(),
        rich.TextColumn("left"),
        console=Console(stderr=True),
    )
    start = time.monotonic()
    fresh = 0
    with bar:
        row = bar.add_task("sweep", total=total, completed=done, rate="")

        def advance(runs: int) -> None:
            nonlocal fresh
            fresh += runs
            rate = f"{fresh / max(time.monotonic() - start, 1e-9):.1f} runs/s"
            bar.update(row, advance=runs, rate=rate)

        yield advance


def _lines(total: int, done: int) -> Advance:
    start = last = time.monotonic()
    fresh = 0

    def advance(runs: int) -> None:
        nonlocal fresh, last
        fresh += runs
        now = time.monotonic()
        if now - last < _SECONDS_BETWEEN_LINES:
            return
        last = now
        rate = fresh / (now - start)
        left = (total - done - fresh) / rate
        print(
            f"sweep: {done + fresh} of {total} runs, {rate:.1f} runs/s, {left:.0f} s left",
            file=sys.stderr,
        )

    return advance
