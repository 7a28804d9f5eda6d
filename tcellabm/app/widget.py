"""One patient on the canvas of the class page, as a widget: in the lab, and in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anywidget
import traitlets

from tcellabm.app.assets import STATIC, program, style
from tcellabm.app.export import appearance
from tcellabm.app.frames import picture
from tcellabm.app.plan import TREATMENTS
from tcellabm.model import TumorTCellModel


class MarrowWidget(anywidget.AnyWidget):
    """What the canvas shows, as the browser gets it; see `shown`."""

    _esm = f"{program()}\n{(STATIC / 'lab.js').read_text(encoding='utf-8')}"
    _css = style()
    about = traitlets.Dict().tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)
    places = traitlets.Bytes().tag(sync=True)
    hints = traitlets.Dict().tag(sync=True)
    voxel = traitlets.Int(-1).tag(sync=True)


class PatientWidget(MarrowWidget):
    """A patient in a notebook: `PatientWidget(model)` in a cell's last line.

    Parameters
    ----------
    model : TumorTCellModel
        Looked at, and never moved on.
    """

    def __init__(self, model: TumorTCellModel) -> None:
        """Show the patient as it is now."""
        super().__init__(about=appearance(model.params))
        self.patient = model
        self.show()
        self.observe(lambda change: self.show(), "voxel")

    def show(self) -> None:
        """Show the patient as it is by now: after `model.run_until`, for one."""
        after = self.patient.treatments[1:]  # the first is the infusion of day 0
        given = [(day, name) for day, name in after if name in TREATMENTS]
        with self.hold_sync():  # places first: the page draws when the facts change
            self.places, self.facts = shown(self.patient, self.voxel, given)


def shown(
    model: TumorTCellModel, voxel: int, given: Sequence[tuple[float, str]]
) -> tuple[bytes, dict[str, Any]]:
    """Return what a widget shows of a patient.

    Parameters
    ----------
    model : TumorTCellModel
        The patient.
    voxel : int
        Under the microscope; below 0 the one in the middle.
    given : sequence of (float, str)
        Day and name of each treatment after the infusion.

    Returns
    -------
    places : bytes
        Cells and cytokines of each voxel.
    facts : dict
        All else, as plain numbers.
    """
    taken = picture(model, voxel if voxel >= 0 else None)
    marks = [[day, name, "a"] for day, name in given]
    return taken.places, {**taken.facts, "day": model.time, "given": marks}
