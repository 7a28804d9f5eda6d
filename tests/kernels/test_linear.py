"""Two exchanging compartments, held to the matrix exponential."""

import numpy as np
import pytest
from scipy.linalg import expm

from tcellabm.kernels import linear
from tcellabm.kernels.linear import Flow, Pair, decay


def two_compartments(x, y, to_y, to_x, loss_x, loss_y, into_x, into_y, dt):
    """Both amounts after `dt`, by the kernel."""
    flow, into = Flow(to_y, to_x, loss_x, loss_y), Pair(into_x, into_y)
    return tuple(linear.two_compartments(Pair(x, y), flow, into, dt))


def by_matrix(x, y, to_y, to_x, loss_x, loss_y, into_x, into_y, dt):
    """Both amounts after `dt`, and the integrals of both over it."""
    system = np.zeros((5, 5))
    system[0] = [-(to_y + loss_x), to_x, into_x, 0, 0]
    system[1] = [to_y, -(to_x + loss_y), into_y, 0, 0]
    system[3, 0] = system[4, 1] = 1.0
    return (expm(system * dt) @ [x, y, 1.0, 0.0, 0.0])[[0, 1, 3, 4]]


CASES = [
    (3.0, 5.0, 0.06, 0.07, 0.09, 0.0, 0.0, 0.0, 1.0),  # a drug: loss from one side
    (3.0, 5.0, 50.0, 20.0, 0.0, 8.0, 900.0, 40.0, 0.125),  # a cytokine: made in both
    (0.0, 0.0, 50.0, 20.0, 0.0, 8.0, 900.0, 40.0, 0.125),
    (7.0, 1.0, 0.4, 0.9, 0.0, 0.0, 0.0, 0.0, 2.0),  # no loss: one eigenvalue is 0
    (7.0, 1.0, 0.4, 0.9, 0.0, 0.0, 3.0, 2.0, 2.0),
    (7.0, 1.0, 0.5, 0.5, 0.3, 0.3, 1.0, 0.0, 1.0),  # alike on both sides
    (7.0, 1.0, 1e-9, 1e-9, 0.3, 0.2, 0.0, 1.0, 3.0),  # next to no exchange
    (7.0, 1.0, 900.0, 1.0, 1e-9, 1e-9, 5.0, 0.0, 1.0),  # stiff, with next to no loss
    (7.0, 1.0, 0.0, 0.0, 0.3, 0.1, 0.0, 1.0, 3.0),  # no exchange
]


@pytest.mark.parametrize("case", CASES)
def test_two_compartments_match_the_matrix_exponential(case):
    assert two_compartments(*case) == pytest.approx(by_matrix(*case)[:2], rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("case", CASES)
def test_losses_and_influx_balance_the_change_to_rounding(case):
    x, y, _, _, loss_x, loss_y, into_x, into_y, dt = case
    after = sum(two_compartments(*case))
    lost = np.dot([loss_x, loss_y], by_matrix(*case)[2:])
    assert after + lost == pytest.approx(x + y + (into_x + into_y) * dt, rel=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_two_halves_of_a_tick_make_a_whole(case):
    *system, dt = case
    half = two_compartments(*system, dt / 2)
    whole = two_compartments(*half, *system[2:], dt / 2)
    assert whole == pytest.approx(two_compartments(*case), rel=1e-11, abs=1e-13)


def test_decay_integrates_an_exponential():
    assert decay(0.0, 0.7) == 0.7
    assert decay(2.0, 0.5) == pytest.approx((1 - np.exp(-1.0)) / 2.0, rel=1e-15)
    assert decay(1e-14, 0.7) == pytest.approx(0.7, rel=1e-12)
