"""A mapping, compiled for the columns of one file: which cell becomes what of which event."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from . import cells
from .cells import Cells, Field
from .guessing import ColumnType, column_types
from .mapping import Columns, CustomEvent, MappingError, MappingFile, Source, Value, source
from .seen import Seen
from .times import UnknownFormat, pattern_of

NAMESPACE = uuid.UUID("8f4a3f6e-6c1b-5b6e-9f0e-2f1f4d1c7a55")
ORDER_TIMES = {
    "placed_at": "order_placed",
    "approved_at": "order_approved",
    "shipped_at": "order_shipped",
    "delivered_at": "order_delivered",
    "cancelled_at": "order_cancelled",
}
IDENTITY_LIMIT = 300


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


class Compiled:
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
        self._namespace = namespace.bytes
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

    def _field(
        self, label: str, value: Value, read: cells.Read, start: str = "", end: str = "", *, whole: bool = False
    ) -> Field:
        given = source(value)
        missing = frozenset({*self.mapping.missing, *given.missing})
        made = Cells(read, missing, given.values, start, end, whole=whole)
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

    def _json(
        self, name: str, value: Value | None, read: cells.Read, label: str = "", *, whole: bool = False
    ) -> list[Field]:
        """The fragment `"name":value,` of an event, if the mapping has it."""
        if value is None:
            return []
        return [self._field(label or name, value, read, f"{cells.json_text(name)}:", ",", whole=whole)]

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
            comment = self._json("comment", answer.comment or mapping.comment, text, f"{label}.comment", whole=True)
            own = [
                self._constant("metric", answer.metric),
                self._constant("question", answer.question),
                *([self._constant("scale", answer.scale)] if answer.scale else []),
            ]
            touchpoint = self._json("touchpoint", answer.touchpoint or mapping.touchpoint, text)
            # A comment that all answers share makes no answer of its own, nor do blanks.
            own_words = answer.comment or (mapping.comment if not marks else None)
            needs = [*marks, *self._json("comment", own_words, text, f"{label}.comment")]
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
