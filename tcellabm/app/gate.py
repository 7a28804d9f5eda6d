"""Pages before the model: what is loaded when, so that the first page is soon there and whole.

Solara looks at pandas while it renders, and must not see it half loaded by another thread. So new
connections wait while pandas is loaded, which takes a second, once.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    App = Callable[[Any, Any, Any], Awaitable[None]]

QUIET_SECONDS = 1.0  # without a request: nobody waits for a page

_lock = threading.Lock()
_closed = threading.Event()


def load_pandas() -> None:
    """Import pandas, with new connections held back meanwhile."""
    with _lock:
        _closed.set()
        try:
            import pandas  # noqa: F401
        finally:
            _closed.clear()


class Gate:
    """An application behind the gate.

    Attributes
    ----------
    asked : float
        When it was asked last, by the monotonic clock.
    """

    def __init__(self, app: App) -> None:
        """Stand before an application (ASGI)."""
        self._app = app
        self.asked = time.monotonic()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on a connection, once the gate is open."""
        self.asked = time.monotonic()
        while _closed.is_set():
            await asyncio.sleep(0.02)
        await self._app(scope, receive, send)

    def wait_for_quiet(self) -> None:
        """Wait until nobody has asked for a while."""
        while (left := self.asked + QUIET_SECONDS - time.monotonic()) > 0.0:
            time.sleep(left)
