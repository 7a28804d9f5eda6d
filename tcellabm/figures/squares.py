"""How a square of the map is written and colored: the same on figures and in the report."""

from collections.abc import Mapping
from typing import Any

import numpy as np

type Color = tuple[float, float, float]

BETTER, WORSE, SAME = "#2166ac", "#c1570c", "#e4e4e4"
# Blue and orange stay apart for color-blind readers; both darken with the rate, also in gray.
SHADES = {"remission": "Blues", "remission_365": "Blues", "severe_crs": "Oranges"}
LEGEND = (
    "Blue ▲▼: better than the reference (framed); orange ▲▼: worse (▲ more, ▼ less, in points), "
    "where 95 % limits for all points and rates at once exclude no difference. Gray: not resolved."
)
REFERENCE = "ref."
_LEAST_DEPTH, _DEEPEST = 0.25, 0.4  # of color; the difference that has all of it


def percent(point: Mapping[Any, Any], rate: str) -> str:
    """Write a rate; empty where it was not observed."""
    return "" if np.isnan(point[rate]) else f"{point[rate]:.0%}"


def interval(point: Mapping[Any, Any], rate: str) -> str:
    """Write the ends of a rate's interval, in percent; empty where it was not observed."""
    if np.isnan(point[rate]):
        return ""
    return f"{100 * point[f'{rate}_low']:.0f}–{100 * point[f'{rate}_high']:.0f}"


def change(point: Mapping[Any, Any], rate: str) -> str:
    """Write a resolved difference in points, with its direction as a mark; else nothing."""
    if not point[f"{rate}_resolved"]:
        return ""
    difference = 100 * float(point[f"{rate}_difference"])
    return f"{'▲' if difference > 0 else '▼'} {abs(difference):.0f}"


def color_of_share(share: float, rate: str) -> Color:
    """Return the color of a rate, 0 to 1: deeper where it is higher; red, green, blue, 0 to 1."""
    from matplotlib import colormaps

    red, green, blue, _ = colormaps[SHADES[rate]](share)
    return red, green, blue


def color_of(difference: float, resolved: bool, rate: str) -> Color:
    """Return the color of a difference: deeper where it is larger, gray where not resolved.

    Parameters
    ----------
    difference : float
        Of shares, -1 to 1; NaN if not known.
    resolved : bool
        Its limits exclude 0.
    rate : str
        Of `severe_crs` less is better, of others more.

    Returns
    -------
    (float, float, float)
        Red, green, blue, 0 to 1.
    """
    from matplotlib.colors import to_rgb

    if not resolved or np.isnan(difference):
        red, green, blue = to_rgb(SAME)
        return red, green, blue
    good = (difference > 0) != (rate == "severe_crs")
    depth = max(_LEAST_DEPTH, min(1.0, abs(difference) / _DEEPEST))
    red, green, blue = (1 - depth * (1 - part) for part in to_rgb(BETTER if good else WORSE))
    return red, green, blue


def ink_on(color: Color) -> str:
    """Choose the ink that stands out on a color, by its brightness (Rec. 709)."""
    red, green, blue = color
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5 else "black"
