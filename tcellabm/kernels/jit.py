"""The one place that decides how kernels are compiled."""

import numba

from tcellabm.kernels.kept import KernelCache

# No fastmath and no parallel: a patient must come out the same with the JIT off and on any core.
_options = {"nogil": True, "error_model": "numpy"}


def kernel(function):
    """Have a function compiled at its first call, or taken from our cache."""
    return _compiled(function)


def row_kernel(function):
    """Have a function that is called once a row compiled into its callers.

    A call that passes tuples of arrays counts references to each of them, which costs more than
    the work; inlined, the counting cancels out.
    """
    return _compiled(function, forceinline=True)


def _compiled(function, **options):
    compiled = numba.njit(**_options, **options)(function)
    if not numba.config.DISABLE_JIT:
        # Not by `cache=True`, which writes at once, to a folder set for all packages together.
        compiled._cache = KernelCache(function)
    return compiled
