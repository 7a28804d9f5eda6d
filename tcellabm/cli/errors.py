"""How a failing command ends: one line on stderr and an exit code."""

import os
import signal
import sys
from typing import Never

import typer

from tcellabm.experiments.compute.processes import STOPS

BAD_INPUT = 2
INTERRUPTED = 130
_LONGEST = 200
# Typer brings its own Click or uses the real one; either way this is the base of usage errors.
_UsageError = typer.BadParameter.__mro__[1]


def say(line: str) -> None:
    """Print a line on stderr."""
    print(line, file=sys.stderr)


def fail(error: Exception) -> int:
    """Print what went wrong and return the exit code for it."""
    from tcellabm.params import InputError

    if isinstance(error, _UsageError):
        return _say_error(error.format_message())  # type: ignore[attr-defined]
    if isinstance(error, InputError):
        return _say_error(str(error))
    if isinstance(error, OSError):
        what = f"can't read or write {error.filename or 'results'}, {error.strerror or error}"
        return _say_error(f"{what}, allowed: a writable folder with space left")
    _say_error(f"{type(error).__name__}: {error}; TCELLABM_TRACEBACK=1 shows where")
    return 1


def finished(code: int) -> int:
    """Write out what stdout still holds; return the exit code, another if that fails."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code or fail(error)
    return code


def _say_error(message: str) -> int:
    """Print one line, cut in the middle if it would be too long."""
    line = f"error: {' '.join(message.split())}"
    if len(line) > _LONGEST:
        line = f"{line[:98]}...{line[-99:]}"
    say(line)
    return BAD_INPUT


def stop_on_signals() -> None:
    """Make Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt, once.

    A second signal is ignored while results are put in order.
    """
    for number in STOPS:
        # `nohup` has SIGHUP ignored.
        if number in (signal.SIGINT, signal.SIGTERM) or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: object) -> Never:
    for each in STOPS:
        signal.signal(each, signal.SIG_IGN)
    _drop_dead_terminal()
    raise KeyboardInterrupt


def _drop_dead_terminal() -> None:
    """Send further output to nowhere if the terminal is gone, rather than fail."""
    for handle in (1, 2):
        try:
            os.write(handle, b"")
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), handle)
