"""The mean field: what the model becomes when cells are countless and ticks are short.

One well-mixed marrow and the blood as ordinary differential equations: no draw, no group, no tick.
Antigen rungs and phenotypes are kept; divisions are not limited. What follows from the parameters
alone (ladder, recovery, division of the leukemia) and the encounter are those of `reference`.
"""

import math

import numpy as np
from reference import (
    BLOOD,
    NICHE,
    UL_PER_ML,
    Course,
    Ladder,
    Site,
    exchange,
    leukemic_division,
    saturating,
    share_in_blood,
    size,
)
from scipy.integrate import solve_ivp

MARROW = 0
RUNGS = NICHE + 1
# Order of the unknowns: each block is (marrow, blood) but the last two.
BLOCKS = {"leukemia": (2, RUNGS), "b_cell": (2,), "car_t": (2, 3), "myeloid": (2,), "ifng": (2,)}
MEMORY, EFFECTOR, EXHAUSTED = range(3)
RESTING, ACTIVATED = range(2)
RELATIVE, ABSOLUTE = 1e-8, 1e-3  # tolerances of the integration; cells, pg/mL


class MeanField:
    """The equations of one patient; `params` hold the patient's covariates."""

    def __init__(self, params):
        self.params, self.ladder, self.course = params, Ladder(params), Course(params)
        self.size = size(params)
        capacity = params.marrow.capacity_cells * self.size
        blood = params.blood.ml_per_kg * params.patient.weight_kg * UL_PER_ML
        self.sites = [
            Site(params, capacity / params.marrow.cells_per_ul, capacity),
            Site(params, blood),
        ]
        self.division, self.death = (np.full(RUNGS, rate) for rate in self.leukemic_rates())
        self.division[NICHE] = self.death[NICHE] = 0.0

    def leukemic_rates(self):
        """Return division and death of cells outside of the niche, per day."""
        return leukemic_division(self.params), self.params.leukemia.death_per_day

    def solve(self, days):
        """Return the cells of the body on some days, by name, from the infusion on."""
        span = (0.0, max(days))
        found = solve_ivp(
            self.slope, span, self.start(), "LSODA", days, rtol=RELATIVE, atol=ABSOLUTE
        )
        parts = unpack(found.y)
        return {
            "leukemia": parts["leukemia"].sum((0, 1)),
            "b_cell": parts["b_cell"].sum(0),
            "car_t": parts["car_t"].sum((0, 1)),
            "myeloid_activated": parts["myeloid"][ACTIVATED],
        }

    def start(self):
        """Return the state of day 0, the engrafting cells in blood."""
        params, product = self.params, self.params.product
        blast, b_cell, patient = params.leukemia, params.b_cell, params.patient
        positive = patient.leukemic_burden * (1.0 - patient.cd19_negative_fraction)
        rungs = positive * (1.0 - patient.niche_fraction) * self.ladder.law
        rungs[0] = patient.leukemic_burden * patient.cd19_negative_fraction
        hidden = np.zeros(RUNGS)
        hidden[NICHE] = positive * patient.niche_fraction
        blasts = share_in_blood(blast, blast.death_per_day, patient.net_growth_per_day)
        b_cells = share_in_blood(b_cell, b_cell.death_per_day)
        dose = product.dose_cells_per_kg * patient.weight_kg * product.engrafting_fraction
        memory = dose * product.memory_fraction
        return np.concatenate(
            [
                (1.0 - blasts) * rungs + hidden,
                blasts * rungs,
                self.b_cells_at_first() * np.array([1.0 - b_cells, b_cells]),
                [0.0, 0.0, 0.0, memory, dose - memory, 0.0],
                [self.myeloid_at_first(), 0.0],
                [params.cytokines.ifng.baseline_pg_per_ml] * 2,
            ]
        )

    def b_cells_at_first(self):
        law, depletion = self.params.b_cell, self.params.lymphodepletion
        if depletion.given:
            return self.size * depletion.b_cells_left
        return self.size * law.most_cells * self.params.patient.b_cell_output * law.share_undepleted

    def myeloid_at_first(self):
        depletion = self.params.lymphodepletion
        left = depletion.myeloid_share_left if depletion.given else 1.0
        return self.size * self.params.myeloid.pool_cells * left

    def slope(self, day, state):
        """Return the change per day."""
        now = unpack(state)
        self.meet(day, now)
        parts = (
            self.leukemia(now["leukemia"]),
            self.b_cells(day, now["b_cell"]),
            self.car_t(self.course.rejection(day), now["car_t"]),
            self.myeloid(day, now["myeloid"], now["ifng"][MARROW]),
            self.ifng(now["ifng"]),
        )
        return np.concatenate([part.ravel() for part in parts])

    def meet(self, day, now):
        """Set densities and hazards of both sites."""
        law, ladder = self.params.encounter, self.ladder
        level = self.course.cytokines(day) * self.params.patient.homeostatic_cytokines
        activity = np.array([law.memory_activity, 1.0, law.exhausted_activity])
        for place, site in enumerate(self.sites):
            targets = now["leukemia"][place].copy()
            targets[ladder.b_cell] += now["b_cell"][place]
            site.targets = targets.sum() / site.volume
            site.effectors = activity @ now["car_t"][place] / site.volume
            site.lysis = ladder.lysis @ targets / site.volume
            site.activation = ladder.activation @ targets / site.volume
            site.release = ladder.release @ targets / site.volume
            site.encounter(level, self.course.release(day))

    def leukemia(self, cells):
        blast, ladder = self.params.leukemia, self.ladder
        net = [
            self.division * site.room - self.death - site.killing * ladder.lysis
            for site in self.sites
        ]
        moving = cells.copy()
        moving[:, NICHE] = 0.0
        change = np.array(net) * cells + exchange(blast) @ moving
        change -= (ladder.up + ladder.down) * cells
        change[:, 1:] += (ladder.up * cells)[:, :-1]
        change[:, :-1] += (ladder.down * cells)[:, 1:]
        leaked = blast.niche_exit_per_day * cells[:, NICHE]
        change[:, NICHE] -= leaked
        change[:, ladder.from_niche] += leaked
        return change

    def b_cells(self, day, cells):
        law, lysis = self.params.b_cell, self.ladder.lysis[self.ladder.b_cell]
        loss = [law.death_per_day + site.killing * lysis for site in self.sites]
        back = self.course.b_cells_back(day)
        output = self.size * self.params.patient.b_cell_output
        space = max(0.0, 1.0 - cells.sum() / (law.most_cells * output))
        made = law.influx_per_day * output + law.division_per_day * space * cells[MARROW]
        return np.array([back * made, 0.0]) - np.array(loss) * cells + exchange(law) @ cells

    def car_t(self, rejection, cells):
        passing = exchange(self.params.car_t)
        within = [
            self.phenotypes(site) @ here for site, here in zip(self.sites, cells, strict=True)
        ]
        return np.array(within) + passing @ cells - rejection * cells

    def phenotypes(self, site):
        """Return the matrix that drives (memory, effector, exhausted) cells at a site."""
        law, product, phi = self.params.car_t, self.params.product, site.stimulation
        birth = law.division_per_day * product.fitness * phi * site.supply
        wake = law.memory_activation_per_day * phi
        rest = law.memory_return_per_day * (1.0 - phi)
        slower = product.affinity**self.params.encounter.exhaustion_affinity_exponent
        tire = law.exhaustion_per_day * product.exhaustion * site.engaged / slower
        fade = math.log(2.0) / product.persistence_half_life_days
        contract = law.contraction_per_day * (1.0 - law.contraction_protection * phi)
        return np.array(
            [
                [law.memory_division_share * birth - fade - wake, rest, 0.0],
                [wake, birth - contract - rest - tire, 0.0],
                [0.0, tire, -law.exhausted_loss_per_day],
            ]
        )

    def myeloid(self, day, cells, ifng):
        law, site = self.params.myeloid, self.sites[MARROW]
        flux = saturating(site.killing * site.lysis, law.killing_flux_half_per_ul_per_day)
        primed = saturating(ifng, law.ifng_half_pg_per_ml)
        contact = saturating(site.secreting, law.contact_half_density_per_ul)
        on = law.activation_per_day * (flux * primed + law.contact_share * contact)
        switched = on * cells[RESTING] - law.deactivation_per_day * cells[ACTIVATED]
        made = np.array([self.course.myeloid_cells(day), 0.0])
        return made - law.turnover_per_day * cells + switched * np.array([-1.0, 1.0])

    def ifng(self, level):
        law, flow = self.params.cytokines.ifng, self.params.cytokines.perfusion_per_day
        plasma = self.params.cytokines.plasma_ml_per_kg * self.params.patient.weight_kg * UL_PER_ML
        engaged = np.array([site.secreting for site in self.sites])
        made = law.secretion_pg_per_cell_per_day * UL_PER_ML * engaged
        volumes = [site.volume / plasma for site in self.sites]
        passing = flow * (level[MARROW] - level[BLOOD])
        cleared = law.clearance_per_day * (level[BLOOD] - law.baseline_pg_per_ml)
        into_plasma = made[BLOOD] * volumes[BLOOD] + passing * volumes[MARROW] - cleared
        return np.array([made[MARROW] - passing, into_plasma])


def unpack(state):
    """Return the blocks of a state by name; further axes, like time, stay at the end."""
    parts, first = {}, 0
    for name, shape in BLOCKS.items():
        size = math.prod(shape)
        parts[name] = state[first : first + size].reshape(*shape, *state.shape[1:])
        first += size
    return parts
