"""What a figure shows, read off the figure itself; and that its file is the picture of it."""

import io
from contextlib import contextmanager

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from tcellabm.figures import canvas


@contextmanager
def saved_figures():
    """Note every figure that is saved meanwhile, the last one last."""
    saved, save = [], Figure.savefig

    def savefig(figure, *words, **options):
        saved.append(figure)
        return save(figure, *words, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", savefig)
        yield saved


def texts(figure):
    """All that is written on a figure."""
    return [text.get_text() for text in figure.findobj(lambda item: hasattr(item, "get_text"))]


def panels(figure):
    return [panel for panel in figure.axes if panel.get_visible()]


def line(panel, label):
    """The line of a panel that the legend calls so."""
    (found,) = [each for each in panel.lines if each.get_label() == label]
    return found


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def assert_picture(png, figure):
    """The file has the size of the figure, and ink in each of its panels."""
    pixels = imread(io.BytesIO(png))
    height, width = pixels.shape[:2]
    assert np.abs(figure.get_size_inches() * canvas._DPI - (width, height)).max() < 1.0
    assert panels(figure)
    for panel in panels(figure):
        left, bottom, right, top = panel.get_position().extents
        rows = slice(int((1 - top) * height), int((1 - bottom) * height))
        part = pixels[rows, int(left * width) : int(right * width)]
        assert np.ptp(part, axis=(0, 1)).max() > 0.0, panel.get_title(loc="left")
