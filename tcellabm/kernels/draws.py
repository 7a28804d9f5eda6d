"""Draws for groups of identical cells.

Every function takes a `numpy.random.Generator` and gives the same values with the JIT on or off.
Draws are exact where few events are expected; see `by_moments` for where many are.
"""

import math

from numpy.random import Generator

from tcellabm.kernels.jit import kernel, row_kernel
from tcellabm.kernels.layout import Column

# Above this many trials a binomial with few successes (or few failures) is drawn as a Poisson:
# the total variation distance is below p, here 3e-8, and the two JIT modes stay identical.
MANY_TRIALS = 1_000_000_000
FEW_SUCCESSES = 30.0
WIDE = 1e3  # variance above which a count is drawn from its first three moments
AS_FAST = 4  # uniform draws that cost as much as a binomial one


@row_kernel
def by_moments(rng: Generator, mean: float, variance: float, third: float) -> int:
    """Draw a count from its mean, variance and third central moment (Cornish and Fisher 1938).

    At `WIDE`, 2e-5 of the draws come out at another number than the exact law gives, beyond it
    fewer; drawing by rejection would take ten times as long. No count of such a law is near 0.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells; one normal draw.
    mean, variance, third : float
        Of the count; the variance above `WIDE`.

    Returns
    -------
    int
        Count.
    """
    z = rng.standard_normal()
    skewed = third / (6.0 * variance) * (z * z - 1.0)
    return math.floor(mean + math.sqrt(variance) * z + skewed + 0.5)


@row_kernel
def binomial(rng: Generator, n: int, p: float) -> int:
    """Draw how many of `n` cells meet an event of probability `p`, for any n up to 1e13.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    n : int
        Cells; none happen where it is 0 or less.
    p : float
        Probability; taken as 0 below 0 and as 1 above 1.

    Returns
    -------
    int
        0 to `n`.
    """
    if n <= 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return n
    variance = n * p * (1.0 - p)
    if variance > WIDE:
        return by_moments(rng, n * p, variance, variance * (1.0 - 2.0 * p))
    if n > MANY_TRIALS:
        if n * p < FEW_SUCCESSES:
            return min(n, rng.poisson(n * p))
        if n * (1.0 - p) < FEW_SUCCESSES:
            return n - min(n, rng.poisson(n * (1.0 - p)))
    return rng.binomial(n, p)


@row_kernel
def birth_death_law(birth: float, death: float, dt: float) -> tuple[float, float]:
    """Return (alpha, beta) of the linear birth-death process over `dt` (Kendall 1948).

    One cell dies out with probability alpha; given that it does not, its progeny is geometric
    with success probability 1 - beta.

    Parameters
    ----------
    birth, death : float
        Of one cell, per day, 0 or more.
    dt : float
        Days.

    Returns
    -------
    alpha, beta : float
        From 0 to below 1.
    """
    net = birth - death
    q = dt if net == 0.0 else math.expm1(net * dt) / net
    scale = 1.0 + birth * q
    return death * q / scale, birth * q / scale


@row_kernel
def birth_death(rng: Generator, n: int, alpha: float, beta: float) -> int:
    """Draw the progeny of `n` independent cells (Bailey 1964): Binomial then negative binomial.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    n : int
        Cells at the start.
    alpha, beta : float
        Of one cell, see `birth_death_law`.

    Returns
    -------
    int
        Cells at the end.
    """
    alive, single = 1.0 - alpha, 1.0 - beta
    mean = alive / single
    variance = mean * (alpha + beta) / single
    if n * variance > WIDE:
        third = mean * (1.0 + 4.0 * beta + beta * beta) / (single * single)
        third -= mean * mean * (3.0 * (1.0 + beta) / single - 2.0 * mean)
        return by_moments(rng, n * mean, n * variance, n * third)
    lines = binomial(rng, n, alive)
    if lines == 0 or beta <= 0.0:
        return lines
    return lines + rng.negative_binomial(lines, single)


@kernel
def scatter(rng: Generator, total: int, places: int, tally: Column) -> None:
    """Add `total` cells to the first `places` entries of `tally`, each place equally likely.

    Parameters
    ----------
    rng : Generator
        The patient's stream for cells.
    total : int
        Cells.
    places : int
        Number of places, 1 or more.
    tally : ndarray, int64, shape (places,) or longer
        Cells of each place, changed in place.
    """
    if total <= AS_FAST * places:
        for _ in range(total):
            tally[min(places - 1, int(rng.random() * places))] += 1
        return
    left = total
    for place in range(places - 1):
        part = binomial(rng, left, 1.0 / (places - place))
        tally[place] += part
        left -= part
    tally[places - 1] += left
