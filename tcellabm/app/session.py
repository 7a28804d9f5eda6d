"""One browser tab: plays a pair of twins on a thread of its own, and obeys the tab's commands.

All that touches the models happens on that thread, in order: commands are queued, and the `feed`
takes a picture between two steps.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable

from tcellabm.app import stories, warm
from tcellabm.app.feed import FRAMES_PER_SECOND, Feed, Message, Send
from tcellabm.app.plan import (
    BOTH,
    DAYS_PER_STEP,
    SLIDERS,
    TREATMENTS,
    YOURS,
    Plan,
    Treatment,
    on_grid,
)
from tcellabm.app.twins import Twins
from tcellabm.params import InputError

IDLE_SECONDS = 900.0  # without play or command: the patient is freed, its plan is kept
SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # days per second
STEP_DAYS = 0.25
LONGEST_LEAP = 2.0  # days computed between two looks at the commands
FILES = ("csv", "replay")
MOST_COMMANDS = 256  # that wait
MOST_BRANCHES = 12  # plans that were left, and can be gone back to


class Session(threading.Thread):
    """Commands in by `tell`, messages out by `send`, until `close`.

    Parameters
    ----------
    send : callable
        Takes a message and its list of bytes; called on the session's thread.
    idle_seconds : float
        Without play or command, until the patient is freed.
    at_end : callable
        Called once, on that thread, when the session ends.
    """

    def __init__(
        self,
        send: Send,
        idle_seconds: float = IDLE_SECONDS,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare a session; `start` begins it."""
        super().__init__(name="twins", daemon=True)
        self._feed = Feed(send)
        self._idle_seconds = idle_seconds
        self._at_end = at_end
        self._commands: queue.Queue[Message] = queue.Queue(MOST_COMMANDS)
        self._closed = threading.Event()
        self._twins: Twins | None = None
        self._freed: tuple[Plan, float] = Plan(), 0.0  # plan and day of a patient who was let go
        self._branches: list[Plan] = []  # plans that were left, the last one last
        self._playing = False
        self._speed = 1.0
        self._stops = True  # whether play stops where a story has something to read
        self._ahead = 0.0  # days that the play head is beyond the state, less than a step
        self._aim: float | None = None  # a day that is being gone to
        self._last_word = time.monotonic()
        self._dirty = False  # the browser shows something older than the state

    # --- from outside ---------------------------------------------------------------------------

    def tell(self, command: Message) -> None:
        """Queue a command; from any thread."""
        try:
            self._commands.put_nowait(command)
        except queue.Full:
            self._feed.say("error", f"{MOST_COMMANDS} commands wait, allowed: no more")

    def close(self) -> None:
        """End the session and free its patient, whatever else waits; from any thread."""
        self._closed.set()
        with contextlib.suppress(queue.Full):  # then it is awake
            self._commands.put_nowait({"do": "close"})

    # --- the thread -----------------------------------------------------------------------------

    def run(self) -> None:
        """Obey commands and play, until told to close."""
        try:
            self._live()
        finally:
            self._twins = None  # whoever still holds the session does not hold the patient
            self._feed.free()
            self._at_end()

    def _live(self) -> None:
        while not self._closed.is_set():
            command = self._next_command()
            if command is not None and command.get("do") == "close":
                return
            try:
                if command is not None:
                    self._obey(command)
                else:
                    self._go_on()
            except InputError as error:
                self._feed.say("error", str(error))
            except (TypeError, ValueError) as error:
                self._feed.say("error", f"bad command: {error}"[:200])
            except Exception as error:  # a fault ends the patient, not the page
                self._playing, self._aim = False, None
                self._feed.say("error", f"{type(error).__name__}: {error}"[:300])

    def _next_command(self) -> Message | None:
        """Return the next command; None when it is time to go on."""
        wait = self._wait()
        try:
            return self._commands.get(wait > 0.0, wait)
        except queue.Empty:
            return None

    def _wait(self) -> float:
        """Return the seconds until there is something to do."""
        if self._aim is not None:
            return 0.0
        if not (self._playing or self._dirty):
            return max(1.0, self._last_word + self._idle_seconds - time.monotonic())
        return self._feed.wait()

    def _go_on(self) -> None:
        waiting = self._feed.full
        if self._feed.lost:
            self._playing = False
        busy = self._playing or self._aim is not None or (self._dirty and not waiting)
        if not busy and time.monotonic() - self._last_word > self._idle_seconds:
            return self._free()
        if self._aim is not None:
            return self._approach()
        if self._twins is None or waiting or not (self._playing or self._dirty):
            return
        if self._playing:
            self._play()
        self._show()

    def _play(self) -> None:
        assert self._twins is not None
        self._ahead += self._speed / FRAMES_PER_SECOND
        to = on_grid(self._twins.day + self._ahead)
        story = self._twins.plan.story
        note = stories.next_note(story, self._twins.day) if self._stops else None
        to = min(to, note) if note is not None else to
        self._ahead = min(self._twins.day + self._ahead - to, DAYS_PER_STEP)
        self._twins.advance(to)
        self._reach()

    def _reach(self) -> None:
        """Stop where there is something to read."""
        assert self._twins is not None
        noted = self._stops and stories.note_at(self._twins.plan.story, self._twins.day)
        if self._twins.ended or noted:
            self._playing = False

    def _approach(self) -> None:
        """Go a part of the way to a day, so that commands are heard meanwhile."""
        assert self._twins is not None and self._aim is not None
        near = min(self._aim, self._twins.day + LONGEST_LEAP)
        self._twins.seek(near)
        if self._twins.day >= self._aim or self._twins.ended:
            self._aim = None
            self._dirty = True
        else:
            self._feed.progress(f"Computing day {self._twins.day:.0f}")

    # --- commands -------------------------------------------------------------------------------

    def _obey(self, command: Message) -> None:
        name = command.get("do")
        if name == "drawn":
            return self._feed.drawn(int(command.get("n", 0)))
        self._last_word = time.monotonic()
        if self._twins is None and name not in ("open", "restart", "story"):
            self._restore(*self._freed)
        handler = _COMMANDS.get(str(name))
        if handler is None:
            raise InputError(f"unknown command {str(name)[:30]}", "page")
        handler(self, command)

    def _open(self, command: Message) -> None:
        """Begin with what a URL says; with what is by default where it says nonsense."""
        try:
            asked = stories.opened(str(command.get("query", "")))
        except InputError as error:
            self._begin(Plan(), 0.0)
            raise error from None
        self._begin(asked.plan, asked.day)
        if asked.note:
            self._feed.say("note", asked.note)

    def _restart(self, command: Message) -> None:
        self._begin(stories.opened(str(command.get("query", ""))).plan, 0.0)

    def _story(self, command: Message) -> None:
        self._begin(stories.plan_of(str(command.get("name", ""))), 0.0)

    def _begin(self, plan: Plan, day: float) -> None:
        self._playing = False
        self._branches.clear()
        warm.wait(plan.scenario, self._feed.progress)
        self._restore(plan, day)

    def _restore(self, plan: Plan, day: float) -> None:
        """Make the patient of a plan, and go to a day."""
        self._twins = Twins(plan)
        self._ahead = 0.0
        self._feed.begin(self._twins)
        self._go_to(day)

    def _free(self) -> None:
        """Let go of a patient whom nobody looks at; the plan brings it back."""
        if self._twins is not None:
            self._freed = self._twins.plan, self._twins.day
            self._twins = None
            self._feed.free()
            self._feed.say("status", "Paused for long: the next click goes on here")

    def _set_playing(self, command: Message) -> None:
        assert self._twins is not None
        self._playing = bool(command.get("on")) and not self._twins.ended
        self._dirty = True

    def _set_speed(self, command: Message) -> None:
        speed = float(command.get("days_per_second", 1.0))
        if speed not in SPEEDS:
            raise InputError(f"speed {speed:g}", "page", f"allowed: {SPEEDS}")
        self._speed = speed

    def _set_stops(self, command: Message) -> None:
        self._stops = bool(command.get("on"))

    def _step(self, command: Message) -> None:
        assert self._twins is not None
        self._playing = False
        self._twins.advance(on_grid(self._twins.day) + STEP_DAYS)
        self._reach()
        self._dirty = True

    def _seek(self, command: Message) -> None:
        assert self._twins is not None
        self._playing = False
        day = min(max(float(command.get("day", 0.0)), 0.0), self._twins.plan.days)
        self._go_to(on_grid(day))

    def _go_to(self, day: float) -> None:
        assert self._twins is not None
        if day < self._twins.day:
            self._twins.seek(day)
            self._feed.forget_after(day)
        self._aim, self._dirty = day, True

    def _give(self, command: Message) -> None:
        assert self._twins is not None
        name, who = str(command.get("name")), str(command.get("who", YOURS))
        if name not in TREATMENTS or who not in (YOURS, BOTH):
            raise InputError(f"treatment {name[:30]}", "page", f"allowed: {', '.join(TREATMENTS)}")
        per_kg = command.get("per_kg") if name == "car_t" else None
        if per_kg is not None:
            slider = SLIDERS["dose"]
            per_kg = float(f"{min(max(float(per_kg), slider.low), slider.high):.3g}")
        if self._aim is not None:
            self._twins.seek(self._aim)
            self._aim = None
        before, day = self._twins.plan, self._twins.day
        self._twins.give(Treatment(day, name, who, per_kg))
        self._leave(before)
        self._show()
        if dropped := before.later(day):
            named = ", ".join(f"{TREATMENTS[t.name].mark} on day {t.day:g}" for t in dropped)
            self._feed.say("note", f"A new branch: without {named}. Undo brings it back")

    def _leave(self, plan: Plan) -> None:
        """Keep a plan that is left for another, once."""
        self._branches = [other for other in self._branches if other != plan][1 - MOST_BRANCHES :]
        self._branches.append(plan)

    def _undo(self, _command: Message) -> None:
        """Go back to the plan before the last treatment."""
        if self._branches:
            self._resume(self._branches.pop())

    def _branch(self, command: Message) -> None:
        """Go on with a plan that was left; the present one takes its place among those."""
        assert self._twins is not None
        number = int(command.get("number", -1))
        if not 0 <= number < len(self._branches):
            raise InputError(f"branch {number}", "page", f"allowed: 0 to {len(self._branches) - 1}")
        plan = self._branches.pop(number)
        self._leave(self._twins.plan)
        self._resume(plan)

    def _resume(self, plan: Plan) -> None:
        """Show another plan of the same patient, on the same day."""
        assert self._twins is not None
        self._playing = False
        self._restore(plan, self._twins.day if self._aim is None else self._aim)

    def _look_at(self, command: Message) -> None:
        self._feed.look(command.get("arm"), int(command.get("voxel", 0)))
        self._dirty = True

    def _send_rows(self, _command: Message) -> None:
        self._feed.miss()
        self._dirty = True

    def _export(self, command: Message) -> None:
        assert self._twins is not None
        what = str(command.get("what"))
        if what not in FILES:
            raise InputError(f"export of {what[:30]}", "page", f"allowed: {', '.join(FILES)}")
        self._feed.file(what, self._twins)

    def _show(self) -> None:
        assert self._twins is not None
        self._dirty = False
        left = [_named(plan) for plan in self._branches]
        self._feed.show(self._twins, self._playing, left)


def _named(plan: Plan) -> str:
    """Name a plan by what it gives."""
    given = [f"day {t.day:g} {TREATMENTS[t.name].mark}" for t in plan.treatments]
    return ", ".join(given) or "nothing given"


_COMMANDS: dict[str, Callable[[Session, Message], None]] = {
    "open": Session._open,
    "restart": Session._restart,
    "story": Session._story,
    "play": Session._set_playing,
    "speed": Session._set_speed,
    "stops": Session._set_stops,
    "step": Session._step,
    "seek": Session._seek,
    "give": Session._give,
    "undo": Session._undo,
    "branch": Session._branch,
    "look": Session._look_at,
    "rows": Session._send_rows,
    "export": Session._export,
}
