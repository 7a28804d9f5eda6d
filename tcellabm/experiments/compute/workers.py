"""Worker processes of this machine: started, watched, replaced when one dies, ended.

They and their scheduler listen on the loopback address alone, and only to who holds the keys made
for this run. A Dask worker runs any code that it is sent, so whoever reached one could act as the
user.
"""

import asyncio
import logging
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import dask
from distributed import Scheduler, Worker
from distributed.security import Security

from tcellabm.experiments.compute.forking import context, starting
from tcellabm.experiments.compute.processes import end_with_parent
from tcellabm.params import InputError

HOST = "127.0.0.1"
PROTOCOL = "tls://"
QUIET = {"distributed.logging": {"distributed": "critical"}}
# Nobody looks at what Dask records of our own workers: a profile a hundred times a second, the
# health of event loops fifty times, memory, and where work might better be.
UNWATCHED = QUIET | {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "60s",
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.work-stealing": False,  # `dispatch` says which worker has what
    "distributed.client.scheduler-info-interval": "60s",
}
_STARTS = 3  # of a process that never gets to work


class PrivateScheduler(Scheduler):
    """A scheduler without Dask's web server, which no option turns off."""

    def start_http_server(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: it would listen on a port of its own, unencrypted, to anyone."""


class PrivateWorker(Worker):
    """A worker without Dask's web server."""

    def start_http_server(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing, as in `PrivateScheduler`."""


class LocalWorkers:
    """Single-thread processes of this machine, each a Dask worker.

    Dask's own nannies are not used: one whose worker died soon after its start, or was stopped,
    did not always replace it.

    Parameters
    ----------
    count : int
        Number of processes.
    scheduler : str
        Address of their scheduler.
    folder : str
        For what they put on the disk.
    keys : distributed.security.Security
        Of this run; it reaches the processes through the pipe that starts them.
    """

    def __init__(self, count: int, scheduler: str, folder: str, keys: Security) -> None:
        self._scheduler, self._folder, self._keys = scheduler, folder, keys
        self._context = context()
        self._early_deaths, self._most_early_deaths = 0, _STARTS * count
        self._processes = [self._start() for _ in range(count)]

    def _start(self) -> "_Worker":
        ours, theirs = self._context.Pipe(duplex=False)
        work = (self._scheduler, self._folder, self._keys, theirs)
        process = self._context.Process(target=_work, args=work, daemon=True)  # type: ignore[attr-defined]
        with starting():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def present(self) -> set[str]:
        """Return all that are alive and at work; start new ones for those that died.

        Raises
        ------
        InputError
            Processes die before they are at work, again and again.
        """
        for index, worker in enumerate(self._processes):
            if worker.process.is_alive():
                worker.listen()
                continue
            self._early_deaths = 0 if worker.address else self._early_deaths + 1
            if self._early_deaths > self._most_early_deaths:
                allowed = "allowed: --workers 0, which does without"
                raise InputError("worker processes die as they start", "--workers", allowed)
            self._processes[index] = self._start()
        return {worker.address for worker in self._processes if worker.address}

    def end(self, worker: str) -> None:
        """Kill it."""
        for one in self._processes:
            if one.address == worker:
                one.process.kill()
                one.process.join()

    def close(self) -> None:
        """Kill all."""
        for worker in self._processes:
            worker.process.kill()
        for worker in self._processes:
            worker.process.join()


class _Worker:
    """A process, and its address once it is at work."""

    def __init__(self, process: BaseProcess, pipe: Connection) -> None:
        self.process, self._pipe = process, pipe
        self.address = ""

    def listen(self) -> None:
        with suppress(EOFError, OSError):  # died a moment ago
            if not self.address and self._pipe.poll():
                self.address = self._pipe.recv()


def _work(scheduler: str, folder: str, keys: Security, pipe: Connection) -> None:
    """Be a worker until the parent ends."""
    end_with_parent()
    asyncio.run(_serve(scheduler, folder, keys, pipe))


async def _serve(scheduler: str, folder: str, keys: Security, pipe: Connection) -> None:
    with dask.config.set(UNWATCHED):
        worker = await PrivateWorker(
            scheduler,
            host=HOST,
            protocol=PROTOCOL,
            security=keys,
            nthreads=1,
            memory_limit=0,
            local_directory=folder,
            silence_logs=logging.CRITICAL,
        )
        pipe.send(worker.address)
        await worker.finished()
