"""Signals are for the process that was started by hand; those that it started end with it."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import active_children, parent_process, resource_tracker

# Ctrl-C, a job scheduler's end, a dropped line; Windows has no SIGHUP.
STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Start processes that don't see signals sent to a whole group: this process ends them.

    What stops this process reaches it after the block.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        # Python's own helper process undoes the block in the thread that first needs it.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """Have this process end as soon as the one that started it has, however that ended."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def be_a_child() -> None:
    """In a process forked by a library: leave signals to the parent, and end with it."""
    if parent_process() is not None:
        _become_a_child(os.getpid())


@cache
def _become_a_child(process: int) -> None:
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    end_with_parent()


@contextmanager
def children_ended() -> Iterator[None]:
    """Leave no process behind that was started in a block and still runs at its end."""
    before = active_children()
    try:
        yield
    finally:
        for child in active_children():
            if child not in before:
                child.kill()
                child.join()
