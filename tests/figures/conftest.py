import pytest

from tcellabm.figures import canvas


@pytest.fixture(autouse=True, scope="package")
def coarse():
    """Draw figures small: it is what is on them that is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canvas, "_DPI", 30)
        yield
