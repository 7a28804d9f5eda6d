"""The pages that Solara serves."""

from __future__ import annotations

import solara

from tcellabm.views.browser.widget import StageWidget


@solara.component
def ClassPage() -> None:
    """Show two patients side by side; the widget's own session plays them."""
    solara.Title("tcellabm: CAR T cells against leukemia")
    StageWidget.element()


routes = [solara.Route("/", component=ClassPage, label="Class")]
