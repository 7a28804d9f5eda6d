"""Mesa's clock for a patient who is brought up to date only when somebody looks."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mesa import Model
from mesa.time import Event, EventGenerator, Priority, Schedule


class Clock(Model):
    """A Mesa model whose state follows the clock: `bring_up_to_date` runs all that is due.

    Attributes
    ----------
    scheduled : list of Event
        One-off events that are still to come.
    recurring : list of EventGenerator
        Series of events that somebody has asked for.
    """

    _default_schedule: EventGenerator  # Mesa's, of days

    def __init__(self, seed: int) -> None:
        """Start at day 0."""
        self.scheduled: list[Event] = []
        self.recurring: list[EventGenerator] = []
        super().__init__(rng=seed)
        self._mesa_step, self.step = self.step, self._step_and_follow  # type: ignore[method-assign]

    @abstractmethod
    def bring_up_to_date(self) -> None:
        """Run what is due at the clock's time."""

    def run_until(self, end_time: float) -> None:
        """Run to a day after infusion; a day already reached does nothing.

        Raises
        ------
        ValueError
            It is no finite number.
        """
        if not math.isfinite(end_time):
            raise ValueError(f"run until day {end_time}, allowed: a finite number")
        if end_time > self.time:
            with self._without_idle_days():
                super().run_until(float(end_time))
            self._follow()

    @property
    def steps(self) -> int:
        """Whole days so far, as Mesa counts them."""
        return math.floor(self.time)

    @steps.setter
    def steps(self, count: int) -> None:
        """Leave it to the clock."""

    @contextmanager
    def _without_idle_days(self) -> Iterator[None]:
        """Leave out Mesa's event of each day while nothing depends on it: no `step`, no observer.

        Of five years it takes a quarter of the time.
        """
        if type(self).step is not Clock.step or self.subscribers or self.recurring:
            yield
            return
        self._default_schedule.stop()
        try:
            yield
        finally:
            days = Schedule(interval=1.0, start=self.steps + 1.0)
            self._default_schedule = EventGenerator(
                self, self._do_step, days, priority=Priority.HIGH
            ).start()

    def run_for(self, duration: float) -> None:
        """Run for so many days."""
        self.run_until(self.time + duration)

    def step(self) -> None:
        """Mesa's day: a hook for subclasses."""

    def _step_and_follow(self) -> None:
        self._mesa_step()
        self._follow()

    def _follow(self) -> None:
        """Bring the patient to the time of the clock, all events of which have been run."""
        self.bring_up_to_date()
        self.scheduled = [event for event in self.scheduled if event.time > self.time]

    def schedule_event(self, function: Callable[[], None], **when: Any) -> Event:
        """Schedule a one-off event; see `mesa.Model.schedule_event`."""
        event = super().schedule_event(function, **when)
        self.scheduled.append(event)
        return event

    def schedule_recurring(
        self,
        function: Callable[[], None],
        schedule: Schedule,
        priority: Priority = Priority.DEFAULT,
    ) -> EventGenerator:
        """Schedule events that recur; see `mesa.Model.schedule_recurring`.

        Parameters
        ----------
        function : callable
            Called without arguments.
        schedule : mesa.time.Schedule
            When, in days.
        priority : mesa.time.Priority
            Among events of one time.

        Returns
        -------
        mesa.time.EventGenerator
            The series, which can be stopped.
        """
        series = super().schedule_recurring(function, schedule, priority)
        self.recurring.append(series)
        return series
