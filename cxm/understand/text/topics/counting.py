"""How often each topic is spoken of, and how: in a period and in the one before, with verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.stats.comparison import Difference, Verdict, difference_mean, difference_share, verdicts
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import mean_of, share
from cxm.stats.samples import MeanSample, ShareSample
from cxm.understand.text.models import Topic

SCORES = (-1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Sums:
    """The texts of one topic: how many, the sums of their sentiment and of its square. The key "" is all texts."""

    key: str
    n: int
    total: float
    squares: float


@dataclass(frozen=True, slots=True)
class TopicCount:
    """A topic in a period: `share` of the texts that were read in it, `sentiment` from −1 to 1; and what became of
    both since the period before."""

    key: str
    n: int
    share: Estimate
    sentiment: Estimate
    share_change: Difference
    share_verdict: Verdict
    sentiment_change: Difference
    sentiment_verdict: Verdict


# Each text once in each topic that it counts in, with the mean of what it feels about the topics there.
TOPICS = """
SELECT topic AS key, count() AS n, sum(score) AS total, sum(score * score) AS squares FROM (
    SELECT event_id, topic, avg(one.2) AS score
    FROM (
        SELECT event_id, arrayZip(topics, topic_sentiments) AS said FROM annotations FINAL
        WHERE $scope AND notEmpty(topics) AND ({customer:UUID} = toUUID('00000000-0000-0000-0000-000000000000')
              OR customer_id IN {customers:Array(UUID)})
    ) ARRAY JOIN said AS one
    ARRAY JOIN arrayFilter((up, key) -> key = one.1, {ups:Array(String)}, {keys:Array(String)}) AS topic
    GROUP BY event_id, topic
) GROUP BY topic
"""
TEXTS = """
SELECT '' AS key, count() AS n, sum(sentiment_score) AS total, sum(sentiment_score * sentiment_score) AS squares
FROM annotations FINAL WHERE $scope AND sentiment != ''
"""
NOBODY = UUID(int=0)


def counts_as(workspace_id: int) -> list[tuple[str, str]]:
    """(key, topic that it counts in): its own or what that was merged into, and all above."""
    rows = Topic.objects.filter(workspace=workspace_id).values_list("pk", "key", "parent", "merged_into")
    known = {pk: (key, parent, into) for pk, key, parent, into in rows}
    found = []
    for pk, (key, _parent, _into) in known.items():
        at: UUID | None = pk
        if known[pk][2] is not None:
            at = known[pk][2]
        while at is not None:
            up, parent, _merged = known[at]
            found.append((key, up))
            at = parent
    return found


def sums_of(scope: Scope, customers: Sequence[UUID] = ()) -> dict[str, Sums]:
    """By key; the texts of some customers alone, if any are named. Raises EventlogError."""
    pairs = counts_as(scope.workspace_id)
    if not pairs:
        return {}
    rows = ask(
        TOPICS, scope, row=Sums, name="topics.sums", table="annotations",
        keys=[key for key, _up in pairs], ups=[up for _key, up in pairs],
        customers=[str(one) for one in customers], customer=str(customers[0] if customers else NOBODY),
    ).rows  # fmt: skip
    return {row.key: row for row in rows}


def texts_read(scope: Scope) -> Sums:
    """All texts that were read in a language that can be. Raises EventlogError."""
    return ask(TEXTS, scope, row=Sums, name="topics.texts", table="annotations").rows[0]


def count_topics(scope: Scope, since: datetime, middle: datetime, until: datetime) -> tuple[int, dict[str, TopicCount]]:
    """From `middle` to `until`, beside `since` to `middle`: how many texts were read, and each topic by key that was
    spoken of in either. The verdicts are those of one page. Raises EventlogError."""
    before, after = scope.during(since, middle), scope.during(middle, until)
    n_before, n_after = texts_read(before).n, texts_read(after).n
    return n_after, compare(sums_of(before), sums_of(after), n_before, n_after)


def compare(
    before: Mapping[str, Sums], after: Mapping[str, Sums], n_before: int, n_after: int
) -> dict[str, TopicCount]:
    keys = sorted({*before, *after})
    shares, means = [], []
    for key in keys:
        one, two = before.get(key) or Sums(key, 0, 0, 0), after.get(key) or Sums(key, 0, 0, 0)
        shares.append(
            difference_share(ShareSample(min(one.n, n_before), n_before), ShareSample(min(two.n, n_after), n_after))
        )
        means.append(difference_mean(_sample(one), _sample(two), SCORES))
    said = verdicts([*shares, *means])
    found = {}
    for number, key in enumerate(keys):
        now = after.get(key) or Sums(key, 0, 0, 0)
        found[key] = TopicCount(
            key=key, n=now.n, share=share(min(now.n, n_after), n_after), sentiment=mean_of(_sample(now), SCORES),
            share_change=shares[number], share_verdict=said[number],
            sentiment_change=means[number], sentiment_verdict=said[len(keys) + number],
        )  # fmt: skip
    return found


def _sample(sums: Sums) -> MeanSample:
    return MeanSample(sums.n, sums.total, max(sums.squares, sums.total**2 / sums.n if sums.n else 0.0))
