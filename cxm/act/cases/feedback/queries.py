"""Which texts a list shows, how many there are, one text with all that is known of it, and what filters can name.

The log is asked for texts; by what was read in them and by what people did with them they are told apart through the
tables `annotations` and `text_marks`. A page is looked for in the newest weeks first: most lists are full before older
texts need to be looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.core.cache import cache
from django.http import Http404
from django.utils import timezone

from cxm.accounts.models import User, Workspace
from cxm.act.cases.models import FeedbackMark
from cxm.record.customers.models import Customer
from cxm.record.customers.segments import with_segments
from cxm.record.customers.snapshot import families, ids_in_log
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import SEGMENT, Filter, Scope
from cxm.record.eventlog.text_marks import TextMark, write_text_marks
from cxm.record.eventlog.texts import annotations_of
from cxm.understand.text.annotating import reading_of
from cxm.understand.text.correcting import corrections_of
from cxm.understand.text.models import Correction
from cxm.understand.text.reading.reading import Reading
from cxm.understand.text.topics.queries import keys_under

from . import alike
from .searching import search_of
from .wanted import KINDS, Wanted

PAGE: Final = 50
DEEPEST: Final = 200  # pages
COUNTED: Final = 10_000  # more are shown as "more than 10 000"
SHOWN: Final = 1_000  # characters of a text in a list
MANY: Final = 100_000  # texts: looking through so many for what they have takes a while
WINDOWS: Final = (timedelta(days=30), timedelta(days=365))
PLAIN: Final = ("channel", "survey", "metric", "question", "touchpoint", "language")
READ: Final = {"sentiment": "sentiment", "emotion": "emotion", "intent": "intent"}


@dataclass(frozen=True, slots=True)
class Row:
    """One text as the log has it. `comment` is cut in lists."""

    event_id: UUID
    customer_id: UUID
    occurred_at: datetime
    import_id: UUID
    name: str
    metric: str
    question: str
    scale: str
    score: float | None
    response_id: str
    survey: str
    channel: str
    touchpoint: str
    language: str
    comment: str


@dataclass(slots=True)
class Entry:
    """A text with all that is known of it."""

    row: Row
    reading: Reading | None
    mark: FeedbackMark | None
    customer: Customer | None
    corrections: list[Correction] = field(default_factory=list)
    is_corrected: bool = False

    @property
    def kind(self) -> str:
        return next((kind for kind, name in KINDS.items() if name == self.row.name), "answer")


@dataclass(frozen=True, slots=True)
class _Count:
    n: int


COLUMNS: Final = (
    "event_id, customer_id, occurred_at, import_id, toString(name) AS name, toString(metric) AS metric,"
    " toString(question) AS question, toString(scale) AS scale, score, response_id, toString(survey) AS survey,"
    " toString(channel) AS channel, toString(touchpoint) AS touchpoint, toString(language) AS language"
)
PAGE_SQL: Final = f"""
SELECT {COLUMNS}, substringUTF8(comment, 1, {{shown:UInt32}}) AS comment
FROM texts WHERE $scope AND $more
ORDER BY occurred_at $down, event_id $down LIMIT {{size:UInt32}} OFFSET {{start:UInt32}}
"""
COUNT_SQL: Final = """
SELECT toUInt64(count()) AS n FROM (SELECT 1 FROM texts WHERE $scope AND $more LIMIT {most:UInt32})
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A list as a question to the log: `more` is SQL beside the scope, `narrow` whether it looks beyond the texts."""

    scope: Scope
    more: str
    values: Mapping[str, Any]
    narrow: bool


def asked_of(workspace: Workspace, wanted: Wanted, user: User | None, now: datetime | None = None) -> Asked:
    """Raises UnknownField for a segment that there is not."""
    put_marks(workspace)
    since, until = wanted.moments(now or timezone.now(), workspace.time_zone)
    scope = Scope(workspace.pk, workspace.time_zone, since, until, with_segments(workspace.pk, _filters(wanted)))
    more, values = ["true"], dict[str, Any]()
    if wanted.kind:
        more.append("name IN {kinds:Array(String)}")
        values["kinds"] = [KINDS[one] for one in wanted.kind]
    if wanted.customer:
        more.append("customer_id IN {people:Array(UUID)}")
        values["people"] = [str(one) for one in _profiles(workspace, wanted.customer)]
    if wanted.text:
        search = search_of(wanted.text)
        more += [search.sql] if search.sql else []
        values |= search.values
    plain = len(more)
    more += _of_readings(workspace, wanted, values)
    more += _of_marks(wanted, user, values)
    return Asked(scope, " AND ".join(more), values, len(more) > plain or bool(wanted.segment))


def _filters(wanted: Wanted) -> list[Filter]:
    filters = [Filter(name, "is", values) for name in PLAIN if (values := getattr(wanted, name))]
    if wanted.segment:
        filters.append(Filter(SEGMENT, "is", wanted.segment))
    if wanted.score_from is not None:
        filters.append(Filter("score", "at_least", (str(wanted.score_from),)))
    if wanted.score_to is not None:
        filters.append(Filter("score", "at_most", (str(wanted.score_to),)))
    # The language is what was read, see below: sources seldom say it.
    return [one for one in filters if one.field != "language"]


def _profiles(workspace: Workspace, customer_id: UUID) -> list[UUID]:
    found = families(workspace.pk, [customer_id])
    return list(ids_in_log(workspace.pk, found[0])) if found else [customer_id]


def _of_readings(workspace: Workspace, wanted: Wanted, values: dict[str, Any]) -> list[str]:
    inside = []
    for name, column in (*READ.items(), ("language", "language")):
        if chosen := getattr(wanted, name):
            # "none" is said of a text of which nothing was found.
            values[f"read_{name}"] = [*chosen, ""] if "none" in chosen else list(chosen)
            inside.append(f"{column} IN {{read_{name}:Array(String)}}")
    if wanted.topic:
        keys = {key for one in wanted.topic for key in keys_under(workspace.pk, one)}
        values["read_topics"] = sorted(keys)
        inside.append("hasAny(topics, {read_topics:Array(String)})")
    inside += [f"{one} = 1" for one in ("effort", "urgent", "corrected") if getattr(wanted, one)]
    if not inside:
        return []
    return [f"event_id GLOBAL IN (SELECT event_id FROM annotations FINAL WHERE $times AND {' AND '.join(inside)})"]


def _of_marks(wanted: Wanted, user: User | None, values: dict[str, Any]) -> list[str]:
    tests = []
    if wanted.handled:
        tests.append(("" if wanted.handled == "yes" else "NOT ", "handled = 1"))
    if wanted.assignee == "nobody":
        tests.append(("NOT ", "assignee != 0"))
    elif wanted.assignee:
        values["assignee"] = (user.pk if user else 0) if wanted.assignee == "me" else int(wanted.assignee)
        tests.append(("", "assignee = {assignee:UInt64}"))
    if wanted.tag:
        values["tag"] = wanted.tag
        tests.append(("", "has(tags, {tag:String})"))
    if wanted.case:
        tests.append(("" if wanted.case == "yes" else "NOT ", "case_number != 0"))
    return [
        f"event_id GLOBAL {negated}IN (SELECT event_id FROM text_marks FINAL WHERE $times AND {test})"
        for negated, test in tests
    ]


def _sql(text: str, asked: Asked, **marks: str) -> tuple[str, dict[str, Any]]:
    """The question with its other marks filled in. Readings and marks have the time of their text."""
    times, values = ["$workspace"], dict(asked.values)
    for name, moment, sign in (("since", asked.scope.since, ">="), ("until", asked.scope.until, "<")):
        if moment is not None:
            times.append(f"occurred_at {sign} {{times_{name}:DateTime64(3, 'UTC')}}")
            values[f"times_{name}"] = moment
    text = text.replace("$more", asked.more).replace("$times", " AND ".join(times))
    for name, value in marks.items():
        text = text.replace(f"${name}", value)
    return text, values


def rows_of(
    workspace: Workspace, wanted: Wanted, user: User | None = None, *, start: int = 0, size: int = PAGE,
    shown: int = SHOWN,
) -> list[Row]:  # fmt: skip
    """The texts of a list from the `start`th on. Raises UnknownField, EventlogError, Http404."""
    if wanted.nearest:
        text = row_for(workspace, wanted.similar).comment if wanted.similar else wanted.text
        return by_id(workspace, alike.alike(workspace, text)[start : start + size], shown=shown)
    asked = asked_of(workspace, wanted, user)
    oldest = wanted.sort == "oldest"
    now = timezone.now()
    windows: list[datetime | None] = [None]
    if asked.narrow and not oldest:
        late = asked.scope.until or now
        windows = [late - one for one in WINDOWS if not asked.scope.since or late - one > asked.scope.since]
        windows.append(asked.scope.since)
    found: list[Row] = []
    for since in windows:
        within = replace(asked, scope=asked.scope.during(since or asked.scope.since, asked.scope.until))
        sql, values = _sql(PAGE_SQL, within, down="ASC" if oldest else "DESC")
        found = ask(
            sql, within.scope, row=Row, name="feedback.page", table="texts",
            size=size, start=start, shown=shown, **values,
        ).rows  # fmt: skip
        if len(found) >= size:
            break
    return [replace(one, occurred_at=in_utc(one.occurred_at)) for one in found]


def in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def count(workspace: Workspace, wanted: Wanted, user: User | None = None, most: int = COUNTED + 1) -> int:
    """How many texts the list has; counting ends at `most`. Raises UnknownField, EventlogError, Http404."""
    if wanted.nearest:
        return len(rows_of(workspace, wanted, user, size=alike.MOST, shown=1))
    asked = asked_of(workspace, wanted, user)
    sql, values = _sql(COUNT_SQL, asked)
    return ask(sql, asked.scope, row=_Count, name="feedback.count", table="texts", most=most, **values).rows[0].n


def by_id(workspace: Workspace, event_ids: Sequence[UUID], shown: int = 1_000_000) -> list[Row]:
    """These texts, in that order; those that there are."""
    if not event_ids:
        return []
    sql = (
        f"SELECT {COLUMNS}, substringUTF8(comment, 1, {{shown:UInt32}}) AS comment FROM texts"
        " WHERE $scope AND event_id IN {ids:Array(UUID)} LIMIT 1 BY event_id"
    )
    rows = ask(
        sql, Scope(workspace.pk), row=Row, name="feedback.by_id", table="texts", shown=shown,
        ids=[str(one) for one in event_ids],
    ).rows  # fmt: skip
    known = {one.event_id: replace(one, occurred_at=in_utc(one.occurred_at)) for one in rows}
    return [known[one] for one in event_ids if one in known]


def row_for(workspace: Workspace, event_id: UUID) -> Row:
    """The text of that workspace; Http404 for any other id."""
    found = by_id(workspace, [event_id])
    if not found:
        raise Http404
    return found[0]


def entries(workspace: Workspace, rows: Sequence[Row]) -> list[Entry]:
    """The texts with what was read in them, what was done with them, and whose they are."""
    ids = [one.event_id for one in rows]
    read = annotations_of(workspace.pk, ids)
    marks = {
        one.event_id: one
        for one in FeedbackMark.objects.filter(workspace=workspace, event_id__in=ids).select_related(
            "assigned_to", "handled_by", "case"
        )
    }
    people = customers_of(workspace, {one.customer_id for one in rows})
    said = corrections_of(workspace.pk, [one for one in ids if one in read and read[one].corrected])
    found = []
    for row in rows:
        annotation = read.get(row.event_id)
        found.append(
            Entry(
                row, reading_of(annotation) if annotation else None, marks.get(row.event_id),
                people.get(row.customer_id), said.get(row.event_id, []), bool(annotation and annotation.corrected),
            )
        )  # fmt: skip
    return found


def customers_of(workspace: Workspace, ids: set[UUID]) -> dict[UUID, Customer]:
    """The customers, or those whom they were merged into, by the id that the log has."""
    rows = Customer.objects.filter(workspace=workspace, pk__in=ids - {NOBODY}).select_related("canonical")
    return {one.pk: one.canonical or one for one in rows}


def beside(workspace: Workspace, wanted: Wanted, user: User | None, row: Row) -> tuple[UUID | None, UUID | None]:
    """The text before and the one after this in the order of the list; none where it is by meaning."""
    if wanted.nearest:
        return None, None
    asked = asked_of(workspace, wanted, user)
    found = []
    for older in (False, True):
        sign, down = ("<", "DESC") if older else (">", "ASC")
        sql, values = _sql(
            "SELECT event_id FROM texts WHERE $scope AND $more"
            f" AND (occurred_at, event_id) {sign} ({{at:DateTime64(3, 'UTC')}}, {{id:UUID}})"
            f" AND occurred_at {sign}= {{at:DateTime64(3, 'UTC')}}"
            " ORDER BY occurred_at $down, event_id $down LIMIT 1",
            asked, down=down,
        )  # fmt: skip
        rows = ask(
            sql, asked.scope, row=_Id, name="feedback.beside", table="texts",
            at=row.occurred_at, id=str(row.event_id), **values,
        ).rows  # fmt: skip
        found.append(rows[0].event_id if rows else None)
    newer, older_one = found
    return (older_one, newer) if wanted.sort == "oldest" else (newer, older_one)


@dataclass(frozen=True, slots=True)
class _Id:
    event_id: UUID


@dataclass(frozen=True, slots=True)
class Facets:
    """What the filters can name: the values that the texts of the workspace have."""

    channels: list[str]
    surveys: list[str]
    metrics: list[str]
    questions: list[str]
    touchpoints: list[str]
    names: list[str]
    n: int


def facets(workspace: Workspace) -> Facets:
    """Of many texts as they were a minute ago at most."""
    key = f"feedback-facets:{workspace.pk}"
    known: Facets | None = cache.get(key)
    if known is None:
        known = _facets(workspace)
        if known.n > MANY:
            cache.set(key, known, 60)
    return known


def _facets(workspace: Workspace) -> Facets:
    columns = ("channel", "survey", "metric", "question", "touchpoint", "name")
    chosen = ", ".join(
        f"arraySort(groupUniqArray(100)(toString({one}))) AS {one}{'' if one.endswith('s') else 's'}" for one in columns
    )
    sql = f"SELECT {chosen}, toUInt64(count()) AS n FROM texts WHERE $scope"
    found = ask(sql, Scope(workspace.pk), row=Facets, name="feedback.facets", table="texts").rows[0]
    lists = {name: [one for one in getattr(found, name) if one] for name in Facets.__slots__ if name != "n"}
    return Facets(**lists, n=found.n)


def put_marks(workspace: Workspace) -> None:
    """Bring the log's copy up to date: what was changed since is written now, and once only."""
    waiting = list(
        FeedbackMark.objects.filter(workspace=workspace, in_log=False).select_related("case").order_by("pk")[:20_000]
    )
    if not waiting:
        return
    write_text_marks([
        TextMark(
            workspace_id=workspace.pk, event_id=one.event_id, customer_id=one.log_customer_id,
            occurred_at=one.occurred_at, import_id=one.import_id, version=one.version,
            handled=one.handled_at is not None, assignee=one.assigned_to_id or 0,
            case_number=one.case.number if one.case else 0, tags=tuple(one.tags),
        )
        for one in waiting
    ])  # fmt: skip
    for version in {one.version for one in waiting}:  # one that was changed meanwhile has a higher one
        ids = [one.pk for one in waiting if one.version == version]
        for start in range(0, len(ids), 500):
            FeedbackMark.objects.filter(pk__in=ids[start : start + 500], version=version).update(in_log=True)


def put_marks_again(workspace: Workspace) -> None:
    """After the log was restored or made anew: every mark is copied at the next question."""
    FeedbackMark.objects.filter(workspace=workspace).update(in_log=False)
