"""Hosts and origins: what is ours, and every way of writing what is not."""

import pytest

from tcellabm import InputError
from tcellabm.app.hosts import Allowed, is_every, read_address, read_origin

PORT = 8765


def why_not(host, origin=None, added=(), listened="127.0.0.1", port=PORT):
    headers = [(b"host", host.encode())] if host is not None else []
    headers += [(b"origin", origin.encode())] if origin is not None else []
    return Allowed(read_address(listened), port, added).why_not(headers)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LocalHost", "[0:0::1]"])
def test_loopback_is_ours(name):
    place = f"{name}:{PORT}"
    assert not why_not(place) and not why_not(place, f"http://{place}")


@pytest.mark.parametrize(
    "host",
    [None, "", "evil.example", f"evil.example:{PORT}", "localhost", "localhost:80", "localhost:",
     f"localhost.:{PORT}", f"localhost.evil.example:{PORT}", f"user@localhost:{PORT}",
     f"localhost:{PORT}@evil.example", f"evil.example#localhost:{PORT}", f"::1:{PORT}",
     f"[::1%lo]:{PORT}", f"[::ffff:127.0.0.1]:{PORT}", f"[::1]evil:{PORT}", f"127.1:{PORT}",
     f"0x7f.0.0.1:{PORT}", f"2130706433:{PORT}", f"0.0.0.0:{PORT}", f" localhost:{PORT}",
     f"localhost:{PORT}, evil.example", f"localhost:0{PORT}0", "localhost:99999",
     f"loca\u017fhost:{PORT}", f"localhost\u212a:{PORT}"],
)  # fmt: skip
def test_foreign_hosts(host):
    line = why_not(host)
    assert line.startswith("error: not served as ") and "\n" not in line
    assert "Host, allowed: http" in line and "--allow-origin" in line


@pytest.mark.parametrize(
    "origin",
    ["", "null", "http://evil.example", f"http://evil.example:{PORT}", "http://localhost",
     "http://localhost:3000", f"https://localhost:{PORT}", f"ws://localhost:{PORT}",
     f"file://localhost:{PORT}", f"http://localhost.:{PORT}", f"http://localhost:{PORT}/",
     f"http://user@localhost:{PORT}", f"http://localhost:{PORT}@evil.example",
     f"http://localhost:{PORT} http://evil.example", f"localhost:{PORT}"],
)  # fmt: skip
def test_foreign_origins(origin):
    line = why_not(f"localhost:{PORT}", origin)
    assert line.startswith("error: not for pages of ") and "Origin, allowed: http" in line


def test_headers_that_come_twice_are_refused():
    own = f"localhost:{PORT}".encode()
    allowed = Allowed("127.0.0.1", PORT)
    assert allowed.why_not([(b"host", own), (b"Host", own)])
    origin = (b"origin", b"http://" + own)
    assert not allowed.why_not([(b"host", own), origin])
    assert allowed.why_not([(b"host", own), origin, origin])


def test_what_is_listened_on_is_ours():
    assert not why_not(f"192.0.2.1:{PORT}", f"http://192.0.2.1:{PORT}", listened="192.0.2.1")
    assert not why_not(f"lab.example:{PORT}", listened="LAB.example")
    assert not why_not(f"[2001:db8::1]:{PORT}", listened="2001:db8:0::1")
    assert why_not(f"192.0.2.1:{PORT}", listened="0.0.0.0")


def test_port_80_goes_without_saying():
    for host in ("localhost", "localhost:80"):
        assert not why_not(host, "http://localhost", port=80)
        assert not why_not(host, "http://localhost:80", port=80)


def test_origins_can_be_added():
    added = ["https://Lab.example", "http://192.0.2.1:9000"]
    assert not why_not("lab.example", "https://lab.example", added)
    assert not why_not("lab.example:443", "https://lab.example", added)
    assert not why_not("192.0.2.1:9000", "http://192.0.2.1:9000", added)
    assert not why_not(f"localhost:{PORT}", "https://lab.example", added)  # behind a proxy
    assert why_not("lab.example", "http://lab.example", added)
    assert why_not("lab.example:9000", None, added)


@pytest.mark.parametrize(
    "text",
    ["", "*", "null", "lab.example", "https://", "ftp://lab.example", "https://lab.example/",
     "https://lab.example/x", "https://*.lab.example", "https://lab.example:0",
     "https://lab.example:70000", "https://u@lab.example", "https://lab.example.", "http://127.1",
     "http://[::1", "http://l\u00e4b.example", "http://a b", "http://lab.example\n"],
)  # fmt: skip
def test_what_is_no_origin(text):
    with pytest.raises(InputError, match="no origin: .*--allow-origin, allowed: http://NAME"):
        read_origin(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "0", "127.1", "1.2.3.400", "http://lab.example", "lab.example:80", "[::1]:80", "a b",
     "*", "lab.example.", "a..b", "-a", "u@h", "::zz", "[127.0.0.1]", "a" * 64, "l\u00e4b"],
)  # fmt: skip
def test_what_is_no_address(text):
    with pytest.raises(InputError, match="no address: .*--host, allowed: a name or address"):
        read_address(text)


def test_addresses():
    assert read_address("::1") == read_address("[::1]") == "[::1]"
    assert [is_every(read_address(host)) for host in ("0.0.0.0", "::", "127.0.0.1", "lab")] == [
        True, True, False, False,
    ]  # fmt: skip
