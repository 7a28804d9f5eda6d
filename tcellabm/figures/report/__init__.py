"""`report.html`: a sweep's map, patients and courses on one page that needs nothing else.

`tables` lays out the numbers, `charts` says how Vega-Lite draws them, `page.js` answers clicks.
"""

import json
from pathlib import Path
from typing import Any

from tcellabm.figures.report import charts
from tcellabm.figures.report.tables import Contents, Played, tables

__all__ = ["Contents", "Played", "draw_report"]

_HERE = Path(__file__).parent


def draw_report(contents: Contents) -> bytes:
    """Return the page as UTF-8; of equal contents equal bytes."""
    import vl_convert

    parts = {
        "STYLE": _read("page.css"),
        "LIBRARY": vl_convert.javascript_bundle(),  # type: ignore[call-arg]
        "DATA": f"const DATA = {_json(tables(contents))};\nconst CHARTS = {_json(charts.specs())};",
        "SCRIPT": _read("page.js"),
    }
    page = _read("page.html")
    for name, text in parts.items():
        page = page.replace(f"/*{name}*/", text, 1)
    return page.encode()


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _json(content: dict[str, Any]) -> str:
    """Write JSON that may stand in a script: no text in it ends the script."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
