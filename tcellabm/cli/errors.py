"""How a failing command ends: one line on stderr and an exit code."""

import os
import signal
import sys
import threading
from typing import Any, Never

import typer

from tcellabm.experiments.compute.processes import STOPS

BAD_INPUT = 2
INTERRUPTED = 130
_MOMENT_SECONDS = 0.05
_LONGEST = 200
_BOUNDS = {"ge": "{} or more", "le": "{} or less", "gt": "more than {}", "lt": "less than {}"}
# Typer brings its own Click or uses the real one; either way this is the base of usage errors.
_UsageError = typer.BadParameter.__mro__[1]


def say(line: str) -> None:
    """Print a line on stderr."""
    print(line, file=sys.stderr)


def fail(error: Exception) -> int:
    """Print what went wrong and return the exit code for it."""
    from tcellabm.params import InputError

    if isinstance(error, _UsageError):
        return _say_error(_usage(error))
    if isinstance(error, InputError):
        return _say_error(str(error))
    if isinstance(error, OSError):
        what = f"can't read or write {error.filename or 'results'}, {error.strerror or error}"
        return _say_error(f"{what}, allowed: a writable folder with space left")
    _say_error(f"{type(error).__name__}: {error}; TCELLABM_TRACEBACK=1 shows where")
    return 1


def _usage(error: Any) -> str:
    """Say in our words what a command line lacks, or which value is out of range."""
    option = getattr(error, "param", None)
    if option is None:
        return str(error.format_message())
    name = option.opts[0] if option.param_type_name == "option" else option.metavar
    if type(error).__name__ == "MissingParameter":
        about = f": {option.help[:1].lower()}{option.help[1:]}" if option.help else ""
        return f"`tcellabm {error.ctx.info_name}` needs {name}{about}"
    found: list[Any] = getattr(error.__cause__ or error.__context__, "errors", list)()
    if not found:
        return str(error.format_message())
    bounds = [
        _BOUNDS[end].format(at) for end, at in found[0].get("ctx", {}).items() if end in _BOUNDS
    ]
    allowed = bounds or [found[0]["msg"].removeprefix("Input should be ").partition(",")[0]]
    return f"{name} {found[0]['input']}, allowed: {allowed[0]}"


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
    sys.unraisablehook = _interrupt_again
    for number in STOPS:
        # `nohup` has SIGHUP ignored.
        if number in (signal.SIGINT, signal.SIGTERM) or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: object) -> Never:
    for each in STOPS:
        signal.signal(each, signal.SIG_IGN)
    _drop_dead_terminal()
    raise KeyboardInterrupt


def _interrupt_again(lost: Any) -> None:
    """Interrupt once more, a moment later, where the first came while Python ran a callback.

    What is raised in one, as of a weak reference, is dropped: the command would go on.
    """
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    signal.signal(signal.SIGINT, _interrupt)
    later = threading.Timer(_MOMENT_SECONDS, _send_interrupt)
    later.daemon = True
    later.start()


def _send_interrupt() -> None:
    """Send SIGINT to the main thread, which may be waiting for another one."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


def _drop_dead_terminal() -> None:
    """Send further output to nowhere if the terminal is gone, rather than fail."""
    for handle in (1, 2):
        try:
            os.write(handle, b"")
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), handle)
