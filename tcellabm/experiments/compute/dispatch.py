"""Chunks of runs handed to Dask workers, and what is done when one dies, hangs or comes late."""

import time
from collections import Counter, deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from queue import Empty, Queue
from urllib.parse import urlparse

from distributed import Client, Future

from tcellabm.experiments.compute import runner
from tcellabm.experiments.compute.cluster import Workers
from tcellabm.experiments.compute.runner import TRIES, Report
from tcellabm.experiments.design.plan import Task
from tcellabm.identity import MODEL_VERSION
from tcellabm.params import InputError, Parameters

CHUNK_SECONDS = 2.0
CHUNKS_PER_SECOND = 50.0  # that the parent handles with ease: on large clusters chunks are longer
FIRST_LIMIT = 3600.0  # seconds, while no run has ended yet
LEAST_LIMIT = 60.0
SLOWEST_TIMES = 100.0  # a run that takes that many times the slowest one is taken to hang
_LOOK_SECONDS = 0.25
_FETCH_SECONDS = 60.0

HUNG = "the run did not end within the time limit"
DIED = "the worker process died; out of memory?"


@dataclass
class Chunk:
    """Some runs under way on one worker; no runs at all: the worker's machine gets ready."""

    tasks: list[Task]
    worker: str
    future: Future
    start: float
    seconds: float  # that it should take
    overdue: bool = False


class Dispatch:
    """Hands out chunks, one at a time to each worker, so that a dead worker accuses one alone.

    Of a chunk that was lost every run is done again singly. A run that loses its worker three
    times when it is alone on it becomes a row with an error.

    Parameters
    ----------
    params : Parameters
        What all runs share.
    tasks : sequence of Task
        In the order in which they are begun.
    client : distributed.Client
        To submit to.
    workers : Workers
        Whom to; there may be more or fewer meanwhile.
    together : int
        Runs in a row that are cheaper on one worker.
    series : bool
        Whether time series are wanted.
    limit : float, optional
        Seconds that a run may take; by default it follows the slowest run so far.
    ready : bool
        The kernels are compiled on all machines.
    """

    def __init__(
        self,
        params: Parameters,
        tasks: Sequence[Task],
        client: Client,
        workers: Workers,
        *,
        together: int = 1,
        series: bool = False,
        limit: float | None = None,
        ready: bool = False,
    ) -> None:
        self._params, self._client, self._workers, self._series = params, client, workers, series
        self._waiting, self._suspects = deque(tasks), deque[Task]()
        self._together = together
        self._limit, self._ready = limit, ready
        self._lost: Counter[str] = Counter()
        self._busy: dict[str, Chunk] = {}
        self._hosts: dict[str, bool] = {}  # whether it is ready
        self._present: set[str] = set()
        self._looked = -_LOOK_SECONDS
        self._done: Queue[Future] = Queue()
        self._pace = self._slowest = 0.0  # seconds a run

    def reports(self) -> Generator[Report]:
        """Yield what chunks gave, in the order in which they get done."""
        try:
            while self._waiting or self._suspects or any(c.tasks for c in self._busy.values()):
                self._look()
                self._hand_out()
                yield from self._collect()
        finally:
            for chunk in self._busy.values():
                chunk.future.cancel()

    # --- workers ------------------------------------------------------------------------------

    def _look(self) -> None:
        """See who is there, give up chunks whose worker is gone, end workers that hang."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._present = self._workers.present()
        self._looked = time.monotonic()
        for chunk in list(self._busy.values()):
            if chunk.worker not in self._present:
                self._done.put(chunk.future)
            elif not chunk.overdue and self._looked - chunk.start > self._allowed(chunk):
                chunk.overdue = True
                self._workers.end(chunk.worker)

    def _allowed(self, chunk: Chunk) -> float:
        """Return the seconds after which a chunk is taken to hang."""
        if not chunk.tasks:
            return FIRST_LIMIT
        known = max(LEAST_LIMIT, SLOWEST_TIMES * self._slowest) if self._pace else FIRST_LIMIT
        return (self._limit or known) + 3.0 * chunk.seconds

    # --- handing out --------------------------------------------------------------------------

    def _hand_out(self) -> None:
        for worker in sorted(self._present - self._busy.keys()):
            host = _host(worker)
            if self._ready or self._hosts.get(host):
                if tasks := self._take():
                    self._submit(worker, tasks)
            elif host not in self._hosts:
                self._hosts[host] = False
                self._submit(worker, [])

    def _take(self) -> list[Task]:
        """Return the runs of the next chunk; chunks get small towards the end."""
        if self._suspects:
            return [self._suspects.popleft()]
        workers = len(self._present)
        seconds = max(CHUNK_SECONDS, workers / CHUNKS_PER_SECOND)
        size = int(seconds / self._pace) if self._pace else 1
        fair = -(-len(self._waiting) // (2 * workers))
        whole = -(-max(1, min(size, fair)) // self._together) * self._together
        return [self._waiting.popleft() for _ in range(min(whole, len(self._waiting)))]

    def _submit(self, worker: str, tasks: list[Task]) -> None:
        work = (runner.run_chunk, self._params, tasks, self._series)
        if not tasks:
            work = (runner.prepare, self._params)  # type: ignore[assignment]
        future = self._client.submit(*work, workers=[worker], pure=False)
        seconds = len(tasks) * self._pace
        self._busy[worker] = Chunk(tasks, worker, future, time.monotonic(), seconds)
        future.add_done_callback(self._done.put)

    # --- collecting ---------------------------------------------------------------------------

    def _collect(self) -> Generator[Report]:
        """Wait a moment for a chunk to get done; take in all that are."""
        try:
            futures = [self._done.get(timeout=_LOOK_SECONDS)]
        except Empty:
            return
        while not self._done.empty():
            futures.append(self._done.get())
        for future in futures:
            chunk = next((c for c in self._busy.values() if c.future is future), None)
            if chunk is not None:  # else it was given up before
                del self._busy[chunk.worker]
                yield from self._take_in(chunk)

    def _take_in(self, chunk: Chunk) -> Generator[Report]:
        try:
            # A result may be lost with its worker while it is on the way.
            given = chunk.future.result(_FETCH_SECONDS) if chunk.future.done() else None
        except Exception as problem:
            self._refuse_strangers(chunk, problem)
            given = None
        if given is None:
            yield from self._give_up(chunk)
        elif isinstance(given, Report):
            mean = given.seconds / len(given.rows)
            self._pace = mean if not self._pace else 0.7 * self._pace + 0.3 * mean
            self._slowest = max(self._slowest, given.slowest)
            yield replace(given, tasks=chunk.tasks)
        else:
            self._welcome(chunk, given)

    def _welcome(self, chunk: Chunk, version: int) -> None:
        """Let the workers of a machine begin, if they compute what this program would."""
        if version != MODEL_VERSION:
            what = f"model version {version} on {chunk.worker}"
            raise InputError(what, "--dask", f"allowed: {MODEL_VERSION}, as here")
        self._hosts[_host(chunk.worker)] = True

    def _give_up(self, chunk: Chunk) -> Generator[Report]:
        """Do the runs of a lost chunk again singly; blame one that was alone, the third time."""
        chunk.future.cancel()
        self._present.discard(chunk.worker)
        if not chunk.tasks:
            self._hosts.pop(_host(chunk.worker), None)
        if len(chunk.tasks) > 1:
            self._suspects.extend(chunk.tasks)
        for task in chunk.tasks if len(chunk.tasks) == 1 else ():
            self._lost[task.run_id] += 1
            if self._lost[task.run_id] < TRIES:
                self._suspects.append(task)
            else:
                yield runner.failed(task, HUNG if chunk.overdue else DIED)

    def _refuse_strangers(self, chunk: Chunk, problem: Exception) -> None:
        """Stop where workers can't compute at all, rather than blame every run."""
        if isinstance(problem, ImportError | AttributeError):
            what = f"{chunk.worker} lacks this tcellabm: {problem}"
            raise InputError(what, "--dask", "allowed: workers with the same version installed")


def _host(worker: str) -> str:
    return urlparse(worker).hostname or worker
