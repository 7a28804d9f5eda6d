"""The page that Solara serves: the lab."""

from __future__ import annotations

from typing import Any

import solara


@solara.component
def LabPage() -> Any:
    """Show the lab, which is imported when it is first shown: Mesa's page takes seconds."""
    from tcellabm.app.labpage import LabPage as Lab

    return Lab()


routes = [
    solara.Route("/", component=LabPage, label="Lab"),
    solara.Route("lab", component=LabPage, label="Lab"),
]
