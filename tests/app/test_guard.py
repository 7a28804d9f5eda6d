"""The guard: who is refused, in which words, and when a place is free again."""

import asyncio

import pytest

from tcellabm.app import guard as module
from tcellabm.app.guard import Guard, metered
from tcellabm.app.hosts import Allowed
from tcellabm.app.places import CLIENT, Places

OWN = [(b"host", b"localhost:8765")]
EVIL = [*OWN, (b"origin", b"http://evil.example")]


class Server:
    """An application behind a guard, and what was sent to whom."""

    def __init__(self, places=None):
        self.served, self.sent, self.living = [], [], set()
        self.release = asyncio.Event()
        allowed = Allowed("127.0.0.1", 8765, ["https://lab.example"])
        self.guard = Guard(self._app, allowed, self.living.__contains__, places)

    async def _app(self, scope, receive, send):
        self.served.append((scope["type"], CLIENT.get()))
        if scope["type"] == "websocket":
            await self.release.wait()
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})

    async def _send(self, message):
        self.sent.append(message)

    def ask(self, kind, headers=OWN, path="/", client="a"):
        scope = {"type": kind, "headers": headers, "path": path, "client": (client, 1)}
        if kind == "websocket":
            scope["extensions"] = {"websocket.http.response": {}}
        return asyncio.create_task(self.guard(scope, None, self._send))

    async def open(self, **options):
        task = self.ask("websocket", **options)
        await asyncio.sleep(0)
        return task

    @property
    def status(self):
        return next((m["status"] for m in self.sent if "status" in m), None)

    @property
    def text(self):
        return b"".join(m.get("body", b"") for m in self.sent).decode()


async def until(holds):
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("headers", [[], [(b"host", b"evil.example:8765")], EVIL])
def test_foreigners_are_refused_before_anything_starts(kind, headers):
    async def main():
        server = Server()
        await server.ask(kind, headers)
        assert server.status == 403 and not server.served and len(server.guard.sockets) == 0
        assert server.text.startswith("error: not ") and server.text.count("\n") == 0

    asyncio.run(main())


def test_foreign_pages_may_not_frame_these():
    async def main():
        server = Server()
        await server.ask("http")
        policy = dict(server.sent[0]["headers"])[b"content-security-policy"]
        assert policy == b"frame-ancestors 'self' https://lab.example"

    asyncio.run(main())


def test_what_is_neither_page_nor_socket_passes():
    async def main():
        server = Server()
        await server.ask("lifespan")
        assert server.served == [("lifespan", "")]

    asyncio.run(main())


def test_sockets_are_limited_for_each_client_and_in_all():
    async def main():
        server = Server(Places("pages", 3, 2))
        tasks = [await server.open(client=name, path=f"/{name}") for name in ("a", "a", "b")]
        assert server.served == [("websocket", "a"), ("websocket", "a"), ("websocket", "b")]
        await server.ask("websocket", client="b")
        assert server.status == 503 and "error: 3 pages are open, allowed: no more" in server.text
        server.sent.clear()
        await server.ask("http", client="b")
        assert server.status == 503
        server.sent.clear()
        await server.ask("http", client="b", path="/static/x.js")
        assert server.status == 200
        server.release.set()
        await asyncio.gather(*tasks)
        await until(lambda: len(server.guard.sockets) == 0)
        server.release.clear()
        server.sent.clear()
        tasks = [await server.open(), await server.open()]
        await server.ask("websocket")
        assert "error: 2 pages are open from this address" in server.text
        assert await server.open(client="b") and len(server.guard.sockets) == 3

    asyncio.run(main())


def test_a_place_is_held_until_what_was_started_is_gone(monkeypatch):
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)

    async def main():
        server = Server()
        server.living.add("/k")
        task = await server.open(path="/k")
        server.release.set()
        await task
        await asyncio.sleep(0.1)
        assert len(server.guard.sockets) == 1
        server.living.clear()
        await until(lambda: len(server.guard.sockets) == 0)
        assert not server.guard._open

    asyncio.run(main())


def test_a_page_that_comes_back_has_one_place(monkeypatch):
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)

    async def main():
        server = Server()
        server.living.add("/k")
        task = await server.open(path="/k")
        server.release.set()
        await task
        server.release.clear()
        await server.open(path="/k")
        await until(lambda: len(server.guard.sockets) == 1)

    asyncio.run(main())


def test_threads_are_let_go_a_while_after(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(module, "_nothing", lambda: asked.append(True))

    async def main():
        server = Server()
        task = await server.open()
        server.release.set()
        await task
        await until(lambda: asked)

    asyncio.run(main())


def test_too_many_messages_close_the_socket(monkeypatch):
    monkeypatch.setattr(module, "MESSAGES_AT_ONCE", 3.0)
    now, sent = [0.0], []

    async def receive():
        return {"type": "websocket.receive", "text": "x"}

    async def send(message):
        sent.append(message)

    async def main():
        heard = metered(receive, send, lambda: now[0])
        kinds = [(await heard())["type"] for _ in range(3)]
        now[0] += 1.0 / module.MESSAGES_PER_SECOND
        kinds.append((await heard())["type"])
        assert set(kinds) == {"websocket.receive"} and not sent
        last = await heard()
        assert last["type"] == "websocket.disconnect"
        assert sent == [{**last, "type": "websocket.close"}]
        assert last["code"] == 1008 and "allowed: 100 a second" in last["reason"]
        assert len(last["reason"].encode()) <= 123

    asyncio.run(main())
