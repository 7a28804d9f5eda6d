"""Write the generated documents: parameters.md, columns.md, commands.md; two from result folders.

python scripts/documents.py                        # the tables of parameters, columns and commands
tcellabm trial -n 500 --out runs/validation
tcellabm counterfactuals --out runs/counterfactuals
python scripts/documents.py runs/validation runs/counterfactuals
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from tcellabm import columns, params
from tcellabm.analysis.fit_report import parameters_table
from tcellabm.analysis.report import parameter_table
from tcellabm.cli import app
from tcellabm.columns import Column

DOCS = Path(__file__).parents[1] / "docs"
FILES = Path(__file__).parents[1] / "params"
_HEAD = """# Parameters

Generated from `params/` by `scripts/documents.py`; not edited by hand. Part of the protocol
([odd.md](odd.md)). Sources say what was read, recalled (to be checked), derived, assumed or fitted.
"""
_COMMANDS = """# Commands

Generated from `tcellabm/cli/` by `scripts/documents.py`; not edited by hand. Each command works
without an argument unless one stands here without brackets, and has `--help`. Exit codes: 0; 1 if
some runs ended as error rows; 2 for bad input, a full disk or a missing extra; 130 after Ctrl-C.
"""
_COLUMNS = """# Columns of result files

Generated from `tcellabm/columns.py` by `scripts/documents.py`; not edited by hand. Days count from
infusion and are NaN where nothing happened; booleans are never null; text may be empty. The table
of a sweep has one more column for each axis and each parameter that was set, under its dotted name.
"""
_POSTERIOR = """
## `trials/posterior.json`

By `tcellabm calibrate`: {draws} draws ({size:.0f} effective at least), by weighting {patients}
infused patients. A parameter is called identified if the data took half of its prior's variance
(of logs).

"""


def parameters() -> str:
    """Return the document of all parameters: the model's, then what each further file sets."""
    reference = params.rows()
    parts = [_HEAD, "\n## Every parameter (`model.toml`)\n\n", parameter_table(reference)]
    told = set(reference)
    for kind in ("products", "populations", "scenarios", "trials"):
        for file in sorted((FILES / kind).glob("*.toml")):
            name = f"{kind}/{file.name}"
            if name in ("trials/calibration.toml", "trials/fit.toml"):  # no parameters
                continue
            rows = [row for row in _rows(kind, name) if row not in told and row.value != "drawn"]
            told |= set(rows) if kind == "populations" else set()
            parts += [f"\n## `{name}`\n\n", parameter_table(rows)]
    return "".join([*parts, posterior()])


def result_columns() -> str:
    """Return the document of all columns of result files."""
    tables = {
        "`outcomes.parquet` and `patients.parquet`, one row per run": (
            *columns.RUN,
            *columns.OUTCOMES,
            columns.FAULT,
        ),
        "`series.parquet`, one row per tick to day 60, per day after": columns.SERIES,
    }
    return _COLUMNS + "".join(map(_column_table, tables, tables.values()))


def _column_table(title: str, described: tuple[Column, ...]) -> str:
    lines = [
        f"\n## {title}\n",
        "| column | type | unit | meaning | computed in |",
        "|---" * 5 + "|",
    ]
    lines += [
        f"| `{c.name}` | {c.kind.__name__} | {c.unit} | {c.meaning} | `{c.filled_by}` |"
        for c in described
    ]
    return "\n".join([*lines, ""])


def commands() -> str:
    """Return the document of all commands and their options."""
    program = get_command(app)
    assert isinstance(program, TyperGroup)
    parts = [_COMMANDS]
    for name, command in program.commands.items():
        words = [word for param in command.params for word in _argument(param)]
        parts.append(f"\n## `{' '.join(['tcellabm', name, *words])}`\n\n{command.help}\n\n")
        parts.append("| option | meaning | default |\n|---|---|---|\n")
        parts += [_option(param) for param in command.params if param.opts[0][0] == "-"]
    return "".join(parts)


def _argument(param: Any) -> list[str]:
    """Return how an argument stands in a command line; options give nothing."""
    name = param.metavar or param.name.upper()
    return [] if param.opts[0][0] == "-" else [name if param.required else f"[{name}]"]


def _option(param: Any) -> str:
    names = ", ".join(f"`{name}`" for name in reversed(param.opts))
    value = f" `{param.metavar}`".replace("|", " or ") if param.metavar else ""
    plain = isinstance(param.default, bool | int | float | str) and str(param.default)
    default = f"`{param.default}`" if plain and param.default is not False else ""
    return f"| {names}{value} | {param.help or ''} | {default} |\n"


def posterior() -> str:
    """Return what the calibration left of its priors; nothing without one."""
    file = FILES / "trials" / "posterior.json"
    if not file.exists():
        return ""
    written = json.loads(file.read_text(encoding="utf-8"))
    told = written["diagnostics"]
    head = _POSTERIOR.format(
        draws=told["draws"], size=told["ess_min"], patients=told["pool_patients"]
    )
    return head + "\n".join([*parameters_table(written), ""])


def _rows(kind: str, name: str) -> list[params.Row]:
    if kind == "scenarios":
        return params.rows(name)
    if kind == "trials":
        trial = params.load_trial(name).params
        metas = [trial.describe(key) for key in sorted(trial.set_keys)]
        return [
            params.Row(meta.key, f"{meta.value}", meta.unit, meta.bounds, meta.source)
            for meta in metas
        ]
    return params.rows(None, {f"files.{kind[:-1]}": name})


def main() -> None:
    """Write them."""
    (DOCS / "parameters.md").write_text(parameters(), encoding="utf-8")
    (DOCS / "columns.md").write_text(result_columns(), encoding="utf-8")
    (DOCS / "commands.md").write_text(commands(), encoding="utf-8")
    if len(sys.argv) > 1:
        trial, others = map(Path, sys.argv[1:])
        shutil.copy(trial / "validation.md", DOCS / "validation.md")
        shutil.copy(trial / "figure.png", DOCS / "trial.png")
        shutil.copy(others / "counterfactuals.md", DOCS / "counterfactuals.md")


if __name__ == "__main__":
    main()
