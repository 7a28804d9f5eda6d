"""Names, units and tick labels of sweep axes."""

from collections.abc import Mapping, Sequence

_NAMES = {
    "product.dose_cells_per_kg": ("dose", "10⁶ CAR+ cells/kg", 1e-6),
    "product.persistence_half_life_days": ("persistence half-life", "days", 1.0),
    "patient.leukemic_burden": ("leukemic burden", "10⁹ cells", 1e-9),
    "patient.net_growth_per_day": ("net growth of leukemia", "per day", 1.0),
    "product.memory_fraction": ("memory fraction of the product", "", 1.0),
    "care.policy": ("care policy", "", 1.0),
    "arm": ("arm", "", 1.0),
    "chance": ("chance, and all not varied", "", 1.0),
    "patient.weight_kg": ("weight", "kg", 1.0),
    "patient.cd19_negative_fraction": ("CD19-negative share at infusion", "", 1.0),
    "patient.white_cell_nadir_per_ul": ("nadir of white cells", "per µL", 1.0),
    "patient.white_cell_recovery_days": ("recovery of white cells", "days", 1.0),
    "patient.myeloid_sensitivity": ("myeloid sensitivity", "", 1.0),
    "patient.vascular_sensitivity": ("vascular sensitivity", "", 1.0),
    "patient.homeostatic_cytokines": ("IL-7 and IL-15", "of the usual", 1.0),
    "patient.neuro_sensitivity": ("neurological sensitivity", "", 1.0),
    "patient.anti_car_per_day": ("anti-CAR immunity", "per day", 1.0),
    "patient.fever_sensitivity": ("fever sensitivity", "", 1.0),
    "patient.anti_car_response": ("host response against CAR T cells", "", 1.0),
    "patient.b_cell_output": ("B-cell output, over the usual", "", 1.0),
    "patient.niche_fraction": ("quiescent share of leukemia in a niche", "", 1.0),
    "leukemia.antigen_median": ("CD19 on leukemia", "molecules per cell", 1.0),
    "product.fitness": ("fitness of the product (division)", "", 1.0),
    "product.killing": ("killing potency", "", 1.0),
    "product.exhaustion": ("exhaustion", "", 1.0),
    "product.copies_per_cell": ("transgene copies per cell", "", 1.0),
    "b_cell.output_steady_per_day": ("B-cell output", "10⁹ per day", 1e-9),
}
DOSE = "product.dose_cells_per_kg"


def axis_label(key: str) -> str:
    """Name an axis, with its unit where that is known; else by its dotted key."""
    name, unit, _ = _NAMES.get(key, (key, "", 1.0))
    return f"{name} ({unit})" if unit else name


def value_label(key: str, value: object) -> str:
    """Write one value of an axis in the unit of its label."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return str(value)
    return f"{value * _NAMES.get(key, ('', '', 1.0))[2]:.4g}"


def place_axes(axes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the axes to lay out in a panel (dose across, if it is one) and the further ones."""
    first = sorted(axes, key=lambda key: key != DOSE)
    return first[:2], first[2:]


def settings_told(settings: Mapping[str, object]) -> list[str]:
    """Say what was set for all points."""
    shown = {key: value for key, value in settings.items() if not key.startswith("sweep.")}
    text = ", ".join(
        f"{axis_label(key)} = {value_label(key, value)}" for key, value in shown.items()
    )
    return [f"set: {text if len(text) <= 90 else text[:87] + '...'}"] if text else []
