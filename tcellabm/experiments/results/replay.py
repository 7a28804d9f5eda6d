"""How one run of many is repeated by `tcellabm run`: a shipped scenario, and what to set on top."""

import shlex
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from tcellabm.analysis.weighting import covariate_of
from tcellabm.params import InputError, Parameters, Value, load
from tcellabm.params.errors import toml_text
from tcellabm.params.files import Said, shipped_file
from tcellabm.params.parameters import entries
from tcellabm.posterior import NONE

DEFAULT = "kymriah"  # what `tcellabm run` follows by itself


def words(params: Parameters, drawn: Collection[str] | None = None) -> str:
    """Return what to write after `tcellabm run` for a run with these parameters.

    Parameters
    ----------
    params : Parameters
        Of the run, without what its seed draws.
    drawn : collection of str, optional
        Laws that each patient's own part sets, where a seed alone does not draw them as `run` does.

    Raises
    ------
    InputError
        No shipped scenario comes to them by setting keys.
    """
    name, sets = _shortest(params)
    if drawn is not None:
        sets = {key: value for key, value in sets.items() if key not in drawn}
        sets["files.posterior"] = NONE
    scenario = [] if name == DEFAULT else [f"params/scenarios/{name}.toml"]
    return " ".join([*scenario, settings(sets)]).strip()


def sets_a_law(params: Parameters) -> bool:
    """Tell whether the command for a run has to set a law, so that its seed does not draw it.

    Raises
    ------
    InputError
        As `words`.
    """
    return any(map(covariate_of, _shortest(params)[1]))


def _shortest(params: Parameters) -> tuple[str, dict[str, Value]]:
    """Return the scenario over which least is to be set, and that."""
    own = params.deciding()
    found = [
        (name, sets) for name, base in _scenarios() if (sets := _on_top(base, own)) is not None
    ]
    if not found:
        raise InputError("No command of `run` sets what this one was given", "", "")
    return min(found, key=lambda one: (len(one[1]), one[0] != DEFAULT))


def settings(values: Mapping[str, Any]) -> str:
    """Return values by dotted key as `--set` arguments of a shell."""
    pairs = (f"{key}={_text(value)}" for key, value in values.items())
    return " ".join(f"--set {shlex.quote(pair)}" for pair in pairs)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else toml_text(value)


def of_manifest(parameters: Mapping[str, Value]) -> Parameters:
    """Return the parameters that a manifest lists."""
    settings = {key: Said(value, "") for key, value in parameters.items()}
    return Parameters.of(entries(settings, "manifest.json", holds=True))


@cache
def _scenarios() -> list[tuple[str, Parameters]]:
    folder = shipped_file("scenarios")
    assert folder is not None, "the package was installed without its scenarios"
    return [(path.stem, load(path)) for path in sorted(folder.glob("*.toml"))]


def _on_top(base: Parameters, own: Mapping[str, Value]) -> dict[str, Value] | None:
    """Return what to set over a scenario; None where that is not equivalent."""
    before = base.deciding()
    sets = {key: value for key, value in own.items() if before.get(key) != value}
    return sets if base.replace(sets).deciding() == own else None
