"""What must be known of a survey to answer it, held in memory: its state for a second, its published versions for good.

A busy survey costs one look a second, an idle one a look for each visitor. So a pause or a new version is heard of
within about two seconds in every process, and nobody has to tell.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import msgspec
from django.db import close_old_connections, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q
from django.utils import timezone

from ..definition import Definition, Question
from ..models import QuotaCount, Survey, Version
from ..runtime import Prepared as Ready

FRESH = 1.0  # seconds that a reading is good for
STALE = 5.0  # seconds that an older one does while a new one is under way
MOST = 5_000  # surveys, and versions, held
READERS = 4
ALL = ""  # the "quota" that counts every completed response, for Survey.most_responses
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    id: int
    workspace: int
    public_id: str
    key: str
    name: str
    state: str
    version: int
    revision: int
    pin: str
    verify_email: bool
    opens_at: datetime | None
    closes_at: datetime | None
    most: int | None
    archived: bool
    counts: dict[str, int] = field(default_factory=dict)  # quota -> completed responses

    def shut(self) -> str:
        """Why nobody may start now: unknown · paused · closed · not_yet · over · full; empty: come in."""
        if self.archived or not self.version or self.state == Survey.State.DRAFT:
            return "unknown"
        if self.state != Survey.State.LIVE:
            return str(self.state)
        now = timezone.now()
        if self.opens_at and now < self.opens_at:
            return "not_yet"
        if self.closes_at and now >= self.closes_at:
            return "over"
        if self.most is not None and self.counts.get(ALL, 0) >= self.most:
            return "full"
        return ""


class Prepared:
    """One version, read and looked through once."""

    def __init__(self, survey: int, number: int, definition: dict[str, Any], questions: dict[str, int]) -> None:
        self.survey, self.number = survey, number
        self.definition = msgspec.convert(definition, Definition)
        self.ready = Ready(self.definition)
        self.questions: dict[str, Question] = self.ready.questions
        self.question_versions = questions
        text = msgspec.json.encode(definition).decode()
        # What must be asked of the database before a page can be shown; seldom anything.
        self.needs = frozenset(name for name in ("trait.", "segment", "survey.") if name in text)
        self.asked_quotas = [one.id for one in self.definition.quotas if f'"quota.{one.id}"' in text]
        self.files = any(one.kind == "file" for one in self.questions.values())
        self.explained = {one.explains: one.id for one in self.questions.values() if one.explains}
        self.made: dict[Any, Any] = {}  # what pages.py has made of it

    def full(self, counts: Mapping[str, int]) -> frozenset[str]:
        """The quotas that are full."""
        return frozenset(one.id for one in self.definition.quotas if counts.get(one.id, 0) >= one.limit)

    def full_at_start(self, counts: Mapping[str, int]) -> list[str]:
        """Those of them that a condition asks for."""
        full = self.full(counts)
        return [one for one in self.asked_quotas if one in full]

    def shut(self, counts: Mapping[str, int]) -> bool:
        """Whether a full quota closes the survey for everybody."""
        return any(one.then == "close" and counts.get(one.id, 0) >= one.limit for one in self.definition.quotas)


class Directory:
    _entries: dict[str | int, tuple[float, Entry | None]]
    _reading: dict[str | int, asyncio.Task[Entry | None]]
    _versions: dict[tuple[int, int, int], Prepared]
    _readers: ThreadPoolExecutor | None
    _connections: set[BaseDatabaseWrapper]  # of the readers

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._entries, self._reading, self._versions = {}, {}, {}
        self._readers, self._connections = None, set()

    async def survey(self, name: str | int) -> Entry | None:
        """By public id, by address, or by its number."""
        at, entry = self._entries.get(name, (0.0, None))
        age = time.monotonic() - at
        if at and age < FRESH:
            return entry
        task = self._reading.get(name)
        if task is None or task.done():
            task = asyncio.get_running_loop().create_task(self._read(name))
            self._reading[name] = task
            task.add_done_callback(lambda _task: self._reading.pop(name, None))
        if at and age < STALE:
            return entry
        return await asyncio.shield(task)

    async def _read(self, name: str | int) -> Entry | None:
        return await self.in_thread(lambda: self.survey_now(name))

    def survey_now(self, name: str | int) -> Entry | None:
        """`survey` for threads; reads always."""
        entry = read(name)
        if len(self._entries) >= MOST:
            self._entries.clear()
        self._entries[name] = (time.monotonic(), entry)
        return entry

    def forget(self, *names: str | int) -> None:
        """Read it anew at the next request: staff of this process have changed it and want to see that."""
        for name in names:
            self._entries.pop(name, None)

    async def prepared(self, entry: Entry, number: int) -> Prepared | None:
        """A version of the survey; 0 is the draft as it is now. None: there is none of this number."""
        found = self._versions.get((entry.id, number, entry.revision if not number else 0))
        return found or await self.in_thread(lambda: self.prepared_now(entry, number))

    def prepared_now(self, entry: Entry, number: int) -> Prepared | None:
        key = (entry.id, number, entry.revision if not number else 0)
        if found := self._versions.get(key):
            return found
        if number:
            version = Version.objects.filter(survey=entry.id, number=number).first()
            made = Prepared(entry.id, number, version.definition, version.question_versions) if version else None
        else:
            draft = Survey.objects.filter(pk=entry.id).values_list("draft", flat=True).first()
            made = Prepared(entry.id, 0, draft, {}) if draft else None
        if made is not None:
            if len(self._versions) >= MOST:
                self._versions.clear()
            self._versions[key] = made
        return made

    async def in_thread(self, do: Callable[[], T]) -> T:
        """Ask the database, which an event loop must not wait for."""
        if self._readers is None:
            self._readers = ThreadPoolExecutor(READERS, "respond-read")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._ask, do)

    def _ask(self, do: Callable[[], T]) -> T:
        mine = connections["default"]
        if mine.vendor != "sqlite":  # a connection to a file does not break while it waits
            close_old_connections()
        if mine not in self._connections:
            mine.inc_thread_sharing()  # so that `stop` may close it
            self._connections.add(mine)
        return do()

    def stop(self) -> None:
        """End the threads and forget everything. Safe to call twice."""
        if self._readers is not None:
            self._readers.shutdown()
        for one in self._connections:
            one.close()
        self._begin()


def counts_of(survey: int) -> dict[str, int]:
    return dict(QuotaCount.objects.filter(survey=survey).values_list("quota", "n"))


def read(name: str | int) -> Entry | None:
    which = Q(pk=name) if isinstance(name, int) else Q(public_id=name) | Q(address=name)
    one = Survey.objects.filter(which).defer("draft", "widget").first() if name != "" else None
    if one is None:
        return None
    counts = counts_of(one.pk)
    return Entry(
        one.pk, one.workspace_id, one.public_id, one.key, one.name, one.state, one.version, one.revision, one.pin,
        one.verify_email, one.opens_at, one.closes_at, one.most_responses, one.archived_at is not None, counts,
    )  # fmt: skip


@cache
def directory() -> Directory:
    return Directory()
