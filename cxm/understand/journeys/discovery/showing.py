"""The answers about steps as the pages show them: boxes, arrows, cells and ribbons with their words and addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import east_asian_width

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from cxm.lib import numbers
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import share
from cxm.understand.journeys.steps.queries import Cell as Place
from cxm.understand.journeys.steps.queries import Edge, Flow, Transition

from . import flow, graph

MOST_BOXES, MOST_EDGES = 30, 60
LONGEST_LINE = 23  # letters that a line of a box takes
LETTER = 6.4  # width of a letter beside a bar
TWO_LINES = 30  # height of a bar that has its number below its name
MOST_ROWS, MOST_BARS = 40, 9
Named = Callable[[str], str]
Url = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A shape with its words: `text` on it, `said` for those who point at it or cannot see it, `url` behind it.

    `below`: the second line of a text that is too long for one.
    """

    shape: Any
    text: str
    said: str
    url: str
    more: str = ""
    css: str = ""
    below: str = ""


@dataclass(frozen=True, slots=True)
class GraphPicture:
    width: float
    height: float
    boxes: list[Drawn]
    arrows: list[Drawn]
    edges: int  # all that there are
    shown: int


def width_of(text: str) -> int:
    """In letters: Chinese ones and the like are two wide."""
    return sum(2 if east_asian_width(one) in "WF" else 1 for one in text)


def short(text: str, letters: int) -> str:
    if width_of(text) <= letters:
        return text
    while text and width_of(text) >= letters:
        text = text[:-1]
    return f"{text.rstrip()}…"


def two_lines(text: str) -> tuple[str, str]:
    """The name of a box; the second line is empty where one is enough."""
    if width_of(text) <= LONGEST_LINE:
        return text, ""
    words = text.split(" ")
    taken = len(words)
    while taken > 1 and width_of(" ".join(words[:taken])) > LONGEST_LINE:
        taken -= 1
    first = " ".join(words[:taken])
    if width_of(first) <= LONGEST_LINE:
        return first, short(" ".join(words[taken:]), LONGEST_LINE)
    cut = next(at for at in range(len(text), 0, -1) if width_of(text[:at]) <= LONGEST_LINE)
    return text[:cut], short(text[cut:].strip(), LONGEST_LINE)


def times_text(n: int) -> str:
    return ngettext("%(n)s time", "%(n)s times", n) % {"n": numbers.amount(n, "count")}


def journeys_text(n: int) -> str:
    return ngettext("%(n)s journey", "%(n)s journeys", n) % {"n": numbers.amount(n, "count")}


def _said(name: str, journeys: int) -> str:
    return _("%(name)s: %(journeys)s") % {"name": name, "journeys": journeys_text(journeys)}


def seconds_text(seconds: float | None) -> str:
    return numbers.duration(None if seconds is None else seconds / 3600)


def graph_picture(
    labels: Sequence[Edge], transitions: Sequence[Transition], *, detail: int, by_time: bool, named: Named, url: Url
) -> GraphPicture:  # fmt: skip
    """The graph of the busiest labels with their `detail` per cent most frequent edges."""
    shown = labels[:MOST_BOXES]
    inside = {one.label for one in shown}
    by_edge = {(one.label, one.next): one for one in transitions}
    edges: dict[tuple[str, str], int] = {
        (one.label, one.next or graph.END): one.n
        for one in transitions
        if one.label in inside and (one.next in inside or not one.next)
    }
    edges |= {(graph.START, one.label): one.starts for one in shown if one.starts}
    wanted = max(1, round(min(len(edges), MOST_EDGES) * detail / 100))
    kept = graph.most_frequent(edges, wanted)
    ends = graph.labels_of(kept)
    counts = {one.label: one for one in shown}
    traffic = {one.label: one.n for one in shown if one.label in ends}
    if graph.START in ends:
        traffic[graph.START] = sum(one.starts for one in shown)
    if graph.END in ends:
        traffic[graph.END] = sum(one.ends for one in shown)
    picture = graph.lay_out(traffic, kept)
    boxes = [_box(box, counts.get(box.key), traffic[box.key], named, url) for box in picture.boxes]
    arrows = [_arrow(one, kept[one.start, one.end], by_edge, by_time, named, url) for one in picture.arrows]
    return GraphPicture(picture.width, picture.height, boxes, arrows, len(edges), len(kept))


def _box(box: graph.Box, count: Edge | None, traffic: int, named: Named, url: Url) -> Drawn:
    if count is None:
        name = pgettext("journey", "Start") if box.key == graph.START else pgettext("journey", "End")
        return Drawn(box, name, _said(name, traffic), url(), numbers.amount(traffic, "count"), "path-end")
    name = named(count.label)
    said = _("%(name)s: %(times)s in %(journeys)s") % {
        "name": name, "times": times_text(count.n), "journeys": journeys_text(count.journeys),
    }  # fmt: skip
    level = f"heat-{min(int(box.weight * 5) + 1, 5)}"
    text, below = two_lines(name)
    return Drawn(box, text, said, url(step=count.label), numbers.amount(count.n, "count"), level, below)


def _arrow(
    arrow: graph.Arrow, n: int, by_edge: Mapping[tuple[str, str], Transition], by_time: bool, named: Named, url: Url
) -> Drawn:
    if arrow.start == graph.START:
        said = _("%(journeys)s begin with “%(name)s”") % {"journeys": journeys_text(n), "name": named(arrow.end)}
        return Drawn(arrow, "" if by_time else numbers.amount(n, "count"), said, url(step=arrow.end, number="1"))
    if arrow.end == graph.END:
        said = _("%(journeys)s end with “%(name)s”") % {"journeys": journeys_text(n), "name": named(arrow.start)}
        text = "" if by_time else numbers.amount(n, "count")
        return Drawn(arrow, text, said, url(step=arrow.start, ends="1"), css="path-drop")
    one = by_edge[arrow.start, arrow.end]
    said = _("From “%(start)s” to “%(end)s”: %(times)s in %(journeys)s, half of them within %(median)s") % {
        "start": named(one.label), "end": named(one.next), "times": times_text(one.n),
        "journeys": journeys_text(one.journeys), "median": seconds_text(one.median_s),
    }  # fmt: skip
    text = seconds_text(one.median_s) if by_time else numbers.amount(one.n, "count")
    return Drawn(arrow, text, said, url(step=one.label, next=one.next))


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    said: str
    url: str
    css: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """`heads` names the columns; `rows` are (name of the label, its cells); `totals` how many journeys get so far."""

    heads: list[str]
    rows: list[tuple[str, list[Cell | None]]]
    totals: list[str]
    left_out: int


def matrix_of(places: Sequence[Place], *, from_end: bool, named: Named, url: Url) -> Matrix:
    totals: dict[int, int] = {}
    by_label: dict[str, dict[int, int]] = {}
    begun = round(places[0].n / places[0].share) if places else 0
    for one in places:
        totals[one.number] = totals.get(one.number, 0) + one.n
        by_label.setdefault(one.label, {})[one.number] = one.n
    columns = sorted(totals, reverse=from_end)
    order = sorted(by_label, key=lambda label: (-sum(by_label[label].values()), label))
    rows: list[tuple[str, list[Cell | None]]] = []
    for label in order[:MOST_ROWS]:
        cells: list[Cell | None] = []
        for number in columns:
            n = by_label[label].get(number, 0)
            if not n:
                cells.append(None)
                continue
            estimate = share(min(n, begun), begun)
            said = numbers.statement(estimate.value, estimate.low, estimate.high, begun, "percent")
            place = {"from_end" if from_end else "number": str(number)}
            css = f"heat-{min(int((estimate.value or 0) * 10), 9)}"
            cells.append(Cell(numbers.amount(estimate.value, "percent"), said, url(step=label, **place), css))
        rows.append((named(label), cells))
    heads = [
        (_("%(number)s from the end") if from_end else _("Step %(number)s")) % {"number": number} for number in columns
    ]
    return Matrix(heads, rows, [numbers.amount(totals[number], "count") for number in columns],
                  max(len(order) - MOST_ROWS, 0))  # fmt: skip


@dataclass(frozen=True, slots=True)
class FlowPicture:
    width: float
    height: float
    bars: list[Drawn]
    ribbons: list[Drawn]
    heads: list[tuple[float, str]]


def flow_picture(
    streams: Sequence[Flow], steps: int, *, from_end: bool, named: Named, url: Url
) -> tuple[FlowPicture, list[list[str]]]:
    """The picture of the first or last steps, and the table behind it: step, from, to, journeys, their list."""
    data: dict[tuple[int, str, str], int] = {}
    for one in streams:
        number = steps + 1 - one.number if from_end else one.number
        key = (number, one.label, one.next or flow.END)
        data[key] = data.get(key, 0) + one.n
    gathered = flow.gathered(data, MOST_BARS)
    picture = flow.lay_out(gathered)
    columns = sorted({bar.number for bar in picture.bars})

    def place(number: int) -> dict[str, str]:
        return {"from_end": str(steps + 1 - number)} if from_end else {"number": str(number)}

    def name(label: str) -> str:
        return {flow.END: pgettext("journey", "End"), flow.OTHER: _("Other steps")}.get(label) or named(label)

    alone = flow.shown_labels(gathered)

    def whose(number: int, start: str | None, end: str | None = None) -> str:
        """The list of the journeys behind a bar (without `end`) or a ribbon."""
        more: dict[str, str | list[str]] = {**place(number)}
        if start == flow.OTHER:
            more["step_not"] = alone[number]
        elif start:
            more["step"] = start
        if end == flow.END:
            more["ends"] = "1"
        elif end == flow.OTHER:
            more["next_not"] = alone[number + 1]
        elif end:
            more["next"] = end
        return url(**more)

    room = int((picture.column - flow.BAR - 12) / LETTER)
    bars = []
    for bar in picture.bars:
        over = bar.label == flow.END
        said = _said(name(bar.label), bar.n)
        where = whose(bar.number - 1, None, flow.END) if over else whose(bar.number, bar.label)
        css = "path-drop" if over else "path-other" if bar.label == flow.OTHER else ""
        n = numbers.amount(bar.n, "count")
        below = n if bar.height >= TWO_LINES else ""
        text = short(name(bar.label), room if below else room - len(n) - 1)
        bars.append(Drawn(bar, text, said, where, "" if below else n, css, below))
    ribbons = []
    for ribbon in picture.ribbons:
        said = _("From “%(start)s” to “%(end)s”: %(journeys)s") % {
            "start": name(ribbon.start), "end": name(ribbon.end), "journeys": journeys_text(ribbon.n),
        }  # fmt: skip
        where = whose(ribbon.number, ribbon.start, ribbon.end)
        ribbons.append(Drawn(ribbon, "", said, where, css="path-drop" if ribbon.end == flow.END else ""))
    heads = [
        ((column - columns[0]) * picture.column, _heading(column, steps, from_end))
        for column in columns
    ]  # fmt: skip
    table = [
        [
            _heading(number, steps, from_end),
            name(start),
            name(end),
            numbers.amount(n, "count"),
            whose(number, start, end),
        ]
        for (number, start, end), n in sorted(gathered.items(), key=lambda item: (item[0][0], -item[1]))
    ]
    return FlowPicture(picture.width, picture.height, bars, ribbons, heads), table


def _heading(column: int, steps: int, from_end: bool) -> str:
    if not from_end:
        return _("Step %(number)s") % {"number": column}
    return _("%(number)s from the end") % {"number": steps + 1 - column}


def percent(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return numbers.NOTHING
    return numbers.statement(estimate.value, estimate.low, estimate.high, estimate.n, "percent")
