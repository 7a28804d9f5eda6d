"""All drugs of one patient, and what they leave of the cytokines' effect."""

from tcellabm.clinic.drugs import Anakinra, Corticosteroid, Tocilizumab
from tcellabm.clinic.record import DRUGS
from tcellabm.params import Parameters


class Pharmacy:
    """The drugs that a patient may get, by name, and those at work."""

    def __init__(self, params: Parameters, weight_kg: float) -> None:
        """Start without drug; doses go by weight."""
        self.tocilizumab = Tocilizumab(params.tocilizumab, weight_kg)
        self.corticosteroid = Corticosteroid(params.corticosteroid, weight_kg)
        self.anakinra = Anakinra(params.anakinra, weight_kg)

    def _of(self, name: str) -> Tocilizumab | Corticosteroid | Anakinra:
        drug: Tocilizumab | Corticosteroid | Anakinra = getattr(self, name)
        return drug

    def labelled_mg(self, name: str) -> float:
        """Return one dose as labelled, mg."""
        return self._of(name).labelled_dose_mg

    def give(self, name: str, dose_mg: float) -> None:
        """Give a dose."""
        self._of(name).give(dose_mg)

    def advance(self, dt: float) -> None:
        """Advance all by `dt` days."""
        for name in DRUGS:
            self._of(name).advance(dt)

    @property
    def il6_free(self) -> float:
        """Share of IL-6 receptors outside the CNS that tocilizumab leaves free."""
        return 1.0 - self.tocilizumab.occupancy

    @property
    def il1_free(self) -> float:
        """Share of IL-1 receptors outside the CNS that anakinra leaves free."""
        return 1.0 - self.anakinra.occupancy

    @property
    def il1_free_in_cns(self) -> float:
        """Share of IL-1 receptors in the CNS that anakinra leaves free."""
        return 1.0 - self.anakinra.cns_occupancy
