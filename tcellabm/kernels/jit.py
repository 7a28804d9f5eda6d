"""The one place that decides how kernels are compiled."""

import warnings

import numba

from tcellabm.kernels.cache import FOLDER

if not numba.config.DISABLE_JIT:
    if FOLDER is None:
        warnings.warn("no writable cache folder: kernels are compiled anew each time", stacklevel=2)
    else:
        numba.config.CACHE_DIR = str(FOLDER)

# No fastmath and no parallel: a patient must come out the same with the JIT off and on any core.
_kept = FOLDER is not None and not numba.config.DISABLE_JIT
_options = {"nogil": True, "cache": _kept, "error_model": "numpy"}
kernel = numba.njit(**_options)
# For what is called once a row: a call that passes tuples of arrays counts references to each of
# them, which costs more than the work; inlined, the counting cancels out.
row_kernel = numba.njit(forceinline=True, **_options)
# For what is called once, from one place: compiled there and not on its own as well, where the
# optimizer would go through all that it calls once more.
inlined_kernel = numba.njit(inline="always", **_options)
