import sys

import pytest
from rich.progress import Progress

from tcellabm.experiments.compute import collect as module
from tcellabm.experiments.compute.collect import progress, rate_and_time_left


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_the_pace_counts_from_the_first_result(clock):
    bar = Progress(get_time=clock.monotonic)
    sweep = bar.add_task("", total=7305)
    clock.now += 60.0
    bar.advance(sweep, 1)
    assert rate_and_time_left(bar) == ""
    clock.now += 2.0
    bar.advance(sweep, 4)
    assert rate_and_time_left(bar) == "2.0 runs/s, 1:00:50 left"


def test_off_a_terminal_there_is_a_line_now_and_then(clock, capsys):
    with progress(total=100, done=10) as advance:
        for _ in range(7):
            clock.now += 10.0
            advance(5)
    assert capsys.readouterr().err == "sweep: 30 of 100 runs, 0.5 runs/s, 0:02:20 left\n"


def test_on_a_terminal_there_is_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress(total=4, done=1) as advance:
        advance(1)
        advance(2)
    err = capsys.readouterr().err
    assert "4 of 4 runs" in err


def test_quiet_is_quiet(capsys):
    with progress(total=4, done=0, quiet=True) as advance:
        advance(4)
    assert capsys.readouterr().err == ""
