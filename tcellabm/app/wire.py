"""The socket of the class page: commands come as JSON, messages go as a head and its parts.

A message is one binary frame: the length of its head (uint32, little-endian), the head as JSON,
padded with blanks so that what follows lies on four bytes, then the parts, whose lengths the head
says.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from tcellabm.app import warm

if TYPE_CHECKING:
    from tcellabm.app.session import Session

TRY_AGAIN_LATER = 1013
LOOK_SECONDS = 0.05  # between two looks whether a session has ended
_WORD = 4  # bytes


def packed(message: dict[str, Any], parts: list[bytes]) -> bytes:
    """Put a message and its parts into one frame."""
    text = json.dumps({**message, "parts": [len(part) for part in parts]}, separators=(",", ":"))
    head = text.encode()
    head += b" " * (-len(head) % _WORD)
    return b"".join([struct.pack("<I", len(head)), head, *parts])


async def play(socket: WebSocket) -> None:
    """Serve one page, until it closes."""
    await socket.accept()
    outbox: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def send(message: dict[str, Any], parts: list[bytes]) -> None:
        with contextlib.suppress(RuntimeError):  # the server ends, and its loop has
            loop.call_soon_threadsafe(outbox.put_nowait, packed(message, parts))

    writer = asyncio.create_task(_write(socket, outbox))
    session = None
    try:
        first = await _hear(socket, send)  # a page that says nothing has no patient
        session = await _begin(send)
        if session is not None:
            session.tell(first)
            while True:
                session.tell(await _hear(socket, send))
        await _finish(writer, outbox)
        await socket.close(TRY_AGAIN_LATER)
    except WebSocketDisconnect:
        pass
    finally:
        writer.cancel()
        if session is not None:
            session.close()
            while session.is_alive():  # its place is free when its patient is gone
                await asyncio.sleep(LOOK_SECONDS)


async def _begin(send: Any) -> Session | None:
    """Begin a session, once the program is loaded: that goes on beside, and others are served."""
    warm.start()
    if not warm.loaded.is_set():
        send({"kind": "status", "text": "Loading the program", "share": 0.0}, [])
    while not warm.loaded.is_set():
        await asyncio.sleep(LOOK_SECONDS)
    from tcellabm.app import registry

    return registry.begin(send)


async def _hear(socket: WebSocket, send: Any) -> dict[str, Any]:
    """Return the next command; what is none is answered."""
    while True:
        try:
            command = json.loads(await socket.receive_text())
        except (ValueError, KeyError):
            command = None
        if isinstance(command, dict):
            return command
        send({"kind": "error", "text": "bad command, page, allowed: a JSON object"}, [])


async def _write(socket: WebSocket, outbox: asyncio.Queue[bytes]) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it closed meanwhile
        while True:
            await socket.send_bytes(await outbox.get())


async def _finish(writer: asyncio.Task[None], outbox: asyncio.Queue[bytes]) -> None:
    """Let what is in the outbox, or on its way there, leave."""
    await asyncio.sleep(LOOK_SECONDS)
    while not outbox.empty() and not writer.done():
        await asyncio.sleep(LOOK_SECONDS)
