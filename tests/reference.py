"""The rules of the model once more: slow, plain Python, one Mesa agent per group of like cells.

It shares with `tcellabm` the parameters and the patient, nothing else: rates, antigen ladder,
recovery and cytokines are worked out anew from the equations of the model. Groups are not limited
in number: cells that are alike in everything are one agent, and no others are, so what differs from
the package beside chance is an error in one of the two or the price of the agent budget. Whole body
(no steps between neighbor voxels), no drugs, cells and IFN-gamma only.

Units: days, cells, uL, molecules per cell, pg/mL; hazards per day.
"""

import math
from collections import Counter
from functools import lru_cache

import numpy as np
from mesa import Agent, Model
from mesa.time import Priority, Schedule
from scipy.linalg import expm
from scipy.optimize import brentq

from tcellabm.biology.patient import draw_patient

RUNGS = 24  # of the antigen ladder, above rung 0 that bears none
NICHE = RUNGS + 1  # stands for a rung: quiescent, hardly reached, of the median density
UL_PER_ML = 1000.0
RARE = 1e-6  # chance below which a number of divisions in one tick is left out
BLOOD = -1  # index of the last site
DENSITIES = "targets", "effectors", "lysis", "activation", "release"


# --- what follows from the parameters, before anything lives --------------------------------------


def saturating(x, half):
    """Return x / (x + half)."""
    return x / (x + half)


class Ladder:
    """CD19 densities a cell may have, what a density does, and how cells change theirs."""

    def __init__(self, params):
        antigen, blast = params.antigen, params.leukemia
        ladder = np.geomspace(antigen.ladder_low, antigen.ladder_high, RUNGS)
        self.density = np.concatenate([[0.0], ladder, [blast.antigen_median]])
        self.reach = np.append(np.ones(RUNGS + 1), blast.niche_reach)
        self.lysis = self._response(params, antigen.lysis_half_point)
        self.activation = self._response(params, antigen.activation_half_point)
        self.release = self._response(params, antigen.cytokine_half_point)
        log_density = np.log(ladder)
        z = (log_density - math.log(blast.antigen_median)) / blast.antigen_sigma_ln
        law = np.exp(-0.5 * z**2)
        self.law = np.concatenate([[0.0], law / law.sum(), [0.0]])
        # steps of size h at rate D/h^2 each way spread by D, and D = variance/relaxation
        step = log_density[1] - log_density[0]
        pace = blast.antigen_sigma_ln**2 / blast.antigen_relaxation_days / step**2
        uphill = np.sqrt(law[1:] / law[:-1])  # detailed balance: law[i] up[i] = law[i+1] down[i+1]
        self.up = np.concatenate([[0.0], pace * uphill, [0.0, 0.0]])
        self.down = np.concatenate([[0.0, 0.0], pace / uphill, [0.0]])
        self.b_cell = self._nearest(params.b_cell.antigen_median)
        self.from_niche = self._nearest(blast.antigen_median)

    def _nearest(self, density):
        """Return the rung nearest to an antigen density."""
        return 1 + int(np.argmin(abs(np.log(self.density[1:NICHE] / density))))

    def _response(self, params, half_point):
        """Return g(A; A50) of every rung; affinity moves the half-point."""
        half = (half_point * params.product.affinity) ** params.antigen.hill
        return self.reach * saturating(self.density**params.antigen.hill, half)


def size(params):
    """Return the size of the body, over that to which cells and volumes in the files refer."""
    return params.patient.weight_kg / params.marrow.reference_weight_kg


def exchange(place, net_in_marrow=0.0, net_in_blood=0.0):
    """Return the matrix that moves (marrow, blood) cells: d(cells)/dt = matrix @ cells."""
    leave, home = place.leave_marrow_per_day, place.home_per_day
    return np.array([[net_in_marrow - leave, home], [leave, net_in_blood - home]])


def leukemic_division(params):
    """Return the division rate at which the leukemia, marrow and blood, nets its growth."""
    blast, growth = params.leukemia, params.patient.net_growth_per_day
    death = blast.death_per_day

    def excess(division):
        return np.linalg.eigvals(exchange(blast, division - death, -death)).real.max() - growth

    return brentq(excess, 0.0, 100.0) if excess(0.0) < 0.0 else 0.0


def share_in_blood(place, death, growth=0.0):
    """Return the share of a population that blood holds when both places grow alike."""
    return saturating(place.leave_marrow_per_day, place.home_per_day + death + growth)


class Course:
    """What changes with the day alone: recovery from lymphodepletion."""

    def __init__(self, params):
        self.params, self.depleted = params, params.lymphodepletion.given

    def back(self, day, half_way, steepness):
        """Return the share that is back on a day."""
        if not self.depleted:
            return 1.0
        return saturating(day**steepness, half_way**steepness)

    def cytokines(self, day):
        """Return IL-7 and IL-15 over their peak in the usual patient."""
        law = self.params.homeostatic
        boost = math.exp(-day / law.decay_days) if self.depleted else 0.0
        return law.floor + (1.0 - law.floor) * boost

    def release(self, day):
        """Return the factor on the release of cytokines: a part of it needs IL-15."""
        law = self.params.homeostatic
        needing = 1.0 - law.release_least
        return law.release_least + needing * self.cytokines(day) ** law.release_exponent

    def rejection(self, day):
        """Return the loss of CAR T cells to the host, per day: of who rejects, later and more."""
        law = self.params.rejection
        rejects = self.params.patient.anti_car_response > law.threshold
        full = law.loss_per_day if rejects else 0.0
        if not self.depleted:
            return full + law.loss_without_depletion_per_day
        return full * saturating(day**law.steepness, law.half_way_days**law.steepness)

    def b_cells_back(self, day):
        """Return the share of influx and division of B cells that is back."""
        law = self.params.b_cell
        return self.back(day, law.recovery_days, law.recovery_steepness)

    def myeloid_cells(self, day):
        """Return the output of resting myeloid cells, per day: it holds the pool at its size."""
        depletion, patient = self.params.lymphodepletion, self.params.patient
        left = depletion.myeloid_share_left if self.depleted else 1.0
        back = self.back(day, patient.white_cell_recovery_days, depletion.white_cell_steepness)
        whole = self.params.myeloid.pool_cells * self.params.myeloid.turnover_per_day
        return whole * size(self.params) * (left + (1.0 - left) * back)


@lru_cache(maxsize=64)
def used_divisions(mean):
    """Return the chances of 1, 2, ... divisions of a lineage, Poisson."""
    chances = [mean * math.exp(-mean)]
    while chances[-1] > RARE:
        chances.append(chances[-1] * mean / (len(chances) + 1))
    return chances


class Interferon:
    """IFN-gamma (pg/mL) in voxels and plasma: a linear system, solved exactly over a tick."""

    def __init__(self, params, volumes, dt):
        law, flow = params.cytokines.ifng, params.cytokines.perfusion_per_day
        plasma = params.cytokines.plasma_ml_per_kg * UL_PER_ML * params.patient.weight_kg
        voxels = len(volumes) - 1
        system = np.diag([-flow] * voxels + [-law.clearance_per_day])
        system[:BLOOD, BLOOD] = flow
        system[BLOOD, :BLOOD] = flow * np.array(volumes[:BLOOD]) / plasma
        system[BLOOD, BLOOD] -= system[BLOOD, :BLOOD].sum()
        self._keep = expm(system * dt)
        self._gain = np.linalg.solve(system, self._keep - np.eye(voxels + 1))
        self._per_cell = law.secretion_pg_per_cell_per_day * UL_PER_ML
        self._blood_in_plasma = volumes[BLOOD] / plasma
        self._made = law.clearance_per_day * law.baseline_pg_per_ml  # elsewhere in the body
        self.level = self.ahead = np.full(voxels + 1, law.baseline_pg_per_ml)

    def advance(self, engaged):
        """Advance by a tick with so many engaged CAR T cells per uL of each site."""
        source = self._per_cell * np.array(engaged)
        source[BLOOD] = source[BLOOD] * self._blood_in_plasma + self._made
        before, self.level = self.level, self._keep @ self.level + self._gain @ source
        self.ahead = self.level * np.sqrt(self.level / before)  # at the middle of the next tick


# --- sites and cells ------------------------------------------------------------------------------


class Site:
    """A voxel of the marrow, or blood: densities (cells/uL), and the hazards they make."""

    def __init__(self, params, volume, capacity=None):
        self.volume = volume
        self.capacity = capacity  # cells; None in blood, where leukemia does not divide
        self.law = params.encounter
        self.factor = 1.0 if capacity else self.law.blood_factor
        self.kill = self.law.kill_per_day * params.product.killing
        self.cytokines = params.homeostatic
        self.now = dict.fromkeys(DENSITIES, 0.0)

    def clear(self):
        """Start a new tally, keep the last."""
        self.before, self.now = self.now, dict.fromkeys(DENSITIES, 0.0)

    def look_ahead(self):
        """Set densities at mid-tick: what they did in the last tick goes on for half a tick."""
        for name, now in self.now.items():
            before = self.before[name]
            setattr(self, name, now * math.sqrt(now / before) if before else now)

    def encounter(self, level, release_factor):
        """Set the hazards of this site by Beddington-DeAngelis, at a level of IL-7 and IL-15."""
        crowd = self.effectors + self.lysis
        alone = self.law.kill_half_density_per_ul * self.factor
        self.killing = self.kill * self.effectors / (alone + crowd)
        alone = self.law.activation_half_density_per_ul * self.factor
        engagement = self.activation / (alone + crowd)
        self.stimulation = saturating(engagement, self.law.stimulation_half_engagement)
        shared = level / (1.0 + self.effectors / self.cytokines.consumption_half_per_ul)
        self.supply = saturating(shared, self.cytokines.half_level)
        self.supply *= 1.0 + self.cytokines.half_level  # 1 at the peak of the usual patient
        self.engaged = self.release / (alone + crowd)  # for exhaustion
        self.secreting = self.effectors * self.engaged**self.law.release_hill * release_factor
        crowding = self.targets * self.volume / self.capacity if self.capacity else 1.0
        self.room = max(0.0, 1.0 - crowding)


class Cells(Agent):
    """`count` identical living cells at one site; `state` is all else that they share.

    A kind of cell says at what rates one of it divides, dies, comes anew and changes state.
    """

    name = ""
    place = None  # section of the parameters that says how they pass between marrow and blood

    def __init__(self, model, where, state):
        super().__init__(model)
        self.where, self.state, self.count = where, state, 0
        self.site, self.law, self.draw = model.sites[where], model.params, model.draw

    def division(self):
        """Return the division rate of one cell."""
        return 0.0

    def death(self):
        """Return the death rate of one cell."""
        return 0.0

    def influx(self):
        """Return how many cells of this group the marrow makes per day."""
        return 0.0

    def changes(self):
        """Return the states that one cell may pass into, each with its rate."""
        return {}

    def growth(self, dt):
        """Return the division and death rates, and the integral of e^(net rate t) over `dt`."""
        birth, death = self.division(), self.death()
        net = birth - death
        return birth, death, math.expm1(net * dt) / net if net else dt

    def tally(self):
        """Add this group to the densities of its site; only those of some kinds count."""

    def fate(self, dt):
        """Let cells divide, die and come anew: exact at constant rates (Kendall 1948)."""
        birth, death, q = self.growth(dt)
        before = self.count
        self.count = self.draw.binomial(before, 1.0 - death * q / (1.0 + birth * q))
        if self.count and birth:
            self.count += self.draw.negative_binomial(self.count, 1.0 / (1.0 + birth * q))
        if influx := self.influx():
            self.count += self.draw.poisson(influx * q)
        self.mutate(birth * q * before)

    def mutate(self, divisions):
        """Let daughters of so many divisions differ; only those of leukemic cells do."""

    def age(self, dt):
        """Count down divisions; only CAR T cells do."""

    def change(self, dt):
        """Let cells pass into other states, each at most once a tick."""
        ways = self.changes()
        if total := sum(ways.values()):
            share = -math.expm1(-total * dt) / total
            chances = [rate * share for rate in ways.values()]
            self.move(chances, [(self.where, state) for state in ways])

    def travel(self, dt):
        """Let cells pass between marrow and blood: the two-place chain, returns included."""
        if self.place is None:
            return
        leave, home = self.place.leave_marrow_per_day, self.place.home_per_day
        mixed = -math.expm1(-(leave + home) * dt) / (leave + home)
        if self.where != BLOOD:
            self.move([leave * mixed], [(BLOOD, self.state)])
        else:
            voxels = self.model.voxels
            self.move([home * mixed / voxels] * voxels, [(v, self.state) for v in range(voxels)])

    def move(self, chances, aims):
        """Draw how many cells go to each (site, state); they arrive when all have gone."""
        if self.count:
            parts = self.draw.multinomial(self.count, [*chances, 1.0 - sum(chances)]).tolist()
            self.count = parts.pop()
            for part, (where, state) in zip(parts, aims, strict=True):
                if part:
                    self.model.moving[type(self), where, state] += part


class Target(Cells):
    """A cell that may bear CD19; its state is a rung of the ladder."""

    def __init__(self, model, where, state):
        super().__init__(model, where, state)
        ladder = model.ladder
        self.seen = {
            "lysis": float(ladder.lysis[state]),
            "activation": float(ladder.activation[state]),
            "release": float(ladder.release[state]),
        }

    def killed(self):
        """Return the hazard of being killed."""
        return self.site.killing * self.seen["lysis"]

    def tally(self):
        density = self.count / self.site.volume
        self.site.now["targets"] += density
        for response, strength in self.seen.items():
            self.site.now[response] += strength * density


class Leukemic(Target):
    """A leukemic cell; rung 0 is the CD19-negative clone."""

    name = "leukemia"

    def __init__(self, model, where, state):
        super().__init__(model, where, state)
        self.place = self.law.leukemia if state != NICHE else None
        steps = {
            state + 1: float(model.ladder.up[state]),
            state - 1: float(model.ladder.down[state]),
        }
        self.steps = {rung: rate for rung, rate in steps.items() if rate}
        if state == NICHE:
            self.steps = {model.ladder.from_niche: self.law.leukemia.niche_exit_per_day}

    def division(self):
        return 0.0 if self.state == NICHE else self.model.leukemic_division * self.site.room

    def death(self):
        return self.killed() + (0.0 if self.state == NICHE else self.law.leukemia.death_per_day)

    def changes(self):
        return self.steps

    def mutate(self, divisions):
        """Let daughters lose CD19 for good."""
        if self.state > 0:
            expected = self.law.leukemia.cd19_loss_per_division * divisions
            lost = min(self.count, self.draw.poisson(expected))
            self.count -= lost
            self.model.moving[Leukemic, self.where, 0] += lost


class BCell(Target):
    """A healthy B cell."""

    name = "b_cell"

    def __init__(self, model, where, state):
        super().__init__(model, where, state)
        self.place = self.law.b_cell

    def division(self):
        return 0.0 if self.where == BLOOD else self.model.b_cell_division

    def death(self):
        return self.law.b_cell.death_per_day + self.killed()

    def influx(self):
        return 0.0 if self.where == BLOOD else self.model.b_cell_output


class CarT(Cells):
    """A CAR T cell; its state is (phenotype, divisions left)."""

    name = "car_t"

    def __init__(self, model, where, state):
        super().__init__(model, where, state)
        self.place = self.law.car_t
        self.phenotype, self.left = state
        meet, cell = self.law.encounter, self.law.car_t
        self.weight, share = {
            "memory": (meet.memory_activity, cell.memory_division_share),
            "effector": (1.0, 1.0),
            "exhausted": (meet.exhausted_activity, 0.0),
        }[self.phenotype]
        self.speed = share * cell.division_per_day * self.law.product.fitness if self.left else 0.0

    def division(self):
        return self.speed * self.site.stimulation * self.site.supply

    def death(self):
        cell, rejection = self.law.car_t, self.model.rejection
        if self.phenotype == "memory":
            return math.log(2.0) / self.law.product.persistence_half_life_days + rejection
        if self.phenotype == "effector":
            spared = cell.contraction_protection * self.site.stimulation
            return cell.contraction_per_day * (1.0 - spared) + rejection
        return cell.exhausted_loss_per_day + rejection

    def changes(self):
        cell, phi = self.law.car_t, self.site.stimulation
        if self.phenotype == "memory":
            return {("effector", self.left): cell.memory_activation_per_day * phi}
        if self.phenotype == "effector":
            product, exponent = self.law.product, self.law.encounter.exhaustion_affinity_exponent
            tiring = cell.exhaustion_per_day * product.exhaustion * self.site.engaged
            tiring /= product.affinity**exponent
            resting = cell.memory_return_per_day * (1.0 - phi)
            return {("exhausted", 0): tiring, ("memory", self.left): resting}
        return {}

    def tally(self):
        self.site.now["effectors"] += self.weight * self.count / self.site.volume

    def age(self, dt):
        """Count down divisions: a lineage alive at the end of a tick has divided at twice b."""
        if division := self.division():
            chances = used_divisions(2.0 * division * dt)
            left = [max(0, self.left - n) for n in range(1, len(chances) + 1)]
            self.move(chances, [(self.where, (self.phenotype, n)) for n in left])


class Myeloid(Cells):
    """A monocyte or macrophage of the marrow; its state is resting or activated."""

    @property
    def name(self):
        return f"myeloid_{self.state}"

    def death(self):
        return self.law.myeloid.turnover_per_day

    def influx(self):
        made = self.state == "resting" and self.where != BLOOD
        return self.model.myeloid_output if made else 0.0

    def changes(self):
        law, site = self.law.myeloid, self.site
        if self.state == "activated":
            return {"resting": law.deactivation_per_day}
        flux = saturating(site.killing * site.lysis, law.killing_flux_half_per_ul_per_day)
        ifng = self.model.ifng.ahead[self.where] / law.ifng_half_pg_per_ml
        primed = saturating(ifng, 1.0)
        contact = saturating(site.secreting, law.contact_half_density_per_ul)
        return {"activated": law.activation_per_day * (flux * primed + law.contact_share * contact)}


# --- one patient ----------------------------------------------------------------------------------


class Reference(Model):
    """One patient from the moment of infusion, the clock in ticks of one length."""

    def __init__(self, params, seed):
        super().__init__(rng=seed)
        patient_stream, _, own_stream = np.random.SeedSequence(seed).spawn(3)
        patient = draw_patient(params, seed, np.random.default_rng(patient_stream))
        self.params = params = params.replace(dict(patient.covariates))
        self.draw = np.random.default_rng(own_stream)
        self.dt = 2.0**-params.time.tick_halvings
        self.ladder, self.course = Ladder(params), Course(params)
        self.leukemic_division = leukemic_division(params)
        self._lay_out()
        self.groups, self.moving = {}, Counter()
        self._populate()
        self._infuse()
        self.schedule_recurring(self.tick, Schedule(interval=self.dt, start=self.dt), Priority.LOW)

    def tick(self):
        """One tick, in the order of the model."""
        self.follow_course(self.time - 0.5 * self.dt)
        self.tally_and_encounter()
        self.each("fate", 0.5 * self.dt)
        self.each("age", self.dt)
        self.each("change", self.dt)
        self.each("travel", self.dt)
        self.each("fate", 0.5 * self.dt)
        self.ifng.advance([site.secreting for site in self.sites])
        self.bury()

    def follow_course(self, day):
        """Set what depends on the day alone; outputs are those of one voxel."""
        law, output = self.params.b_cell, self.params.patient.b_cell_output * size(self.params)
        back, most = self.course.b_cells_back(day), law.most_cells * output
        self.cytokines = self.course.cytokines(day) * self.params.patient.homeostatic_cytokines
        self.release_factor = self.course.release(day)
        self.rejection = self.course.rejection(day)
        self.b_cell_output = law.influx_per_day * output * back / self.voxels
        crowding = self.counts()["b_cell"] / most
        self.b_cell_division = law.division_per_day * back * max(0.0, 1.0 - crowding)
        self.myeloid_output = self.course.myeloid_cells(day) / self.voxels

    def tally_and_encounter(self):
        """Set the hazards of every site from the densities expected a while ahead."""
        for site in self.sites:
            site.clear()
        for cells in self.groups.values():
            cells.tally()
        for site in self.sites:
            site.look_ahead()
            site.encounter(self.cytokines, self.release_factor)

    def each(self, rule, dt):
        """Apply a rule to every group, then let those who moved arrive."""
        for cells in self.groups.values():
            getattr(cells, rule)(dt)
        for key, count in self.moving.items():
            self.group(*key).count += count
        self.moving.clear()

    def group(self, kind, where, state):
        """Return the group of such cells, a new one if there is none."""
        key = kind, where, state
        if key not in self.groups:
            self.groups[key] = kind(self, where, state)
        return self.groups[key]

    def bury(self):
        """Remove groups without a cell, unless the marrow makes such cells."""
        for key, cells in list(self.groups.items()):
            if not cells.count and not cells.influx():
                cells.remove()
                del self.groups[key]

    def counts(self):
        """Return the living cells by name."""
        found = Counter()
        for cells in self.groups.values():
            found[cells.name] += cells.count
        return found

    # --- day 0 ------------------------------------------------------------------------------------

    def _lay_out(self):
        """Make the sites: voxels of equal size, then blood."""
        marrow, patient = self.params.marrow, self.params.patient
        self.voxels = marrow.rows * marrow.cols
        capacity = marrow.capacity_cells * size(self.params) / self.voxels
        blood = self.params.blood.ml_per_kg * patient.weight_kg * UL_PER_ML
        self.sites = [
            Site(self.params, capacity / marrow.cells_per_ul, capacity) for _ in range(self.voxels)
        ]
        self.sites.append(Site(self.params, blood))
        self.ifng = Interferon(self.params, [site.volume for site in self.sites], self.dt)

    def _populate(self):
        """Draw the leukemia, its CD19-negative clone, B cells and myeloid cells."""
        params, depleted = self.params, self.params.lymphodepletion.given
        blast, b_cell = params.leukemia, params.b_cell
        burden = round(params.patient.leukemic_burden)
        negative = self.draw.binomial(burden, params.patient.cd19_negative_fraction)
        hidden = self.draw.binomial(burden - negative, params.patient.niche_fraction)
        rungs = self.draw.multinomial(burden - negative - hidden, self.ladder.law)
        rungs[0] = negative
        share = share_in_blood(blast, blast.death_per_day, params.patient.net_growth_per_day)
        for rung, count in enumerate(rungs):
            self._spread(count, share, Leukemic, rung)
        self._spread(hidden, 0.0, Leukemic, NICHE)
        whole = b_cell.most_cells * params.patient.b_cell_output * b_cell.share_undepleted
        count = size(params) * (params.lymphodepletion.b_cells_left if depleted else whole)
        share = share_in_blood(b_cell, b_cell.death_per_day)
        self._spread(round(count), share, BCell, self.ladder.b_cell)
        left = params.lymphodepletion.myeloid_share_left if depleted else 1.0
        self._spread(
            round(params.myeloid.pool_cells * size(params) * left), 0.0, Myeloid, "resting"
        )

    def _spread(self, count, share_in_blood, kind, state):
        """Put cells into blood and, evenly at random, into the voxels."""
        in_voxel = (1.0 - share_in_blood) / self.voxels
        parts = self.draw.multinomial(count, [in_voxel] * self.voxels + [share_in_blood])
        for where, part in enumerate(parts.tolist()):
            self.group(kind, where if where < self.voxels else BLOOD, state).count = part

    def _infuse(self):
        """Put the cells of the dose that engraft into blood."""
        product = self.params.product
        dose = round(product.dose_cells_per_kg * self.params.patient.weight_kg)
        engrafted = self.draw.binomial(dose, product.engrafting_fraction)
        memory = self.draw.binomial(engrafted, product.memory_fraction)
        for phenotype, count in {"memory": memory, "effector": engrafted - memory}.items():
            self.group(CarT, BLOOD, (phenotype, product.divisions)).count = count
