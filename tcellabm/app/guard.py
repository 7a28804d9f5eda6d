"""Who comes in: foreign hosts and origins do not, and nobody takes more than a share.

All is checked before anybody hears of a request, so that nothing is started for a foreign page.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from starlette.responses import PlainTextResponse

from tcellabm.app.hosts import Allowed
from tcellabm.app.places import CLIENT, Places

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    App = Callable[[Any, Any, Any], Awaitable[None]]

MOST_SOCKETS, MOST_EACH = 32, 12  # in all, and from one address
# A page sends 25 answers a second while it plays, and some ten messages when it is loaded.
MESSAGES_PER_SECOND, MESSAGES_AT_ONCE = 100.0, 500.0
TOO_MANY_MESSAGES = f"too many messages, allowed: {MESSAGES_PER_SECOND:g} a second"
PAGES = ("/", "/lab")
LOOK_SECONDS = 0.2  # between two looks whether a page is gone
IDLE_SECONDS = 11.0  # AnyIO lets go of a thread that was idle for 10 s, when it is next asked
FOREIGN, FULL = 403, 503
POLICY_VIOLATION = 1008


class Guard:
    """An application behind the guard.

    Parameters
    ----------
    app : callable
        The application (ASGI).
    allowed : Allowed
        The hosts and origins.
    lives : callable
        Tells by the path of a socket whether what was started for it is still there.
    sockets : Places, optional
        Places for sockets.
    """

    def __init__(
        self,
        app: App,
        allowed: Allowed,
        lives: Callable[[str], bool],
        sockets: Places | None = None,
    ) -> None:
        """Stand before an application."""
        self._app, self._allowed, self._lives = app, allowed, lives
        self.sockets = Places("pages", MOST_SOCKETS, MOST_EACH) if sockets is None else sockets
        self._open: dict[str, int] = {}  # sockets by their path: a page may connect again
        self._leaving: set[asyncio.Task[None]] = set()
        self._last_left = 0.0
        others = " ".join(["'self'", *map(str, allowed.added)])
        self._policy = (b"content-security-policy", f"frame-ancestors {others}".encode())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on what may come in."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        if line := self._allowed.why_not(scope["headers"]):
            return await PlainTextResponse(line, FOREIGN)(scope, receive, send)
        if scope["type"] == "websocket":
            return await self._socket(scope, receive, send)
        if scope["path"] in PAGES and (line := self.sockets.why_not(_client(scope))):
            return await PlainTextResponse(f"error: {line}", FULL)(scope, receive, send)
        await self._app(scope, receive, self._unframed(send))

    def _unframed(self, send: Any) -> Any:
        """Forbid foreign pages to show these in a frame, which starts patients too."""

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], self._policy]}
            await send(message)

        return sent

    async def _socket(self, scope: Any, receive: Any, send: Any) -> None:
        client, path = _client(scope), scope["path"]
        if line := self.sockets.take(client):
            return await PlainTextResponse(f"error: {line}", FULL)(scope, receive, send)
        self._open[path] = self._open.get(path, 0) + 1
        mark = CLIENT.set(client)  # a thread for this socket starts with a copy
        try:
            await self._app(scope, metered(receive, send), send)
        finally:
            CLIENT.reset(mark)
            self._open[path] -= 1
            self._afterwards(client, path)

    def _afterwards(self, client: str, path: str) -> None:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # the server ends, and all with it
            return self.sockets.give_back(client)
        leaving = asyncio.create_task(self._leave(client, path))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _leave(self, client: str, path: str) -> None:
        """Hold the place of a socket until what it started is gone; then free its thread.

        Only the last one to leave asks: every asking keeps one more thread busy.
        """
        until = self._last_left = time.monotonic() + IDLE_SECONDS
        try:
            while not self._open.get(path) and self._lives(path):
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self.sockets.give_back(client)
            if not self._open.get(path):
                self._open.pop(path, None)
        await asyncio.sleep(until - time.monotonic())
        if until == self._last_left:
            await anyio.to_thread.run_sync(_nothing)


def metered(receive: Any, send: Any, clock: Callable[[], float] = time.monotonic) -> Any:
    """Return what receives messages, and closes the socket where they are too many.

    Parameters
    ----------
    receive, send : callable
        Of the socket (ASGI).
    clock : callable
        Returns seconds.

    Returns
    -------
    callable
        Stands for `receive`; allows MESSAGES_PER_SECOND, and MESSAGES_AT_ONCE in a burst.
    """
    left, last = MESSAGES_AT_ONCE, clock()

    async def heard() -> Any:
        nonlocal left, last
        message = await receive()
        now = clock()
        left, last = min(MESSAGES_AT_ONCE, left + (now - last) * MESSAGES_PER_SECOND) - 1.0, now
        if left >= 0.0 or message["type"] != "websocket.receive":
            return message
        reason = {"code": POLICY_VIOLATION, "reason": TOO_MANY_MESSAGES}
        await send({"type": "websocket.close", **reason})
        return {"type": "websocket.disconnect", **reason}

    return heard


def _client(scope: Any) -> str:
    return str(scope["client"][0]) if scope.get("client") else ""


def _nothing() -> None:
    """Give AnyIO an occasion to look at its threads."""
