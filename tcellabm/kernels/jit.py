"""The one place that decides how kernels are compiled."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.core.registry import CPUDispatcher

from tcellabm.kernels.kept import KernelCache

# No fastmath and no parallel: a patient must come out the same with the JIT off and on any core.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "no_cfunc_wrapper": True}
_CODES: dict[tuple[Any, ...], Callable[..., Any]] = {}  # of `machine_code`, by kinds of arguments


def kernel[F: Callable[..., Any]](function: F) -> F:
    """Have a function compiled at its first call, or taken from our cache."""
    return _compiled(function, nogil=True)


def row_kernel[F: Callable[..., Any]](function: F) -> F:
    """Have a function that is called once a row compiled into its callers.

    A call that passes tuples of arrays counts references to each of them, which costs more than
    the work; inlined, the counting cancels out.
    """
    return _compiled(function, nogil=True, forceinline=True)


def inlined_kernel[F: Callable[..., Any]](function: F) -> F:
    """Have a function that is called from one place compiled there, and not on its own as well.

    The optimizer goes through all that a function calls once more for each that calls it.
    """
    return _compiled(function, nogil=True, inline="always")


def holding_kernel[F: Callable[..., Any]](function: F) -> F:
    """Have a function compiled that calls interpreted code, which takes the lock there."""
    return _compiled(function)


def machine_code(kernel: Callable[..., Any], *examples: Any) -> Callable[..., Any]:
    """Return what a kernel runs for arguments of the types of these: it looks at no type again.

    Looking at the types of a patient's hundred values takes longer than a tick. Whoever calls it
    passes values of the same types, arrays of the same layout; the kernel itself with the JIT off.
    """
    if not isinstance(kernel, CPUDispatcher):
        return kernel
    kinds = (kernel, *map(_kind, examples))
    if kinds not in _CODES:
        _CODES[kinds] = kernel.compile(tuple(map(numba.typeof, examples)))
    return _CODES[kinds]


def _kind(value: Any) -> Any:
    """Return what Numba's type of a value depends on; finding that type takes far longer."""
    if isinstance(value, np.ndarray):
        flags = value.flags
        layout = flags.c_contiguous, flags.f_contiguous, flags.writeable, flags.aligned
        return value.dtype, value.ndim, *layout
    if isinstance(value, tuple):
        return type(value), *map(_kind, value)
    return value.dtype if isinstance(value, np.void) else type(value)


class _Within(CPUDispatcher):
    """A kernel as other kernels call it: compiled once for all integers, and not for Python.

    Numba would compile it for every width and constant. What lets Python call it, a fifth of the
    compiler's time, is left out.
    """

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Return how a kernel calls this one."""
        widened = {name: _widened(kind) for name, kind in kws.items()}
        return super().get_call_template(tuple(map(_widened, args)), widened)


class _Entered(CPUDispatcher):
    """A kernel as Python calls it; other kernels that name it call the one within."""

    within: _Within

    @property
    def _numba_type_(self) -> Any:
        return numba.typeof(self.within)


def _widened(kind: Any) -> Any:
    plain = types.unliteral(kind)
    return types.int64 if plain in types.signed_domain else plain


def _compiled(function: Any, **options: Any) -> Any:
    chosen = _OPTIONS | options
    entered: Any = numba.njit(**chosen)(function)
    if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        entered.within = numba.njit(**(chosen | {"no_cpython_wrapper": True}))(function)
        entered.__class__, entered.within.__class__ = _Entered, _Within
        # Not by `cache=True`, which writes at once, to a folder set for all packages together.
        entered._cache = KernelCache(function)
        entered.within._cache = KernelCache(function, "within")
    return entered
