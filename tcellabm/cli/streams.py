"""Standard streams as they may be: closed, without a reader, unable to show all of Unicode."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STANDARD = (0, 1, 2)


class _Outlet(io.FileIO):
    """A stream that may lose its reader: what is written then is nobody's."""

    lost: tuple[type[OSError], ...] = (BrokenPipeError,)

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except self.lost:
            return memoryview(data).nbytes


class _Remarks(_Outlet):
    """A stream of remarks, for the sake of which no work is given up."""

    lost = (OSError,)


def make_safe() -> None:
    """Make standard streams that no output can break, for the whole process."""
    _fill_gaps()
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for good
    sys.stdout = _safe(sys.stdout, _Outlet(1, "w", closefd=False))
    sys.stderr = _safe(sys.stderr, _Remarks(2, "w", closefd=False))


def _fill_gaps() -> None:
    """Open nothing under the numbers of closed streams: else the next file would have them."""
    while (number := os.open(os.devnull, os.O_RDWR)) in _STANDARD:
        os.set_inheritable(number, True)
    os.close(number)


def _safe(stream: TextIO | None, outlet: _Outlet) -> TextIO:
    """Return a text stream onto an outlet, in the encoding of the one that it follows."""
    if stream is not None:
        stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding="utf-8" if stream is None else stream.encoding,
        errors="replace",
        line_buffering=outlet.isatty() or isinstance(outlet, _Remarks),
    )


@contextmanager
def whole() -> Iterator[None]:
    """Have something under every name where a program that embeds this one has nothing."""
    with ExitStack() as files:
        for name in ("stdin", "stdout", "stderr"):
            if getattr(sys, name) is None:
                mode = "r" if name == "stdin" else "w"
                nothing = files.enter_context(open(os.devnull, mode, encoding="utf-8"))
                setattr(sys, name, nothing)
                files.callback(setattr, sys, name, None)
        yield
