"""What tests of several folders share."""

import pytest


@pytest.fixture
def figures(monkeypatch):
    """Every figure that the test saves, the last one last."""
    from matplotlib.figure import Figure

    saved, save = [], Figure.savefig

    def savefig(figure, *words, **options):
        saved.append(figure)
        return save(figure, *words, **options)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return saved
