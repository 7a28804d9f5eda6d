"""Where Arrow takes its memory from while many runs are kept."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

POOL = "ARROW_DEFAULT_MEMORY_POOL"  # Arrow's own setting, for those who want another


@contextmanager
def sparing_memory() -> Iterator[None]:
    """Have Arrow take memory from the system for a while, unless the user has said from where.

    Arrow's own pool keeps what is freed, which takes a large sweep over what a laptop has to spare.
    """
    before = pa.default_memory_pool()
    if POOL not in os.environ:
        pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)
