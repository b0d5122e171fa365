"""From records to events, column by column: a column repeats itself and a row does not.

The id of an event is a UUIDv8 made from its row on one hand, and its workspace, the name of its mapping and its kind on
the other, so the same row makes the same event however often its file comes.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import compress

import msgspec
import numpy as np
from django.utils.translation import gettext as _

from cxm.record.customers.bulk import Person
from cxm.record.eventlog.append import NOBODY

from . import cells
from .cells import Field
from .compiling import Compiled, Plan
from .cutting import can_cut, cut

Find = Callable[[list[Person]], list[uuid.UUID]]
Facts = Callable[[str, list[str]], Mapping[str, tuple[uuid.UUID, str]]]


@dataclass(frozen=True, slots=True)
class Rejected:
    row: int
    reason: str
    cells: Sequence[str]


@dataclass(slots=True)
class Batch:
    """Events of some rows, ready for the log. `rows[k]` is the row that event `k` comes from.

    `data` holds their lines, joined as soon as they are made: a hundred thousand texts take twice the memory.
    """

    n: int = 0  # records, rejected ones included
    ids: list[str] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    first: str = "9999"
    last: str = ""
    rejected: list[Rejected] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)

    @property
    def lines(self) -> list[bytes]:
        """The line of each event, with its line feed."""
        return b"".join(self.data).splitlines(keepends=True)

    def add(self, more: Batch) -> None:
        self.n += more.n
        self.ids += more.ids
        self.data += more.data
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


class Converter(Compiled):
    """Turns parts of a file into events; it counts what repeats, so each file needs one of its own."""

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

    def convert_blocks(self, blocks: Sequence[str], first: int, find: Find, facts: Facts) -> Batch:
        """`convert` for whole lines of a CSV without quotation marks: cut by columns at once, where nothing is wrong.

        With customers it is `convert`, which asks the database once for all rows.
        """
        if self.key or self.identities or self.about or not can_cut(self.delimiter):
            return self.convert([row for block in blocks for row in self._rows(block)], first, find, facts)
        batch = Batch()
        for block in blocks:
            batch.add(self._block(block, first + batch.n, find, facts))
        return batch

    def _rows(self, block: str) -> list[list[str]]:
        return [line.split(self.delimiter) if line else [] for line in block[:-1].split("\n")]

    def _block(self, block: str, first: int, find: Find, facts: Facts) -> Batch:
        n, lines = block.count("\n"), block.encode()
        wanted = sorted({one.index for one in self.fields if one.index is not None})
        columns = cut(lines, len(self.header), wanted, self.delimiter)
        if columns is None:
            return self.convert(self._rows(block), first, find, facts)
        known = {}
        for one in self.fields:
            if one.index is not None:
                column = columns[one.index]
                known[id(one)] = column.each(one.cells.many(column.texts))
                if one.cells.bad and not one.cells.bad.keys().isdisjoint(column.texts):
                    return self.convert(self._rows(block), first, find, facts)
        values = Values(n, [], known)
        if self._without_time(values):
            return self.convert(self._rows(block), first, find, facts)
        contents = self._places(lines[:-1].replace(self.delimiter.encode(), b"\x1f").split(b"\n"))
        batch = Batch(n=n)
        self._events(list(range(first, first + n)), values, contents, contents, batch, find, facts)
        for one in self.fields:
            one.cells.tidy()
        return batch

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
        for place, name in self._without_time(values).items():
            reasons.setdefault(place, _("Column “%(name)s”: there is no time.") % {"name": name})
        return reasons

    def _without_time(self, values: Values) -> dict[int, str]:
        """Places of rows that say something but not when, and the column that should."""
        found: dict[int, str] = {}
        for plan in self.plans:
            # An answer or a ticket without a time is lost unless we say so; an order has its milestones or not.
            if plan.when.index is None or plan.kind.startswith("order:") or "" not in (times := values.of(plan.when)):
                continue
            for place, (time, there) in enumerate(zip(times, self._present(plan, values), strict=True)):
                if there and not time:
                    found.setdefault(place, self.header[plan.when.index])
        return found

    def _values(self, n: int, columns: Sequence[Sequence[str]]) -> Values:
        known = {id(one): one.cells.many(columns[one.index]) for one in self.fields if n and one.index is not None}
        return Values(n, columns, known)

    def _places(self, contents: list[bytes]) -> list[bytes]:
        """A digest of the whole content of each row, and of its place among equal ones."""
        sha1 = hashlib.sha1
        digests = [sha1(text, usedforsecurity=False).digest() for text in contents]
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
        texts = ["\x1f".join(row).encode() for row in rows]
        if not self.key:
            contents = self._places(texts)
            return numbers, rows, contents, contents
        contents = [sha1(text, usedforsecurity=False).digest() for text in texts]
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
        start, end = self._start, self._end
        same = names if isinstance(names, str) else None
        if not all(there):
            numbers = list(compress(numbers, there))
            customers, times, bodies = (list(compress(part, there)) for part in (customers, times, bodies))
            keys = list(compress(keys, there))
            names = names if isinstance(names, str) else list(compress(names, there))
        if not numbers:
            return
        ids = event_ids(hashlib.sha1(self._namespace + kind.encode(), usedforsecurity=False).digest(), keys)
        listed = [_line_text(same)] * len(ids) if same is not None else [_line_text(name) for name in names]
        lines = [
            f"{start}{event_id}\t{name}\t{customer}\t{time}{end}{body}}}\n"
            for event_id, name, customer, time, body in zip(ids, listed, customers, times, bodies, strict=True)
        ]
        batch.data.append("".join(lines).encode())
        batch.ids += ids
        batch.rows += numbers
        batch.first = min(batch.first, min(times))
        batch.last = max(batch.last, max(times))


def event_ids(base: bytes, keys: list[bytes]) -> list[str]:
    """Ids of events, 32 hexadecimal digits each: SHA-1 of the row, turned over where SHA-1 of all else has a bit.

    All at once, because a hash for each event would take longer than all else that is done to it.
    """
    digests = np.frombuffer(b"".join(keys), np.uint8).reshape(-1, 20)[:, :16] ^ np.frombuffer(base, np.uint8)[:16]
    digests[:, 6] = digests[:, 6] & 0x0F | 0x80
    digests[:, 8] = digests[:, 8] & 0x3F | 0x80
    text = digests.tobytes().hex()
    return [text[start : start + 32] for start in range(0, len(text), 32)]


def _line_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
