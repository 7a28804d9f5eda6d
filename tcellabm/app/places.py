"""Places: so many in all, and so many for each client."""

from __future__ import annotations

import threading
from collections import Counter
from contextvars import ContextVar

CLIENT: ContextVar[str] = ContextVar("client", default="")  # whose socket is being served


class Places:
    """Places that clients take and give back, from any thread.

    Parameters
    ----------
    what : str
        What a place is for, in the plural.
    most, each : int
        How many there are in all, and for each client.
    """

    def __init__(self, what: str, most: int, each: int) -> None:
        """Begin with all places free."""
        self._what, self._most, self._each = what, most, each
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many are taken."""
        return self._taken.total()

    def take(self, client: str) -> str:
        """Take a place for a client; where there is none, say why, in one line."""
        with self._lock:
            refusal = self.why_not(client)
            if not refusal:
                self._taken[client] += 1
        return refusal

    def why_not(self, client: str) -> str:
        """Say why there is no place for a client; nothing if there is one."""
        whose, most = "", self._most
        if len(self) < most:
            whose, most = " from this address", self._each
            if self._taken[client] < most:
                return ""
        how = "allowed: no more; close one and load this page again"
        return f"{most} {self._what} are open{whose}, {how}"

    def give_back(self, client: str) -> None:
        """Give back a place that was taken."""
        with self._lock:
            self._taken[client] -= 1
            self._taken += Counter()  # forgets clients who have none
