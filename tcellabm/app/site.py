"""The site: the class page and its socket; the lab, which is loaded when it is first asked for."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from tcellabm.app.assets import STATIC
from tcellabm.app.wire import play

# What Solara's server answers; all else is nobody's.
LAB_PATHS = ("lab", "static", "jupyter", "_solara", "resourcez", "readyz")
SOLARA = "solara.server.starlette"


class Modules(StaticFiles):
    """The files of the page: never cached, so that an update shows at once."""

    def file_response(self, *parts: Any, **named: Any) -> Response:
        """Answer with a file, to be looked at again before it is used again."""
        response = super().file_response(*parts, **named)
        response.headers["Cache-Control"] = "no-cache"
        return response


class Lab:
    """Solara's server, imported when it is first asked for: that takes seconds."""

    def __init__(self) -> None:
        """Wait to be asked."""
        self._app: Any = None
        self._loading = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on what is Solara's."""
        if scope["path"].strip("/").split("/")[0] not in LAB_PATHS:
            if scope["type"] == "http":
                answer = PlainTextResponse("error: nothing here, allowed: / and /lab", 404)
                return await answer(scope, receive, send)
            return await send({"type": "websocket.close", "code": 1008})
        async with self._loading:
            if self._app is None:
                self._app = await anyio.to_thread.run_sync(_load)
        await self._app(scope, receive, send)


def _load() -> Any:
    import pandas  # noqa: F401 - whole, before Solara looks at it while it renders
    from solara.server.starlette import app, on_startup

    on_startup()
    return app


@contextlib.asynccontextmanager
async def _living(_site: Starlette) -> AsyncIterator[None]:
    yield
    if SOLARA in sys.modules:
        sys.modules[SOLARA].on_shutdown()


def _page(_request: Request) -> Response:
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    return HTMLResponse(html, headers={"Cache-Control": "no-cache"})


def site() -> Starlette:
    """Return the application that serves the pages."""
    routes = [
        Route("/", _page),
        WebSocketRoute("/play", play),
        Mount("/page", Modules(directory=STATIC)),
        Mount("/", Lab()),
    ]
    return Starlette(routes=routes, lifespan=_living)
