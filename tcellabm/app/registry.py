"""The patients that there are: so many at most, in class pages and labs."""

from __future__ import annotations

from tcellabm.app.feed import Send
from tcellabm.app.places import CLIENT, Places
from tcellabm.app.session import Session

MOST_SESSIONS, MOST_EACH = 16, 8  # in all, and from one address
PATIENTS = Places("patients", MOST_SESSIONS, MOST_EACH)


def begin(send: Send, places: Places = PATIENTS) -> Session | None:
    """Start a session that speaks by `send`; where there is no place, say so and return None.

    The place is free again when the session has ended, and its patient is gone.
    """
    client = CLIENT.get()
    if refusal := places.take(client):
        send({"kind": "error", "text": refusal}, [])
        return None
    session = Session(send, at_end=lambda: places.give_back(client))
    session.start()
    return session
