"""What one browser tab is sent: pictures of both, and of the charts the rows that it lacks.

Bytes leave only when the browser has drawn what it got before. Of the frames sent, some are kept
for the replay.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tcellabm.app import ending, export, stories
from tcellabm.app.frames import CHART_COLUMNS, Picture, chart_rows, picture, rows_up_to
from tcellabm.app.plan import ARMS
from tcellabm.app.thinned import Thinned
from tcellabm.app.twins import Twins

type Message = dict[str, Any]
type Send = Callable[[Message, list[bytes]], None]

FRAMES_PER_SECOND = 40.0
MOST_ON_THE_WAY = 2  # frames sent and not yet drawn
FRAMES_KEPT, FRAME_SPACING = 400, 0.005
NOTHING = -1.0  # a day before all rows
LOST_SECONDS = 20.0  # without an answer to a frame: the browser is gone, or asleep


class Kept(NamedTuple):
    """A frame as it is kept for the replay."""

    facts: Message
    places: tuple[bytes, ...]


class Feed:
    """Messages out by `send`, and what the browser is known to have of them."""

    def __init__(self, send: Send) -> None:
        """Begin with a browser that has nothing."""
        self._send = send
        self._sent = self._drawn = 0
        self._last = time.monotonic()
        self._reset()

    def _reset(self) -> None:
        self._voxels: dict[str, int | None] = dict.fromkeys(ARMS)
        self._until = dict.fromkeys(ARMS, NOTHING)  # day of the last row that the browser has
        self._kept: Thinned[Kept] = Thinned(FRAMES_KEPT, FRAME_SPACING)

    # --- what the browser says ------------------------------------------------------------------

    def drawn(self, number: int) -> None:
        """Note that a frame was drawn."""
        self._drawn = max(self._drawn, min(number, self._sent))

    def look(self, arm: object, voxel: int) -> None:
        """Move the microscope of an arm."""
        if arm in ARMS:
            self._voxels[str(arm)] = voxel

    def miss(self) -> None:
        """Note that the browser lacks rows of the charts: all will be sent again."""
        self._until = dict.fromkeys(ARMS, NOTHING)

    @property
    def full(self) -> bool:
        """Whether as many frames are on the way as may be."""
        return self._sent - self._drawn >= MOST_ON_THE_WAY

    @property
    def lost(self) -> bool:
        """Whether the browser has not answered for long."""
        return self.full and time.monotonic() - self._last > LOST_SECONDS

    def wait(self) -> float:
        """Return the seconds until the next frame is due."""
        if self.full:
            return 1.0  # an answer is a command, and ends the wait
        return max(0.0, self._last + 1.0 / FRAMES_PER_SECOND - time.monotonic())

    # --- what it is sent ------------------------------------------------------------------------

    def say(self, kind: str, text: str) -> None:
        """Send a line: a status, a note, or an error."""
        self._send({"kind": kind, "text": text}, [])

    def progress(self, text: str, share: float | None = None) -> None:
        """Send a status, and which share is done if that is known; no more often than frames."""
        if time.monotonic() - self._last > 1.0 / FRAMES_PER_SECOND:
            self._last = time.monotonic()
            self._send({"kind": "status", "text": text, "share": share}, [])

    def begin(self, twins: Twins) -> None:
        """Send what holds for new patients throughout."""
        self._reset()
        self._send({"kind": "plan", **export.described(twins)}, [])

    def forget_after(self, day: float) -> None:
        """Drop the frames kept of a later day."""
        self._kept.forget_after(day)

    def free(self) -> None:
        """Drop all frames kept."""
        self._reset()

    def file(self, what: str, twins: Twins) -> None:
        """Send a file: the table, or the replay of the frames kept.

        Parameters
        ----------
        what : str
            `csv` or `replay`.
        twins : Twins
            Of which the file is.
        """
        about = export.described(twins)
        name, text = {
            "csv": lambda: ("patients.csv", export.table(twins)),
            "replay": lambda: ("replay.html", export.replay(about, list(self._kept), twins)),
        }[what]()
        self._send({"kind": "file", "name": f"tcellabm-{name}"}, [text.encode()])

    def show(self, twins: Twins, playing: bool, branches: list[str]) -> None:
        """Send a picture of both, and the rows of the record since the last one.

        Parameters
        ----------
        twins : Twins
            At the day to be shown.
        playing : bool
            Whether the days go on by themselves.
        branches : list of str
            Plans that can be gone back to.
        """
        self._sent += 1
        self._last = time.monotonic()
        pictures = {arm: self._picture(twins, arm) for arm in (ARMS if twins.apart else ARMS[:1])}
        after = [self._rows_after(twins, arm) for arm in pictures]
        rows = [self._rows(twins, arm, day) for arm, day in zip(pictures, after, strict=True)]
        facts = _facts(twins, pictures)
        own = {"kind": "frame", "n": self._sent, "playing": playing, "rows_after": after}
        places = tuple(taken.places for taken in pictures.values())
        parts = [*places, *(part.tobytes() for part in rows)]
        self._send({**own, **facts, "branches": branches}, parts)
        if not twins.apart:  # the twin's chart is yours up to here
            self._until[ARMS[1]] = NOTHING
        self._kept.offer(twins.day, lambda: Kept(facts, places))

    def _rows_after(self, twins: Twins, arm: str) -> float:
        """Return the day after which the browser lacks rows, or has those of another course."""
        days = twins.arms[ARMS.index(arm)].record.column("day")
        last = float(days[-1]) if len(days) else NOTHING
        return min(self._until[arm], last)

    def _rows(self, twins: Twins, arm: str, after: float) -> np.ndarray:
        model = twins.arms[ARMS.index(arm)]
        rows = chart_rows(model, rows_up_to(model, after))
        self._until[arm] = float(model.record.column("day")[-1]) if len(model.record) else NOTHING
        return rows

    def _picture(self, twins: Twins, arm: str) -> Picture:
        return picture(twins.arms[ARMS.index(arm)], self._voxels[arm])


def _facts(twins: Twins, pictures: dict[str, Picture]) -> Message:
    plan = twins.plan
    facts: Message = {
        "day": twins.day,
        "arms": [taken.facts for taken in pictures.values()],
        "given": [[t.day, t.name, t.who] for t in plan.treatments],
        "query": plan.query(twins.day),
        "note": stories.note_at(plan.story, twins.day),
        "columns": len(CHART_COLUMNS),
        "ended": twins.ended,
    }
    if twins.ended:
        facts["ending"] = ending.screen(twins)
    return facts
