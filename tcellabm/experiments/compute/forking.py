"""The process that workers are forked from: it loads what runs need, once for all of them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, get_all_start_methods, get_context
from multiprocessing.context import BaseContext

from tcellabm.experiments.compute.processes import PARENT, interrupts_held, scratch_folder

_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
_ONE_THREAD |= {"VECLIB_MAXIMUM_THREADS": "1"}  # Apple's


def begin() -> None:
    """Have it load on another core while this process makes its plan; some systems have none."""
    if not _is_known():
        return
    _choose_what_it_loads()
    with suppress(OSError), starting():  # who starts workers will meet it again, and say so
        scratch_folder()  # its socket lies there
        forkserver.ensure_running()


def context() -> BaseContext:
    """Return how processes are started: from that process, where the system has it."""
    if not _is_known():
        return get_context("spawn")
    _choose_what_it_loads()
    return get_context("forkserver")


@contextmanager
def starting() -> Iterator[None]:
    """Start processes that see no signals, that know whom they belong to, and of one thread."""
    with interrupts_held(), _environment({**_ONE_THREAD, PARENT: str(os.getpid())}):
        yield


def _is_known() -> bool:
    return "forkserver" in get_all_start_methods()


def _choose_what_it_loads() -> None:
    forkserver.set_forkserver_preload(["tcellabm.experiments.compute.preloading"])


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
