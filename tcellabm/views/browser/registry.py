"""The sessions that there are: so many at most."""

from __future__ import annotations

import threading

from tcellabm.views.browser.feed import Send
from tcellabm.views.browser.session import Session

MOST_SESSIONS = 16
FULL = f"{MOST_SESSIONS} pages are open, allowed: no more; close one and load this page again"

_open: set[Session] = set()
_lock = threading.Lock()


def begin(send: Send, most: int = MOST_SESSIONS) -> Session | None:
    """Start a session that speaks by `send`; where there are too many, say so and return None."""
    session = Session(send)
    with _lock:
        _open.intersection_update({other for other in _open if other.is_alive()})
        full = len(_open) >= most
        if not full:
            session.start()
            _open.add(session)
    if full:
        send({"kind": "error", "text": FULL}, [])
        return None
    return session


def end(session: Session) -> None:
    """Close a session and free its place."""
    with _lock:
        _open.discard(session)
    session.close()
