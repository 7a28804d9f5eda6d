"""How Vega-Lite draws the parts of a report; the page's script gives each its data."""

from typing import TYPE_CHECKING, Any

from tcellabm.analysis.fates import FATES

if TYPE_CHECKING:
    import altair as alt

# Okabe-Ito colors and shapes of their own, for color-blind readers and gray print.
FATE_COLORS = ("#009e73", "#e69f00", "#56b4e9", "#000000")
FATE_SHAPES = ("circle", "triangle-up", "square", "cross")
CHOSEN = "#cc00cc"  # stands out from all of them
_CELLS = {
    "leukemia, CD19+": ("#d55e00", [1, 0]),
    "leukemia, CD19−": ("#d55e00", [5, 3]),
    "CAR T cells": ("#0072b2", [1, 0]),
    "B cells": ("#009e73", [2, 2]),
}
_GRADES = {"CRS (Penn)": "#d55e00", "ICANS": "#0072b2"}
NONE_LEFT = 0.1  # where a logarithmic axis shows none


def specs() -> dict[str, Any]:
    """Return the charts by name, as Vega-Lite reads them."""
    charts = {"map": _map(), "dots": _dots(), "elsewhere": _elsewhere(), "course": _course()}
    return {name: _plain(chart) for name, chart in charts.items()}


def _plain(chart: "alt.TopLevelMixin") -> dict[str, Any]:
    """Return a chart as JSON values, without the address of its schema."""
    spec: dict[str, Any] = chart.to_dict()
    del spec["$schema"]
    return spec


def _data(name: str) -> Any:
    import altair as alt

    return alt.NamedData(name=name)


def _axes(labels: bool = True) -> tuple[Any, Any]:
    """Return the two axes of a map; the script fills in order and title."""
    import altair as alt

    grid: Any = {"axis": alt.Axis(labelAngle=0, ticks=False, domain=False)}
    return alt.X("x:O", sort=[], title="", **grid), alt.Y("y:O", sort=[], title="", **grid)


def _map() -> "alt.TopLevelMixin":
    """Show one rate over two axes: its percentage in each square, interval and change under it."""
    import altair as alt

    chosen = alt.param(name="chosen", value=-1)
    x, y = _axes()
    base = alt.Chart(_data("cells")).encode(x=x, y=y)
    tip = [
        alt.Tooltip("name:N", title="point"),
        alt.Tooltip("rate:N", title="rate (95 %)"),
        alt.Tooltip("n:Q", title="patients"),
        alt.Tooltip("difference:N", title="against the reference"),
    ]
    color, ink = (alt.Color(f"{name}:N", scale=None, legend=None) for name in ("color", "ink"))
    rects = base.mark_rect(cursor="pointer", stroke="white").encode(color=color, tooltip=tip)
    lines: Any = (
        ("percent", -9, 14, "bold"),
        ("range", 5, 10, "normal"),
        ("change", 18, 10, "bold"),
    )
    written = [
        base.mark_text(dy=dy, fontSize=size, fontWeight=weight, cursor="pointer").encode(
            text=f"{name}:N", color=ink, tooltip=tip
        )
        for name, dy, size, weight in lines
    ]
    bar = alt.Chart(_data("label")).mark_rect(color="black")
    bar = bar.encode(x=x, y=alt.value(-7), y2=alt.value(-3))
    layers = alt.layer(rects, *written, bar, _reference(base), _chosen(base))
    return layers.add_params(chosen).properties(width=alt.Step(47), height=alt.Step(50))


def _reference(base: Any) -> Any:
    """Return a frame around the reference, black as on the figures."""
    frame = base.mark_rect(filled=False, stroke="black", strokeWidth=5)
    return frame.transform_filter("datum.reference")


def _chosen(base: Any) -> Any:
    """Return a frame around the chosen square, narrow enough for that of the reference to show."""
    frame = base.mark_rect(filled=False, stroke=CHOSEN, strokeWidth=3)
    return frame.transform_filter("datum.id === chosen")


def _fate(field: str = "fate:N", **more: Any) -> dict[str, Any]:
    import altair as alt

    domain = list(FATES)
    color = alt.Scale(domain=domain, range=list(FATE_COLORS))
    shape = alt.Scale(domain=domain, range=list(FATE_SHAPES))
    return {"color": alt.Color(field, scale=color, **more), "shape": (field, shape)}


def _dots() -> "alt.TopLevelMixin":
    """Show a dot per patient of a point, piled up by worst CRS grade."""
    import altair as alt

    opened = alt.param(name="opened", value=-1)
    fate = _fate(legend=None)
    field, shapes = fate["shape"]
    marks = alt.Chart(_data("dots")).mark_point(filled=True, size=52, cursor="pointer")
    tip = ["patient:N", "fate:N", "CRS:Q", "ICANS:Q", alt.Tooltip("ICU:Q", title="days in ICU")]
    names = " : ".join(f"datum.value == {grade * 10 + 5} ? '{grade}'" for grade in range(6))
    x = alt.X(
        "px:Q",
        scale=alt.Scale(domain=[0, 60], nice=False),
        axis=alt.Axis(
            values=[grade * 10 + 5 for grade in range(6)],
            labelExpr=f"{names} : ''",
            grid=False,
            ticks=False,
            title="worst CRS grade (Penn); 5: died of it",
        ),
    )
    y = alt.Y("py:Q", scale=alt.Scale(zero=True), axis=None)
    ring = alt.condition("datum.id === opened", alt.value(3), alt.value(0))
    return (
        marks.encode(
            x=x,
            y=y,
            color=fate["color"],
            shape=alt.Shape(field, scale=shapes, legend=None),
            stroke=alt.value(CHOSEN),
            strokeWidth=ring,
            tooltip=tip,
        )
        .add_params(opened)
        .properties(width="container", height=250)
    )


def _elsewhere() -> "alt.TopLevelMixin":
    """Show one patient at every point: color says the fate, the number the CRS grade."""
    import altair as alt

    chosen = alt.param(name="chosen", value=-1)
    x, y = _axes()
    base = alt.Chart(_data("cells")).encode(x=x, y=y)
    fate = _fate(legend=None)
    tip = ["name:N", "fate:N", "CRS:Q", "ICANS:Q"]
    squares = base.mark_rect(cursor="pointer", stroke="white").encode(
        color=fate["color"], tooltip=tip
    )
    dark = f"datum.fate === '{FATES[-1]}'"
    ink = alt.condition(dark, alt.value("white"), alt.value("black"))
    grades = base.mark_text(fontSize=13, fontWeight="bold", cursor="pointer")
    layers = alt.layer(squares, grades.encode(text="CRS:N", color=ink, tooltip=tip), _chosen(base))
    return layers.add_params(chosen).properties(width=alt.Step(40), height=alt.Step(28))


def _course() -> "alt.TopLevelMixin":
    """One patient over time: cells, IL-6, temperature, grades; `last` is the last day shown."""
    import altair as alt

    last = alt.param(name="last", value=60)
    time: Any = {"domainMin": 0, "domainMax": alt.ExprRef("last"), "nice": False}

    def days(title: str | None = None) -> Any:
        axis = alt.Axis(title=title, labels=title is not None)
        return alt.X("day:Q", scale=alt.Scale(**time), axis=axis)

    def panel(names: list[str]) -> Any:
        return alt.Chart(_data("course")).transform_filter(
            alt.FieldOneOfPredicate(field="name", oneOf=names)
        )

    cells = panel(list(_CELLS)).mark_line(clip=True, strokeWidth=2.2)
    powers = "['10⁰', '10³', '10⁶', '10⁹', '10¹²']"
    labels = f"datum.value < 0.5 ? 'none' : {powers}[round(log(datum.value) / LN10 / 3)]"
    log = alt.Y(
        "value:Q",
        scale=alt.Scale(type="log", domain=[NONE_LEFT, 1e13], nice=False),
        axis=alt.Axis(title="cells in the body", values=_decades(0, 13), labelExpr=labels),
    )
    names = list(_CELLS)
    color = alt.Scale(domain=names, range=[_CELLS[name][0] for name in names])
    dash = alt.Scale(domain=names, range=[_CELLS[name][1] for name in names])
    legend = alt.Legend(orient="top", title=None, columns=2, symbolStrokeWidth=2.5, symbolSize=300)
    cells = cells.encode(
        x=days(),
        y=log,
        color=alt.Color("name:N", scale=color, legend=legend),
        strokeDash=alt.StrokeDash("name:N", scale=dash, legend=legend),
        tooltip=["day:Q", "name:N", alt.Tooltip("value:Q", format=".2e")],
    )
    il6 = panel(["IL-6"]).mark_line(clip=True, color="black", strokeWidth=2)
    il6 = il6.encode(
        x=days(),
        y=alt.Y(
            "value:Q",
            scale=alt.Scale(type="log", domainMin=1, domainMax=1e5, clamp=True),
            axis=alt.Axis(title="IL-6 (pg/mL)", values=_decades(0, 5, 1), format="~s"),
        ),
        tooltip=["day:Q", alt.Tooltip("value:Q", format=".3s")],
    )
    heat = panel(["temperature"]).mark_line(clip=True, color="black", strokeWidth=1.6)
    heat = heat.encode(
        x=days(),
        y=alt.Y(
            "value:Q",
            scale=alt.Scale(domain=[36, 42], clamp=True),
            axis=alt.Axis(title="highest °C", tickCount=4),
        ),
        tooltip=["day:Q", "value:Q"],
    )
    fever = alt.Chart().mark_rule(color="#d55e00", strokeDash=[4, 3]).encode(y=alt.datum(38))
    grades = panel(list(_GRADES)).mark_line(clip=True, interpolate="step-before", strokeWidth=2.4)
    shades = alt.Scale(domain=list(_GRADES), range=list(_GRADES.values()))
    grades = grades.encode(
        x=days("days after infusion"),
        y=alt.Y(
            "value:Q",
            scale=alt.Scale(domain=[0, 5]),
            axis=alt.Axis(title="worst grade", values=[0, 1, 2, 3, 4, 5], format="d"),
        ),
        color=alt.Color("name:N", scale=shades, legend=alt.Legend(orient="top", title=None)),
        strokeDash=alt.StrokeDash(
            "name:N",
            scale=alt.Scale(domain=list(_GRADES), range=[[1, 0], [4, 2]]),
            legend=alt.Legend(orient="top", title=None),
        ),
        tooltip=["day:Q", "name:N", "value:Q"],
    )
    heights = ((cells, 170), (il6, 70), (alt.layer(heat, fever), 80), (grades, 80))
    panels = [chart.properties(width=COURSE_WIDTH, height=height) for chart, height in heights]
    stacked = alt.vconcat(*panels, spacing=6).resolve_scale(
        color="independent", strokeDash="independent"
    )
    return stacked.add_params(last)


COURSE_WIDTH = 440  # pixels; the script narrows it on a phone


def _decades(low: int, high: int, step: int = 3) -> list[float]:
    first = [NONE_LEFT] if step == 3 else []
    return first + [10.0**power for power in range(low, high + 1, step)]
