"""Words and phrases of a period beside the one before: how often, how they feel, and whether a change is real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.stats.comparison import Difference, Verdict, difference_share, verdicts
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import mean_of, share
from cxm.stats.samples import MeanSample, ShareSample

from .counting import Said, Term, count_terms

MOST = {"zh": 2_000}  # texts of a period that are counted; beyond, an even draw of so many stands for all
OTHERWISE = 5_000
SHOWN = 200  # words, and so many phrases


@dataclass(frozen=True, slots=True)
class SaidRow:
    text: str
    language: str
    score: float | None


@dataclass(frozen=True, slots=True)
class LanguageRow:
    language: str
    n: int


@dataclass(frozen=True, slots=True)
class WordRow:
    """A word or phrase in the period: `share` of the texts of its language that have it, their `sentiment`."""

    name: str
    words: int
    n: int
    share: Estimate
    sentiment: Estimate
    change: Difference
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Words:
    language: str
    texts: int  # that were counted
    of: int  # texts in that language in the period
    texts_before: int
    rows: list[WordRow]


LANGUAGES = """
SELECT toString(language) AS language, count() AS n FROM annotations FINAL
WHERE $scope AND language NOT IN ('', 'other') GROUP BY language ORDER BY n DESC
"""
# An even draw: by a hash of the id, which has nothing to do with what was said.
SAID = """
SELECT substringUTF8(comment, 1, 2000) AS text, toString(reading.spoken) AS language,
       if(reading.felt != '', reading.score, NULL) AS score
FROM feedback
GLOBAL ANY INNER JOIN (
    SELECT event_id, language AS spoken, sentiment AS felt, sentiment_score AS score FROM annotations FINAL
    WHERE $workspace AND language = {language:String} AND occurred_at >= {since:DateTime64(3, 'UTC')}
          AND occurred_at < {until:DateTime64(3, 'UTC')}
    ORDER BY cityHash64(event_id) LIMIT {limit:UInt32}
) AS reading USING (event_id)
WHERE $scope AND comment != ''
"""


def languages_of(scope: Scope) -> dict[str, int]:
    """The languages of the texts, the commonest first, with how many. Raises EventlogError."""
    return {
        row.language: row.n
        for row in ask(LANGUAGES, scope, row=LanguageRow, name="words.languages", table="annotations").rows
    }


def said(scope: Scope, language: str, limit: int) -> list[Said]:
    """Texts of the period in that language: all, or an even draw of `limit`. Raises EventlogError."""
    rows = ask(
        SAID,
        scope,
        row=SaidRow,
        name="words.said",
        language=language,
        since=scope.since,
        until=scope.until,
        limit=limit,
    ).rows
    return [Said(row.text, row.language, row.score) for row in rows]


def words_of(scope: Scope, language: str, days: int, until: datetime) -> Words:
    """The words of the `days` before `until` beside those of as many days before. Raises EventlogError."""
    middle = until - timedelta(days=days)
    limit = MOST.get(language, OTHERWISE)
    now, earlier = scope.during(middle, until), scope.during(middle - timedelta(days=days), middle)
    after, before = said(now, language, limit), said(earlier, language, limit)
    return Words(
        language, len(after), languages_of(now).get(language, 0), len(before),
        compare(count_terms(after, language), count_terms(before, language, least=1), len(after), len(before)),
    )  # fmt: skip


def compare(
    after: Mapping[str, Term], before: Mapping[str, Term], n_after: int, n_before: int, shown: int = SHOWN
) -> list[WordRow]:
    """The commonest words and phrases, with the verdicts of one page."""
    ordered = sorted(after.values(), key=lambda term: (-term.n, term.key))
    kept: Sequence[Term] = [*(one for one in ordered if one.words == 1)][:shown]
    kept = [*kept, *[one for one in ordered if one.words > 1][:shown]]
    changes = [
        difference_share(
            ShareSample(before[one.key].n if one.key in before else 0, n_before), ShareSample(one.n, n_after)
        )
        for one in kept
    ]
    return [
        WordRow(
            one.name, one.words, one.n, share(one.n, n_after),
            mean_of(MeanSample(one.read, one.total, max(one.squares, one.total**2 / max(one.read, 1))), (-1, 1)),
            change, verdict,
        )
        for one, change, verdict in zip(kept, changes, verdicts(changes), strict=True)
    ]  # fmt: skip
