"""What a course of treatment costs: list prices, no more than parameters say."""

from tcellabm.clinic.record import Record
from tcellabm.params import Parameters


def cost_usd(record: Record, icu_days: float, params: Parameters) -> float:
    """Return the price of the product, the days in intensive care and the drugs given, US dollars.

    The product is paid once, however it is divided; not at all where none was infused.

    Parameters
    ----------
    record : Record
        Treatments given, in mg or cells.
    icu_days : float
        Days in intensive care.
    params : Parameters
        `cost` has the prices.

    Returns
    -------
    float
        US dollars.
    """
    cost = params.cost
    infused = any(one.amount > 0.0 for one in record.treatments if one.name == "car_t")
    per_mg = {
        "tocilizumab": cost.tocilizumab_usd_per_mg,
        "corticosteroid": cost.corticosteroid_usd_per_mg,
        "anakinra": cost.anakinra_usd_per_mg,
    }
    drugs = sum(one.amount * per_mg.get(one.name, 0.0) for one in record.treatments)
    return cost.product_usd * infused + cost.icu_day_usd * icu_days + drugs
