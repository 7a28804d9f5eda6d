"""Chance by purpose: a stream for each, so that two arms differ by their treatment alone."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np


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
