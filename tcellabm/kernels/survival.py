"""Weighted survival in one pass over the patients."""

import numpy as np

from tcellabm.kernels.jit import kernel


@kernel
def weighted_kaplan_meier(
    weights: np.ndarray, order: np.ndarray, event: np.ndarray, shares: np.ndarray
) -> None:
    """Write the Kaplan-Meier estimate of each weighting; NaN where nobody has any weight.

    Backwards in time, those at risk add up: nothing is lost by taking differences.

    Parameters
    ----------
    weights : ndarray, shape (weightings, patients)
        At least 0.
    order : ndarray of int, shape (members,)
        Patients by time; at one time events come first.
    event : ndarray of bool, shape (members,)
        Whether an event of this patient counts.
    shares : ndarray, shape (weightings,)
        Overwritten.
    """
    for number in range(weights.shape[0]):
        risk, share = 0.0, 1.0
        for place in range(len(order) - 1, -1, -1):
            own = weights[number, order[place]]
            risk += own
            if event[place] and own > 0.0:
                share *= 1.0 - own / risk
        shares[number] = share if risk > 0.0 else np.nan
