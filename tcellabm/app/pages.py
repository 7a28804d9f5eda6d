"""The pages that Solara serves."""

from __future__ import annotations

from typing import Any

import solara

from tcellabm.app.gate import load_pandas
from tcellabm.app.widget import StageWidget


@solara.component
def ClassPage() -> None:
    """Show two patients side by side; the widget's own session plays them."""
    solara.Title("tcellabm: CAR T cells against leukemia")
    StageWidget.element()


@solara.component
def LabPage() -> Any:
    """Show the lab, which is imported when it is first asked for: Mesa's page takes seconds."""
    load_pandas()
    from tcellabm.app.labpage import LabPage as Lab

    return Lab()


@solara.component
def Layout(children: list[Any]) -> Any:
    """Give the class page the whole window; the lab stands in Solara's own frame."""
    if solara.use_router().path.strip("/") == "lab":
        return solara.AppLayout(children=children, navigation=False)
    return solara.Div(children=children)


routes = [
    solara.Route("/", component=ClassPage, label="Class", layout=Layout),
    solara.Route("lab", component=LabPage, label="Lab"),
]
