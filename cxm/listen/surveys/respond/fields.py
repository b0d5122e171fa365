"""Each kind of question as HTML that works without a script. Names of inputs are those of runtime.reading.

Everything that is not our own is escaped here, in one place: `e`. A group of inputs is a fieldset whose legend is the
question; a single input has a label. The small script only adds to what is here; see frontend/src/respond.js.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape as e

from ..runtime import ChoiceView, Problem, QuestionView, ScaleView, field_name
from . import signs
from .words import Words, number, sentence

# What a browser may fill in by itself, by the id that parts of a contact block usually have (WCAG 1.3.5).
KNOWN_PARTS = {
    "name": ("text", "name"), "first_name": ("text", "given-name"), "last_name": ("text", "family-name"),
    "email": ("email", "email"), "phone": ("tel", "tel"), "company": ("text", "organization"),
    "address": ("text", "street-address"), "street": ("text", "address-line1"), "line2": ("text", "address-line2"),
    "region": ("text", "address-level1"),
    "city": ("text", "address-level2"),
    "postcode": ("text", "postal-code"), "country": ("text", "country-name"),
}  # fmt: skip
SINGLE = frozenset({"short_text", "long_text", "number", "email", "phone", "url", "date", "dropdown", "file", "slider"})


class Drawing:
    """Draws one question in one language."""

    def __init__(self, question: QuestionView, words: Words, language: str) -> None:
        self.q, self.words, self.language = question, words, language
        self.name = field_name(question.id)
        self.id = f"q-{question.id}"
        self.value = question.value if question.value is not None else question.prefill
        parts = {one.id for one in (*question.choices, *question.rows)}
        self.of_part = {one.part: one for one in question.problems if one.part in parts and one.part}
        self.of_whole = [one for one in question.problems if not (one.part and one.part in parts)]

    def draw(self) -> str:
        q = self.q
        if q.kind == "statement":
            return (
                f'<div class="q statement" id="{e(self.id)}"><div class="title">{lines(q.title)}</div>'
                f"{self._hint()}{self._button()}</div>"
            )
        scaled = q.scale is not None and bool(q.scale.points)
        single = (q.kind in SINGLE and not (q.kind == "slider" and scaled)) or (q.scale is not None and not scaled)
        inside = DRAWN[q.kind](self)
        wrong = " wrong" if q.problems else ""
        data = ' data-live=""' if q.live else ""
        mark = f'<span class="must"> ({e(self.words.required)})</span>' if q.required else ""
        title, rest = f"{lines(q.title)}{mark}", f"{self._hint()}{self._problems()}"
        if single:
            return (
                f'<div class="q {q.kind}{wrong}" id="{e(self.id)}" data-q="{e(q.id)}"{data}>'
                f'<label class="title" for="{e(self.id)}-i">{title}</label>{rest}{inside}</div>'
            )
        described = self._described()
        return (
            f'<fieldset class="q {q.kind}{wrong}" id="{e(self.id)}" data-q="{e(q.id)}"{data}{described}>'
            f'<legend class="title">{title}</legend>{rest}{inside}</fieldset>'
        )

    # What stands around it

    def _hint(self) -> str:
        return f'<p class="hint" id="{e(self.id)}-h">{lines(self.q.hint)}</p>' if self.q.hint else ""

    def _button(self) -> str:
        """Of a statement. In a window of its own, so that answers on this page stay."""
        label = self.q.link_label or self.words.link
        return (
            f'<p><a class="button" href="{e(self.q.link)}" target="_blank" rel="noopener">{e(label)}</a></p>'
            if self.q.link
            else ""
        )

    def _problems(self) -> str:
        if not self.of_whole:
            return ""
        said = " ".join(e(sentence(one, self.language)) for one in self.of_whole)
        return f'<p class="problem" id="{e(self.id)}-p">{said}</p>'

    def _described(self) -> str:
        ids = [f"{self.id}-h"] if self.q.hint else []
        ids += [f"{self.id}-p"] if self.of_whole else []
        return f' aria-describedby="{e(" ".join(ids))}"' if ids else ""

    def _wrong(self, problem: Problem | None = None) -> str:
        return ' aria-invalid="true"' if self.of_whole or problem else ""

    def _part_problem(self, part: str) -> str:
        problem = self.of_part.get(part)
        return (
            f'<span class="problem" id="{e(self.id)}-{e(part)}-p">{e(sentence(problem, self.language))}</span>'
            if problem
            else ""
        )

    def _entered(self) -> str:
        """What stands in a single input: what was typed, else the answer."""
        if self.q.entered:
            return self.q.entered
        return "" if self.value is None else number(self.value)

    # The kinds

    def scale(self) -> str:
        scale = self.q.scale
        if scale is None or not scale.points:
            return self.slider()
        value = self.value if isinstance(self.value, int | float) else None
        boxes = []
        faces = signs.faces(len(scale.points)) if scale.look == "faces" else []
        for place, point in enumerate(scale.points):
            shown = number(point.value)
            sign, spoken = shown, ""
            if scale.look == "stars":
                sign = "★"
            elif scale.look == "faces":
                sign = faces[place]
            if sign != shown:
                of = self.words.of_points % {"value": shown, "most": number(scale.highest)}
                spoken = f'<span class="sr">{e(of)}{": " + e(point.label) if point.label else ""}</span>'
            named = ""
            if point.label and 0 < place < len(scale.points) - 1 and scale.look != "stars":  # the ends stand below
                hidden = ' aria-hidden="true"' if spoken else ""
                named = f"<small{hidden}>{e(point.label)}</small>"
            mark = f'<span aria-hidden="true">{sign}</span>{spoken}' if spoken else sign
            checked = " checked" if value == point.value else ""
            boxes.append(
                f'<label class="point"><input type="radio" name="{e(self.name)}" value="{shown}"'
                f"{checked}{self._wrong()}>"
                f'<span class="face">{mark}{named}</span></label>'
            )
        ends = ""
        if scale.lowest_label or scale.highest_label:
            ends = f'<div class="ends"><span>{e(scale.lowest_label)}</span><span>{e(scale.highest_label)}</span></div>'
        return f'<div class="scale {scale.look} n{len(boxes)}" data-scale>{"".join(boxes)}</div>{ends}'

    def slider(self) -> str:
        """A number until the script makes a slider of it: a slider that nobody has touched would have an answer."""
        scale = self.q.scale or ScaleView(0, 100, 1, "slider")
        ends = (
            f"{number(scale.lowest)} {scale.lowest_label}".strip(),
            f"{number(scale.highest)} {scale.highest_label}".strip(),
        )
        return (
            f'<input class="short" type="number" inputmode="decimal" id="{e(self.id)}-i" name="{e(self.name)}"'
            f' min="{number(scale.lowest)}" max="{number(scale.highest)}" step="'
            f'{number(scale.step) if scale.step > 0 else "any"}"'
            f' value="{e(self._entered())}" data-slider{self._described()}{self._wrong()}>'
            f'<div class="ends"><span>{e(ends[0])}</span><span>{e(ends[1])}</span></div>'
        )

    def yes_no(self) -> str:
        words = self.words
        thumbs = self.q.kind == "thumbs"
        made = []
        for value, text, sign in (("yes", words.thumb_up if thumbs else words.yes, signs.thumb(True)),
                                  ("no", words.thumb_down if thumbs else words.no, signs.thumb(False))):  # fmt: skip
            checked = " checked" if self.value is (value == "yes") else ""
            said = f'<span aria-hidden="true">{sign}</span><span class="sr">{e(text)}</span>' if thumbs else e(text)
            made.append(
                f'<label class="point"><input type="radio" name="{e(self.name)}" value="{value}"'
                f"{checked}{self._wrong()}>"
                f'<span class="face">{said}</span></label>'
            )
        return f'<div class="scale two" data-scale>{"".join(made)}</div>'

    def consent(self) -> str:
        checked = " checked" if self.value is True else ""
        return (
            f'<label class="choice"><input type="checkbox" name="{e(self.name)}" value="yes"{checked}{self._wrong()}>'
            f"<span>{e(self.words.agree)}</span></label>"
        )

    def choosing(self) -> str:
        many = self.q.kind == "multiple" or (self.q.kind == "picture" and self.q.several)
        chosen = set(self.value if isinstance(self.value, list) else [self.value])
        kind = "checkbox" if many else "radio"
        made = []
        for one in self.q.choices:
            checked = " checked" if one.id in chosen else ""
            alone = ' data-alone=""' if one.exclusive else ""
            picture = (
                f'<img src="{e(one.image)}" alt="" loading="lazy">' if self.q.kind == "picture" and one.image else ""
            )
            made.append(
                f'<label class="choice"><input type="{kind}" name="{e(self.name)}" value="{e(one.id)}"'
                f"{checked}{alone}{self._wrong()}>"
                f"{picture}<span>{e(one.label)}</span></label>{self._other(one)}"
            )
        return f'<div class="choices {"pictures" if self.q.kind == "picture" else ""}">{"".join(made)}</div>'

    def _other(self, choice: ChoiceView) -> str:
        if not choice.other:
            return ""
        return (
            f'<input class="other" type="text" name="{e(self.name)}.other" value="{e(self.q.other)}" maxlength="1000"'
            f' aria-label="{e(choice.label)}: {e(self.words.other)}" data-other="{e(choice.id)}">'
        )

    def dropdown(self) -> str:
        options = [f'<option value="">{e(self.words.choose)}</option>']
        other = ""
        for one in self.q.choices:
            selected = " selected" if one.id == self.value else ""
            options.append(f'<option value="{e(one.id)}"{selected}>{e(one.label)}</option>')
            other += self._other(one)
        return (
            f'<select id="{e(self.id)}-i" name="{e(self.name)}"{self._described()}{self._wrong()}>'
            f"{''.join(options)}</select>{other}"
        )

    def matrix(self) -> str:
        made = []
        for row in self.q.rows:
            problem = self._part_problem(row.id)
            made.append(
                f'<fieldset class="row"{self._of_row(row)}><legend>{e(row.label)}{self._must(row)}</legend>{problem}'
                f"{self._columns(row)}</fieldset>"
            )
        return "".join(made)

    def _columns(self, row: ChoiceView) -> str:
        cell = self.value.get(row.id) if isinstance(self.value, dict) else None
        chosen = set(cell if isinstance(cell, list) else [cell])
        kind = "checkbox" if self.q.several else "radio"
        boxes = "".join(
            f'<label class="point"><input type="{kind}" name="{e(self.name)}.{e(row.id)}" value="{e(one.id)}"'
            f"{' checked' if one.id in chosen else ''}{self._wrong(self.of_part.get(row.id))}>"
            f'<span class="face">{e(one.label)}</span></label>'
            for one in self.q.choices
        )
        return f'<div class="scale columns" data-scale>{boxes}</div>'

    def _of_row(self, row: ChoiceView) -> str:
        return f' aria-describedby="{e(self.id)}-{e(row.id)}-p"' if row.id in self.of_part else ""

    def _must(self, row: ChoiceView) -> str:
        asked = row.required and not self.q.required
        return f'<span class="must"> ({e(self.words.required)})</span>' if asked else ""

    # Matrices side by side

    def head(self) -> str:
        """The question above its column of a table."""
        mark = f'<span class="must"> ({e(self.words.required)})</span>' if self.q.required else ""
        return (
            f'<div id="{e(self.id)}"><div class="title" id="{e(self.id)}-t">{lines(self.q.title)}{mark}</div>'
            f"{self._hint()}{self._problems()}</div>"
        )

    def cell(self, row: ChoiceView) -> str:
        """The columns of this matrix in one row of the table. On a phone its question stands above them."""
        data = ' data-live=""' if self.q.live else ""
        return (
            f'<div role="group" aria-labelledby="{e(self.id)}-t" data-q="{e(self.q.id)}"{data}{self._of_row(row)}>'
            f'<span class="title" aria-hidden="true">{lines(self.q.title)}</span>{self._part_problem(row.id)}'
            f"{self._columns(row)}</div>"
        )

    def ranking(self) -> str:
        ranks = {one: place for place, one in enumerate(self.value, 1)} if isinstance(self.value, list) else {}
        made = []
        for one in self.q.choices:
            places = "".join(
                f'<option value="{place}"{" selected" if ranks.get(one.id) == place else ""}>{place}</option>'
                for place in range(1, len(self.q.choices) + 1)
            )
            made.append(
                f'<label class="part"><span>{e(one.label)}</span><select name="{e(self.name)}.{e(one.id)}"'
                f' aria-label="{e(one.label)}: {e(self.words.rank)}"{self._wrong(self.of_part.get(one.id))}>'
                f'<option value="">–</option>{places}</select></label>{self._part_problem(one.id)}'
            )
        return f'<div class="parts" data-ranking>{"".join(made)}</div>'

    def constant_sum(self) -> str:
        value = self.value if isinstance(self.value, dict) else {}
        total = number(self.q.total) if self.q.total is not None else ""
        made = [
            f'<label class="part"><span>{e(one.label)}</span><input class="short" type="number"'
            f' inputmode="decimal" min="0" step="any"'
            f' name="{e(self.name)}.{e(one.id)}" value="{e(number(value[one.id])) if one.id in value else ""}"'
            f"{self._wrong(self.of_part.get(one.id))}></label>{self._part_problem(one.id)}"
            for one in self.q.choices
        ]
        said = ""
        if total:
            given = sum(one for one in value.values() if isinstance(one, int | float))
            text = self.words.sum_so_far % {"sum": "\0", "total": total}
            said = (
                f'<p class="hint sum" role="status">{e(text).replace(chr(0), f"<output>{number(given)}</output>")}</p>'
            )
        return f'<div class="parts" data-sum>{"".join(made)}</div>{said}'

    def maxdiff(self) -> str:
        labels = {one.id: one.label for one in self.q.choices}
        given = self.value if isinstance(self.value, list) else []
        words, made = self.words, []
        for place, task in enumerate(self.q.tasks):
            pair = given[place] if place < len(given) and isinstance(given[place], dict) else {}
            rows = []
            for one in task:
                boxes = "".join(
                    f'<label class="point"><input type="radio" name="{e(self.name)}.{place}.{end}" value="{e(one)}"'
                    f'{" checked" if pair.get(end) == one else ""}{self._wrong()}><span class="face">{e(word)}'
                    f'<span class="sr">: {e(labels.get(one, one))}</span></span></label>'
                    for end, word in (("best", words.best), ("worst", words.worst))
                )
                rows.append(
                    f'<div class="part"><span>{e(labels.get(one, one))}</span><span class="scale two">'
                    f"{boxes}</span></div>"
                )
            head = words.task % {"number": place + 1, "of": len(self.q.tasks)}
            made.append(
                f'<fieldset class="row"><legend>{e(head)}</legend><div class="parts">{"".join(rows)}</div></fieldset>'
            )
        return "".join(made)

    def text(self) -> str:
        q = self.q
        limit = f' maxlength="{int(q.at_most)}"' if q.at_most is not None and q.at_most >= 1 else ""
        shared = (
            f'id="{e(self.id)}-i" name="{e(self.name)}"{limit}'
            f"{f' placeholder={quoted(q.placeholder)}' if q.placeholder else ''}{self._described()}{self._wrong()}"
        )
        if q.kind == "long_text":
            return f"<textarea rows=4 {shared}>{e(self._entered())}</textarea>"
        return f'<input type="text" {shared} value="{e(self._entered())}">'

    def typed(self) -> str:
        q = self.q
        more = {
            "number": 'type="text" inputmode="decimal"', "email": 'type="email" autocomplete="email"',
            "phone": 'type="tel" autocomplete="tel"', "url": 'type="url" autocomplete="url"', "date": 'type="date"',
        }[q.kind]  # fmt: skip
        short = ' class="short"' if q.kind in ("number", "date") else ""
        hint = f" placeholder={quoted(q.placeholder)}" if q.placeholder else ""
        return (
            f'<input {more}{short} id="{e(self.id)}-i" name="{e(self.name)}" value="{e(self._entered())}"{hint}'
            f"{self._described()}{self._wrong()}>"
        )

    def file(self) -> str:
        q = self.q
        several = "" if q.at_most == 1 else " multiple"
        accept = f' accept="{e(",".join(q.accept))}"' if q.accept else ""
        kept = ""
        if isinstance(self.value, list) and self.value:
            names = ", ".join(str(one.get("name", "")) for one in self.value)
            kept = f'<p class="hint">{e(self.words.files_kept % {"names": names})}</p>'
        return (
            f'<input type="file" id="{e(self.id)}-i" name="{e(self.name)}"'
            f"{several}{accept}{self._described()}{self._wrong()}>{kept}"
        )

    def contact(self) -> str:
        value = self.value if isinstance(self.value, dict) else {}
        made = []
        for one in self.q.choices:
            kind, fill = KNOWN_PARTS.get(one.id, ("text", ""))
            problem = self._part_problem(one.id)
            described = f' aria-describedby="{e(self.id)}-{e(one.id)}-p"' if problem else ""
            mark = (
                f'<span class="must"> ({e(self.words.required)})</span>' if one.required and not self.q.required else ""
            )
            made.append(
                f'<label class="part wide"><span>{e(one.label)}{mark}</span><input type="{kind}" maxlength="1000"'
                f' name="{e(self.name)}.{e(one.id)}"{f" autocomplete={quoted(fill)}" if fill else ""}'
                f' value="{e(str(value.get(one.id, "")))}"'
                f"{described}{self._wrong(self.of_part.get(one.id))}></label>{problem}"
            )
        return f'<div class="parts">{"".join(made)}</div>'


def lines(text: str) -> str:
    """Text with its line breaks."""
    return e(text).replace("\n", "<br>")


def quoted(text: str) -> str:
    return f'"{e(text)}"'


DRAWN: dict[str, Callable[[Drawing], str]] = {
    **dict.fromkeys(("nps", "csat", "ces", "rating", "slider"), Drawing.scale),
    **dict.fromkeys(("yes_no", "thumbs"), Drawing.yes_no),
    **dict.fromkeys(("single", "multiple", "picture"), Drawing.choosing),
    **dict.fromkeys(("short_text", "long_text"), Drawing.text),
    **dict.fromkeys(("number", "email", "phone", "url", "date"), Drawing.typed),
    "consent": Drawing.consent,
    "dropdown": Drawing.dropdown,
    "matrix": Drawing.matrix,
    "ranking": Drawing.ranking,
    "constant_sum": Drawing.constant_sum,
    "maxdiff": Drawing.maxdiff,
    "file": Drawing.file,
    "contact": Drawing.contact,
}


def drawn(questions: Iterable[QuestionView], words: Words, language: str) -> str:
    tables: list[list[Drawing]] = []
    for one in questions:
        drawing = Drawing(one, words, language)
        if one.beside and tables:
            tables[-1].append(drawing)
        else:
            tables.append([drawing])
    return "".join(side_by_side(table) if len(table) > 1 else table[0].draw() for table in tables)


def side_by_side(table: list[Drawing]) -> str:
    """Matrices with the same rows: each row has the columns of all of them."""
    wrong = " wrong" if any(one.q.problems for one in table) else ""
    rows = "".join(
        f'<fieldset class="row"><legend>{e(row.label)}{table[0]._must(row)}</legend>'
        f'<div class="cells">{"".join(one.cell(row) for one in table)}</div></fieldset>'
        for row in table[0].q.rows
    )
    return (
        f'<div class="q matrix beside{wrong}" role="group"'
        f' aria-labelledby="{e(" ".join(f"{one.id}-t" for one in table))}">'
        f'<div class="cells heads">{"".join(one.head() for one in table)}</div>{rows}</div>'
    )
