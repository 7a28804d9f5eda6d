"""The agents: groups of identical living cells, held in columns, seen from Mesa as an agent set."""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from random import Random
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from mesa.agentset import AbstractAgentSet

from tcellabm.kernels import layout

if TYPE_CHECKING:
    from mesa.discrete_space import OrthogonalVonNeumannGrid

    from tcellabm.biology.tissue import Tissue

_KINDS = np.array(
    ["leukemia"] * layout.RUNGS + ["b_cell"] * layout.RUNGS + ["car_t"] * 3 + ["myeloid"] * 2
)
_PHENOTYPES = np.array([""] * layout.MEMORY + ["memory", "effector", "exhausted"] + [""] * 2)
_ACTIVATIONS = np.array([""] * layout.RESTING + ["resting", "activated"])


def new_cells(capacity: int) -> layout.Cells:
    """Return columns for `capacity` rows, none of them in use."""
    return layout.Cells(
        count=np.zeros(capacity, np.int64),
        site=np.zeros(capacity, np.int32),
        state=np.zeros(capacity, np.int16),
        divisions=np.zeros(capacity, np.int16),
        unique_id=np.zeros(capacity, np.int64),
        meta=np.array([0, 1, 0, 0], np.int64),
    )


def enlarged(cells: layout.Cells, capacity: int) -> layout.Cells:
    """Return a copy of the columns with room for `capacity` rows."""
    wider = new_cells(capacity)
    for old, new in zip(cells[:-1], wider[:-1], strict=True):
        new[: old.size] = old
    wider.meta[:] = cells.meta
    return wider


@dataclass(frozen=True, slots=True)
class CellView:
    """One agent as Mesa users see it: a group of `count` identical cells, at one moment.

    A view is made on demand and read-only; it is no `mesa.Agent`, whose constructor registers.
    """

    model: Any  # a mesa.Model
    unique_id: int
    count: int
    kind: str  # leukemia, car_t, b_cell, myeloid
    site: int  # voxel in row-major order; the last site is blood
    phenotype: str  # memory, effector, exhausted; empty if not a CAR T cell
    divisions_left: int  # 0 if not a CAR T cell
    antigen: float  # CD19, molecules per cell
    clone: str  # cd19_positive, cd19_negative; empty if not leukemic
    activation: str  # resting, activated; empty if not a myeloid cell


_COLUMNS = tuple(field.name for field in fields(CellView))[1:]


class CellAgents(AbstractAgentSet):  # our views are no mesa.Agent
    """A read-only agent set over columns, the state of one moment.

    `len`, `get`, `agg` and `select` work on the columns; iteration makes views. What would change
    agents (`add`, `remove`, `set`, ...) raises TypeError.
    """

    def __init__(self, agents: Iterable[CellView] = (), random: Random | None = None) -> None:
        """Build a set from views, as Mesa's own methods do; a model uses `of`."""
        views = list(agents)
        self.random = random or Random(0)
        self._columns = {
            name: np.array([getattr(view, name) for view in views]) for name in _COLUMNS
        }
        self.model = views[0].model if views else None

    @classmethod
    def of(cls, model: Any, cells: layout.Cells, rungs: np.ndarray) -> CellAgents:
        """Return the living agents of `model`; `rungs` holds the antigen density of each rung.

        Parameters
        ----------
        model : mesa.Model
            Its random stream shuffles the set.
        cells : Cells
            Columns of the agents; copied.
        rungs : ndarray, shape (RUNGS,)
            CD19 of each rung, molecules per cell.

        Returns
        -------
        CellAgents
            Does not follow later changes of `cells`.
        """
        alive = np.flatnonzero(cells.count[: cells.meta[layout.ROWS]])
        state = cells.state[alive]
        leukemic, bearing = state < layout.B_CELL, state < layout.MEMORY
        clone = np.where(state == layout.LEUKEMIA, "cd19_negative", "cd19_positive")
        agents = cls(random=model.random)
        agents.model = model
        agents._columns = {
            "unique_id": cells.unique_id[alive],
            "count": cells.count[alive],
            "kind": _KINDS[state],
            "site": cells.site[alive],
            "phenotype": _PHENOTYPES[state],
            "divisions_left": np.where(_PHENOTYPES[state] != "", cells.divisions[alive], 0),
            "antigen": np.where(bearing, rungs[state % layout.RUNGS], 0.0),
            "clone": np.where(leukemic, clone, ""),
            "activation": _ACTIVATIONS[state],
        }
        return agents

    def _taken(self, rows: Any) -> CellAgents:
        """Return the agents of some rows, in that order."""
        part = type(self)(random=self.random)
        part.model = self.model
        part._columns = {name: column[rows] for name, column in self._columns.items()}
        return part

    def __len__(self) -> int:
        """Return the number of agents (groups, not cells)."""
        return int(self._columns["unique_id"].size)

    def __iter__(self) -> Iterator[Any]:
        """Yield a view of every agent."""
        columns = [column.tolist() for column in self._columns.values()]
        for values in zip(*columns, strict=True):
            yield CellView(self.model, *values)

    def __contains__(self, agent: object) -> bool:
        """Tell whether an agent of that unique_id is in the set."""
        return getattr(agent, "unique_id", None) in self._columns["unique_id"]

    def get(
        self, attr_names: Any, handle_missing: str = "error", default_value: Any = None
    ) -> list[Any]:
        """Return one attribute of every agent as a list, or a list of lists for several names.

        Parameters
        ----------
        attr_names : str or iterable of str
            Fields of `CellView`.
        handle_missing : str
            "error" or "default", for a field that there is not.
        default_value : object
            What stands for it.

        Returns
        -------
        list
            One entry per agent.

        Raises
        ------
        AttributeError
            An attribute that agents do not have, unless `handle_missing` is "default".
        """
        if not isinstance(attr_names, str):
            parts = [self.get(name, handle_missing, default_value) for name in attr_names]
            return [list(values) for values in zip(*parts, strict=True)]
        if attr_names == "model":
            return [self.model] * len(self)
        if attr_names in self._columns:
            values: list[Any] = self._columns[attr_names].tolist()
            return values
        if handle_missing == "default":
            return [default_value] * len(self)
        raise AttributeError(f"agents have no {attr_names!r}, only {', '.join(self._columns)}")

    def select(
        self,
        filter_func: Callable[[Any], bool] | None = None,
        at_most: float = float("inf"),
        inplace: bool = False,
        agent_type: type | None = None,
    ) -> CellAgents:
        """Return the agents for which `filter_func` holds, at most so many or that share.

        Parameters
        ----------
        filter_func : callable, optional
            View -> bool.
        at_most : float
            Number of agents; a float of up to 1 is a share of all.
        inplace : bool
            Refused: agents are read-only.
        agent_type : type, optional
            Any but `CellView` and its bases selects nothing.

        Returns
        -------
        CellAgents
            In the order of this set.

        Raises
        ------
        TypeError
            `inplace` is set.
        """
        if inplace:
            self._refuse()
        if isinstance(at_most, float) and at_most <= 1.0:
            at_most = int(len(self) * at_most)
        if agent_type is not None and not issubclass(CellView, agent_type):
            return self._taken(slice(0, 0))
        if filter_func is None:
            return self._taken(slice(0, int(min(at_most, len(self)))))
        keep = np.flatnonzero([bool(filter_func(view)) for view in self])
        return self._taken(keep[: int(min(at_most, keep.size))])

    def sort(self, key: Any, ascending: bool = False, inplace: bool = False) -> CellAgents:
        """Return the agents in the order of an attribute or a function of them.

        Parameters
        ----------
        key : str or callable
            Field of `CellView`, or view -> what is compared.
        ascending : bool
            Least first; else greatest first, as Mesa does.
        inplace : bool
            Refused: agents are read-only.

        Returns
        -------
        CellAgents
            A new set.

        Raises
        ------
        TypeError
            `inplace` is set.
        """
        if inplace:
            self._refuse()
        values = self.get(key) if isinstance(key, str) else [key(view) for view in self]
        order = sorted(range(len(values)), key=values.__getitem__, reverse=not ascending)
        return self._taken(np.array(order, dtype=np.int64))

    def shuffle(self, inplace: bool = False) -> CellAgents:
        """Return the agents in random order."""
        if inplace:
            self._refuse()
        order = list(range(len(self)))
        self.random.shuffle(order)
        return self._taken(np.array(order, dtype=np.int64))

    def map(self, method: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Call a function, or a method of the view by name, on every agent; return the results.

        Parameters
        ----------
        method : callable or str
            Called with the view first; or the name of its method.
        *args, **kwargs : object
            Passed on.

        Returns
        -------
        list
            One result per agent.
        """
        if callable(method):
            return [method(view, *args, **kwargs) for view in self]
        return [operator.methodcaller(method, *args, **kwargs)(view) for view in self]

    def do(self, method: Any, *args: Any, **kwargs: Any) -> CellAgents:
        """Call a function, or a method of the view by name, on every agent.

        Parameters
        ----------
        method : callable or str
            Called with the view first; or the name of its method.
        *args, **kwargs : object
            Passed on.

        Returns
        -------
        CellAgents
            This set.
        """
        self.map(method, *args, **kwargs)
        return self

    def shuffle_do(self, method: Any, *args: Any, **kwargs: Any) -> CellAgents:
        """Call a function on every agent in random order.

        Parameters
        ----------
        method : callable or str
            Called with the view first; or the name of its method.
        *args, **kwargs : object
            Passed on.

        Returns
        -------
        CellAgents
            This set, in its old order.
        """
        self.shuffle().map(method, *args, **kwargs)
        return self

    def to_list(self) -> list[Any]:
        """Return a list of views."""
        return list(self)

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError("agents are read-only: cells change by the model's rules alone")

    add = discard = remove = set = _update = _refuse


class ReadOnlyAgents:
    """The agents of a model as Mesa users see them: read-only views of its tissue."""

    @property
    @abstractmethod
    def tissue(self) -> Tissue:
        """Cells, sites and cytokines."""

    @property
    def agents(self) -> Any:
        """The living agents (groups of cells) as a read-only Mesa agent set."""
        return CellAgents.of(self, self.tissue.cells, self.tissue.rungs)

    @property
    def agents_by_type(self) -> dict[type, Any]:
        """The living agents by their one type."""
        return {CellView: self.agents}

    @property
    def agent_types(self) -> list[type]:
        """The one type of the agents."""
        return [CellView]

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError("agents are read-only: cells change by the model's rules alone")

    register_agent = deregister_agent = remove_all_agents = _refuse

    @property
    def grid(self) -> OrthogonalVonNeumannGrid:
        """The marrow as a Mesa grid, with its property layers."""
        return self.tissue.marrow.grid
