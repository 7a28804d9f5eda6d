"""What the page draws by: colors that all can tell apart, dots that go with cells, rows by day."""

import re

import numpy as np
import pytest

from tcellabm.app.assets import STATIC, program

# Deuteranopia in linear RGB: Machado, Oliveira and Fernandes 2009, severity 1.
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
)
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
) / np.array([[0.9505], [1.0], [1.089]])


def as_seen(color):
    """Return L*a*b* of a color as a deuteranope sees it."""
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(DEUTERANOPIA @ linear, 0.0, 1.0)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16.0 / 116.0)
    return np.array([116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])])


def test_curves_can_be_told_apart_without_green():
    text = (STATIC / "charts.js").read_text(encoding="utf-8")
    lines = text[text.index("const LINES") : text.index("];", text.index("const LINES"))]
    seen = [as_seen(color) for color in re.findall(r"color: \"(#[0-9a-f]{6})\"", lines)]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
    assert len(seen) == 4 and min(apart) > 20.0


@pytest.fixture(scope="module")
def page(chromium):
    page = chromium.new_page()
    page.set_content("<html lang=en><title>t</title><main></main>")
    page.add_script_tag(content=program())
    yield page
    page.close()


def test_dots_tell_powers_of_ten_apart(page):
    dots = page.evaluate("[0, 1, 12, 1e4, 1e6, 1e11, 1e12].map((n) => dotsFor(n))")
    assert dots[:3] == [0, 1, 12] and dots[-1] == 9000
    assert dots[3] < 100 and dots[5] > 50 * dots[3]
    assert dots == sorted(dots)


@pytest.mark.parametrize("cells", [1.0, 17.0, 3456.0, 1.7e4, 1.7e11, 9e11])
def test_dots_times_cells_per_dot_come_to_the_cells(page, cells):
    each = page.evaluate("(n) => cellsPerDot(n)", cells)
    wanted = page.evaluate("(n) => dotsFor(n)", cells)
    assert each >= 1 and cells / each == pytest.approx(wanted, rel=0.1)


def test_events_are_as_many_as_the_rates_say(page):
    counted = page.evaluate(
        """() => { let left = 0, sum = 0, n;
        for (let i = 0; i < 1000; i++) { [n, left] = due(left, 4e9, 0.04, 1.1e8); sum += n; }
        return sum; }"""
    )
    assert counted == pytest.approx(4e9 * 40.0 / 1.1e8, abs=1.0)


def test_rows_go_by_their_day_and_what_is_missing_is_noticed(page):
    days = page.evaluate(
        """() => { const arm = new Arm("a", () => 0), rows = (...days) => days.map((d) => [d, 0]);
        const said = [arm.addRows(-1, rows(0, 1, 2, 3)), arm.addRows(3, rows(4, 5)),
          arm.addRows(2, rows(2.5)), arm.addRows(6, rows(7))];
        return [said, arm.rows.map((row) => row[0])]; }"""
    )
    assert days == [[True, True, True, False], [0, 1, 2, 2.5]]
