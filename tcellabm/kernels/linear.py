"""Exact solutions of small linear systems over one tick."""

import math

from tcellabm.kernels.jit import kernel


@kernel
def decay(rate, dt):
    """Return the integral of e^(-rate t) over `dt`; `dt` itself where the rate is 0."""
    return dt if rate == 0.0 else -math.expm1(-rate * dt) / rate


@kernel
def two_compartments(x, y, to_y, to_x, loss_x, loss_y, into_x, into_y, dt):
    """Advance two exchanging well-mixed amounts by `dt`, exactly.

    Solves x' = -(to_y + loss_x) x + to_x y + into_x and y' = to_y x - (to_x + loss_y) y + into_y
    by the two eigenvalues, which are real and not positive.

    Parameters
    ----------
    x, y : float
        Amounts.
    to_y, to_x, loss_x, loss_y : float
        Hazards per day; to_y and to_x both positive, or both 0.
    into_x, into_y : float
        Constant influx, amount per day.

    Returns
    -------
    tuple of float
        Both amounts after `dt`.
    """
    if to_y == 0.0 and to_x == 0.0:
        x = x * math.exp(-loss_x * dt) + into_x * decay(loss_x, dt)
        return x, y * math.exp(-loss_y * dt) + into_y * decay(loss_y, dt)
    a, d = -(to_y + loss_x), -(to_x + loss_y)
    middle, spread = 0.5 * (a + d), math.sqrt(0.25 * (a - d) ** 2 + to_y * to_x)
    fast = middle - spread
    # the product of the eigenvalues is the determinant: no cancellation in the slow one
    slow = (loss_x * (to_x + loss_y) + to_y * loss_y) / fast
    keep_x, keep_y = _project(
        x, y, a, d, to_y, to_x, slow, fast, math.exp(slow * dt), math.exp(fast * dt)
    )
    gain_x, gain_y = _project(
        into_x, into_y, a, d, to_y, to_x, slow, fast, decay(-slow, dt), decay(-fast, dt)
    )
    return keep_x + gain_x, keep_y + gain_y


@kernel
def _project(x, y, a, d, to_y, to_x, slow, fast, on_slow, on_fast):
    """Apply a function of the matrix, given its values at the two eigenvalues."""
    share = (on_slow - on_fast) / (slow - fast)
    rest = on_fast - share * fast
    return rest * x + share * (a * x + to_x * y), rest * y + share * (to_y * x + d * y)
