"""Cells, sites and cytokines together: what the kernels advance by one tick."""

import math

import numpy as np

from tcellabm.biology import rates
from tcellabm.biology.agents import enlarged, new_cells
from tcellabm.biology.beginning import cells_of
from tcellabm.biology.cytokines import baselines, cytokine_law, spread_of
from tcellabm.biology.marrow import Marrow
from tcellabm.biology.recovery import recovery_law
from tcellabm.kernels import budget, landing, layout
from tcellabm.kernels.census import census
from tcellabm.kernels.pictures import paint
from tcellabm.kernels.records import packed
from tcellabm.params import InputError, Parameters
from tcellabm.params.size import TooManyAgentsError, check_agents

ROOM = 1024  # rows kept free for what a tick may add
MOST_PROGENY = 8.0  # of a cell in a tick, that room is kept for; more is an error, not a crash
NEVER = 1e18  # share of disorder that no tick reaches
SORT_ABOVE = 0.1  # share of rows born, dead or moved, above which they are sorted again


MOST_CELLS = 10**18  # in one group: counts are 64-bit integers

KINDS = {
    "leukemia": slice(layout.LEUKEMIA, layout.B_CELL),
    "car_t": slice(layout.MEMORY, layout.RESTING),
    "b_cell": slice(layout.B_CELL, layout.MEMORY),
    "myeloid": slice(layout.RESTING, layout.STATES),
}


class Tissue:
    """The living part of one patient.

    Attributes
    ----------
    state : layout.State
        Cells, sites and cytokines; kernels change them in place.
    law : layout.Law
        What they follow.
    work : layout.Work or None
        Scratch of groups; None if every agent is one cell.
    room : layout.Room
        What must be free before a tick.
    """

    def __init__(self, params: Parameters, rng: np.random.Generator) -> None:
        """Draw the cells of day 0; `params` hold the patient's covariates."""
        self._params = params
        self.rng = rng
        parts = cells_of(params, rng)
        check_agents(params, [cells for cells, _, _ in parts])
        self.marrow = Marrow(params)
        self.rungs = rates.rungs(params)
        self.law = _law(params, self.marrow)
        self.state = _empty(params, self.marrow)
        self._single = params.resolution.single_cell
        self.work = None if self._single else self._new_work()
        self.room = _room(params, self.law, self.work)
        self.make_room()
        for part in parts:
            self._spread(*part)
        self.count()

    @property
    def blood_ul(self) -> float:
        """Volume of the simulated blood, uL."""
        return self.marrow.blood_ul

    @property
    def cells(self) -> layout.Cells:
        """Columns of the agents."""
        return self.state.cells

    def count(self) -> None:
        """Count the cells of every state, and paint what is seen of them."""
        census(self.state, self.law)
        paint(self.state)

    def body(self, states: slice) -> int:
        """Return the simulated cells of some states."""
        return int(self.state.body[states].sum())

    def counts(self) -> dict[str, int]:
        """Return the simulated living cells by kind, exact."""
        return {kind: self.body(states) for kind, states in KINDS.items()}

    def per_ul(self, states: slice) -> float:
        """Return the density of some states in blood, cells/uL."""
        return float(self.state.blood[states].sum()) / self.marrow.blood_ul

    # --- what is put in -----------------------------------------------------------------------

    def infuse(self, dose: float) -> None:
        """Put `dose` CAR T cells of the body into blood; those that do not engraft are lost."""
        product, resolution = self._params.product, self._params.resolution
        given = round(dose * resolution.represented_fraction)
        if given == 0:
            return
        self.make_room()
        engrafted = int(self.rng.binomial(given, product.engrafting_fraction))
        memory = int(self.rng.binomial(engrafted, product.memory_fraction))
        parts = {layout.MEMORY: memory, layout.EFFECTOR: engrafted - memory}
        for state, cells in parts.items():
            self._add(cells, self.marrow.blood, state, product.divisions)
        self.count()

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
            self.make_room(cells)
            self._add_singly(np.full(cells, site), state, divisions)
        elif cells > 0:
            landing.append(self.cells, cells, site, state, divisions)

    def _add_singly(self, sites: np.ndarray, state: int, divisions: int) -> None:
        self.make_room(sites.size)
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

    def make_room(self, more: int = 0) -> None:
        """Keep room for all rows that one tick may add, and single cells in the order of sites.

        Raises
        ------
        InputError
            More agents than `resolution.max_agents`, or than a tick has room for.
        """
        meta = self.cells.meta
        used = int(meta[layout.ROWS]) + more
        most = self._params.resolution.max_agents
        if used > most:
            raise TooManyAgentsError(used, most)
        if meta[layout.LOST]:
            what = f"{int(meta[layout.LOST])} agents more than a tick has room for"
            raise InputError(what, "", "allowed: shorter ticks (time.tick_halvings)")
        room = self.room
        spare = room.spare + int(room.spare_per_row * used)
        if used + spare > self.cells.count.size:
            self._enlarge(2 * (used + spare))
        if meta[layout.DISORDER] > room.disorder * used:
            self._sort()

    def _enlarge(self, capacity: int) -> None:
        self.state = self.state._replace(cells=enlarged(self.cells, capacity))
        if self.work is not None:
            new = {name: np.zeros(capacity) for name in ("alpha", "beta", "births")}
            self.work = self.work._replace(**new)

    def _sort(self) -> None:
        """Put single cells in the order of their sites again."""
        ordered = new_cells(self.cells.count.size)
        budget.sort_by_site(self.cells, ordered, self.marrow.voxels + 1)
        self.state = self.state._replace(cells=ordered)

    def _new_work(self) -> layout.Work:
        """Return the scratch of groups."""
        table = (self.marrow.voxels + 1, layout.STATES)
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

    # --- what was saved -----------------------------------------------------------------------

    def take_rows(self, capacity: int) -> None:
        """Have no cells, and room for `capacity` rows of them."""
        self.state = self.state._replace(cells=new_cells(capacity))
        if self.work is not None:
            self.work = self._new_work()

    @property
    def most_in_a_row(self) -> int:
        """How many cells one agent can be."""
        return 1 if self._single else MOST_CELLS

    @property
    def most_divisions(self) -> int:
        """How many divisions a cell can have left."""
        return self._params.product.divisions

    @property
    def most_rows(self) -> int:
        """How many agents there can be, living or not."""
        return self._params.resolution.max_agents

    # --- copies -------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, object]:
        """Leave out the arrays that are the marrow's own: a copy takes those of its marrow."""
        state = self.state._replace(sites=None, densities=None, fields=None)  # type: ignore[arg-type]
        return self.__dict__ | {"state": state}

    def __setstate__(self, parts: dict[str, object]) -> None:
        """Take the arrays of the marrow."""
        self.__dict__.update(parts)
        self.state = self.state._replace(
            sites=self.marrow.sites, densities=self.marrow.densities, fields=self.marrow.fields
        )


def _law(params: Parameters, marrow: Marrow) -> layout.Law:
    law = layout.Law(
        rates=rates.make_rates(params),
        ladder=rates.ladder(params),
        by_tick=rates.by_tick(params),
        recovery=recovery_law(params),
        cytokines=cytokine_law(params, marrow),
        rows=params.marrow.rows,
        cols=params.marrow.cols,
        budget=params.resolution.agents_per_population,
    )
    packed_law: layout.Law = packed(law)[0]
    return packed_law


def _room(params: Parameters, law: layout.Law, work: layout.Work | None) -> layout.Room:
    """Return what a tick may add: births of single cells, groups that land or split, new cells."""
    if work is not None:
        return layout.Room(ROOM + work.row_of.size + 4 * int(law.budget), 0.0, NEVER)
    time, recovery = params.time, law.recovery
    longest = 2.0 ** -min(time.tick_halvings, time.slow_tick_halvings)
    supply = recovery.b_influx + recovery.myeloid_steady
    growth = min(math.exp(law.rates.t_division * longest), MOST_PROGENY)
    supplied = min(int(2.0 * supply * longest), params.resolution.max_agents)
    return layout.Room(ROOM + supplied, growth, SORT_ABOVE)


def _empty(params: Parameters, marrow: Marrow) -> layout.State:
    """Return a marrow without cells, and cytokines at their levels of health."""
    levels = baselines(params)
    for field, level in zip(marrow.fields, levels, strict=True):
        field[:] = level
    return layout.State(
        cells=new_cells(4 * ROOM),
        sites=marrow.sites,
        body=np.zeros(layout.STATES, np.int64),
        blood=np.zeros(layout.STATES, np.int64),
        densities=marrow.densities,
        fields=marrow.fields,
        plasma=levels,
        spread=spread_of(params, marrow),
    )
