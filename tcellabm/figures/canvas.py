"""What all figures share: no window, one look, the line that must be on each."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOTICE = "virtual patients; not for clinical use"
FORMS = ("png", "svg", "pdf")
_STAMPS = {"png": ("Software",), "svg": ("Date", "Creator"), "pdf": ("CreationDate", "Producer")}
_DPI = 150
_STYLE: Any = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "tcellabm",
    "pdf.fonttype": 42,
}


@contextmanager
def look() -> Iterator[None]:
    """Draw in the look of all figures, whatever the user's own settings are."""
    from matplotlib import rc_context, rcdefaults

    with rc_context():
        rcdefaults()
        with rc_context(_STYLE):
            yield


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure (inches) that no window and no global state knows of."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def png(figure: "Figure") -> bytes:
    """Return a figure as a PNG file with the notice under it."""
    return image(figure, "png")


def image(figure: "Figure", form: str) -> bytes:
    """Return a figure as a file of one of FORMS with the notice under it."""
    figure.text(0.995, 0.006, NOTICE, ha="right", va="bottom", fontsize=9, style="italic")
    file = io.BytesIO()
    # Without a date or version in it, equal tables give equal files.
    figure.savefig(file, format=form, dpi=_DPI, metadata=dict.fromkeys(_STAMPS[form]))
    return file.getvalue()
