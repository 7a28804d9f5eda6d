"""What identifies a run: its seed, the random streams of that seed, and its name.

Planning runs needs this, but not the model. There is a stream for each purpose, so that two
treatment arms of a patient differ by the treatment alone.
"""

from __future__ import annotations

import copy
import hashlib
from typing import NamedTuple

import numpy as np

from tcellabm.params import Parameters

MODEL_VERSION = 9  # raised with every change of numbers; another posterior has its own digest


def run_id(params: Parameters, seed: int) -> str:
    """Return the name of a run: a hash of what decides it, its seed and the model's version."""
    return named(params.deciding_text, seed)


def named(deciding_text: str, seed: int) -> str:
    """Return the name of a run by `Parameters.deciding_text`."""
    return digest(f"[{deciding_text}, {seed}, {MODEL_VERSION}]")


def digest(text: str) -> str:
    """Return a short name of a text, the same on any machine."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Streams(NamedTuple):
    """What chance decides in one patient, each purpose from a stream of its own."""

    cells: np.random.Generator
    assays: int  # entropy: every assay draws from a stream of its day
    death: np.random.Generator
    fever: np.random.Generator  # background fevers


def patient_streams(seed: int) -> tuple[np.random.Generator, Streams]:
    """Return the stream of a patient's covariates, and those of the course."""
    covariates, *others = np.random.SeedSequence(seed).spawn(5)
    return np.random.default_rng(covariates), _streams(others)


def course_streams(seed: int) -> Streams:
    """Return new streams for a course that goes on."""
    return _streams(np.random.SeedSequence(seed).spawn(4))


def _streams(seeds: list[np.random.SeedSequence]) -> Streams:
    cells, assays, death, fever = seeds
    return Streams(
        cells=np.random.default_rng(cells),
        assays=int(assays.generate_state(1, np.uint64)[0]),
        death=np.random.default_rng(death),
        fever=np.random.default_rng(fever),
    )


def seed_of(rng: int | np.random.Generator | None) -> int:
    """Return a seed, without using up a generator that is the caller's.

    Raises
    ------
    ValueError
        A negative number.
    TypeError
        Neither an integer nor a `numpy.random.Generator` nor None.
    """
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        if rng < 0:
            raise ValueError(f"seed {rng}, allowed: 0 or more")
        return int(rng)
    if rng is None or isinstance(rng, np.random.Generator):
        source = np.random.default_rng() if rng is None else copy.deepcopy(rng)
        return int(source.integers(2**63))
    raise TypeError(f"rng is a {type(rng).__name__}, allowed: an integer seed or a Generator")
