"""Worker processes: who is there, ending one that hangs, replacing one that died."""

import asyncio
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Protocol

from tcellabm.experiments.compute.preloading import PARENT
from tcellabm.experiments.compute.signals import end_with_parent, interrupts_held
from tcellabm.params import InputError

if TYPE_CHECKING:
    from distributed import Client
    from distributed.security import Security

_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
_STARTS = 3  # of a process that never gets to work


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

    def __init__(self, client: "Client") -> None:
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

    def __init__(self, count: int, scheduler: str, folder: str, keys: "Security") -> None:
        self._scheduler, self._folder, self._keys = scheduler, folder, keys
        self._context = _context()
        self._early_deaths, self._most_early_deaths = 0, _STARTS * count
        self._processes = [self._start() for _ in range(count)]

    def _start(self) -> "_Worker":
        ours, theirs = self._context.Pipe(duplex=False)
        work = (self._scheduler, self._folder, self._keys, theirs)
        process = self._context.Process(target=_work, args=work, daemon=True)  # type: ignore[attr-defined]
        with interrupts_held(), _environment({**_ONE_THREAD, PARENT: str(os.getpid())}):
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
        for place, worker in enumerate(self._processes):
            if worker.process.is_alive():
                worker.listen()
                continue
            self._early_deaths = 0 if worker.address else self._early_deaths + 1
            if self._early_deaths > self._most_early_deaths:
                allowed = "allowed: --workers 0, which does without"
                raise InputError("worker processes die as they start", "--workers", allowed)
            self._processes[place] = self._start()
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


def _work(scheduler: str, folder: str, keys: "Security", pipe: Connection) -> None:
    """Be a worker until the parent ends."""
    end_with_parent()
    asyncio.run(_serve(scheduler, folder, keys, pipe))


async def _serve(scheduler: str, folder: str, keys: "Security", pipe: Connection) -> None:
    import dask

    from tcellabm.experiments.compute.private import HOST, PROTOCOL, PrivateWorker

    with dask.config.set({"distributed.logging": {"distributed": "critical"}}):
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


def _context() -> BaseContext:
    """Let one process import everything, and all others start from there, where that is known."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["tcellabm.experiments.compute.preloading"])
    return context


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Have processes that start meanwhile see other environment variables."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]
        os.environ.update({name: before[name] for name in values if name in before})
