"""The worksheet and its answer key: pages to print, with the numbers of the runs of the site."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from tcellabm.analysis.words import cells
from tcellabm.app.assets import STATIC
from tcellabm.app.classroom.hundred import Hundred, fate, of_a_hundred
from tcellabm.app.classroom.trees import Choices, Run, Tree
from tcellabm.app.classroom.worded import Place, Words

if TYPE_CHECKING:
    from tcellabm.app.classroom.site import Contents

_BLANK = '<td class="blank"></td>'
_LINES = '<div class="lines"></div>'
_DOSE, _PERSISTENCE, _POLICY = range(3)  # axes


class Sheet(NamedTuple):
    """One of the two pages: with answers, or with room for them."""

    contents: Contents
    words: Words
    answered: bool

    def cell(self, html: str) -> str:
        """Return a cell of a table that is to be filled in."""
        return f"<td>{html}</td>" if self.answered else _BLANK

    def answer(self, *lines: str) -> str:
        """Return what is to be written, or lines to write on."""
        if not self.answered:
            return _LINES
        return "".join(f'<p class="answer">{line}</p>' for line in lines)

    def each(self, place: str) -> range:
        """Return the numbers of a list of texts."""
        return range(len(self.words.at(place)))


def pages(contents: Contents, texts: Mapping[str, Any]) -> dict[str, str]:
    """Return both pages by name of the file.

    Parameters
    ----------
    contents : Contents
        The runs.
    texts : mapping
        All texts of the site; those of the sheets are under `sheet`.
    """
    names = {"worksheet.html": False, "answers.html": True}
    words = Words(texts)
    return {name: _page(Sheet(contents, words, answered)) for name, answered in names.items()}


def _page(sheet: Sheet) -> str:
    words = sheet.words
    title = "sheet/key_title" if sheet.answered else "sheet/title"
    goals = "".join(f"<li>{words(f'sheet/goals/{n}')}</li>" for n in sheet.each("sheet/goals"))
    rows = "".join(
        f"<tr><th>{words(f'sheet/plan/{n}/0')}</th><td>{words(f'sheet/plan/{n}/1')}</td></tr>"
        for n in sheet.each("sheet/plan")
    )
    who = "".join(f"{words(f'sheet/{key}')} <i class='line'></i> " for key in ("name", "date"))
    body = [
        f"<h1>{words(title)}</h1><p class='notice'>{words('sheet/notice')}</p>",
        "" if sheet.answered else f"<p class='who'>{who}</p>",
        f"<h2>{words('sheet/goals_title')}</h2><ul>{goals}</ul>",
        f"<h2>{words('sheet/plan_title')}</h2><table class='plan'>{rows}</table>",
        *(_part(sheet, f"sheet/parts/{number}") for number in sheet.each("sheet/parts")),
    ]
    frame = (STATIC / "sheet.html").read_text(encoding="utf-8")
    page = frame.replace("<!--TITLE-->", escape(words.plain(title)))
    return page.replace("<!--BODY-->", "\n".join(body))


def _part(sheet: Sheet, place: str) -> str:
    part = sheet.words.at(place)
    title = f"<h2>{sheet.words(f'{place}/title')}</h2>" if part["title"] else ""
    task = f"<p>{sheet.words(f'{place}/task')}</p>"
    work = _story(sheet, place) if "story" in part else _grid(sheet, place)
    return f"<section>{title}{task}{work}</section>"


# --- a story --------------------------------------------------------------------------------------


def _story(sheet: Sheet, place: str) -> str:
    part = sheet.words.at(place)
    tree, runs = sheet.contents.trees[part["story"]], sheet.contents.paths[part["story"]]
    heads = [sheet.words(f"sheet/{name}") for name in ("decisions", *part["columns"])]
    rows = [
        f"<tr><th>{_marks(sheet, tree, choices)}</th>"
        + "".join(sheet.cell(_shown(sheet, run, column)) for column in part["columns"])
        + "</tr>"
        for choices, run in runs.items()
    ]
    where = sheet.words("sheet/open_at", title=Place(f"trees/{tree.story.name}/title"))
    lesson = sheet.answer(sheet.words(f"trees/{tree.story.name}/lesson"))
    asks = "".join(
        f"<p class='ask'>{sheet.words(f'{place}/asks/{number}')}</p>{lesson}"
        for number in sheet.each(f"{place}/asks")
    )
    return f"<h3>{where}</h3>{_table(heads, rows)}{_predictions(sheet, tree)}{asks}"


def _predictions(sheet: Sheet, tree: Tree) -> str:
    """Return the questions of the stops, and the right answers for each path."""
    items = []
    for number in range(len(tree.stops)):
        predict = f"trees/{tree.story.name}/stops/{number}/predict"
        lines = [
            f"{_marks(sheet, tree, choices)}: "
            + sheet.words(f"{predict}/answers/{tree.right(choices, run)[number]}")
            for choices, run in sheet.contents.paths[tree.story.name].items()
            if number < len(choices)
        ]
        items.append(f"<li>{sheet.words(f'{predict}/ask')}{sheet.answer(*lines)}</li>")
    return _asked(sheet, items)


def _asked(sheet: Sheet, items: Sequence[str]) -> str:
    return f"<p>{sheet.words('sheet/questions')}</p><ol>{''.join(items)}</ol>"


def _marks(sheet: Sheet, tree: Tree, choices: Choices) -> str:
    stops = f"trees/{tree.story.name}/stops"
    places = (f"{stops}/{number}/options/{at}/mark" for number, at in enumerate(choices))
    return ", ".join(map(sheet.words, places))


def _shown(sheet: Sheet, run: Run, column: str) -> str:
    if column == "fate":
        return sheet.words(f"fates/{fate(run)}")
    value = run[column]
    if isinstance(value, float) and math.isnan(value):
        return "–"
    if column == "leukemic_cells_end":
        number, _, unit = cells(value).partition(" ")
        return sheet.words(f"page/{{}} {unit}", number=number) if unit else number
    return f"{value:.1f}" if column in ("icu_days", "crs_duration_days") else f"{value:.0f}"


# --- a hundred patients ---------------------------------------------------------------------------


def _value(axis: int, at: int) -> Place:
    return Place(f"hundred/axes/{axis}/values/{at}")


def _grid(sheet: Sheet, place: str) -> str:
    hundred, words = sheet.contents.hundred, sheet.words
    doses, lives, _ = hundred.axes
    policy = hundred.start[_POLICY]
    rows = []
    for dose in range(len(doses.values)):
        found = (hundred.at([dose, life, policy]) for life in range(len(lives.values)))
        counts = [sheet.cell(f"{of_a_hundred(runs, 'remission'):.0f} %") for runs in found]
        rows.append(f"<tr><th>{words(_value(_DOSE, dose))}</th>{''.join(counts)}</tr>")
    patients = f"{hundred.patients}"
    caption = words("sheet/grid", patients=patients, policy=_value(_POLICY, policy))
    heads = [words(_value(_PERSISTENCE, life)) for life in range(len(lives.values))]
    table = _table([words("sheet/dose"), *heads], rows, caption)
    answers = [_effects(sheet), [_early(sheet)], [words("sheet/caution")]]
    asked = zip(sheet.each(f"{place}/asks"), answers, strict=True)
    asks = (
        f"<p class='ask'>{words(f'{place}/asks/{number}')}</p>{sheet.answer(*lines)}"
        for number, lines in asked
    )
    return f"{table}{_questions(sheet)}{''.join(asks)}"


def _questions(sheet: Sheet) -> str:
    items = []
    for number, one in enumerate(sheet.contents.hundred.questions):
        place = f"hundred/questions/{number}"
        line = sheet.words(
            "sheet/question_answer",
            answer=Place(f"{place}/answers/{one.right}"),
            first=f"{one.first:.0f}",
            second=f"{one.second:.0f}",
        )
        items.append(f"<li>{sheet.words(f'{place}/ask')}{sheet.answer(line)}</li>")
    return _asked(sheet, items)


def _effects(sheet: Sheet) -> list[str]:
    """Return what the dose and the persistence change, over the whole of their axes."""
    return [_effect(sheet, axis) for axis in (_DOSE, _PERSISTENCE)]


def _effect(sheet: Sheet, axis: int) -> str:
    hundred = sheet.contents.hundred
    last = len(hundred.axes[axis].values) - 1
    before, after = (
        f"{of_a_hundred(_moved(hundred, axis, at), 'remission'):.0f}" for at in (0, last)
    )
    return sheet.words(
        "sheet/effect",
        name=Place(f"hundred/axes/{axis}/name"),
        first=_value(axis, 0),
        last=_value(axis, last),
        before=before,
        after=after,
    )


def _early(sheet: Sheet) -> str:
    hundred = sheet.contents.hundred
    points = [_moved(hundred, _POLICY, at) for at in range(2)]
    days = [f"{of_a_hundred(runs, 'icu_days'):.0f}" for runs in points]
    rates = [f"{of_a_hundred(runs, 'remission'):.0f}" for runs in points]
    numbers = {"before": days[0], "after": days[1], "kept_before": rates[0], "kept_after": rates[1]}
    policies = {"first": _value(_POLICY, 0), "second": _value(_POLICY, 1)}
    return sheet.words("sheet/early", **numbers, **policies)


def _moved(hundred: Hundred, axis: int, at: int) -> Any:
    place = list(hundred.start)
    place[axis] = at
    return hundred.at(place)


def _table(heads: Sequence[str], rows: Sequence[str], caption: str = "") -> str:
    head = "".join(f"<th>{html}</th>" for html in heads)
    above = f"<caption>{caption}</caption>" if caption else ""
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
