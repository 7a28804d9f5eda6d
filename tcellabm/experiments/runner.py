"""How runs are computed: in this process, or by Dask on this machine or a cluster."""

import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from typing import TYPE_CHECKING, Any

from tcellabm.experiments.plan import Task
from tcellabm.experiments.table import Row
from tcellabm.kernels.jit import stored
from tcellabm.model import TumorTCellModel
from tcellabm.params import InputError, Parameters

if TYPE_CHECKING:
    from distributed import Client

TRIES = 3
CHUNK_SECONDS = 2.0
_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}


def simulate(params: Parameters, seed: int) -> TumorTCellModel:
    """Follow one patient to the end."""
    model = TumorTCellModel(params, rng=seed)
    model.run_until(params.time.days)
    return model


def run_task(params: Parameters, task: Task) -> Row:
    """Compute one row; a run that raises becomes a row that says so.

    It gets three tries, since a machine short of memory may be better off a moment later.
    """
    outcomes, error = {}, ""
    for _ in range(TRIES):
        try:
            outcomes = task.observe(simulate(params.replace(task.point), task.seed))
            error = ""
            break
        except Exception as problem:
            error = f"{type(problem).__name__}: {' '.join(str(problem).split())}"[:500]
    return outcomes | task.identity | {"error": error}


def run_chunk(params: Parameters, tasks: Sequence[Task]) -> tuple[list[Row], float]:
    """Compute some rows; return them and the seconds that took."""
    start = time.perf_counter()
    return [run_task(params, task) for task in tasks], time.perf_counter() - start


def warm_up(params: Parameters, quiet: bool = False) -> None:
    """Compile the kernels, unless they are on the disk, so that workers find them there.

    A process of its own does so: the compiler's memory is free again when it ends.

    Parameters
    ----------
    params : Parameters
        Of any of the runs.
    quiet : bool
        Don't say so even if it takes a while.
    """
    if stored("tick_cells" if params.resolution.single_cell else "tick_groups"):
        return
    if not quiet:
        print("compiling the kernels; the next start will be quick", file=sys.stderr)
    process = get_context("spawn").Process(target=_compile, args=(params,), daemon=True)
    with _interrupts_held():
        process.start()
    try:
        process.join()
    finally:
        process.kill()


def _compile(params: Parameters) -> None:
    # What is wrong with these parameters will be said by the runs themselves, row by row.
    with suppress(Exception):
        simulate(params.replace({"time.days": 1.0}), seed=0)


def run_here(params: Parameters, tasks: Sequence[Task]) -> Generator[list[Row]]:
    """Compute rows one by one in this process."""
    for task in tasks:
        yield [run_task(params, task)]


def run_on_dask(
    params: Parameters, tasks: Sequence[Task], client: "Client"
) -> Generator[list[Row]]:
    """Compute rows on Dask workers, in the order in which they get done.

    Few chunks are under way at a time; their size follows the time that earlier ones took.
    """
    from distributed import KilledWorker, as_completed

    waiting = deque(tasks)
    chunks: dict[Any, list[Task]] = {}
    done = as_completed()
    size = 1

    def submit(chunk: list[Task]) -> None:
        future = client.submit(run_chunk, params, chunk, pure=False)
        chunks[future.key] = chunk
        done.add(future)

    def fill() -> None:
        """Keep every worker busy and one chunk ahead; a cluster may grow meanwhile."""
        threads = sum(client.nthreads().values())
        while waiting and len(chunks) < 2 * max(1, threads):
            submit([waiting.popleft() for _ in range(min(size, len(waiting)))])

    fill()
    for future in done:
        chunk = chunks.pop(future.key)
        try:
            rows, seconds = future.result()
        except KilledWorker:
            if len(chunk) == 1:
                yield [chunk[0].identity | {"error": "the worker process died; out of memory?"}]
            for task in chunk if len(chunk) > 1 else []:
                submit([task])  # one by one, to find out which of them it is
        else:
            size = max(1, round(CHUNK_SECONDS * len(rows) / max(seconds, 1e-9)))
            yield rows
        fill()


@contextmanager
def dask_client(workers: int | None, address: str, runs: int) -> Iterator["Client"]:
    """Connect to the cluster at an address, or start one of single-thread processes here.

    Parameters
    ----------
    workers : int or None
        Number of processes; None for one per CPU available.
    address : str
        Address of a running Dask scheduler; empty to start a cluster here.
    runs : int
        Runs to compute: no more processes than that.

    Raises
    ------
    InputError
        No scheduler answers at the address.
    """
    import dask
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster

    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_dask_settings()))
        if address:
            yield stack.enter_context(_connect(address))
            return
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="tcellabm-"))
        with _interrupts_held():
            cluster = LocalCluster(
                n_workers=min(workers or CPU_COUNT, runs),
                threads_per_worker=1,
                processes=True,
                memory_limit=None,
                dashboard_address=None,
                scheduler_kwargs={"dashboard_address": ":0"},  # any free port: two sweeps at once
                local_directory=scratch,
                env=_ONE_THREAD,
                silence_logs="CRITICAL",
            )
        stack.enter_context(cluster)
        yield stack.enter_context(Client(cluster))


def _connect(address: str) -> "Client":
    from distributed import Client

    try:
        return Client(address, timeout="20s")
    except (OSError, ValueError):
        raise InputError("no Dask scheduler answers", f"--dask {address}") from None


def _dask_settings() -> dict[str, Any]:
    return {
        "distributed.scheduler.allowed-failures": TRIES - 1,
        "distributed.scheduler.worker-ttl": None,
        "distributed.logging": {"distributed": "critical"},
        "distributed.admin.log-format": "%(message)s",
    }


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Start processes that don't see signals sent to a whole group: this process ends them.

    The terminal's Ctrl-C, or a job scheduler's end, reaches this process after the block.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    # Python's own helper process would undo the block in the thread that first needs it.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
