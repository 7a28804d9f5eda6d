"""Tocilizumab, corticosteroid, anakinra: what one patient's drugs do, and how much is one dose."""

from tcellabm.kernels.drugs import Anakinra, Corticosteroid, DrugLaws, Drugs, Tocilizumab
from tcellabm.kernels.linear import Pair
from tcellabm.params import Parameters
from tcellabm.params.own import own
from tcellabm.units import HOURS_PER_DAY

DRUGS = ("tocilizumab", "corticosteroid", "anakinra")
REFERENCE_KG = 70.0  # the adult of the pharmacokinetic studies
CLEARANCE_POWER = 0.75  # allometric; volumes go with weight itself
MOST_MG = 1e6  # of a dose


def drug_laws(params: Parameters) -> DrugLaws:
    """Return the pharmacokinetics and effects in one patient."""
    steroid, anakinra = params.corticosteroid, params.anakinra
    return DrugLaws(
        tocilizumab=_tocilizumab(params),
        corticosteroid=Corticosteroid(
            half_life_days=steroid.half_life_hours / HOURS_PER_DAY,
            ec50_nm=steroid.ec50_nm,
            cytokine_emax=steroid.cytokine_emax,
            division_emax=steroid.division_emax,
        ),
        anakinra=Anakinra(
            half_life_days=anakinra.half_life_hours / HOURS_PER_DAY,
            volume_l=anakinra.volume_l_per_kg * params.patient.weight_kg,
            half_block_ug_per_ml=anakinra.half_block_ug_per_ml,
            cns_share=anakinra.cns_share,
        ),
    )


def _tocilizumab(params: Parameters) -> Tocilizumab:
    """Scale the adult of Frey 2010 to a patient's weight."""
    p, size = params.tocilizumab, params.patient.weight_kg / REFERENCE_KG
    rate, volume = size**CLEARANCE_POWER, p.central_volume_l * size
    return Tocilizumab(
        volume_l=volume,
        linear_per_day=p.clearance_l_per_day * rate / volume,
        saturable_mg_per_l_per_day=p.maximal_rate_mg_per_day * rate / volume,
        out_per_day=p.exchange_l_per_day * rate / volume,
        back_per_day=p.exchange_l_per_day * rate / (p.peripheral_volume_l * size),
        michaelis_ug_per_ml=p.michaelis_ug_per_ml,
        dissociation_ug_per_ml=p.dissociation_ug_per_ml,
        receptor_share=params.cytokines.il6.receptor_share,
    )


def labelled_mg(drug: str, params: Parameters) -> float:
    """Return one dose as labelled, mg: by weight, up to a maximum."""
    kg = params.patient.weight_kg
    if drug == "tocilizumab":
        p = params.tocilizumab
        per_kg = p.dose_light_mg_per_kg if kg < p.light_weight_kg else p.dose_mg_per_kg
        return min(per_kg * kg, p.maximal_dose_mg)
    if drug == "corticosteroid":
        return params.corticosteroid.dose_mg_per_kg * kg
    return min(params.anakinra.dose_mg_per_kg * kg, params.anakinra.maximal_dose_mg)


def treatments(params: Parameters) -> tuple[str, ...]:
    """Return the names of all that can be given beside cells: drugs, and rules of one's own."""
    return (*DRUGS, *(rule.name for rule in own(params.rules).of("treatment")))


def dose(treatment: str, params: Parameters) -> tuple[str, float]:
    """Return the drug of a treatment and how much of it is given, mg.

    Raises
    ------
    InputError
        There is no such treatment.
    RuleError
        It is a rule of one's own that raised, or gave no amount.
    """
    if treatment in DRUGS:
        return treatment, labelled_mg(treatment, params)
    rule = own(params.rules).named("treatment", treatment)
    return str(rule.facts["drug"]), rule.number(MOST_MG, f"0 to {MOST_MG:g} mg", params)


def given(drugs: Drugs, drug: str, dose_mg: float, params: Parameters) -> Drugs:
    """Return what there is of all drugs once a dose is given.

    Parameters
    ----------
    drugs : Drugs
        Before the dose.
    drug : str
        One of DRUGS.
    dose_mg : float
        mg.
    params : Parameters
        Weight, bioavailability and peak level of the patient.

    Returns
    -------
    Drugs
        After the dose: mg, and nM of the corticosteroid.
    """
    if drug == "tocilizumab":
        central, peripheral = drugs.tocilizumab_mg
        return drugs._replace(tocilizumab_mg=Pair(central + dose_mg, peripheral))
    if drug == "corticosteroid":
        per_kg = dose_mg / params.patient.weight_kg
        level = drugs.corticosteroid_nm + per_kg * params.corticosteroid.peak_nm_per_mg_per_kg
        return drugs._replace(corticosteroid_nm=level)
    absorbed = dose_mg * params.anakinra.bioavailability  # the rest is lost
    return drugs._replace(anakinra_mg=drugs.anakinra_mg + absorbed)
