"""Many patients: what to run, how it is run, and the result folders it is kept in."""

import os

# Arrow's own pool keeps what is freed, which takes a large sweep over what a laptop has to spare.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
