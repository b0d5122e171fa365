"""From records to events: a mapping is compiled once against the columns of a file, then parts are turned column by
column, because a column repeats itself and a row does not.

The id of an event is the UUIDv5 of its workspace, the name of its mapping, its kind and its row, so the same row makes
the same event however often its file comes.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from itertools import compress
from zoneinfo import ZoneInfo

import msgspec
from django.utils.translation import gettext as _

from cxm.record.customers.bulk import Person
from cxm.record.eventlog.append import NOBODY

from . import cells
from .cells import Cells, Field
from .guessing import ColumnType, column_types
from .mapping import Columns, CustomEvent, MappingError, MappingFile, Source, Value, source
from .seen import Seen
from .times import UnknownFormat, pattern_of

NAMESPACE = uuid.UUID("8f4a3f6e-6c1b-5b6e-9f0e-2f1f4d1c7a55")
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
ORDER_TIMES = {
    "placed_at": "order_placed",
    "approved_at": "order_approved",
    "shipped_at": "order_shipped",
    "delivered_at": "order_delivered",
    "cancelled_at": "order_cancelled",
}
IDENTITY_LIMIT = 300
BLOCK = 400  # lines whose cells stay in the processor's cache while every column is gone over

Find = Callable[[list[Person]], list[uuid.UUID]]
Facts = Callable[[str, list[str]], Mapping[str, tuple[uuid.UUID, str]]]


@dataclass(frozen=True, slots=True)
class Rejected:
    row: int
    reason: str
    cells: Sequence[str]


@dataclass(slots=True)
class Batch:
    """Events of some rows, ready for the log. `rows[k]` is the row that event `k` comes from."""

    n: int = 0  # records, rejected ones included
    ids: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    first: str = "9999"
    last: str = ""
    rejected: list[Rejected] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)

    def add(self, more: Batch) -> None:
        self.n += more.n
        self.ids += more.ids
        self.lines += more.lines
        self.rows += more.rows
        self.first, self.last = min(self.first, more.first), max(self.last, more.last)
        self.rejected += more.rejected


Rows = list[Sequence[str]]


@dataclass(slots=True)
class Values:
    """What the fields make of some rows, computed once."""

    n: int
    columns: Sequence[Sequence[str]]
    known: dict[int, list[str]]

    def of(self, one: Field) -> list[str]:
        return self.known[id(one)] if one.index is not None else [one.constant] * self.n

    def joined(self, fields: list[Field]) -> list[str]:
        return list(map("".join, zip(*map(self.of, fields), strict=True))) if fields else [""] * self.n


@dataclass(slots=True)
class Plan:
    """One kind of event that a row may make. Fragments are `"name":value,`; the event exists where `when` and one of
    `needs` (if any) have a value."""

    kind: str
    name: str
    when: Field
    fragments: list[Field]
    needs: list[Field] = field(default_factory=list)
    named_by: Field | None = None
    nested: bool = True  # properties of the row go under "properties"
    by_content: bool = False  # any change of the row makes a new event
    own_id: str = ""  # the property that holds the row's own id where the file has none


class Converter:
    """A mapping, compiled for the columns of one file. Raises MappingError where the file lacks a column."""

    def __init__(
        self,
        mapping: MappingFile,
        header: Sequence[str],
        samples: Sequence[Sequence[str]],
        *,
        workspace_id: int,
        import_id: uuid.UUID,
        time_zone: str,
        delimiter: str = ",",
    ) -> None:
        self.mapping, self.header = mapping, list(header)
        self.index = {name: number for number, name in enumerate(header)}
        self.delimiter = delimiter
        zone = mapping.time_zone or time_zone
        self.zone: tzinfo = UTC if zone in {"UTC", "Etc/UTC"} else ZoneInfo(zone)
        self.types = column_types(len(header), samples)
        self.decimal = mapping.format.decimal
        self.fields: list[Field] = []
        self._time_of_row: Field | None = None
        self.used: set[int] = set()
        self.seen = Seen()
        namespace = uuid.uuid5(NAMESPACE, f"{workspace_id}\x1f{mapping.name}")
        self._namespace = hashlib.sha1(namespace.bytes, usedforsecurity=False)
        self._start = f"{workspace_id}\t"
        self._end = f"\timport\t{import_id}\t{{"
        self.key = [self._column(name) for name in mapping.key]
        self.about = self._about()
        self.identities = self._identities()
        self.plans = self._plans()
        self.person_fields, self.traits, self.person_time = self._person()
        self.properties = self._properties(mapping.properties, "properties")

    # Compiling

    def _column(self, name: str) -> int:
        plain = " ".join(name.split()).lstrip("*").strip()
        if plain not in self.index:
            raise MappingError(
                _("The file has no column “%(name)s”. Its columns are: %(columns)s.")
                % {"name": name, "columns": ", ".join(self.header)[:500]}
            )
        return self.index[plain]

    def _field(self, label: str, value: Value, read: cells.Read, start: str = "", end: str = "") -> Field:
        given = source(value)
        missing = frozenset({*self.mapping.missing, *given.missing})
        made = Cells(read, missing, given.values, start, end)
        if given.constant is not None:
            if given.columns:
                raise MappingError(_("“%(label)s” has a column and a constant; give one of them.") % {"label": label})
            constant = made[given.constant]
            if made.bad:
                raise MappingError(f"{label}: {made.bad[given.constant]}.")
            return Field(label, None, made, constant)
        if not given.columns:
            raise MappingError(_("“%(label)s” needs a column or a constant.") % {"label": label})
        known = [name for name in given.columns if " ".join(name.split()).lstrip("*").strip() in self.index]
        number = self._column(known[0] if known else given.columns[0])
        self.used.add(number)
        one = Field(label, number, made)
        self.fields.append(one)
        return one

    def _json(self, name: str, value: Value | None, read: cells.Read, label: str = "") -> list[Field]:
        """The fragment `"name":value,` of an event, if the mapping has it."""
        if value is None:
            return []
        return [self._field(label or name, value, read, f"{cells.json_text(name)}:", ",")]

    def _formats(self, label: str, value: Value) -> list[str]:
        given = source(value)
        formats = given.formats
        for one in formats:
            try:
                pattern_of(one)
            except UnknownFormat as error:
                raise MappingError(
                    _("The format of “%(label)s” has “%(directive)s”, which we do not know.")
                    % {"label": label, "directive": error.directive}
                ) from error
        if not formats and given.constant is None:
            known = next((name for name in given.columns if name in self.index), "")
            guess: ColumnType | None = self.types[self.index[known]] if known else None
            formats = [guess.format] if guess and guess.format else []
        return formats

    def _when(self, label: str, value: Value) -> Field:
        formats = self._formats(label, value)
        made = self._field(label, value, cells.log_time(formats, self.zone))
        made.cells.quicken(formats, self.zone, json=False)
        return made

    def _time(self, name: str, value: Value | None) -> list[Field]:
        if value is None:
            return []
        formats = self._formats(name, value)
        made = self._json(name, value, cells.json_time(formats, self.zone))
        made[0].cells.quicken(formats, self.zone, json=True)
        return made

    def _number(self, read: Callable[[str, str], str]) -> cells.Read:
        return lambda text: read(text, self.decimal)

    def _about(self) -> tuple[str, Field] | None:
        about = self.mapping.about
        if about is None:
            return None
        kind = "order" if about.order else "ticket"
        value = about.order or about.ticket
        assert value is not None
        return kind, self._field(f"about.{kind}", value, cells.plain_text)

    def _identities(self) -> list[tuple[str, Field]]:
        if not self.mapping.customer:
            return []

        def read(text: str) -> str:
            if len(text) > IDENTITY_LIMIT:
                raise ValueError(_("an identity may have at most %(n)d characters") % {"n": IDENTITY_LIMIT})
            return " ".join(cells.plain_text(text).split())

        return [
            (kind, self._field(f"customer.identities.{kind}", value, read))
            for kind, value in self.mapping.customer.identities.items()
        ]

    def _person(self) -> tuple[list[tuple[str, Field]], list[Field], Field | None]:
        customer = self.mapping.customer
        if not customer:
            return [], [], None
        given = {"name": customer.name, "email": customer.email, "phone": customer.phone, "language": customer.language}
        fields = [
            (name, self._field(f"customer.{name}", value, cells.plain_text)) for name, value in given.items() if value
        ]
        when = self._row_time() if self.mapping.time else None
        return fields, self._properties(customer.traits, "customer.traits"), when

    def _properties(self, wanted: Columns, label: str) -> list[Field]:
        if wanted == "all":
            wanted = [name for number, name in enumerate(self.header) if number not in self.used]
        named = wanted if isinstance(wanted, dict) else {name: name for name in wanted}
        made = []
        for name, value in named.items():
            given = source(value)
            known = next((one for one in given.columns if one in self.index), "")
            kind = self.types[self.index[known]] if known else ColumnType("text")
            read = cells.typed("text" if given.values else kind.kind, kind.decimal)
            made += self._json(name, value, read, f"{label}.{name}")
        return made

    def _plans(self) -> list[Plan]:
        mapping = self.mapping
        plans: list[Plan] = []
        text = cells.json_text
        shared = [
            *self._json("survey", mapping.survey, text),
            *self._json("response_id", mapping.response, text, "response"),
            *self._json("channel", mapping.channel, text),
            *self._json("language", mapping.language, text),
            *self._json("weight", mapping.weight, self._number(cells.json_positive)),
        ] if mapping.answers else []  # fmt: skip
        for answer in mapping.answers:
            label = f"answers.{answer.question}"
            bounds = answer.bounds or (0.0, 0.0)
            marks = self._json("score", answer.score, cells.score(*bounds, self.decimal), f"{label}.score")
            comment = self._json("comment", answer.comment or mapping.comment, text, f"{label}.comment")
            own = [
                self._constant("metric", answer.metric),
                self._constant("question", answer.question),
                *([self._constant("scale", answer.scale)] if answer.scale else []),
            ]
            touchpoint = self._json("touchpoint", answer.touchpoint or mapping.touchpoint, text)
            # A comment that all answers share makes no answer of its own.
            needs = [*marks, *(comment if answer.comment or not marks else [])]
            plans.append(
                Plan(f"answer:{answer.metric}:{answer.question}", "answer_given", self._row_time(),
                     [*own, *marks, *comment, *touchpoint, *shared], needs)
            )  # fmt: skip
        if mapping.tickets:
            plans.append(self._tickets())
        if mapping.orders:
            plans += self._orders()
        if mapping.subscriptions:
            part = mapping.subscriptions
            fragments = [
                *self._json("subscription_id", part.id, text),
                *self._json("status", part.status, cells.one_of("active", "ended")),
                *self._json("plan", part.plan, text),
                *self._json("amount", part.amount, self._number(cells.json_number)),
                *self._json("currency", part.currency, text),
                *self._time("started_at", part.started_at),
                *self._time("ended_at", part.ended_at),
                *self._json("tenure", part.tenure, self._number(cells.json_positive)),
            ]
            plans.append(
                Plan(
                    "subscription", "subscription_updated", self._row_time(), fragments, fragments[:1], by_content=True
                )
            )
        if mapping.purchase_histories:
            history = mapping.purchase_histories
            positive = self._number(cells.json_positive)
            fragments = [
                *self._json("repeat_purchases", history.repeat_purchases, self._number(cells.json_whole)),
                *self._json("recency", history.recency, positive),
                *self._json("age", history.age, positive),
                *self._json("mean_value", history.mean_value, self._number(cells.json_number)),
            ]
            plans.append(
                Plan("purchase_history", "purchase_history_reported", self._row_time(), fragments, fragments[:1])
            )
        plans += [self._custom(number, event) for number, event in enumerate(mapping.events)]
        return plans

    def _tickets(self) -> Plan:
        part = self.mapping.tickets
        assert part is not None
        text, whole = cells.json_text, self._number(cells.json_whole)
        fragments = [
            *self._json("ticket_id", part.id, text),
            *self._json("version", part.version, whole),
            *self._json("state", part.state, text),
            *self._time("opened_at", part.opened_at),
            *self._time("first_responded_at", part.first_responded_at),
            *self._time("resolved_at", part.resolved_at),
            *self._time("closed_at", part.closed_at),
            *self._json("reopened", part.reopened, whole),
            *self._json("reassigned", part.reassigned, whole),
            *self._json("sla_met", part.sla_met, cells.json_truth),
            *self._json("complaint", part.complaint, cells.json_truth),
            *self._json("priority", part.priority, text),
            *self._json("channel", self.mapping.channel, text),
            *self._json("touchpoint", self.mapping.touchpoint, text),
        ]
        when = self.mapping.time or part.opened_at
        assert when is not None  # the mapping was checked
        return Plan("ticket", "ticket_updated", self._when("time", when), fragments, fragments[:1], by_content=True)

    def _orders(self) -> list[Plan]:
        part = self.mapping.orders
        assert part is not None
        text = cells.json_text
        fragments = [
            *self._json("order_id", part.id, text),
            *self._json("amount", part.amount, self._number(cells.json_number)),
            *self._json("currency", part.currency, text),
            *self._time("promised_at", part.promised_at),
            *self._json("channel", self.mapping.channel, text),
            *self._json("touchpoint", self.mapping.touchpoint, text),
        ]
        return [
            Plan(f"order:{name}", name, self._when(f"orders.{key}", value), fragments,
                 fragments[:1] if part.id else [], own_id="" if part.id else "order_id")
            for key, name in ORDER_TIMES.items()
            if (value := getattr(part, key)) is not None
        ]  # fmt: skip

    def _custom(self, number: int, event: CustomEvent) -> Plan:
        named = self._field("events.named_by", event.named_by, lambda text: text[:200]) if event.named_by else None
        return Plan(
            f"event:{number}:{event.name}", event.name, self._row_time(), [],
            [named] if named else [], named_by=named, nested=False,
        )  # fmt: skip

    def _row_time(self) -> Field:
        if self._time_of_row is None:
            assert self.mapping.time is not None  # the mapping was checked
            self._time_of_row = self._when("time", self.mapping.time)
        return self._time_of_row

    def _constant(self, name: str, text: str) -> Field:
        return self._field(name, Source(constant=text), cells.json_text, f"{cells.json_text(name)}:", ",")

    # Converting

    def convert(self, rows: Sequence[Sequence[str]], first: int, find: Find, facts: Facts) -> Batch:
        """Turn records into events. `first` is the number of the first; `find` gives customers, `facts` what a row
        refers to. Rows that cannot be read are rejected whole."""
        batch = Batch(n=len(rows))
        width = len(self.header)
        numbers = [number for number, row in enumerate(rows, first) if row]
        good = [row for row in rows if row]
        if any(len(row) != width for row in good):
            for number, row in zip(numbers, good, strict=True):
                if len(row) != width:
                    reason = _("The row has %(n)d cells, and the file has %(width)d columns.")
                    batch.rejected.append(Rejected(number, reason % {"n": len(row), "width": width}, row))
            numbers = [number for number, row in zip(numbers, good, strict=True) if len(row) == width]
            good = [row for row in good if len(row) == width]
        if good:
            numbers, good, values = self._without_bad(numbers, good, batch)
            before = len(good)
            numbers, good, digests, contents = self._digests(numbers, good, batch)
            if len(good) < before:
                values = self._values(len(good), list(zip(*good, strict=True)))
            if good:
                self._events(numbers, values, digests, contents, batch, find, facts)
        for one in self.fields:
            one.cells.tidy()
        batch.rejected.sort(key=lambda one: one.row)
        return batch

    def convert_lines(self, lines: Sequence[str], first: int, find: Find, facts: Facts) -> Batch:
        """`convert` for lines of a CSV without quotation marks: cut by columns at once, where nothing is wrong.

        With customers it is `convert`, which asks the database once for all rows.
        """
        cut = [line.rstrip("\r\n") for line in lines]
        mark = self.delimiter
        if self.key or self.identities or self.about:
            return self.convert([line.split(mark) if line else [] for line in cut], first, find, facts)
        batch = Batch()
        for start in range(0, len(cut), BLOCK):
            batch.add(self._block(cut[start : start + BLOCK], first + start, find, facts))
        return batch

    def _block(self, cut: list[str], first: int, find: Find, facts: Facts) -> Batch:
        mark, width = self.delimiter, len(self.header)
        if all(cut) and {line.count(mark) for line in cut} == {width - 1}:
            flat = mark.join(cut).split(mark)
            values = self._values(len(cut), [flat[place::width] for place in range(width)])
            if not self._reasons(values):
                contents = self._places([line.replace(mark, "\x1f") for line in cut])
                batch = Batch(n=len(cut))
                self._events(list(range(first, first + len(cut))), values, contents, contents, batch, find, facts)
                for one in self.fields:
                    one.cells.tidy()
                return batch
        return self.convert([line.split(mark) if line else [] for line in cut], first, find, facts)

    def skip(self, rows: Sequence[Sequence[str]]) -> None:
        """Pass rows that were stored before: they count for what later rows repeat."""
        width = len(self.header)
        good = [row for row in rows if len(row) == width]
        if good:
            numbers, kept, _values = self._without_bad(list(range(len(good))), good, Batch())
            if kept:
                self._digests(numbers, kept, Batch())

    def _without_bad(self, numbers: list[int], rows: Rows, batch: Batch) -> tuple[list[int], Rows, Values]:
        """The rows of which every cell can be read, and what each field makes of them."""
        values = self._values(len(rows), list(zip(*rows, strict=True)))
        reasons = self._reasons(values)
        if not reasons:
            return numbers, rows, values
        batch.rejected += [Rejected(numbers[place], reason, rows[place]) for place, reason in reasons.items()]
        kept = [place not in reasons for place in range(len(rows))]
        rows = list(compress(rows, kept))
        return list(compress(numbers, kept)), rows, self._values(len(rows), list(zip(*rows, strict=True)))

    def _reasons(self, values: Values) -> dict[int, str]:
        """Why rows cannot be stored, by their place; a bad cell is remembered with the column that it is in."""
        reasons: dict[int, str] = {}
        for one in self.fields:
            if one.cells.bad and one.index is not None:
                for place, text in enumerate(values.columns[one.index]):
                    if text in one.cells.bad and place not in reasons:
                        words = {"name": self.header[one.index], "reason": one.cells.bad[text]}
                        reasons[place] = _("Column “%(name)s”: %(reason)s.") % words
        for plan in self.plans:
            # An answer or a ticket without a time is lost unless we say so; an order has its milestones or not.
            if plan.when.index is None or plan.kind.startswith("order:") or "" not in (times := values.of(plan.when)):
                continue
            for place, (time, there) in enumerate(zip(times, self._present(plan, values), strict=True)):
                if there and not time and place not in reasons:
                    name = self.header[plan.when.index]
                    reasons[place] = _("Column “%(name)s”: there is no time.") % {"name": name}
        return reasons

    def _values(self, n: int, columns: Sequence[Sequence[str]]) -> Values:
        known = {id(one): one.cells.many(columns[one.index]) for one in self.fields if n and one.index is not None}
        return Values(n, columns, known)

    def _places(self, contents: list[str]) -> list[bytes]:
        """A digest of the whole content of each row, and of its place among equal ones."""
        sha1 = hashlib.sha1
        digests = [sha1(text.encode(), usedforsecurity=False).digest() for text in contents]
        places = self.seen.places([digest[:10] for digest in digests])
        if not any(places):
            return digests
        return [
            sha1(b"%b%d" % (digest, place), usedforsecurity=False).digest() if place else digest
            for digest, place in zip(digests, places, strict=True)
        ]

    def _digests(
        self, numbers: list[int], rows: list[Sequence[str]], batch: Batch
    ) -> tuple[list[int], list[Sequence[str]], list[bytes], list[bytes]]:
        """What tells each row from all others: its key, or its content and its place among equal rows."""
        sha1 = hashlib.sha1
        texts = ["\x1f".join(row) for row in rows]
        if not self.key:
            contents = self._places(texts)
            return numbers, rows, contents, contents
        contents = [sha1(text.encode(), usedforsecurity=False).digest() for text in texts]
        keys = ["\x1f".join([row[column].strip() for column in self.key]) for row in rows]
        digests = [sha1(b"key" + key.encode(), usedforsecurity=False).digest() for key in keys]
        places = self.seen.places([digest[:10] for digest in digests])
        empty = "\x1f" * (len(self.key) - 1)
        if not any(places) and empty not in keys:
            return numbers, rows, digests, contents
        kept = []
        for number, row, key, place in zip(numbers, rows, keys, places, strict=True):
            kept.append(not place and key != empty)
            if key == empty:
                reason = _("The key (%(names)s) is empty.")
            elif place:
                reason = _("A row before this one has the same key (%(names)s).")
            else:
                continue
            batch.rejected.append(Rejected(number, reason % {"names": ", ".join(self.mapping.key)}, row))
        return tuple(list(compress(part, kept)) for part in (numbers, rows, digests, contents))  # type: ignore[return-value]  # four lists in, four out

    def _present(self, plan: Plan, values: Values) -> list[bool]:
        if not plan.needs:
            return [True] * values.n
        return [any(texts) for texts in zip(*map(values.of, plan.needs), strict=True)]

    def _events(
        self,
        numbers: list[int],
        values: Values,
        digests: list[bytes],
        contents: list[bytes],
        batch: Batch,
        find: Find,
        facts: Facts,
    ) -> None:
        properties = values.joined(self.properties)
        customers: list[str] = [str(NOBODY)] * values.n
        if self.about:
            kind, reference = self.about
            texts = values.of(reference)
            known = facts(kind, sorted({text for text in texts if text}))
            for place, text in enumerate(texts):
                if text:
                    properties[place] += f"{cells.json_text(f'{kind}_id')}:{cells.json_text(text)},"
                if text in known:
                    customers[place] = str(known[text][0])
                    properties[place] += known[text][1]
        traits: list[str] = []
        if self.identities:
            people, traits = self._people(values)
            batch.people = people
            customers = [
                str(found) if person.identities else before
                for found, person, before in zip(find(people), people, customers, strict=True)
            ]
        for plan in self.plans:
            self._plan_events(plan, values, numbers, customers, properties, digests, contents, batch)
        if self.person_time and any(traits):
            self._identified(values, numbers, customers, traits, contents, batch)

    def _people(self, values: Values) -> tuple[list[Person], list[str]]:
        identities = [(kind, values.of(one)) for kind, one in self.identities]
        fields = [(name, values.of(one)) for name, one in self.person_fields]
        parts = values.joined(self.traits)
        times = values.of(self.person_time) if self.person_time else [""] * values.n
        decode = msgspec.json.Decoder(dict[str, object]).decode
        people = []
        said = []
        for place, part in enumerate(parts):
            own = {name: texts[place] for name, texts in fields if texts[place]}
            people.append(
                Person(
                    identities=[(kind, texts[place]) for kind, texts in identities if texts[place]],
                    at=datetime.fromisoformat(times[place] + "+00:00") if times[place] else None,
                    fields=own,
                    traits=decode("{" + part[:-1].replace("\\\\", "\\") + "}") if part else {},
                )
            )
            head = "".join(f"{cells.json_text(name)}:{cells.json_text(text)}," for name, text in own.items())
            said.append(f'{head}"traits":{{{part[:-1]}}}' if part or head else "")
        return people, said

    def _identified(
        self,
        values: Values,
        numbers: list[int],
        customers: list[str],
        traits: list[str],
        contents: list[bytes],
        batch: Batch,
    ) -> None:
        assert self.person_time is not None
        nobody = str(NOBODY)
        times = values.of(self.person_time)
        there = [
            bool(said and time) and customer != nobody
            for said, time, customer in zip(traits, times, customers, strict=True)
        ]
        self._add(batch, "customer", "customer_identified", numbers, customers, times, traits, contents, there)

    def _plan_events(
        self,
        plan: Plan,
        values: Values,
        numbers: list[int],
        customers: list[str],
        properties: list[str],
        digests: list[bytes],
        contents: list[bytes],
        batch: Batch,
    ) -> None:
        times = values.of(plan.when)
        there = self._present(plan, values)
        if "" in times:
            there = [bool(time) and one for time, one in zip(times, there, strict=True)]
        parts = values.joined(plan.fragments)
        keys = contents if plan.by_content else digests
        if plan.own_id:
            own = cells.json_text(plan.own_id)
            parts = [f'{part}{own}:"{key.hex()[:20]}",' for part, key in zip(parts, digests, strict=True)]
        if plan.nested:
            bodies = [
                f'{part}"properties":{{{more[:-1]}}}' if more else part[:-1]
                for part, more in zip(parts, properties, strict=True)
            ]
        else:
            bodies = [more[:-1] for more in properties]
        names = values.of(plan.named_by) if plan.named_by else plan.name
        self._add(batch, plan.kind, names, numbers, customers, times, bodies, keys, there)

    def _add(
        self,
        batch: Batch,
        kind: str,
        names: str | list[str],
        numbers: list[int],
        customers: list[str],
        times: list[str],
        bodies: list[str],
        keys: list[bytes],
        there: list[bool],
    ) -> None:
        base = self._namespace.copy()
        base.update(kind.encode())
        start, end, variant = self._start, self._end, _VARIANT
        same = names if isinstance(names, str) else None
        if not all(there):
            numbers = list(compress(numbers, there))
            customers, times, bodies = (list(compress(part, there)) for part in (customers, times, bodies))
            keys = list(compress(keys, there))
            names = names if isinstance(names, str) else list(compress(names, there))
        if not numbers:
            return
        ids = []
        for key in keys:
            hashed = base.copy()
            hashed.update(key)
            text = hashed.hexdigest()
            ids.append(f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant[text[16]]}{text[17:20]}-{text[20:32]}")
        listed = [_line_text(same)] * len(ids) if same is not None else [_line_text(name) for name in names]
        batch.lines += [
            f"{start}{event_id}\t{name}\t{customer}\t{time}{end}{body}}}\n"
            for event_id, name, customer, time, body in zip(ids, listed, customers, times, bodies, strict=True)
        ]
        batch.ids += ids
        batch.rows += numbers
        batch.first = min(batch.first, min(times))
        batch.last = max(batch.last, max(times))


def _line_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
