"""A bench for kernels: cells, sites and rates set by hand, and how draws are held to theory.

All calls of tests to kernels that take cells or sites are here, so that a changed signature is
one edit. Nothing acts unless it is set: rates not given are 0.
"""

import math

import numba
import numpy as np

from tcellabm.biology.agents import enlarged, new_cells
from tcellabm.biology.tissue import Tissue
from tcellabm.kernels import budget, draws, encounter, groups, landing, layout, single, tick
from tcellabm.kernels.census import census
from tcellabm.kernels.pictures import paint
from tcellabm.kernels.records import columns_of, packed
from tcellabm.params import load

STANDARD_ERRORS = 5.0
HALF_POINTS = (
    "kill_half",
    "activation_half",
    "blood_factor",
    "stimulation_half",
    "release_hill",
    "flux_half",
    "ifng_half",
    "contact_half",
    "supply_half",
    "consumption_half",
    "voxel_capacity",
)
MIDDLE = 12  # a rung in the middle of the ladder


def some_rates(**given):
    rates = dict.fromkeys(layout.Rates._fields, 0.0) | dict.fromkeys(HALF_POINTS, 1.0)
    states = {"b_state": layout.B_CELL + MIDDLE, "niche_exit_state": layout.LEUKEMIA + MIDDLE}
    return layout.Rates(**(rates | states | given))


def some_drive(**given):
    """Nothing enters, passes or moves on the ladder, unless given; all cytokines are there."""
    still = dict.fromkeys(layout.Drive._fields, 0.0)
    still |= dict.fromkeys(("homeostatic", "division", "release"), 1.0)
    steps = {name: np.zeros(layout.RUNGS) for name in ("up", "down")}
    for name in steps.keys() & given.keys():
        steps[name][1 : layout.NICHE] = given[name]
    return layout.Drive(**(still | given | steps))


def some_ladder(**given):
    """A ladder on which every rung with antigen, or as given, is lysed alike."""
    columns = {name: np.zeros(layout.RUNGS) for name in layout.Ladder._fields}
    for name, values in ({"lysis": 1.0} | given).items():
        columns[name][1:] = values
    return layout.Ladder(**columns)


def some_law(rates, ladder, shape, budget):
    """The law of cells; nothing is secreted, and nothing depends on the day."""
    whole = load(None, {"marrow.rows": 1, "marrow.cols": 1})
    law = Tissue(whole, np.random.default_rng(0)).law
    parts = {name: law[name] for name in layout.Law._fields}
    parts |= {"rates": rates, "ladder": ladder, "rows": shape[0], "cols": shape[1]}
    return packed(layout.Law(**(parts | {"budget": budget})))[0]


class Bench:
    """Cells in voxels and blood, advanced by the rules of groups or of single cells.

    Voxels that exchange nothing are independent replicates. Hazards of sites are set by hand.
    """

    def __init__(
        self,
        voxels,
        seed,
        *,
        one_by_one=False,
        rates=None,
        drive=None,
        ladder=None,
        shape=None,
        rows_per_phenotype=10**9,
        divisions=50,
    ):
        self.rng = np.random.default_rng(seed)
        self.voxels, self.blood = voxels, voxels
        self.one_by_one = one_by_one
        self.drive = drive or some_drive()
        self.shape = shape or (1, voxels)
        rates, ladder = rates or some_rates(), ladder or some_ladder()
        self.law = some_law(rates, ladder, self.shape, rows_per_phenotype)
        self.sites = columns_of(layout.Sites._fields, voxels + 1)
        self.sites.volume[:] = 1.0
        self.sites.room[:-1] = 1.0
        self.sites.supply[:] = 1.0
        self.cells = new_cells(16)
        table = (voxels + 1, layout.STATES)
        self._work = layout.Work(
            row_of=np.full(table, -1, np.int32),
            arrivals=np.zeros(table, np.int64),
            arrival_divisions=np.zeros(table, np.int16),
            homing=np.zeros((layout.STATES, divisions + 1), np.int64),
            rows_in=np.zeros(layout.STATES, np.int64),
            alpha=np.zeros(16),
            beta=np.zeros(16),
            births=np.zeros(16),
        )
        self._counted = (np.zeros(layout.STATES, np.int64), np.zeros(layout.STATES, np.int64))
        self._layers = np.zeros((8, voxels))

    @property
    def state(self):
        """Cells and sites as they stand; IFN-gamma and the other cytokines are 0 unless set."""
        densities, fields = self._layers[:4], self._layers[4:]
        return layout.State(
            cells=self.cells,
            sites=self.sites,
            body=self._counted[0],
            blood=self._counted[1],
            densities=tuple(densities),
            fields=tuple(fields),
            plasma=np.zeros(4),
            spread=None,
        )

    @property
    def rows(self):
        return int(self.cells.meta[layout.ROWS])

    def put(self, counts, sites, state, divisions=0):
        """Add rows of so many cells; single cells get a row each."""
        counts, sites, divisions = np.broadcast_arrays(counts, sites, divisions)
        if self.one_by_one:
            sites, divisions = np.repeat(sites, counts), np.repeat(divisions, counts)
            counts = np.ones_like(sites)
        self._make_room(counts.size)
        new = slice(self.rows, self.rows + counts.size)
        self.cells.count[new], self.cells.site[new] = counts, sites
        self.cells.state[new], self.cells.divisions[new] = state, divisions
        self.cells.unique_id[new] = self.cells.meta[layout.NEXT_ID] + np.arange(counts.size)
        self.cells.meta[[layout.ROWS, layout.NEXT_ID, layout.DISORDER]] += counts.size

    def _make_room(self, more=0):
        """Kernels do not look at bounds: leave more room than any tick of these tests can fill."""
        states = np.unique(self.column("state")).size + (more > 0)
        room = 8 * (self.rows + more) + 8 * (states + 1) * (self.voxels + 1) + 4096
        if self.cells.count.size < room:
            self.cells = enlarged(self.cells, 2 * room)
            new = {name: np.zeros(2 * room) for name in ("alpha", "beta", "births")}
            self._work = self._work._replace(**new)

    def _assert_none_lost(self):
        lost = self.cells.meta[layout.LOST]
        assert lost == 0, f"{lost} rows found no room"

    def step(self, dt, ticks=1):
        """Advance by births, deaths, exits and moves alone; rows are neither merged nor split."""
        for _ in range(ticks):
            self._make_room()
            common = (self.rng, dt, self.state, self.law, self.drive)
            if self.one_by_one:
                single.step_cells(*common)
            else:
                groups.step_groups(*common, self._work)
            self._assert_none_lost()
        return self

    def tick(self, dt):
        """Advance by a whole tick, in which the sites' hazards follow from the cells."""
        self._make_room()
        totals, _ = self.census()
        work = None if self.one_by_one else self._work
        tick.tick(self.rng, dt, self.state, self.law, self.drive, layout.Effect(), work)
        self._assert_none_lost()
        return totals

    def meet(self, dt, ifng=0.0):
        """Set the hazards of the sites from the cells that are there."""
        self.census()
        self._layers[4 + layout.IFNG] = ifng
        return encounter.encounter(dt, self.state, self.law, self.drive)

    def resample(self):
        self._make_room()
        budget.resample(self.rng, self.cells, self.law.budget, self._work)
        self._assert_none_lost()

    def census(self):
        census(self.state, self.law)
        paint(self.state)
        return self._counted, self._layers[:4]

    def drop_dead(self):
        budget.drop_dead(self.cells)

    def sort_by_site(self):
        ordered = new_cells(self.cells.count.size)
        budget.sort_by_site(self.cells, ordered, self.voxels + 1)
        self.cells = ordered

    def send(self, cells, site, state, divisions):
        """Let cells head for a site, as the exits of a tick do."""
        arrivals = (self._work.arrivals, self._work.arrival_divisions)
        landing.gather(self.rng, cells, site, state, divisions, *arrivals)

    def send_home(self, cells, state, divisions):
        """Let cells leave blood for any voxel."""
        self._work.homing[state, divisions] += cells

    def arrive(self):
        self._make_room()
        landing.index_rows(self.cells, self._work)
        landing.bring_home(self.rng, self._work)
        landing.land(self.rng, self.cells, self.law.budget, self._work)
        assert not self._work.homing.any() and not self._work.arrivals.any()
        self._assert_none_lost()

    # --- what is there -------------------------------------------------------------------------

    def column(self, name):
        return getattr(self.cells, name)[: self.rows]

    def table(self):
        """Living cells by site and state, shape (sites, STATES)."""
        cells = np.zeros((self.voxels + 1, layout.STATES), np.int64)
        np.add.at(cells, (self.column("site"), self.column("state")), self.column("count"))
        return cells

    def per_voxel(self, state):
        """Living cells of one state in each voxel."""
        return self.table()[:-1, state]

    def divisions_by_site(self):
        """Sum of divisions left over all cells of each site."""
        weight = self.column("count") * self.column("divisions").astype(float)
        return np.bincount(self.column("site"), weight, self.voxels + 1)


# --- draws, many at once ---------------------------------------------------------------------


@numba.njit
def _binomials(rng, n, p, found):
    for i in range(found.size):
        found[i] = draws.binomial(rng, n, p)


@numba.njit
def _progenies(rng, n, alpha, beta, found):
    for i in range(found.size):
        found[i] = draws.birth_death(rng, n, alpha, beta)


@numba.njit
def _scatterings(rng, cells, tallies):
    for i in range(tallies.shape[0]):
        draws.scatter(rng, cells, tallies.shape[1], tallies[i])


def binomials(times, seed, n, p):
    found = np.zeros(times, np.int64)
    _binomials(np.random.default_rng(seed), n, p, found)
    return found


def progenies(times, seed, n, birth, death, time):
    found = np.zeros(times, np.int64)
    alpha, beta = draws.birth_death_law(birth, death, time)
    _progenies(np.random.default_rng(seed), n, alpha, beta, found)
    return found


def scatterings(times, seed, cells, places):
    tallies = np.zeros((times, places), np.int64)
    _scatterings(np.random.default_rng(seed), cells, tallies)
    return tallies


# --- theory ----------------------------------------------------------------------------------


class Law:
    """Mean, variance and fourth cumulant of a count; laws of independent counts add."""

    def __init__(self, mean, variance, fourth=0.0):
        self.mean, self.variance, self.fourth = mean, variance, fourth

    def __mul__(self, cells):
        return Law(cells * self.mean, cells * self.variance, cells * self.fourth)


def birth_death_process(birth, death, time):
    """Law of the progeny of one cell, and its chance to be extinct (Kendall 1948, Bailey 1964)."""
    net = birth - death
    growth = math.exp(net * time)
    if abs(net) < 1e-12:
        extinct, more = birth * time / (1 + birth * time), birth * time / (1 + birth * time)
        variance = 2 * birth * time
    else:
        extinct = death * (growth - 1) / (birth * growth - death)
        more = birth * (growth - 1) / (birth * growth - death)
        variance = (birth + death) / net * growth * (growth - 1)
    # factorial moments of a geometric law with extra weight on zero
    odds = more / (1 - more)
    f1, f2, f3, f4 = (growth * math.factorial(r) * odds ** (r - 1) for r in (1, 2, 3, 4))
    m1, m2, m3, m4 = f1, f2 + f1, f3 + 3 * f2 + f1, f4 + 6 * f3 + 7 * f2 + f1
    fourth = m4 - 4 * m3 * m1 - 3 * m2**2 + 12 * m2 * m1**2 - 6 * m1**4
    return Law(growth, variance, fourth), extinct


def poisson(mean):
    return Law(mean, mean, mean)


def bernoulli(p):
    return Law(p, p * (1 - p), p * (1 - p) * (1 - 6 * p * (1 - p)))


def assert_law(sample, law):
    """Hold mean and variance of independent draws to theory."""
    sample = np.asarray(sample, float)
    n = sample.size
    assert_close(sample.mean(), law.mean, math.sqrt(law.variance / n))
    spread = law.fourth + law.variance**2 * (2 * n) / (n - 1)
    assert_close(sample.var(ddof=1), law.variance, math.sqrt(spread / n))


def assert_share(hits, share):
    """Hold how often something happened to its probability."""
    hits = np.asarray(hits, float)
    assert_close(hits.mean(), share, math.sqrt(share * (1 - share) / hits.size))


def assert_close(found, expected, standard_error):
    distance = abs(found - expected) / standard_error if standard_error else abs(found - expected)
    assert distance <= STANDARD_ERRORS, f"{found} is {distance:.1f} SE from {expected}"
