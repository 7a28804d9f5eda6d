"""Cells, sites and cytokines together: what the kernels advance by one tick."""

import math

import numpy as np

from tcellabm.biology import rates
from tcellabm.biology.agents import enlarged, new_cells
from tcellabm.biology.cytokines import Cytokines, Effect
from tcellabm.biology.marrow import CYTOKINES, Marrow
from tcellabm.biology.recovery import Recovery
from tcellabm.kernels import budget, landing, layout, single, tick
from tcellabm.kernels.census import census
from tcellabm.params import Parameters

ROOM = 1024  # rows kept free for what a tick may add
MOST_PROGENY = 8.0  # of a cell in a tick, that room is kept for; more is an error, not a crash
SORT_ABOVE = 0.1  # share of rows born, dead or moved, above which they are sorted anew


class TooManyAgentsError(RuntimeError):
    """More agents than `resolution.max_agents`."""


class Tissue:
    """The living part of one patient.

    Attributes
    ----------
    cells : layout.Cells
        Columns of the agents.
    in_body, in_blood : list of int, length STATES
        Cells of every state, in all and in blood.
    fastest : float
        How fast hazards changed in the last tick, per day.
    """

    def __init__(self, params: Parameters, rng: np.random.Generator) -> None:
        """Draw the cells of day 0; `params` hold the patient's covariates."""
        self._params = params
        self.rng = rng
        self.marrow = Marrow(params)
        self.cytokines = Cytokines(params, self.marrow)
        self.recovery = Recovery(params)
        self.rates = rates.make_rates(params)
        self.rungs = rates.rungs(params)
        self._ladder = rates.ladder(params)
        self._ladders: dict[tuple[float, bool], layout.Ladder] = {}  # by tick length and turn
        self._single = params.resolution.single_cell
        self._passing: dict[float, tuple[float, ...]] = {}  # by tick length
        self._budget = params.resolution.agents_per_population
        self.cells = new_cells(4 * ROOM)
        self._work = self._new_work()
        self._stack = np.zeros((single.LIVING_AT_ONCE, 4))
        self._body = np.zeros(layout.STATES, np.int64)
        self._blood = np.zeros(layout.STATES, np.int64)
        self.fastest = 0.0
        self._populate()
        self.count()

    # --- one tick -----------------------------------------------------------------------------

    def advance(self, day: float, dt: float, division: float, effect: Effect) -> None:
        """Advance from `day` by `dt` days; `division` and `effect` are what drugs do.

        Raises
        ------
        TooManyAgentsError
            More agents than `resolution.max_agents`.
        """
        self._make_room()
        marrow = self.marrow
        common = (
            self.rng,
            dt,
            self.cells,
            marrow.sites,
            marrow.field(CYTOKINES[-1]),
            self._ladder_of(day, dt),
            self.rates,
            self._drive(day, dt, division),
            marrow.shape,
            (self._body, self._blood),
            marrow.densities,
        )
        if self._single:
            self.fastest = tick.tick_cells(*common, self._stack)
        else:
            self.fastest = tick.tick_groups(*common, self._budget, self._work)
        if self.cells.meta[layout.LOST]:
            raise TooManyAgentsError(
                f"{int(self.cells.meta[layout.LOST])} agents more than a tick has room for, "
                "allowed: shorter ticks (time.tick_halvings)"
            )
        self.cytokines.advance(dt, effect)
        self._sort()
        self._note_totals()

    def _drive(self, day: float, dt: float, division: float) -> layout.Drive:
        middle = day + 0.5 * dt
        if dt not in self._passing:
            self._passing[dt] = rates.all_exchange(self._params, dt)
        return layout.Drive(
            self.recovery.window(middle) * division,
            self.recovery.b_output(middle),
            self.recovery.myeloid_output(middle),
            *self._passing[dt],
        )

    def _ladder_of(self, day: float, dt: float) -> layout.Ladder:
        turn = (dt, bool(round(day / dt) % 2))
        if turn not in self._ladders:
            self._ladders[turn] = rates.in_pairs(self._ladder, *turn)
        return self._ladders[turn]

    def _sort(self) -> None:
        """Put single cells in the order of their sites again, when enough of them are out of it."""
        used, disorder = int(self.cells.meta[layout.ROWS]), int(self.cells.meta[layout.DISORDER])
        if self._single and disorder > SORT_ABOVE * used:
            ordered = new_cells(self.cells.count.size)
            budget.sort_by_site(self.cells, ordered, self.marrow.voxels + 1)
            self.cells = ordered

    def count(self) -> None:
        """Count the cells of every state, and bring the density layers up to date."""
        totals = (self._body, self._blood)
        marrow = self.marrow
        census(self.cells, self._ladder, self.rates, marrow.sites, totals, marrow.densities)
        self._note_totals()

    def _note_totals(self) -> None:
        # plain lists: a sum over a few states is ten times faster than with an array
        self.in_body, self.in_blood = self._body.tolist(), self._blood.tolist()

    # --- what is put in -----------------------------------------------------------------------

    def infuse(self, dose: float) -> None:
        """Put `dose` CAR T cells of the body into blood; those that do not engraft are lost."""
        product, resolution = self._params.product, self._params.resolution
        given = round(dose * resolution.represented_fraction)
        engrafted = int(self.rng.binomial(given, product.engrafting_fraction))
        memory = int(self.rng.binomial(engrafted, product.memory_fraction))
        parts = {layout.MEMORY: memory, layout.EFFECTOR: engrafted - memory}
        for state, cells in parts.items():
            self._add(cells, self.marrow.blood, state, product.divisions)
        self.count()

    def _populate(self) -> None:
        params, fraction = self._params, self._params.resolution.represented_fraction
        blast, b_cell, depletion = params.leukemia, params.b_cell, params.lymphodepletion
        burden = round(params.patient.leukemic_burden * fraction)
        negative = int(self.rng.binomial(burden, params.patient.cd19_negative_fraction))
        law = rates.rung_law(params)
        law[0] = 0.0
        share = rates.blood_share(
            blast.leave_marrow_per_day,
            blast.home_per_day,
            blast.death_per_day + params.patient.net_growth_per_day,
        )
        positive = self.rng.multinomial(burden - negative, law)
        positive[0] = negative
        for rung, cells in enumerate(positive.tolist()):
            self._spread(cells, share, layout.LEUKEMIA + rung)
        steady = (
            b_cell.output_steady_per_day / b_cell.death_per_day if b_cell.death_per_day else 0.0
        )
        b_cells = depletion.b_cells_left if depletion.given else steady
        share = rates.blood_share(
            b_cell.leave_marrow_per_day, b_cell.home_per_day, b_cell.death_per_day
        )
        self._spread(round(b_cells * fraction), share, self.rates.b_state)
        left = depletion.myeloid_share_left if depletion.given else 1.0
        self._spread(round(params.myeloid.pool_cells * left * fraction), 0.0, layout.RESTING)

    def _spread(self, cells: int, blood_share: float, state: int) -> None:
        """Put cells into blood and, evenly at random, into the voxels."""
        in_blood = int(self.rng.binomial(cells, blood_share))
        self._add(in_blood, self.marrow.blood, state)
        if self._single:
            sites = self.rng.integers(self.marrow.voxels, size=cells - in_blood)
            self._add_singly(np.sort(sites), state, 0)
            return
        even = np.full(self.marrow.voxels, 1.0 / self.marrow.voxels)
        for site, here in enumerate(self.rng.multinomial(cells - in_blood, even).tolist()):
            self._add(here, site, state)

    def _add(self, cells: int, site: int, state: int, divisions: int = 0) -> None:
        if self._single:
            self._add_singly(np.full(cells, site), state, divisions)
        elif cells > 0:
            self._make_room()
            landing.append(self.cells, cells, site, state, divisions)

    def _add_singly(self, sites: np.ndarray, state: int, divisions: int) -> None:
        self._make_room(sites.size)
        meta, first = self.cells.meta, int(self.cells.meta[layout.ROWS])
        rows = slice(first, first + sites.size)
        self.cells.count[rows] = 1
        self.cells.site[rows] = sites
        self.cells.state[rows] = state
        self.cells.divisions[rows] = divisions
        self.cells.unique_id[rows] = np.arange(sites.size) + meta[layout.NEXT_ID]
        for place in range(3):
            meta[place] += sites.size

    # --- room ---------------------------------------------------------------------------------

    def _make_room(self, more: int = 0) -> None:
        """Keep room for all rows that one tick may add.

        Raises
        ------
        TooManyAgentsError
            More agents than `resolution.max_agents`.
        """
        used = int(self.cells.meta[layout.ROWS]) + more
        limit = self._params.resolution.max_agents
        if used > limit:
            raise TooManyAgentsError(
                f"{used} agents, day by day more, resolution.max_agents allows {limit}: "
                "raise it, or lower resolution.represented_fraction"
            )
        if self._single:
            spare = ROOM + self._progeny_room(used)
        else:
            spare = ROOM + self._work.row_of.size + 4 * self._budget
        if used + spare > self.cells.count.size:
            self.cells = enlarged(self.cells, 2 * (used + spare))
            if not self._single:
                columns = ("alpha", "beta", "births")
                new = {name: np.zeros(self.cells.count.size) for name in columns}
                self._work = self._work._replace(**new)

    def _progeny_room(self, used: int) -> int:
        """Return the rows that births and influx of one tick may need, with a wide margin."""
        time, resolution = self._params.time, self._params.resolution
        longest = 2.0 ** -min(time.tick_halvings, time.slow_tick_halvings)
        b_cell, myeloid = self._params.b_cell, self._params.myeloid
        influx = b_cell.output_steady_per_day + myeloid.pool_cells * myeloid.turnover_per_day
        growth = min(math.exp(self.rates.t_division * longest), MOST_PROGENY)
        return int(used * growth + 2.0 * influx * resolution.represented_fraction * longest)

    def _new_work(self) -> layout.Work:
        """Return the scratch of groups; single cells need none."""
        sites = 1 if self._single else self.marrow.voxels + 1
        table = (sites, layout.STATES)
        return layout.Work(
            row_of=np.full(table, -1, np.int32),
            arrivals=np.zeros(table, np.int64),
            arrival_divisions=np.zeros(table, np.int16),
            homing=np.zeros((layout.STATES, self._params.product.divisions + 1), np.int64),
            rows_in=np.zeros(layout.STATES, np.int64),
            alpha=np.zeros(self.cells.count.size),
            beta=np.zeros(self.cells.count.size),
            births=np.zeros(self.cells.count.size),
        )
