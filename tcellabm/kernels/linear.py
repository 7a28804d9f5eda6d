"""Exact solutions of small linear systems over one tick."""

import math
from typing import NamedTuple

from tcellabm.kernels.jit import kernel


class Flow(NamedTuple):
    """Hazards per day between two amounts x and y; to_y and to_x both positive, or both 0."""

    to_y: float
    to_x: float
    loss_x: float
    loss_y: float


class Pair(NamedTuple):
    """Two amounts, or their influx per day."""

    x: float
    y: float


@kernel
def decay(rate: float, dt: float) -> float:
    """Return the integral of e^(-rate t) over `dt`; `dt` itself where the rate is 0."""
    return dt if rate == 0.0 else -math.expm1(-rate * dt) / rate


@kernel
def two_compartments(amounts: Pair, flow: Flow, into: Pair, dt: float) -> Pair:
    """Return two exchanging well-mixed amounts after `dt` days, exactly.

    Solves x' = -(to_y + loss_x) x + to_x y + into_x and y' = to_y x - (to_x + loss_y) y + into_y
    by the two eigenvalues, which are real and not positive.

    Parameters
    ----------
    amounts : Pair
        At the start, in any unit.
    flow : Flow
        Hazards, per day.
    into : Pair
        Constant influx, that unit per day.
    dt : float
        Days.

    Returns
    -------
    Pair
        At the end, in that unit.
    """
    to_y, to_x, loss_x, loss_y = flow
    if to_y == 0.0 and to_x == 0.0:
        x = amounts.x * math.exp(-loss_x * dt) + into.x * decay(loss_x, dt)
        y = amounts.y * math.exp(-loss_y * dt) + into.y * decay(loss_y, dt)
        return Pair(x, y)
    a, d = -(to_y + loss_x), -(to_x + loss_y)
    middle, spread = 0.5 * (a + d), math.sqrt(0.25 * (a - d) ** 2 + to_y * to_x)
    fast = middle - spread
    # the product of the eigenvalues is the determinant: no cancellation in the slow one
    slow = (loss_x * (to_x + loss_y) + to_y * loss_y) / fast
    keep = _at_eigenvalues(amounts, flow, (slow, math.exp(slow * dt)), (fast, math.exp(fast * dt)))
    gain = _at_eigenvalues(into, flow, (slow, decay(-slow, dt)), (fast, decay(-fast, dt)))
    return Pair(keep.x + gain.x, keep.y + gain.y)


@kernel
def _at_eigenvalues(
    amounts: Pair, flow: Flow, slow: tuple[float, float], fast: tuple[float, float]
) -> Pair:
    """Apply a function of the matrix, given both eigenvalues and its values there."""
    share = (slow[1] - fast[1]) / (slow[0] - fast[0])
    rest = fast[1] - share * fast[0]
    a, d = -(flow.to_y + flow.loss_x), -(flow.to_x + flow.loss_y)
    x, y = amounts
    return Pair(
        rest * x + share * (a * x + flow.to_x * y), rest * y + share * (flow.to_y * x + d * y)
    )
