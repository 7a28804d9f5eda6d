"""What is seen at the bedside, in plain words and numbers."""

from typing import Any

from tcellabm.clinic.outcomes import DEATH_GRADE, in_icu
from tcellabm.kernels import grading
from tcellabm.model import TumorTCellModel

# The label asks patients to stay within two hours of a certified hospital for four weeks.
NEAR_HOSPITAL_DAYS = 28.0
FIRST_DAY = 1.0
PLACES = {
    "ward": "hospital ward",
    "icu": "intensive care (ICU)",
    "near": "within two hours of the hospital",
    "home": "home",
}


def bedside(model: TumorTCellModel) -> dict[str, Any]:
    """Return the bedside facts of this moment: needs, grades, temperature, place, cytokines."""
    course, plasma = model.course, model.tissue.state.plasma
    needs = course.now.signs.needs
    return {
        "temperature": course.now.body.temperature_c,
        "pressure": needs.blood_pressure,
        "oxygen": needs.oxygen,
        "grades": grades(model),
        "edema": course.cerebral_edema,
        "il6": float(plasma[0]),
        "ifng": float(plasma[3]),
        "tocilizumab": course.concentration("tocilizumab"),
        "anakinra": course.concentration("anakinra"),
        "place": place(model),
        "died": model.record.death_cause,
    }


def grades(model: TumorTCellModel) -> dict[str, int]:
    """Return the ASTCT grades of CRS and of ICANS, 0-5; 5 is death by it."""
    signs = model.course.now.signs
    now = {"CRS": grading.astct(signs.needs), "ICANS": signs.icans}
    died = model.record.death_cause.upper()
    return {scale: DEATH_GRADE if scale == died else grade for scale, grade in now.items()}


def place(model: TumorTCellModel) -> str:
    """Return where the patient is: a key of PLACES."""
    if in_icu(model.record, model.params)[-1:].any():
        return "icu"
    infused = model.record.days_of("car_t")
    since = model.time - infused[-1] if infused else 0.0
    if any(grades(model).values()) or since < FIRST_DAY:
        return "ward"
    return "near" if since < NEAR_HOSPITAL_DAYS else "home"
