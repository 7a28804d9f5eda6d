"""Two result folders compared, patient by patient, into a third."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tcellabm.analysis.compared import Pairs, changed, differences, pair
from tcellabm.analysis.compared_words import recipe_differences
from tcellabm.experiments.results import manifest, shards, store
from tcellabm.experiments.results.folders import Results, open_results
from tcellabm.experiments.results.ownership import MANIFEST
from tcellabm.params import InputError

_SEED = 1  # of the resampling


@dataclass(frozen=True)
class Comparison:
    """What two result folders have in common, and what differs.

    Attributes
    ----------
    a, b : Results
        The folders.
    pairs : Pairs
        Runs of the same patient at the same point.
    recipes : list of (str, str, str)
        What differs between their makings: key, A, B.
    differences, changed : DataFrame
        See `analysis.compared`.
    """

    a: Results
    b: Results
    pairs: Pairs
    recipes: list[tuple[str, str, str]]
    differences: pd.DataFrame
    changed: pd.DataFrame


Draw = Callable[[Comparison], bytes]


def compare(a: Path, b: Path) -> Comparison:
    """Compare two finished result folders.

    Raises
    ------
    InputError
        One is no such folder, both are the same, or they have no patient or point in common.
    """
    if a.is_dir() and b.is_dir() and os.path.samefile(a, b):
        raise InputError("A and B are the same folder", str(b), "allowed: two that differ")
    one, two = open_results(a), open_results(b)
    pairs = pair(one.runs, one.keys, two.runs, two.keys)
    if not len(pairs.points):
        raise InputError(_nothing(one, two), f"{a}, {b}", _advice(one, two))
    recipes = recipe_differences(one.recipe | one.origin, two.recipe | two.origin)
    return Comparison(one, two, pairs, recipes, differences(pairs, _SEED), changed(pairs))


def _nothing(a: Results, b: Results) -> str:
    if set(a.runs["seed"]) & set(b.runs["seed"]):
        return "no point in common"
    return "no patient in common"


def _advice(a: Results, b: Results) -> str:
    if _nothing(a, b) == "no patient in common":
        return "allowed: runs of the same --seed"
    return f"allowed: equal values of {', '.join(key for key in a.keys if key in b.keys)}"


def write(
    comparison: Comparison,
    out: Path,
    *,
    overwrite: bool = False,
    command: str = "",
    draw: Draw | None = None,
) -> None:
    """Write `differences.csv`, `changed.csv`, `figure.png` (with `draw`) and `manifest.json`.

    Parameters
    ----------
    comparison : Comparison
        From `compare`.
    out : Path
        The folder.
    overwrite : bool
        Take the place of what is there.
    command : str
        The command line, for the manifest.
    draw : callable, optional
        Makes the figure, PNG.

    Raises
    ------
    InputError
        The folder can't be used, or is one of those compared.
    """
    for each in (comparison.a, comparison.b):
        if out.is_dir() and os.path.samefile(out, each.name):
            raise InputError("--out is what is compared", str(out), "allowed: another folder")
    with store.open_folder(out, _recipe(comparison), overwrite=overwrite) as folder:
        begun = manifest.begin(_recipe(comparison), command, folder.earlier)
        files = {
            "differences.csv": _csv(comparison.differences),
            "changed.csv": _csv(comparison.changed),
            **({"figure.png": draw(comparison)} if draw else {}),
        }
        for name, content in files.items():
            folder.write(name, content)
        sums = {name: shards.checksum(content) for name, content in files.items()}
        folder.write_manifest(manifest.end(begun, "finished", files=sums))


def _recipe(comparison: Comparison) -> dict[str, Any]:
    """Return what was compared: the folders, their manifests, and what differs between these."""
    names = (comparison.a.name, comparison.b.name)
    sums = [shards.checksum_of(Path(name) / MANIFEST) for name in names]
    return {"compared": dict(zip(names, sums, strict=True)), "differs": comparison.recipes}


def _csv(table: pd.DataFrame) -> bytes:
    plain = {True: "true", False: "false"}
    rows = table.assign(
        **{name: table[name].map(plain) for name in table if table[name].dtype == bool}
    )
    return str(rows.to_csv(index=False, lineterminator="\n", float_format="%.10g")).encode()
