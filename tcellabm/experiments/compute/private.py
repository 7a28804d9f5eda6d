"""Dask's scheduler and worker for one run on this machine: nobody else can reach them.

They listen on the loopback address alone, and only to who holds the keys made for that run. A Dask
worker runs any code that it is sent, so whoever reached one could act as the user.
"""

from typing import Any

from distributed import Scheduler, Worker

HOST = "127.0.0.1"
PROTOCOL = "tls://"


class PrivateScheduler(Scheduler):
    """A scheduler without Dask's web server, which no option turns off."""

    def start_http_server(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: it would listen on a port of its own, unencrypted, to anyone."""


class PrivateWorker(Worker):
    """A worker without Dask's web server."""

    def start_http_server(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing, as in `PrivateScheduler`."""
