import pytest

from tcellabm.views.figures import canvas


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Draw figures small: it is what is on them that is tested."""
    monkeypatch.setattr(canvas, "_DPI", 30)
