"""What tells a run from all others, without the model itself: who plans runs need not load it."""

import hashlib
import json
from collections.abc import Sequence

from tcellabm.params import Parameters

MODEL_VERSION = 7  # raised with every change of numbers
SIZES = ("sweep.", "trial.")  # parameters that say how many runs, not what one is


def run_id(params: Parameters, seed: int) -> str:
    """Return the name of a run: a hash of what decides it, its seed and the model's version."""
    return run_ids(params, [seed])[0]


def run_ids(params: Parameters, seeds: Sequence[int]) -> list[str]:
    """Return the names of runs that differ by their seed alone."""
    resolved = {k: v for k, v in params.resolved().items() if not k.startswith(SIZES)}
    text = json.dumps(resolved, sort_keys=True)
    return [digest(f"[{text}, {seed}, {MODEL_VERSION}]") for seed in seeds]


def digest(text: str) -> str:
    """Return a short name of a text, the same on any machine."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
