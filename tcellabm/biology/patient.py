"""One virtual patient, and drawing patients from a population."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

import numpy as np

from tcellabm.params import InputError, Parameters

# What may differ between patients, in the order of drawing. Every covariate is drawn for every
# patient, used or not, so that setting one never changes another. Append only.
COVARIATES = (
    "patient.weight_kg",
    "patient.leukemic_burden",
    "patient.net_growth_per_day",
    "patient.cd19_negative_fraction",
    "patient.white_cell_nadir_per_ul",
    "patient.white_cell_recovery_days",
    "patient.myeloid_sensitivity",
    "patient.vascular_sensitivity",
    "patient.anti_car_response",
    "leukemia.antigen_median",
    "product.dose_cells_per_kg",
    "product.persistence_half_life_days",
    "product.memory_fraction",
    "product.fitness",
    "product.killing",
    "product.exhaustion",
    "product.copies_per_cell",
    "patient.b_cell_output",
    "patient.homeostatic_cytokines",
    "patient.neuro_sensitivity",
    "patient.fever_sensitivity",
    "patient.niche_fraction",
)
BURDEN, WEIGHT = "patient.leukemic_burden", "patient.weight_kg"


@dataclass(frozen=True)
class Patient:
    """What is this patient's own: covariates by dotted key, in the units of the parameters."""

    seed: int
    covariates: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Seal the covariates."""
        object.__setattr__(self, "covariates", MappingProxyType(dict(self.covariates)))

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        """Pickle by value: a mapping proxy cannot be pickled."""
        return type(self), tuple(
            dict(value) if f.name == "covariates" else value
            for f in fields(self)
            for value in [getattr(self, f.name)]
        )

    @property
    def weight_kg(self) -> float:
        """Body weight, kg."""
        return self.covariates["patient.weight_kg"]

    @property
    def leukemic_burden(self) -> float:
        """Leukemic cells in the whole body at infusion."""
        return self.covariates["patient.leukemic_burden"]

    @property
    def net_growth_per_day(self) -> float:
        """Net growth of the leukemia far from capacity, per day."""
        return self.covariates["patient.net_growth_per_day"]

    @property
    def cd19_negative_fraction(self) -> float:
        """Share of leukemic cells that carry no CD19 at infusion."""
        return self.covariates["patient.cd19_negative_fraction"]


def draw_patient(params: Parameters, seed: int, rng: np.random.Generator) -> Patient:
    """Draw the covariates of one patient.

    Parameters
    ----------
    params : Parameters
        A covariate that a scenario, an axis or the caller has set holds as set; one with a
        distribution is drawn from it; any other has its value in the files.
    seed : int
        The recipe of the patient, kept for the record.
    rng : numpy.random.Generator
        The patient stream.

    Returns
    -------
    Patient
        With every key of COVARIATES, in the units of the parameters.

    Raises
    ------
    InputError
        The population describes what is no covariate.
    """
    laws, pinned = params.distributions, params.pinned
    unknown = laws.keys() - set(COVARIATES)
    if unknown:
        raise InputError(f"population.{min(unknown)}", "", f"allowed: {', '.join(COVARIATES)}")
    normals = rng.standard_normal(len(COVARIATES))
    drawn = {}
    for key, z in zip(COVARIATES, normals, strict=True):
        fixed = key in pinned or key not in laws
        drawn[key] = float(params.get(key)) if fixed else laws[key].at(float(z))
    if BURDEN in laws and BURDEN not in pinned:  # the population says that of a body of usual size
        drawn[BURDEN] *= drawn[WEIGHT] / params.marrow.reference_weight_kg
    return Patient(seed, drawn)
