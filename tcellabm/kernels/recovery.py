"""What returns after lymphodepletion, by day: space, white cells, output of cells."""

import math

from tcellabm.kernels.jit import kernel
from tcellabm.kernels.layout import Recovery


@kernel
def returned(day: float, half_way: float, law: Recovery) -> float:
    """Return the share that is back on `day`; all of it where nothing was depleted."""
    if not law.depleted:
        return 1.0
    if day <= 0.0:
        return 0.0
    return 1.0 / (1.0 + (half_way / day) ** law.steepness)


@kernel
def window(day: float, law: Recovery) -> float:
    """Return the factor on CAR T division: IL-7 and IL-15 after lymphodepletion."""
    extra = math.exp(-day / law.window_decay_days) if law.depleted else 0.0
    return law.window_floor + (1.0 - law.window_floor) * extra


@kernel
def white_cells(day: float, law: Recovery) -> float:
    """Return white cells other than CAR T in blood, cells/uL."""
    back = returned(day, law.white_days, law)
    return law.white_nadir_per_ul + (law.white_normal_per_ul - law.white_nadir_per_ul) * back


@kernel
def b_output(day: float, law: Recovery) -> float:
    """Return new B cells per day."""
    back = returned(day, law.b_days, law)
    return law.b_early + (law.b_steady - law.b_early) * back


@kernel
def myeloid_output(day: float, law: Recovery) -> float:
    """Return new resting myeloid cells per day."""
    back = returned(day, law.white_days, law)
    return law.myeloid_steady * (law.myeloid_share_left + (1.0 - law.myeloid_share_left) * back)
