"""The socket of a running server: who may open it, how many, and what is left when it closes."""

import http.server
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from wire import WAIT, LabWire, Wire

from tcellabm.app import guard, registry

QUIET = 12  # threads of a server without a page, at most
TRIES = """(address) => new Promise((done) => {
  const socket = new WebSocket(address.replace('http', 'ws') + 'play');
  socket.onopen = () => done('open');
  socket.onerror = () => done('refused');
})"""


def wait_for(holds):
    end = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


def wait_until_quiet(server):
    """Wait until the threads that were there for a page are gone."""
    wait_for(lambda: threads(server) <= QUIET)


def threads(server):
    return psutil.Process(server.pid).num_threads()


@contextmanager
def wires(server, number, kind=Wire):
    opened = [kind(server) for _ in range(number)]
    try:
        yield opened
    finally:
        for wire in opened:
            wire.close()


def test_a_foreign_host_is_refused(server):
    for path in ("", "lab", "resourcez", "page/main.js"):
        request = urllib.request.Request(server + path, headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(request, timeout=WAIT)
        with refusal.value as answer:
            assert answer.code == 403
            assert answer.read().startswith(b"error: not served as evil.example, Host, allowed: ")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9"])
def test_a_foreign_page_opens_no_socket(server, origin):
    with pytest.raises(InvalidStatus) as refusal:
        Wire(server, origin=origin)
    assert refusal.value.response.status_code == 403
    assert b"error: not for pages of" in refusal.value.response.body


def test_a_program_says_no_origin(server):
    Wire(server, origin=None).close()


def test_a_page_from_elsewhere_opens_no_socket_in_a_browser(server, chromium):
    class Evil(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"<title>x</title><iframe src='{server}'></iframe>".encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Evil) as evil:
        threading.Thread(target=evil.serve_forever, daemon=True).start()
        context = chromium.new_context()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{evil.server_port}/")
        assert page.evaluate(TRIES, server) == "refused"
        assert [frame.url for frame in page.frames][1:] in ([], ["chrome-error://chromewebdata/"])
        page.goto(f"{server}page/stage.css")
        assert page.evaluate(TRIES, server) == "open"
        context.close()
        evil.shutdown()


def test_so_many_sockets_and_no_more(server):
    wait_until_quiet(server)
    with wires(server, guard.MOST_EACH):
        with pytest.raises(InvalidStatus) as refusal:
            Wire(server)
        assert refusal.value.response.status_code == 503
        assert b"pages are open from this address, allowed: no more" in refusal.value.response.body
        with pytest.raises(urllib.error.HTTPError) as answer:
            urllib.request.urlopen(server, timeout=WAIT)
        with answer.value:
            assert answer.value.code == 503
    wait_until_quiet(server)
    Wire(server).close()


def test_so_many_patients_and_no_more_and_nothing_is_left_of_them(server):
    wait_until_quiet(server)
    with wires(server, 1) as [first]:
        assert first.start()["kind"] == "frame"
    wait_until_quiet(server)
    with wires(server, registry.MOST_EACH) as all_of_them:
        assert [wire.start()["kind"] for wire in all_of_them] == ["frame"] * registry.MOST_EACH
        with wires(server, 1) as [late]:
            said = late.start()
            assert said["kind"] == "error" and "patients are open from this address" in said["text"]
            with pytest.raises(ConnectionClosed):
                late.hear()
        for wire in all_of_them[:4]:
            wire.drop()
    wait_until_quiet(server)
    with wires(server, 1) as [again]:
        assert again.start()["kind"] == "frame"


def test_nothing_is_left_of_labs(server):
    wait_until_quiet(server)
    with wires(server, 2, LabWire) as both:
        for wire in both:
            wire.run()
    wait_until_quiet(server)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_what_is_no_command_is_said_and_the_page_goes_on(server, text):
    with wires(server, 1) as [wire]:
        wire.socket.send(text)
        assert "bad command" in wire.wait_for(lambda m: m if m["kind"] == "error" else None)["text"]
        assert wire.start()["kind"] == "frame"


def test_what_nobody_serves_is_not_found(server):
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(f"{server}favicon.ico", timeout=WAIT)
    with answer.value:
        assert answer.value.code == 404


def test_a_message_that_is_too_long_closes_the_socket(server):
    with wires(server, 1) as [wire]:
        wire.socket.send("x" * 2**19)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                wire.hear()
        assert closed.value.rcvd.code == 1009


def test_messages_that_are_too_many_close_the_socket(server):
    with wires(server, 1) as [wire], pytest.raises(ConnectionClosed) as closed:
        for _ in range(20 * int(guard.MESSAGES_AT_ONCE)):
            wire.tell(do="drawn", n=0)
        while True:
            wire.hear()
    assert closed.value.rcvd.code == 1008 and "too many messages" in closed.value.rcvd.reason
