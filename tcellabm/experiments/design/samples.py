"""Points of a sample in the unit cube, by a name; the same seed gives the same points."""

import math

import numpy as np

from tcellabm.params import InputError

KINDS = ("latin_hypercube", "sobol", "saltelli")


def unit_sample(kind: str, points: int, dimensions: int, seed: int) -> np.ndarray:
    """Return points of a sample.

    Parameters
    ----------
    kind : str
        One of KINDS. `saltelli` gives `points` (dimensions + 2) rows: those that Sobol indices of
        first and total order need.
    points, dimensions : int
        Size of the sample; a power of 2 for all but the Latin hypercube.
    seed : int
        Seed of the sweep.

    Returns
    -------
    ndarray, shape (rows, dimensions)
        Between 0 and 1.
    """
    if kind != "latin_hypercube" and math.log2(points) % 1:
        allowed = f"allowed with {kind}: a power of 2"
        raise InputError(f"sweep.points = {points}", "", allowed)
    entropy = np.random.SeedSequence(seed, spawn_key=(0,))
    if kind == "saltelli":
        return _saltelli(points, dimensions, int(entropy.generate_state(1)[0]))
    from scipy.stats import qmc

    rng = np.random.default_rng(entropy)
    engine = qmc.Sobol if kind == "sobol" else qmc.LatinHypercube
    sample: np.ndarray = engine(dimensions, rng=rng).random(points)
    return sample


def _saltelli(points: int, dimensions: int, seed: int) -> np.ndarray:
    """Return blocks of A, A with one column of B, ..., B, as SALib's analysis takes them."""
    from scipy.stats import qmc

    both = qmc.Sobol(2 * dimensions, rng=np.random.default_rng(seed)).random(points)
    a, b = both[:, :dimensions], both[:, dimensions:]
    rows = [a] + [np.where(np.arange(dimensions) == place, b, a) for place in range(dimensions)]
    return np.stack([*rows, b], axis=1).reshape(-1, dimensions)
