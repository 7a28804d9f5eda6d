"""One drug, one body, one CNS at a time: what the kernels of the clinic do, as tests drive it."""

from tcellabm.clinic import drugs as clinic_drugs
from tcellabm.clinic.physiology import body_law, cns_law, healthy_body
from tcellabm.kernels import bedside, drugs
from tcellabm.kernels.grading import Needs


class Drug:
    """All drugs of a patient, of which one is given."""

    name = ""

    def __init__(self, params, weight_kg):
        params = params.replace({"patient.weight_kg": weight_kg})
        self.params, self.law, self.drugs = params, clinic_drugs.drug_laws(params), drugs.Drugs()
        self.labelled_dose_mg = clinic_drugs.labelled_mg(self.name, params)

    def give(self, dose_mg):
        self.drugs = clinic_drugs.given(self.drugs, self.name, dose_mg, self.params)

    def advance(self, dt):
        self.drugs = drugs.advance_drugs(dt, self.drugs, self.law)


class Tocilizumab(Drug):
    name = "tocilizumab"

    @property
    def central_mg(self):
        return self.drugs.tocilizumab_mg.x

    @property
    def peripheral_mg(self):
        return self.drugs.tocilizumab_mg.y

    @property
    def concentration(self):
        return self.central_mg / self.law.tocilizumab.volume_l

    @property
    def occupancy(self):
        return 1.0 - drugs.il6_free(self.drugs, self.law)


class Corticosteroid(Drug):
    name = "corticosteroid"

    @property
    def level_nm(self):
        return self.drugs.corticosteroid_nm

    @property
    def secretion_factor(self):
        return drugs.cytokine_effect(self.drugs, self.law).secretion

    @property
    def division_factor(self):
        return drugs.division_factor(self.drugs, self.law)


class Anakinra(Drug):
    name = "anakinra"

    @property
    def concentration(self):
        return self.drugs.anakinra_mg / self.law.anakinra.volume_l

    @property
    def occupancy(self):
        return 1.0 - drugs.il1_free(self.drugs, self.law, 1.0)

    @property
    def cns_occupancy(self):
        return 1.0 - drugs.il1_free(self.drugs, self.law, self.law.anakinra.cns_share)


class Physiology:
    """The body of a patient whose CNS is well."""

    def __init__(self, params):
        self.law, self.now = body_law(params), healthy_body(params)
        self._cns_law, self._cns = cns_law(params), bedside.Cns()

    def advance(self, dt, levels, activated=0.0, infected=False):
        least = self.law.fever.high_fever_c if infected else 0.0
        self.now = bedside.advance_body(dt, self.now, levels, activated, least, self.law)

    def with_leak(self, leak):
        self.now = self.now._replace(leak=leak)
        return self

    @property
    def needs(self):
        return Needs(*bedside.signs_of(self.now, self._cns, self.law, self._cns_law).needs)

    @property
    def blood_pressure_need(self):
        return bedside.reached(self.now.leak, self.law.leak.blood_pressure_leaks)

    @property
    def oxygen_need(self):
        return bedside.reached(self.now.leak, self.law.leak.oxygen_leaks)

    def __getattr__(self, name):
        return getattr(self.now, name)


class Neurotoxicity:
    """The CNS of a patient whose body is well."""

    def __init__(self, params):
        self.law, self.now = cns_law(params), bedside.Cns()

    def advance(self, dt, il1, ifng, leak=0.0):
        self.now = bedside.advance_cns(dt, self.now, il1, ifng, leak, self.law)

    def with_injury(self, injury):
        self.now = self.now._replace(injury=injury)
        return self

    @property
    def grade(self):
        return bedside.reached(self.now.injury, self.law.grade_injuries)

    @property
    def cerebral_edema(self):
        return self.now.injury >= self.law.edema_injury

    def __getattr__(self, name):
        return getattr(self.now, name)
