"""The hosts that the pages are served as, and the origins whose pages may talk to them.

Names are compared, never resolved: a foreign name that points to this machine (DNS rebinding)
stays foreign. What is not written plainly (user@host, trailing dots, a name without its port,
`Origin: null`) is foreign too. Starlette's TrustedHostMiddleware knows neither ports, nor IPv6,
nor origins.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tcellabm.params import InputError
from tcellabm.params.errors import shorten

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
PORTS = {"http": 80, "https": 443}
_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_PLACE = re.compile(rf"(\[[0-9a-f:.]+\]|{_LABEL}(?:\.{_LABEL})*)(?::([0-9]{{1,5}}))?")


class Origin(NamedTuple):
    """Where a page comes from, as browsers say it."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """Write it as a browser does: without the port that goes without saying."""
        return f"{self.scheme}://{self.host}" + (
            "" if self.port == PORTS[self.scheme] else f":{self.port}"
        )


class Allowed:
    """What requests may name: the pages' own hosts and origins, and those added.

    Parameters
    ----------
    host : str
        What is listened on, as `read_address` returns it.
    port : int
        The port that is listened on.
    added : sequence of str
        More origins; the pages are served under their hosts too, as behind a proxy.

    Raises
    ------
    InputError
        An origin that is added is none.
    """

    def __init__(self, host: str, port: int, added: Sequence[str] = ()) -> None:
        """Put the names together."""
        names = dict.fromkeys((*LOOPBACK, *(() if is_every(host) else (host,))))
        self.added = tuple(read_origin(text) for text in added)
        self._origins = {*(Origin("http", name, port) for name in names), *self.added}
        # A host without a port means the port of the scheme, which only the browser knows.
        plain = [o for o in self._origins if o.port == PORTS[o.scheme]]
        self._hosts: set[tuple[str, int | None]] = {(o.host, None) for o in plain}
        self._hosts |= {(o.host, o.port) for o in self._origins}

    def why_not(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Say why a request is refused, in one line; nothing if it is not.

        The header Host must be there, once. Origin may be missing: programs that are no browsers
        do not send it.
        """
        named = [(name.lower(), value.decode("latin-1")) for name, value in headers]
        hosts = [value for name, value in named if name == b"host"]
        origins = [value for name, value in named if name == b"origin"]
        if len(hosts) != 1 or _split(hosts[0]) not in self._hosts:
            return self._line(f"not served as {shorten(' '.join(hosts) or 'nothing')}", "Host")
        if len(origins) > 1 or not all(_origin(text) in self._origins for text in origins):
            return self._line(f"not for pages of {shorten(' '.join(origins))}", "Origin")
        return ""

    def _line(self, what: str, header: str) -> str:
        known = ", ".join(sorted(map(str, self._origins)))
        advice = f"allowed: {known}; tcellabm app --allow-origin adds one"
        return f"error: {InputError(what, header, advice)}"


def read_address(text: str) -> str:
    """Read a name or an address to listen on; an IPv6 address gets its brackets.

    Raises
    ------
    InputError
        It is neither.
    """
    found = _split(f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text)
    if found is None or found[1] is not None or _bad_number(found[0]):
        allowed = "allowed: a name or address, as 127.0.0.1 or lab.example"
        raise InputError(f"no address: {shorten(text) or 'empty'}", "--host", allowed)
    return found[0]


def read_origin(text: str) -> Origin:
    """Read an origin that is to be allowed.

    Raises
    ------
    InputError
        It is none.
    """
    origin = _origin(text)
    if origin is None or _bad_number(origin.host):
        allowed = "allowed: http://NAME, https://NAME, each with :PORT or without; no path"
        raise InputError(f"no origin: {shorten(text) or 'empty'}", "--allow-origin", allowed)
    return origin


def is_every(host: str) -> bool:
    """Whether listening on it is listening on every address, which is no name."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False


def _origin(text: str) -> Origin | None:
    scheme, mark, place = text.partition("://")
    found = _split(place) if mark and scheme.lower() in PORTS else None
    if found is None:
        return None
    return Origin(scheme.lower(), found[0], found[1] or PORTS[scheme.lower()])


def _split(text: str) -> tuple[str, int | None] | None:
    """Split a host from its port, if one is said; None where it is not plainly written."""
    match = _PLACE.fullmatch(text.lower()) if text.isascii() else None
    if match is None:
        return None
    host, digits = match.groups()
    port = None if digits is None else int(digits)
    if port is not None and not 0 < port < 65536:
        return None
    try:
        return (f"[{ipaddress.IPv6Address(host[1:-1])}]" if host.startswith("[") else host), port
    except ValueError:
        return None


def _bad_number(host: str) -> bool:
    """Whether it ends like an IPv4 address without being one: `0` is every address to some."""
    if not host.rpartition(".")[2].isdecimal():
        return False
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return True
    return False
