"""What returns after lymphodepletion, by day: space, white cells, B-cell output."""

import math

from tcellabm.params import Parameters


class Recovery:
    """The course of one patient's host compartments; outputs are of the simulated part."""

    def __init__(self, params: Parameters) -> None:
        """Take the parameters with the patient's covariates in place."""
        self._params = params
        self._fraction = params.resolution.represented_fraction
        self._depleted = params.lymphodepletion.given

    def _returned(self, day: float, half_way: float) -> float:
        """Return the share that is back on `day`; all of it where nothing was depleted."""
        if not self._depleted:
            return 1.0
        if day <= 0.0:
            return 0.0
        steepness = self._params.lymphodepletion.recovery_steepness
        return 1.0 / (1.0 + (half_way / day) ** steepness)

    def window(self, day: float) -> float:
        """Return the factor on CAR T division: IL-7 and IL-15 after lymphodepletion."""
        depletion = self._params.lymphodepletion
        extra = math.exp(-day / depletion.window_decay_days) if self._depleted else 0.0
        return depletion.window_floor + (1.0 - depletion.window_floor) * extra

    def white_cells_per_ul(self, day: float) -> float:
        """Return white cells other than CAR T in blood, cells/uL."""
        patient = self._params.patient
        back = self._returned(day, patient.white_cell_recovery_days)
        nadir = patient.white_cell_nadir_per_ul
        return nadir + (patient.white_cell_normal_per_ul - nadir) * back

    def b_output(self, day: float) -> float:
        """Return new B cells per day."""
        b_cell = self._params.b_cell
        back = self._returned(day, b_cell.output_recovery_days)
        early = min(b_cell.output_early_per_day, b_cell.output_steady_per_day)
        return self._fraction * (early + (b_cell.output_steady_per_day - early) * back)

    def myeloid_output(self, day: float) -> float:
        """Return new resting myeloid cells per day."""
        left = self._params.lymphodepletion.myeloid_share_left if self._depleted else 1.0
        back = self._returned(day, self._params.patient.white_cell_recovery_days)
        pool = self._params.myeloid.pool_cells * self._params.myeloid.turnover_per_day
        return self._fraction * pool * (left + (1.0 - left) * back)
