"""Channels: on which customers come with which request, in which order, at what effort, and with what result.

A **contact** is a ticket (in its present state, at its opening), or, where requests are told apart by topic, a text
that a customer sent and in which that topic was found. A **request** is the contacts of one customer of the same kind,
each at most `WITHIN_DAYS` after the one before; it belongs to the channel that it began on. Requests whose last contact
is younger than that may still go on, and are left out.

- *solved at once*: one contact, neither reassigned nor reopened, and not left unsolved;
- *solved*: its last ticket is resolved or closed;
- *switched*: it went on on another channel;
- *content*, *easy*: good among the answers (NPS, satisfaction, ratings; ease) that were the customer's next within
  `ANSWER_DAYS` after the last contact;
- *cost*: what its contacts cost by channel, where maps say what a contact costs.

Each channel is held against all others **of the same kind of request**, and the channels as a whole kind by kind
(`cxm.stats.strata`): the telephone is given the hard ones. The false-discovery rate is held over all comparisons.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cxm.record.eventlog.ask import Answer, ask
from cxm.record.eventlog.scope import Scope, expression
from cxm.stats.comparison import Difference, Verdict, difference_share, verdicts
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import share_of
from cxm.stats.planning import answers_needed_share
from cxm.stats.samples import ShareSample
from cxm.stats.strata import difference_share_stratified
from cxm.understand.metrics.merges import with_customers
from cxm.understand.metrics.scores import fill
from cxm.understand.metrics.tickets import PRESENT

from .moments import ENDS, SCORE

WITHIN_DAYS = 7
ANSWER_DAYS = 14
DAY_MS = 86_400_000
MOST_KINDS = 40  # the most frequent ones; their requests are nearly all
LEAST_REQUESTS = 10  # of a kind on a channel, to be judged
LEAST_TO_CLOSE = 50  # requests that began on a channel, to propose that it be closed
REPLACED = 0.8  # of its requests are of kinds that other channels handle too
TOPIC = "topic"
Result = Literal["at_once", "content", "easy"]
RESULTS: tuple[Result, ...] = ("at_once", "content", "easy")

_TICKETS = f"""
SELECT $customer AS who, toString($kind) AS kind, toString(channel) AS way, toUnixTimestamp64Milli(occurred_at) AS at,
       toUInt8(resolved_at IS NOT NULL OR closed_at IS NOT NULL) AS solved,
       toUInt8(reassigned = 0 AND reopened = 0) AS smooth,
       ifNull(toUnixTimestamp64Milli(ifNull(resolved_at, closed_at)), 0) AS done
FROM tickets $join $merges WHERE $scope AND $known AND channel != '' AND {PRESENT}
"""
# Whether a text was answered is not known: 2.
_TEXTS = """
SELECT $customer AS who, topic AS kind, toString(channel) AS way, toUnixTimestamp64Milli(occurred_at) AS at,
       toUInt8(2) AS solved, toUInt8(1) AS smooth, toInt64(0) AS done
FROM texts GLOBAL ANY INNER JOIN (
    SELECT event_id AS read_event, topics AS about FROM annotations FINAL WHERE $workspace
) AS said ON event_id = said.read_event
$join $merges ARRAY JOIN said.about AS topic
WHERE $scope AND $known AND channel != '' AND name IN ('message_received', 'call_transcribed')
"""
# The contacts of each customer and kind in the order of time, cut where a week lies between two.
_REQUESTS = """
SELECT who, kind, arraySort(groupArray((at, way, solved, smooth, done))) AS row,
       arrayJoin(arraySplit((one, gap) -> gap > {within:Int64}, row, arrayDifference(arrayMap(one -> one.1, row))))
       AS request,
       arrayMap(one -> one.2, request) AS ways, request[-1].1 AS ended
FROM ($contacts) WHERE kind != '' GROUP BY who, kind
"""
_ANSWERS = f"""
SELECT who, moment AS at, scored AS said FROM (
    SELECT $customer AS who, toUnixTimestamp64Milli(occurred_at) AS moment, {ENDS} AS ends, toInt8({SCORE}) AS scored
    FROM feedback $merges WHERE $workspace AND $known AND $metric
) WHERE scored != 9
"""
RESULTS_SQL = f"""
SELECT kind, ways[1] AS channel, count() AS requests, sum(length(ways)) AS contacts,
       countIf(length(ways) = 1 AND request[1].4 = 1 AND request[1].3 != 0) AS at_once,
       countIf(request[-1].3 = 1) AS solved, countIf(request[-1].3 != 2) AS closable,
       countIf(length(arrayCompact(ways)) > 1) AS switched,
       countIf(said = 1) AS content, countIf(said != 9) AS answered, countIf(eased = 1) AS easy,
       countIf(eased != 9) AS felt,
       quantileExactIf(0.5)(request[-1].5 - request[1].1, request[-1].5 > request[1].1) / 1000 AS median_s,
       sumMap(ways, arrayMap(one -> toUInt64(1), ways)) AS by_channel
FROM (
    SELECT kind, ways, request, said,
           if(ease.at <= ended + {{answer:Int64}} AND ease.at > 0, ease.said, 9) AS eased FROM (
        SELECT who, kind, ways, request, ended,
               if(good.at <= ended + {{answer:Int64}} AND good.at > 0, good.said, 9) AS said
        FROM (SELECT * FROM ({_REQUESTS}) WHERE ended <= {{until:Int64}}) AS one
        ASOF LEFT JOIN ($satisfied) AS good ON one.who = good.who AND one.ended <= good.at
    ) AS two ASOF LEFT JOIN ($eased) AS ease ON two.who = ease.who AND two.ended <= ease.at
)
GROUP BY kind, channel ORDER BY requests DESC, kind, channel
"""
ORDER_SQL = f"""
SELECT arrayCompact(ways) AS path, count() AS n FROM ({_REQUESTS}) WHERE ended <= {{until:Int64}}
GROUP BY path ORDER BY n DESC, path LIMIT 200
"""


@dataclass(frozen=True, slots=True)
class Row:
    """Requests of one kind that began on one channel; see the module for what is counted."""

    kind: str
    channel: str
    requests: int
    contacts: int
    at_once: int
    solved: int
    closable: int  # of whose last contact it is known whether it was solved
    switched: int
    content: int
    answered: int
    easy: int
    felt: int
    median_s: float | None
    by_channel: tuple[list[str], list[int]]

    def sample(self, result: Result) -> ShareSample:
        return {
            "at_once": ShareSample(self.at_once, self.requests),
            "content": ShareSample(self.content, self.answered),
            "easy": ShareSample(self.easy, self.felt),
        }[result]


@dataclass(frozen=True, slots=True)
class PathRow:
    path: list[str]
    n: int


def contacts(scope: Scope, by: str) -> tuple[str, str]:
    """SQL for the contacts by kind, and the table that it reads. Raises UnknownField."""
    if by == TOPIC:
        return with_customers(_TEXTS, scope), "texts"
    return with_customers(fill(_TICKETS, kind=expression(by, "tickets")), scope), "tickets"


def requests(scope: Scope, by: str, until_ms: int) -> Answer[Row]:
    """The requests by kind and first channel. `until_ms`: the present, or the end of the period if that is earlier.

    `by`: a field of tickets that says what a request is about (touchpoint, priority, property.NAME), or `TOPIC`. Raises
    UnknownField, EventlogError.
    """
    source, table = contacts(scope, by)
    answers = with_customers(_ANSWERS, scope)
    sql = fill(
        RESULTS_SQL, contacts=source, satisfied=fill(answers, metric="metric IN ('nps', 'csat', 'rating')"),
        eased=fill(answers, metric="metric = 'ces'"),
    )  # fmt: skip
    return ask(
        sql, scope, row=Row, name="channels.requests", table=table, **_times(until_ms), answer=ANSWER_DAYS * DAY_MS
    )


def orders(scope: Scope, by: str, until_ms: int) -> list[PathRow]:
    """The channels of requests in the order of their contacts, the most frequent rows first."""
    source, table = contacts(scope, by)
    sql = fill(ORDER_SQL, contacts=source)
    return ask(sql, scope, row=PathRow, name="channels.orders", table=table, **_times(until_ms)).rows


def _times(until_ms: int) -> dict[str, Any]:
    return {"within": WITHIN_DAYS * DAY_MS, "until": until_ms - WITHIN_DAYS * DAY_MS}


KINDS = """
SELECT arrayJoin(mapKeys(properties)) AS name, count() AS n FROM tickets $join WHERE $scope AND channel != ''
GROUP BY name HAVING uniq(properties[name]) BETWEEN 2 AND 200 ORDER BY n DESC, name LIMIT 30
"""


@dataclass(frozen=True, slots=True)
class KindRow:
    name: str
    n: int


def kinds(workspace_id: int) -> list[str]:
    """The fields by which requests can be told apart: columns of tickets, their properties, topics."""
    rows = ask(KINDS, Scope(workspace_id), row=KindRow, name="channels.kinds", table="tickets").rows
    return ["touchpoint", "priority", *(f"property.{row.name}" for row in rows), TOPIC]


@dataclass(frozen=True, slots=True)
class Held:
    """A share on one channel beside that of all the others, with what the difference proves."""

    here: Estimate
    difference: Difference
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Handling:
    """How one channel handles one kind of request."""

    row: Row
    solved: Estimate
    switched: Estimate
    results: Mapping[Result, Held]
    cost: float | None  # of one request


Advice = Literal["recommend", "no_evidence", "only_one"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request, its channels, and which to recommend.

    `because`: the result that speaks for it. Where there is no evidence, `needed` requests of the best and of the
    others would tell a difference as large as the one that was seen (None: none was seen, or all could be told).
    """

    name: str
    requests: int
    handlings: list[Handling]
    advice: Advice
    channel: str = ""
    because: Result | Literal[""] = ""
    needed: int | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as a whole, held against the others within each kind. `close`: there is reason to think of closing it.

    `replaced`: the share of its requests of kinds that other channels handle too.
    """

    name: str
    requests: int
    contacts: int
    switched: Estimate
    results: Mapping[Result, Held]
    recommended: list[str]
    replaced: float
    close: bool


@dataclass(frozen=True, slots=True)
class Channels:
    kinds: list[Kind]
    channels: list[Channel]
    requests: int
    left_out: int  # requests of kinds beyond MOST_KINDS


def judge(rows: Sequence[Row], costs: Mapping[str, float] | None = None) -> Channels:
    """All comparisons of the page at once. `costs`: of one contact by channel."""
    by_kind: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_kind[row.kind].append(row)
    ordered = sorted(by_kind.items(), key=lambda pair: (-sum(row.requests for row in pair[1]), pair[0]))
    kept, dropped = ordered[:MOST_KINDS], ordered[MOST_KINDS:]
    names = sorted({row.channel for _name, some in kept for row in some})
    pairs = {
        (name, row.channel, result): _pair(some, row, result)
        for name, some in kept for row in some for result in RESULTS if _judgeable(some, row)
    }  # fmt: skip
    differences: dict[tuple[str, str, Result], Difference] = {
        place: difference_share(before, after) for place, (before, after) in pairs.items()
    }
    for channel in names:
        for result in RESULTS:
            strata = [pair for (kind, one, of), pair in pairs.items() if one == channel and of == result and kind]
            differences["", channel, result] = difference_share_stratified(strata)
    judged = dict(zip(differences, verdicts(list(differences.values())), strict=True))
    no_difference = Difference(None, None, None, None, 0, 0)

    def held(kind: str, channel: str, result: Result, sample: ShareSample) -> Held:
        place = kind, channel, result
        return Held(share_of(sample), differences.get(place, no_difference), judged.get(place, "no_evidence"))

    found = [
        _kind(name, some, lambda row, of: held(row.kind, row.channel, of, row.sample(of)), costs or {})
        for name, some in kept
    ]
    every = [row for _name, some in kept for row in some]
    channels = [
        _channel(
            name, every, found, {
                of: held("", name, of, _sum([row.sample(of) for row in every if row.channel == name])) for of in RESULTS
            },
        )
        for name in names
    ]  # fmt: skip
    channels.sort(key=lambda one: (-one.requests, one.name))
    return Channels(
        found, channels, sum(row.requests for row in every), sum(row.requests for _n, some in dropped for row in some)
    )


def _judgeable(some: Sequence[Row], row: Row) -> bool:
    others = sum(one.requests for one in some) - row.requests
    return row.requests >= LEAST_REQUESTS and others >= LEAST_REQUESTS


def _sum(samples: Sequence[ShareSample]) -> ShareSample:
    return ShareSample(sum(one.successes for one in samples), sum(one.total for one in samples))


def _pair(some: Sequence[Row], row: Row, result: Result) -> tuple[ShareSample, ShareSample]:
    """All other channels of the kind, and this one."""
    return _sum([one.sample(result) for one in some if one is not row]), row.sample(result)


def _kind(
    name: str, some: Sequence[Row], held: Callable[[Row, Result], Held], costs: Mapping[str, float]
) -> Kind:  # fmt: skip
    handlings = [
        Handling(
            row, share_of(ShareSample(row.solved, row.closable)), share_of(ShareSample(row.switched, row.requests)),
            {of: held(row, of) for of in RESULTS}, _cost(row, costs),
        )
        for row in sorted(some, key=lambda row: (-row.requests, row.channel))
    ]  # fmt: skip
    n = sum(row.requests for row in some)
    usable = [one for one in handlings if _judgeable(some, one.row)]
    if len(usable) < 2:
        return Kind(name, n, handlings, "only_one" if len(handlings) == 1 else "no_evidence")
    for result in RESULTS:
        best = [
            one for one in usable
            if one.results[result].verdict == "up" and all(held.verdict != "down" for held in one.results.values())
        ]  # fmt: skip
        if best:
            first = max(best, key=lambda one: (one.results[result].here.value or 0, one.row.channel))
            return Kind(name, n, handlings, "recommend", first.row.channel, result)
    return Kind(name, n, handlings, "no_evidence", needed=_needed(usable))


def _needed(usable: Sequence[Handling]) -> int | None:
    """Requests that each of two channels needs to tell the best from the others by what it solves at once."""
    best = max(usable, key=lambda one: one.results["at_once"].here.value or 0)
    here, difference = best.results["at_once"].here, best.results["at_once"].difference
    if here.value is None or not difference.value:
        return None
    return answers_needed_share(here.value - difference.value, here.value)


def _cost(row: Row, costs: Mapping[str, float]) -> float | None:
    """Of one request; None where the cost of one of its contacts is not known."""
    used = {name: n for name, n in zip(*row.by_channel, strict=True) if n}
    if not used or not used.keys() <= costs.keys():
        return None
    return sum(costs[name] * n for name, n in used.items()) / row.requests


def _channel(name: str, every: Sequence[Row], kinds: Sequence[Kind], results: Mapping[Result, Held]) -> Channel:
    mine = [row for row in every if row.channel == name]
    n = sum(row.requests for row in mine)
    elsewhere = {row.kind for row in every if row.channel != name and row.requests >= LEAST_REQUESTS}
    replaced = sum(row.requests for row in mine if row.kind in elsewhere) / n if n else 0.0
    recommended = [one.name for one in kinds if one.channel == name]
    contacts = sum(
        many for row in every for channel, many in zip(*row.by_channel, strict=True) if channel == name
    )  # fmt: skip
    said = {held.verdict for held in results.values()}
    return Channel(
        name, n, contacts, share_of(ShareSample(sum(row.switched for row in mine), n)), results, recommended, replaced,
        "down" in said and "up" not in said and not recommended and replaced >= REPLACED and n >= LEAST_TO_CLOSE,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flow:
    """So many requests went over from one channel to another."""

    source: str
    target: str
    n: int


def flows(rows: Sequence[PathRow]) -> list[Flow]:
    """Changes of channel within requests, the most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        for pair in zip(row.path, row.path[1:], strict=False):
            counts[pair] += row.n
    return [Flow(*pair, n) for pair, n in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]
