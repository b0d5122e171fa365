"""Group commit of responses: who submits waits, one thread writes what has come together in one transaction.

A commit to disk costs milliseconds however little is in it, so what arrives while one is under way goes with the next.
An answer to the respondent goes out when the answers and their facts are on disk. Submitting the same again, after a
broken connection or by a double click, changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from django.db import DatabaseError, OperationalError, close_old_connections, connections

from .deciding import Outcome, Submission, decide

logger = logging.getLogger(__name__)

MOST_WAITING = 4_000  # submissions; beyond that people are asked to try again
MOST_AT_ONCE = 200  # in one transaction
CROWD = 4  # submissions in one transaction from which on it pays to wait for more: each transaction has its price
LULL = 0.002  # seconds without a new one that end the waiting
LONGEST_GATHERING = 0.008  # seconds
TRIES = 4  # of a transaction that another process was in the way of


class Busy(Exception):
    """Too much waits to be stored."""


class Unstored(Exception):
    """The answers could not be stored; submitting them again is safe."""


@dataclass(slots=True)
class _Waiting:
    submission: Submission
    answer: asyncio.Future[Outcome]
    loop: asyncio.AbstractEventLoop


class Store:
    """The one writer of responses of a process. `decide` stores and answers all submissions of one transaction."""

    def __init__(self, decide: Callable[[Sequence[Submission]], list[Outcome | Exception]] = decide) -> None:
        self._decide = decide
        self._queue: list[_Waiting] = []
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._crowd = 0  # submissions in the last transaction

    async def submit(self, submission: Submission) -> Outcome:
        """Returns when it is on disk. Raises Busy, Unstored."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()
        with self._wake:
            if len(self._queue) >= MOST_WAITING or self._stopping:
                raise Busy
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="responses", daemon=True)
                self._thread.start()
            self._queue.append(_Waiting(submission, answer, loop))
            self._wake.notify()
        return await answer

    def stop(self) -> None:
        """Write what waits, then end the thread. Safe to call twice."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
        self._thread, self._stopping = None, False

    def _take(self) -> list[_Waiting]:
        with self._wake:
            while not self._queue and not self._stopping:
                self._wake.wait()
            if self._crowd >= CROWD:
                self._gather()
            taken, self._queue = self._queue[:MOST_AT_ONCE], self._queue[MOST_AT_ONCE:]
            self._crowd = len(taken)
            return taken

    def _gather(self) -> None:
        """Let those who are just filling in the next form come along, as long as more keep coming."""
        deadline = time.monotonic() + LONGEST_GATHERING
        before = 0
        while before < len(self._queue) and time.monotonic() < deadline and not self._stopping:
            before = len(self._queue)
            self._wake.release()
            time.sleep(LULL)
            self._wake.acquire()

    def _run(self) -> None:
        while taken := self._take():
            outcomes = self._stored([one.submission for one in taken])
            _answer(list(zip(taken, outcomes, strict=True)))
        connections.close_all()

    def _stored(self, submissions: Sequence[Submission]) -> list[Outcome | Exception]:
        for tried in range(TRIES):
            try:
                if connections["default"].vendor != "sqlite":  # a connection to a file does not break while it waits
                    close_old_connections()
                return self._decide(submissions)
            except OperationalError as error:  # a deadlock, a lock that was not to be had, a server that went away
                logger.warning("Storing %d submissions failed: %s", len(submissions), error)
                connections["default"].close()
                time.sleep(0.05 * 2**tried)
            except DatabaseError:
                logger.exception("Storing %d submissions failed", len(submissions))
                break
            except Exception:
                logger.exception("Deciding on %d submissions failed", len(submissions))
                break
        else:
            return [Unstored()] * len(submissions)
        if len(submissions) == 1:
            return [Unstored()]
        middle = len(submissions) // 2  # one that cannot be stored must not stop the others
        return [*self._stored(submissions[:middle]), *self._stored(submissions[middle:])]


def _answer(pairs: Sequence[tuple[_Waiting, Outcome | Exception]]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Waiting, Outcome | Exception]]] = {}
    for pair in pairs:
        by_loop.setdefault(pair[0].loop, []).append(pair)
    for loop, some in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, some)
        except RuntimeError:  # the loop has ended, and with it everybody who waited
            logger.warning("%d respondents left before their answers were stored.", len(some))


def _settle(pairs: Sequence[tuple[_Waiting, Outcome | Exception]]) -> None:
    for one, outcome in pairs:
        if one.answer.done():  # the respondent went away
            continue
        if isinstance(outcome, Exception):
            one.answer.set_exception(outcome)
        else:
            one.answer.set_result(outcome)


@cache
def store() -> Store:
    """The one writer of this process."""
    return Store()
