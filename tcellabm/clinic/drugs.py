"""Tocilizumab, corticosteroid, anakinra: pharmacokinetics, and the effect that follows."""

import math

from tcellabm.kernels.linear import two_compartments
from tcellabm.params.clinic import Anakinra as AnakinraParameters
from tcellabm.params.clinic import Corticosteroid as CorticosteroidParameters
from tcellabm.params.clinic import Tocilizumab as TocilizumabParameters

REFERENCE_KG = 70.0  # the adult of the pharmacokinetic studies
CLEARANCE_POWER = 0.75  # allometric; volumes go with weight itself
LONGEST_STEP = 0.125  # days, for the saturable part
HOURS_PER_DAY = 24.0


class Tocilizumab:
    """Two compartments with linear and saturable elimination (Frey 2010), scaled by weight."""

    def __init__(self, params: TocilizumabParameters, weight_kg: float) -> None:
        """Start without drug."""
        size = weight_kg / REFERENCE_KG
        rate = size**CLEARANCE_POWER
        self._params = params
        self._volume = params.central_volume_l * size
        self._linear = params.clearance_l_per_day * rate / self._volume
        self._saturable = params.maximal_rate_mg_per_day * rate / self._volume
        self._out = params.exchange_l_per_day * rate / self._volume
        self._back = params.exchange_l_per_day * rate / (params.peripheral_volume_l * size)
        self.weight_kg = weight_kg
        self.central_mg = 0.0
        self.peripheral_mg = 0.0

    @property
    def concentration(self) -> float:
        """Serum concentration, ug/mL."""
        return self.central_mg / self._volume

    @property
    def occupancy(self) -> float:
        """Share of IL-6 receptors that the drug holds."""
        return self.concentration / (self.concentration + self._params.dissociation_ug_per_ml)

    @property
    def labelled_dose_mg(self) -> float:
        """One dose as labelled, mg: by weight, up to a maximum."""
        p = self._params
        light = self.weight_kg < p.light_weight_kg
        per_kg = p.dose_light_mg_per_kg if light else p.dose_mg_per_kg
        return min(per_kg * self.weight_kg, p.maximal_dose_mg)

    def give(self, dose_mg: float) -> None:
        """Add a dose to the central compartment."""
        self.central_mg += dose_mg

    def advance(self, dt: float) -> None:
        """Advance by `dt` days."""
        if self.central_mg + self.peripheral_mg == 0.0:
            return
        steps = math.ceil(dt / LONGEST_STEP)
        for _ in range(steps):
            ahead = self._after(0.5 * dt / steps, self.concentration)
            self.central_mg, self.peripheral_mg = self._after(dt / steps, ahead[0] / self._volume)

    def _after(self, dt: float, concentration: float) -> tuple[float, float]:
        """Return both amounts after `dt`, the saturable hazard held at a concentration."""
        loss = self._linear + self._saturable / (self._params.michaelis_ug_per_ml + concentration)
        central, peripheral = two_compartments(
            self.central_mg, self.peripheral_mg, self._out, self._back, loss, 0.0, 0.0, 0.0, dt
        )
        return float(central), float(peripheral)


class Corticosteroid:
    """A steroid whose effect fades with one half-life (dexamethasone)."""

    def __init__(self, params: CorticosteroidParameters, weight_kg: float) -> None:
        """Start without drug."""
        self._params = params
        self.labelled_dose_mg = params.dose_mg_per_kg * weight_kg
        self._weight_kg = weight_kg
        self.level_nm = 0.0

    def give(self, dose_mg: float) -> None:
        """Raise the effect-site level by a dose."""
        self.level_nm += dose_mg / self._weight_kg * self._params.peak_nm_per_mg_per_kg

    def advance(self, dt: float) -> None:
        """Advance by `dt` days."""
        self.level_nm *= 0.5 ** (dt * HOURS_PER_DAY / self._params.half_life_hours)

    @property
    def _engaged(self) -> float:
        return self.level_nm / (self.level_nm + self._params.ec50_nm)

    @property
    def secretion_factor(self) -> float:
        """Factor on cytokine secretion."""
        return 1.0 - self._params.cytokine_emax * self._engaged

    @property
    def division_factor(self) -> float:
        """Factor on CAR T cell division."""
        return 1.0 - self._params.division_emax * self._engaged


class Anakinra:
    """A receptor antagonist of IL-1 in one compartment; a small share of it enters the CNS."""

    def __init__(self, params: AnakinraParameters, weight_kg: float) -> None:
        """Start without drug."""
        self._params = params
        self._volume_l = params.volume_l_per_kg * weight_kg
        self.labelled_dose_mg = min(params.dose_mg_per_kg * weight_kg, params.maximal_dose_mg)
        self.body_mg = 0.0

    def give(self, dose_mg: float) -> None:
        """Add a dose; what is not absorbed is lost."""
        self.body_mg += dose_mg * self._params.bioavailability

    def advance(self, dt: float) -> None:
        """Advance by `dt` days."""
        self.body_mg *= 0.5 ** (dt * HOURS_PER_DAY / self._params.half_life_hours)

    @property
    def concentration(self) -> float:
        """Serum concentration, ug/mL."""
        return self.body_mg / self._volume_l

    def _held(self, level: float) -> float:
        return level / (level + self._params.half_block_ug_per_ml)

    @property
    def occupancy(self) -> float:
        """Share of the effect of IL-1 that is blocked outside the CNS."""
        return self._held(self.concentration)

    @property
    def cns_occupancy(self) -> float:
        """Share of the effect of IL-1 that is blocked in the CNS."""
        return self._held(self.concentration * self._params.cns_share)
