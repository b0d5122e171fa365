"""Sending webhooks: every endpoint has a queue of its own, and one that is slow or dead delays no other.

One thread claims rows and writes down outcomes; an event loop in a second one holds the requests, hundreds at a time.
An endpoint has a few requests in progress at most, and a single one while it fails or half of the room is taken; all
failing ones together have at most half of the room. So it takes hundreds of addresses that die at once to delay others.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from cxm import __version__
from cxm.lib.http import BadAddress, Unreachable, post
from cxm.listen.channels.webhook_models import WebhookEndpoint, WebhookMessage

from .actions import waiting
from .outcomes import Outcome, put_back, settle
from .queries import signing_secrets
from .signing import headers_for

logger = logging.getLogger(__name__)

State = WebhookMessage.State
ALTOGETHER = 200  # requests in progress
OF_FAILING = 100  # of them to endpoints that took nothing last time
EACH = 8  # to one endpoint
TIMEOUT = 20.0  # seconds for one request; the standard asks for 15 to 30
KEPT_ANSWER = 1000  # characters
USER_AGENT = f"OpenCXM/{__version__} (webhooks)"


@dataclass(frozen=True)
class Claimed:
    """A message that this process sends now."""

    id: UUID
    endpoint_id: UUID
    public_id: str
    number: int
    url: str
    body: bytes
    secrets: tuple[str, ...]


def share_out(
    due: Collection[UUID], failing: Collection[UUID], busy: Mapping[UUID, int], other_failing: int = 0
) -> dict[UUID, int]:
    """How many requests more each endpoint with due messages may get. `busy`: how many it has in progress.

    First one for each that has none; then, while less than half of the room is taken, more for those that do not fail.
    `other_failing`: requests in progress to failing endpoints that have nothing due.
    """
    given: dict[UUID, int] = {}
    taken = sum(busy.values())
    of_failing = other_failing + sum(busy.get(one, 0) for one in failing)
    for one in sorted(due):
        if busy.get(one, 0) or taken >= ALTOGETHER or (one in failing and of_failing >= OF_FAILING):
            continue
        given[one] = 1
        taken += 1
        of_failing += one in failing
    for one in sorted(due, key=lambda one: busy.get(one, 0)):
        if one not in failing:
            has = busy.get(one, 0) + given.get(one, 0)
            more = max(0, min(EACH - has, ALTOGETHER // 2 - taken))
            if more:
                given[one] = given.get(one, 0) + more
                taken += more
    return given


class Courier:
    """Sends what is due. Its methods are for one thread; `deliver` runs in the loop that it keeps beside."""

    def __init__(self, holder: str, *, timeout: float = TIMEOUT) -> None:
        self._holder = holder[-80:]
        self._timeout = timeout
        self._in_progress: dict[UUID, Future[Outcome]] = {}
        self._busy: Counter[UUID] = Counter()  # endpoint → requests in progress
        self._failing: set[UUID] = set()  # of the busy ones
        self._done: deque[Outcome] = deque()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="webhooks-io", daemon=True)
        self._thread.start()

    @property
    def in_progress(self) -> int:
        return len(self._in_progress)

    def step(self, stopping: Callable[[], bool] = lambda: False) -> int:
        """Write down what has ended, and begin what is due; returns how many were begun."""
        done = [self._done.popleft() for _ in range(len(self._done))]
        ready = [] if stopping() else self._ready()
        if not done and not ready:
            return 0
        try:
            with transaction.atomic():
                if done:
                    settle(done, self._holder)
                claimed = self._claim(ready)
        except BaseException:
            self._done.extendleft(reversed(done))  # the outcomes are not lost with the transaction
            raise
        for one in done:
            self._forget(one)
        for message in claimed:
            self._begin(message)
        return len(claimed)

    def close(self, patience: float = 5.0) -> None:
        """Wait a moment for requests in progress, end the others, write everything down."""
        deadline = time.monotonic() + patience
        for future in list(self._in_progress.values()):
            try:
                future.result(max(0.0, deadline - time.monotonic()))
            except NotYet:
                self._loop.call_soon_threadsafe(future.cancel)
        deadline = time.monotonic() + 2
        while len(self._done) < len(self._in_progress) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.step(lambda: True)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2)
        with transaction.atomic():
            put_back(self._holder)

    # What is due

    def _ready(self) -> list[tuple[UUID, int]]:
        """(endpoint, how many requests more it may get)."""
        now = timezone.now()
        due = WebhookMessage.objects.filter(endpoint=OuterRef("pk"), state=State.WAITING, next_at__lte=now)
        rows = WebhookEndpoint.objects.filter(Exists(due), off_at=None, workspace__deleted_at=None).filter(
            Q(rests_until=None) | Q(rests_until__lte=now)
        )
        found = dict(rows.values_list("pk", "failing_since"))
        self._failing = {one for one in self._failing if one in self._busy and found.get(one, True)}
        failing = {one for one, since in found.items() if since}
        given = share_out(found, failing, self._busy, sum(self._busy[one] for one in self._failing - failing))
        self._failing |= failing & given.keys()
        return list(given.items())

    def _claim(self, ready: list[tuple[UUID, int]]) -> list[Claimed]:
        now, ids = timezone.now(), list[UUID]()
        for endpoint_id, most in ready:
            rows = WebhookMessage.objects.filter(endpoint=endpoint_id, state=State.WAITING, next_at__lte=now)
            rows = rows.select_for_update(skip_locked=True) if connection.features.has_select_for_update else rows
            ids += rows.order_by("next_at").values_list("pk", flat=True)[:most]
        if not ids:
            return []
        WebhookMessage.objects.filter(pk__in=ids, state=State.WAITING).update(
            state=State.SENDING, claimed_by=self._holder, attempts=F("attempts") + 1
        )
        mine = WebhookMessage.objects.filter(pk__in=ids, state=State.SENDING, claimed_by=self._holder)
        messages = list(mine.select_related("endpoint").order_by("next_at"))
        keys = signing_secrets({one.endpoint_id for one in messages})
        return [
            Claimed(
                one.pk, one.endpoint_id, one.public_id, one.attempts, one.endpoint.url, one.body.encode(),
                tuple(keys.get(one.endpoint_id, ())),
            )
            for one in messages
        ]  # fmt: skip

    # In progress

    def _begin(self, message: Claimed) -> None:
        self._busy[message.endpoint_id] += 1
        future = asyncio.run_coroutine_threadsafe(deliver(message, self._timeout), self._loop)
        self._in_progress[message.id] = future

        def ended(_future: Future[Outcome]) -> None:
            known = (message.id, message.endpoint_id, message.number, timezone.now(), 0)
            if future.cancelled():
                self._done.append(Outcome(*known, cut=True))
            elif error := future.exception():
                logger.error("The webhook %s could not be sent.", message.public_id, exc_info=error)
                self._done.append(Outcome(*known, error="ours", answer=type(error).__name__))
            else:
                self._done.append(future.result())
            waiting.set()

        future.add_done_callback(ended)

    def _forget(self, one: Outcome) -> None:
        self._in_progress.pop(one.message_id, None)
        self._busy[one.endpoint_id] -= 1
        if self._busy[one.endpoint_id] <= 0:
            del self._busy[one.endpoint_id]
            self._failing.discard(one.endpoint_id)


async def deliver(message: Claimed, timeout: float) -> Outcome:
    """One attempt. Raises nothing that a receiver could cause."""
    at, began = timezone.now(), time.monotonic()
    status, error, answer, retry_after = None, "", "", ""
    headers = {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        **headers_for(message.secrets, message.public_id, int(at.timestamp()), message.body),
    }
    try:
        reply = await post(
            message.url, body=message.body, headers=headers, timeout=timeout, allowed=settings.WEBHOOK_NETWORKS
        )
        status, retry_after = reply.status, reply.headers.get("retry-after", "")
        answer = reply.body.decode("utf-8", "replace").replace("\x00", "")[:KEPT_ANSWER]
    except Unreachable as problem:
        error, answer = problem.code, str(problem)[:KEPT_ANSWER].replace("\x00", "")
    except BadAddress:
        error = "address"
    duration = int((time.monotonic() - began) * 1000)
    return Outcome(
        message.id, message.endpoint_id, message.number, at, duration,
        status=status, error=error, answer=answer, retry_after=retry_after,
    )  # fmt: skip


def give_up_claims(is_alive: Callable[[str], bool]) -> int:
    """What processes that are gone had claimed is sent again; returns how many. `is_alive` takes a courier's name."""
    found = 0
    names = WebhookMessage.objects.filter(state=State.SENDING).values_list("claimed_by", flat=True).distinct()
    for name in list(names.order_by()):
        if not is_alive(name):
            found += put_back(name)
    if found:
        logger.warning("%d webhooks are sent again: the process ended while it was sending them.", found)
    return found
