"""The schema: every section, and the keys they add up to."""

from tcellabm.params import biology, clinic
from tcellabm.params.section import Section


class Resolution(Section):
    """How finely the body is simulated."""

    agents_per_population: int
    single_cell: bool
    max_agents: int
    represented_fraction: float


class Time(Section):
    """Length of a run and of its ticks."""

    days: float
    tick_halvings: int
    slow_tick_halvings: int
    change_per_tick: float


class SweepSize(Section):
    """Size of a sweep."""

    patients: int
    replicates: int
    sample: str
    points: int


class Trial(Section):
    """Size of a virtual trial."""

    patients: int
    posterior_draws: int


class Sections(Section):
    """Every parameter there is, by section."""

    patient: biology.Patient
    leukemia: biology.Leukemia
    antigen: biology.Antigen
    product: biology.Product
    lymphodepletion: clinic.Lymphodepletion
    encounter: biology.Encounter
    car_t: biology.CarT
    b_cell: biology.BCell
    homeostatic: biology.Homeostatic
    rejection: biology.Rejection
    myeloid: biology.Myeloid
    cytokines: biology.Cytokines
    tocilizumab: clinic.Tocilizumab
    corticosteroid: clinic.Corticosteroid
    anakinra: clinic.Anakinra
    physiology: clinic.Physiology
    neurotoxicity: clinic.Neurotoxicity
    dosing: clinic.Dosing
    care: clinic.Care
    cost: clinic.Cost
    pathway: clinic.Pathway
    assay: clinic.Assay
    marrow: biology.Marrow
    blood: biology.Blood
    resolution: Resolution
    time: Time
    sweep: SweepSize
    trial: Trial


def leaves(section: type[Section] = Sections, prefix: str = "") -> dict[str, type]:
    """Type of each parameter by its dotted key, in the order of the schema."""
    found: dict[str, type] = {}
    for name, field in section.model_fields.items():
        kind = field.annotation
        assert isinstance(kind, type), f"{name} is not of a plain type"
        if issubclass(kind, Section):
            found |= leaves(kind, f"{prefix}{name}.")
        else:
            found[prefix + name] = kind
    return found
