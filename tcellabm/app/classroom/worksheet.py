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
from tcellabm.app.ending import NAMES

if TYPE_CHECKING:
    from tcellabm.app.classroom.site import Contents

_BLANK = '<td class="blank"></td>'
_LINES = '<div class="lines"></div>'
_DOSE, _PERSISTENCE, _POLICY = range(3)  # axes

type Texts = Mapping[str, Any]


class Sheet(NamedTuple):
    """One of the two pages: with answers, or with room for them."""

    contents: Contents
    texts: Texts
    answered: bool

    def cell(self, text: str) -> str:
        """Return a cell of a table that is to be filled in."""
        return f"<td>{escape(text)}</td>" if self.answered else _BLANK

    def answer(self, *lines: str) -> str:
        """Return what is to be written, or lines to write on."""
        if not self.answered:
            return _LINES
        return "".join(f'<p class="answer">{escape(line)}</p>' for line in lines)


def pages(contents: Contents, texts: Texts) -> dict[str, str]:
    """Return both pages by name of the file.

    Parameters
    ----------
    contents : Contents
        The runs.
    texts : mapping
        The table `sheet` of the texts.
    """
    names = {"worksheet.html": False, "answers.html": True}
    return {name: _page(Sheet(contents, texts, answered)) for name, answered in names.items()}


def _page(sheet: Sheet) -> str:
    texts = sheet.texts
    title = texts["key_title" if sheet.answered else "title"]
    goals = "".join(f"<li>{escape(goal)}</li>" for goal in texts["goals"])
    rows = "".join(
        f"<tr><th>{escape(time)}</th><td>{escape(what)}</td></tr>" for time, what in texts["plan"]
    )
    who = "".join(f"{escape(texts[key])} <span></span> " for key in ("name", "date"))
    body = [
        f"<h1>{escape(title)}</h1><p class='notice'>{escape(texts['notice'])}</p>",
        "" if sheet.answered else f"<p class='who'>{who}</p>",
        f"<h2>{escape(texts['goals_title'])}</h2><ul>{goals}</ul>",
        f"<h2>{escape(texts['plan_title'])}</h2><table class='plan'>{rows}</table>",
        *(_part(sheet, part) for part in texts["parts"]),
    ]
    frame = (STATIC / "sheet.html").read_text(encoding="utf-8")
    return frame.replace("<!--TITLE-->", escape(title)).replace("<!--BODY-->", "\n".join(body))


def _part(sheet: Sheet, part: Texts) -> str:
    title = f"<h2>{escape(part['title'])}</h2>" if part["title"] else ""
    task = f"<p>{escape(part['task'])}</p>"
    work = _story(sheet, part) if "story" in part else _grid(sheet, part)
    return f"<section>{title}{task}{work}</section>"


# --- a story --------------------------------------------------------------------------------------


def _story(sheet: Sheet, part: Texts) -> str:
    tree, runs = sheet.contents.trees[part["story"]], sheet.contents.paths[part["story"]]
    heads = [sheet.texts["decisions"], *(sheet.texts[column] for column in part["columns"])]
    rows = [
        f"<tr><th>{escape(_marks(tree, choices))}</th>"
        + "".join(sheet.cell(_shown(run, column)) for column in part["columns"])
        + "</tr>"
        for choices, run in runs.items()
    ]
    where = sheet.texts["open_at"].format(title=tree.title)
    asks = "".join(
        f"<p class='ask'>{escape(ask)}</p>{sheet.answer(tree.lesson)}" for ask in part["asks"]
    )
    return f"<h3>{escape(where)}</h3>{_table(heads, rows)}{_predictions(sheet, tree)}{asks}"


def _predictions(sheet: Sheet, tree: Tree) -> str:
    """Return the questions of the stops, and the right answers for each path."""
    items = []
    for number, stop in enumerate(tree.stops):
        lines = [
            f"{_marks(tree, choices)}: {stop.predict.answers[tree.right(choices, run)[number]]}"
            for choices, run in sheet.contents.paths[tree.story.name].items()
            if number < len(choices)
        ]
        items.append(f"<li>{escape(stop.predict.ask)}{sheet.answer(*lines)}</li>")
    return f"<p>{escape(sheet.texts['questions'])}</p><ol>{''.join(items)}</ol>"


def _marks(tree: Tree, choices: Choices) -> str:
    return ", ".join(option.mark for option in tree.options(choices))


def _shown(run: Run, column: str) -> str:
    if column == "fate":
        return NAMES[fate(run)]
    value = run[column]
    if isinstance(value, float) and math.isnan(value):
        return "–"
    if column == "leukemic_cells_end":
        return cells(value)
    return f"{value:.1f}" if column in ("icu_days", "crs_duration_days") else f"{value:.0f}"


# --- a hundred patients ---------------------------------------------------------------------------


def _grid(sheet: Sheet, part: Texts) -> str:
    hundred, texts = sheet.contents.hundred, sheet.texts
    doses, lives, policies = hundred.axes
    policy = hundred.start[_POLICY]
    rows = []
    for dose, name in enumerate(doses.values):
        found = (hundred.at([dose, life, policy]) for life in range(len(lives.values)))
        counts = [sheet.cell(f"{of_a_hundred(runs, 'remission'):.0f} %") for runs in found]
        rows.append(f"<tr><th>{escape(name)}</th>{''.join(counts)}</tr>")
    caption = texts["grid"].format(patients=hundred.patients, policy=policies.values[policy])
    table = _table([texts["dose"], *lives.values], rows, caption)
    answers = [_effects(sheet), [_early(sheet)], [texts["caution"]]]
    asked = zip(part["asks"], answers, strict=True)
    asks = (f"<p class='ask'>{escape(ask)}</p>{sheet.answer(*lines)}" for ask, lines in asked)
    return f"{table}{_questions(sheet)}{''.join(asks)}"


def _questions(sheet: Sheet) -> str:
    items = []
    for one in sheet.contents.hundred.questions:
        found = {
            "answer": one.answers[one.right],
            "first": f"{one.first:.0f}",
            "second": f"{one.second:.0f}",
        }
        line = sheet.texts["question_answer"].format(**found)
        items.append(f"<li>{escape(one.ask)}{sheet.answer(line)}</li>")
    return f"<p>{escape(sheet.texts['questions'])}</p><ol>{''.join(items)}</ol>"


def _effects(sheet: Sheet) -> list[str]:
    """Return what the dose and the persistence change, over the whole of their axes."""
    return [_effect(sheet, axis) for axis in (_DOSE, _PERSISTENCE)]


def _effect(sheet: Sheet, axis: int) -> str:
    hundred = sheet.contents.hundred
    values = hundred.axes[axis].values
    before, after = (
        of_a_hundred(_moved(hundred, axis, at), "remission") for at in (0, len(values) - 1)
    )
    words = {"name": hundred.axes[axis].name, "first": values[0], "last": values[-1]}
    return str(sheet.texts["effect"].format(before=f"{before:.0f}", after=f"{after:.0f}", **words))


def _early(sheet: Sheet) -> str:
    hundred = sheet.contents.hundred
    points = [_moved(hundred, _POLICY, at) for at in range(2)]
    days = [f"{of_a_hundred(runs, 'icu_days'):.0f}" for runs in points]
    rates = [f"{of_a_hundred(runs, 'remission'):.0f}" for runs in points]
    first, second = hundred.axes[_POLICY].values[:2]
    numbers = {"before": days[0], "after": days[1], "kept_before": rates[0], "kept_after": rates[1]}
    return str(sheet.texts["early"].format(first=first, second=second, **numbers))


def _moved(hundred: Hundred, axis: int, at: int) -> Any:
    place = list(hundred.start)
    place[axis] = at
    return hundred.at(place)


def _table(heads: Sequence[str], rows: Sequence[str], caption: str = "") -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
