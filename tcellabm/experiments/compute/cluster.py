"""Dask workers: an embedded cluster of single-thread processes, or one by its address."""

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from ssl import SSLError
from typing import Any, Protocol

import dask
from dask.system import CPU_COUNT
from distributed import Client, SpecCluster
from distributed.comm.core import FatalCommClosedError
from distributed.security import Security

from tcellabm.experiments.compute.processes import interrupts_held, scratch_folder
from tcellabm.experiments.compute.workers import (
    HOST,
    PROTOCOL,
    QUIET,
    UNWATCHED,
    LocalWorkers,
    PrivateScheduler,
)
from tcellabm.params import InputError


class Workers(Protocol):
    """The workers of a cluster."""

    def present(self) -> set[str]:
        """Return the addresses of all that can take work."""
        ...

    def end(self, worker: str) -> None:
        """End one that hangs; another takes its place."""
        ...


class RemoteWorkers:
    """Workers of a cluster that others run: its nannies replace what dies."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._seen: set[str] | None = None

    def present(self) -> set[str]:
        """Return all that were there at the last look too.

        A worker that died while its nanny still waits for word of its start would not be replaced.

        Raises
        ------
        InputError
            The scheduler is gone.
        """
        try:
            now = set(self._client.nthreads())
        except OSError:  # CommClosedError is one
            allowed = "allowed: --resume once it runs again; finished runs are kept"
            raise InputError("the Dask scheduler is gone", "--dask", allowed) from None
        before, self._seen = self._seen, now
        return now if before is None else now & before

    def end(self, worker: str) -> None:
        """Have its nanny end it, without waiting for that."""
        threading.Thread(target=self._restart, args=(worker,), daemon=True).start()

    def _restart(self, worker: str) -> None:
        with suppress(Exception):  # the end of the sweep came first
            self._client.restart_workers([worker], raise_for_error=False)


@contextmanager
def dask_client(workers: int | None, address: str, runs: int) -> Iterator[tuple[Client, Workers]]:
    """Connect to the cluster at an address, or start one of single-thread processes here.

    Parameters
    ----------
    workers : int or None
        Number of processes; None for one per CPU available.
    address : str
        Address of a running Dask scheduler; empty to start a cluster here, which listens to
        holders of keys made for it alone.
    runs : int
        Runs to compute: no more processes than that.

    Yields
    ------
    Client, Workers
        The client to submit to, and its workers.

    Raises
    ------
    InputError
        No scheduler answers at the address, or Dask's certificates are not the ones it takes.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # our own messages say what matters
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_settings()))
        if address:
            client = stack.enter_context(_connect(address))
            yield client, RemoteWorkers(client)
            return
        here = UNWATCHED | {"temporary-directory": scratch_folder()}
        stack.enter_context(dask.config.set(here))
        keys = Security.temporary()
        cluster = stack.enter_context(_scheduler(keys))
        client = stack.enter_context(Client(cluster, security=keys))
        count = min(workers or CPU_COUNT, runs)
        local = LocalWorkers(count, cluster.scheduler_address, scratch_folder(), keys)
        stack.callback(local.close)
        yield client, local


def dashboard(client: Client) -> str:
    """Return the address of Dask's dashboard; empty where it cannot be shown (no Bokeh)."""
    return str(client.dashboard_link or "") if find_spec("bokeh") else ""


def _scheduler(keys: Security) -> SpecCluster:
    """Start a scheduler in a thread of this process, for holders of these keys alone."""
    # any free port, so that two sweeps go at once
    options = {"host": HOST, "port": 0, "protocol": PROTOCOL, "security": keys}
    scheduler = {"cls": PrivateScheduler, "options": options}
    with interrupts_held():
        return SpecCluster(scheduler=scheduler, security=keys, silence_logs="CRITICAL")


def _connect(address: str) -> Client:
    """Connect with the certificates of Dask's own configuration, if it names any."""
    where = f"--dask {address}"
    try:
        return Client(address, timeout="20s")
    except (
        FatalCommClosedError,
        FileNotFoundError,
        PermissionError,
        RuntimeError,
        SSLError,
    ) as bad:
        what = f"Dask's certificates don't fit: {bad}"
        raise InputError(what, where, "allowed: the scheduler's, see docs/sweeps.md") from None
    except TypeError:  # tls:// and not all three files named
        what = "Dask's certificates are not configured"
        raise InputError(what, where, "allowed: with tls:// those of docs/sweeps.md") from None
    except (OSError, ValueError):
        allowed = "allowed: tcp://HOST:PORT or tls://HOST:PORT of a running one"
        raise InputError("no Dask scheduler answers", where, allowed) from None


def _settings() -> dict[str, Any]:
    return QUIET | {
        # A chunk whose worker dies comes back at once: what to do then is decided in `dispatch`.
        "distributed.scheduler.allowed-failures": 0,
        "distributed.scheduler.worker-ttl": None,
        "distributed.admin.log-format": "%(message)s",
    }
