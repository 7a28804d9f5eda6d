"""The model made ready, once for all pages: imported, and its kernels compiled or loaded.

A first start after an installation compiles for minutes. Progress is shown to whoever waits.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
import time
from collections.abc import Callable
from typing import Any

from tcellabm.app.plan import BOTH, DAYS_PER_STEP, SCENARIOS, Plan, Treatment

LOOK_SECONDS = 0.25  # between two words of progress
QUIET_SECONDS = 2.0  # loading takes less: nothing is said of compiling

# The program is imported, by one thread alone: two would wait for each other.
loaded = threading.Event()

type Say = Callable[[str, float], None]


class Warming:
    """One scenario being made ready on a thread of its own."""

    def __init__(self, scenario: str) -> None:
        """Begin."""
        self.done = threading.Event()
        self._record: list[tuple[float, Any]] = []
        self._scenario, self._began = scenario, time.monotonic()
        threading.Thread(target=self._run, name=f"warm {scenario}", daemon=True).start()

    def _run(self) -> None:
        try:
            importlib.import_module("tcellabm.app.registry")
        finally:
            loaded.set()
        from numba.core import event

        listener = event.RecordingListener()
        try:
            with event.install_listener("numba:compile", listener):
                self._record = listener.buffer
                _play_a_little(self._scenario)
        finally:  # what went wrong will be said by the patient that is asked for
            self.done.set()

    @property
    def compiled(self) -> int:
        """How many kernels were compiled so far, and not found on the disk."""
        return sum(event.is_end for _, event in list(self._record))

    def progress(self) -> tuple[str, float]:
        """Return how far it is, in words and as a share of the kernels."""
        seconds = time.monotonic() - self._began
        if seconds < QUIET_SECONDS or not self.compiled:
            return "Loading the model", 0.0
        share = min(self.compiled / max(_kernels(), 1), 0.99)
        text = f"Compiling the model for this computer: {100 * share:.0f} %, {seconds:.0f} s so far"
        return f"{text}. Needed once; it takes a minute or three", share


_lock = threading.Lock()
_begun: dict[str, Warming] = {}


def start(scenario: str = next(iter(SCENARIOS))) -> Warming:
    """Begin to make a scenario ready, unless somebody has."""
    with _lock:
        if scenario not in _begun:
            _begun[scenario] = Warming(scenario)
        return _begun[scenario]


def wait(scenario: str, say: Say) -> None:
    """Wait until a scenario is ready, and say how far it is meanwhile."""
    warming = start(scenario)
    while not warming.done.wait(LOOK_SECONDS):
        say(*warming.progress())


def _play_a_little(scenario: str) -> None:
    """Do all that the first minute of a page does."""
    from tcellabm.app.frames import picture
    from tcellabm.app.twins import Twins

    days = 1.0 if scenario == "body" else DAYS_PER_STEP  # of single cells a day takes seconds
    twins = Twins(Plan(scenario=scenario, treatments=(Treatment(0.0, "car_t", BOTH),)))
    twins.give(Treatment(0.0, "tocilizumab"))
    twins.advance(days)
    picture(twins.arms[0])


def _kernels() -> int:
    """Return how many kernels there are."""
    from numba.core.registry import CPUDispatcher

    from tcellabm import kernels

    names = [f"{kernels.__name__}.{part.name}" for part in pkgutil.iter_modules(kernels.__path__)]
    return sum(
        isinstance(thing, CPUDispatcher) and thing.__module__ == name
        for name in names
        for thing in vars(importlib.import_module(name)).values()
    )
