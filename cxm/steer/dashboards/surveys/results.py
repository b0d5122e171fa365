"""The results of one survey as a page shows them: the view of the address, each question with figures and charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.lib import numbers
from cxm.lib.charts import Chart
from cxm.listen.surveys.definition import WRITTEN
from cxm.listen.surveys.models import Survey
from cxm.listen.surveys.wordings import Asked, asked_questions
from cxm.record.customers.models import Trait
from cxm.record.customers.segments import segment_names, with_segments
from cxm.record.eventlog.scope import SEGMENT, Filter, Scope

from ..address import View
from ..names import OPERATORS, field_name
from ..periods import Days
from .asking import ANSWER, Asking, Counted, Key, Tally, TextRow, asking_of, count, newest_texts
from .figures import Key as Figure
from .figures import TallyOf, answers_of, keys_of, parts_of
from .people import hidden_names
from .pictures import charts_of

SOME_TEXTS: Final = 5  # of a question, on the page of all questions
FIELDS: Final = ("channel", "property.origin", "language", "touchpoint")


@dataclass(frozen=True, slots=True)
class Results:
    """A survey as a view shows it. `language` is the reader's, in which the wordings are read where they have it."""

    survey: Survey
    questions: list[Asked]
    view: View
    now: datetime
    language: str
    moments: tuple[datetime | None, datetime | None] | None = None  # in place of the days of the view

    @property
    def workspace(self) -> Workspace:
        return self.survey.workspace

    @property
    def today(self) -> date:
        return self.now.astimezone(ZoneInfo(self.workspace.time_zone)).date()

    @property
    def days(self) -> Days:
        return self.view.days(self.today)

    @property
    def scope(self) -> Scope:
        since, until = self.moments or self.days.moments(self.workspace.time_zone)
        return Scope(self.workspace.pk, self.workspace.time_zone, since, until, self.view.filters)

    @property
    def asking(self) -> Asking:
        return asking_of(self.scope, [self.survey.key])

    @property
    def maxdiff(self) -> list[str]:
        return [one.id for one in self.questions if one.kind == "maxdiff"]

    def question(self, name: str) -> Asked | None:
        return next((one for one in self.questions if one.id == name), None)

    def counted(self) -> Counted:
        return count(self.asking, maxdiff=self.maxdiff)


def results_of(survey: Survey, view: View, now: datetime) -> Results:
    view = replace(view, filters=with_segments(survey.workspace_id, view.filters))
    return Results(survey, asked_questions(survey), view, now, get_language() or "en")


def tally_of(counted: Counted, versions: Iterable[int] | None, group: Key | None = None) -> TallyOf:
    """Answers by name in some wordings and one group, each put together once."""
    found: dict[str, Tally] = {}
    wanted = None if versions is None else set(versions)

    def tally(name: str) -> Tally:
        if name not in found:
            found[name] = counted.tally(name, wanted, group)
        return found[name]

    return tally


@dataclass(slots=True)
class Earlier:
    """The same question on a scale that it had before: its numbers stand apart."""

    wordings: str
    figures: list[Figure]


@dataclass(slots=True)
class Shown:
    """One question on the page. `n` is in words; `wordings` are those whose answers are put together."""

    asked: Asked
    title: str
    n: int
    figures: list[Figure]
    charts: Sequence[Chart]
    notes: list[str] = field(default_factory=list)
    earlier: list[Earlier] = field(default_factory=list)
    texts: list[TextRow] = field(default_factory=list)
    texts_total: int = 0

    @property
    def n_text(self) -> str:
        return numbers.amount(self.n, "count")

    @property
    def main(self) -> Figure | None:
        """The figure that stands large; None where a question has one for each of its answers or rows."""
        if not self.figures or self.figures[0].code in {"share", "place", "amount", "net"}:
            return None
        return None if self.figures[0].of else self.figures[0]

    @property
    def table(self) -> bool:
        return len(self.figures) > 1 or (bool(self.figures) and self.main is None)


def shown_questions(results: Results, *, with_texts: bool = True) -> list[Shown]:
    """Every question with what was answered under its present scale, and apart from it what was before."""
    counted = results.counted()
    text_names = {one.id: names for one in results.questions if (names := text_names_of(one))} if with_texts else {}
    wanted = {name for names in text_names.values() for name in names}
    written = newest_texts(results.asking, sorted(wanted), SOME_TEXTS) if wanted else {}
    found = []
    for asked in results.questions:
        *before, present = asked.series()
        # Version 0: answers whose wording nobody knows, such as imported ones, go with the first scale.
        versions = {*present, 0} if not before else set(present)
        tally = tally_of(counted, versions)
        number = max(present)
        figures = keys_of(asked, tally, results.language, number)
        shown = Shown(
            asked, asked.title(results.language, number), answers_of(asked, tally), figures,
            charts_of(asked, figures, tally, results.language, number), _notes(asked, tally),
        )  # fmt: skip
        for old in before:
            old_tally = tally_of(counted, {*old, 0} if old is before[0] else old)
            if old_figures := keys_of(asked, old_tally, results.language, max(old)):
                shown.earlier.append(Earlier(versions_text(old), old_figures))
        for name in text_names.get(asked.id, ()):
            some, total = written.get(name, ([], 0))
            shown.texts, shown.texts_total = [*shown.texts, *some][:SOME_TEXTS], shown.texts_total + total
        if asked.kind in WRITTEN:
            shown.n = max(shown.n, shown.texts_total)
        found.append(shown)
    return found


def text_names_of(asked: Asked) -> list[str]:
    """Under which names the log has what people wrote: the explanation of a score is that score's comment."""
    if asked.kind in WRITTEN:
        return [one for one in (asked.newest.explains, asked.id) if one]
    return [asked.id] if any(choice.other for choice in asked.choices()) else []


def _notes(asked: Asked, tally: TallyOf) -> list[str]:
    notes = []
    if len(tally(asked.id).scales) > 1:
        notes.append(_("Answers on different scales cannot be put together; see them apart under “Compare”."))
    if asked.kind == "multiple" or (asked.kind == "picture" and asked.newest.several):
        notes.append(_("People could choose several answers, so the shares may add up to more than 100 %."))
    if not asked.present:
        notes.append(_("The present version of the survey does not ask this any more."))
    return notes


def versions_text(numbers_: Sequence[int]) -> str:
    if len(numbers_) == 1:
        return _("Wording %(number)d") % {"number": numbers_[0]}
    return _("Wordings %(first)d to %(last)d") % {"first": min(numbers_), "last": max(numbers_)}


@dataclass(frozen=True, slots=True)
class Field:
    """Something to filter by: what the address says, and what people read."""

    name: str
    label: str


def fields_of(results: Results) -> list[Field]:
    found = [Field(name, field_name(name)) for name in FIELDS]
    found += [Field(f"property.{name}", name) for name in hidden_names(results.survey) if name != "origin"]
    found += [
        Field(f"trait.{name}", field_name(f"trait.{name}"))
        for name in Trait.objects.filter(workspace=results.workspace).values_list("name", flat=True)
    ]
    for asked in results.questions:
        for name in parts_of(asked):
            found.append(Field(f"{ANSWER}{name}", part_title(results, asked, name)))
    return found


def part_title(results: Results, asked: Asked, name: str) -> str:
    """A question's title, with the row or part that a name of the log means."""
    title = asked.title(results.language)
    part = name.removeprefix(asked.id).removeprefix(".")
    if not part:
        return title
    return _("%(question)s – %(part)s") % {"question": title, "part": asked.label(part, results.language)}


def filter_words(results: Results, one: Filter) -> str:
    """A filter in words: the titles of questions and the labels of choices in place of their codes."""
    label, asked = field_name(one.field), None
    if one.field.startswith(ANSWER):
        name = one.field.removeprefix(ANSWER)
        asked = results.question(name) or results.question(name.rpartition(".")[0])
        label = part_title(results, asked, name) if asked else name
    segments = segment_names(results.workspace.pk) if one.field == SEGMENT else {}
    values = [segments.get(value) or _value_words(results, asked, value) for value in one.values]
    parts = {"field": label, "operator": OPERATORS[one.operator]}
    if not values:
        return _("%(field)s %(operator)s") % parts
    text = values[0]
    for value in values[1:]:
        text = _("%(one)s or %(other)s") % {"one": text, "other": value}
    return _("%(field)s %(operator)s %(values)s") % {**parts, "values": text}


def _value_words(results: Results, asked: Asked | None, value: str) -> str:
    if asked is None:
        return value or _("(empty)")
    if asked.kind in {"yes_no", "thumbs", "consent"}:
        return {"yes": _("Yes"), "no": _("No")}.get(value, value)
    return asked.label(value, results.language) if asked.choices() else value


def without_filter(view: View, one: Filter) -> View:
    return replace(view, filters=tuple(other for other in view.filters if other != one))


def uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
