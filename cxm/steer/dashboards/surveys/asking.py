"""What was answered to the questions of surveys, counted by the log: scores, choices, places, pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Filter, Grain, Scope, UnknownField
from cxm.understand.metrics.metric import MOST_ROWS
from cxm.understand.metrics.refusals import TooManyGroups

ANSWER: Final = "answer."  # a filter on another question: answer.QUESTION
ALL_TIME: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Asking:
    """Whose answers: those to these surveys (by key), in a scope; `answers` are filters on other questions."""

    scope: Scope
    surveys: tuple[str, ...]
    answers: tuple[Filter, ...] = ()

    def filters(self) -> Scope:
        return self.scope.where(Filter("survey", "is", self.surveys))


def asking_of(scope: Scope, surveys: Iterable[str]) -> Asking:
    """With the filters of the scope taken apart: the log knows columns and traits, answers are looked up."""
    about = tuple(one for one in scope.filters if one.field.startswith(ANSWER))
    rest = tuple(one for one in scope.filters if not one.field.startswith(ANSWER))
    return Asking(Scope(scope.workspace_id, scope.time_zone, scope.since, scope.until, rest), tuple(surveys), about)


@dataclass(frozen=True, slots=True)
class ScoreRow:
    period: date
    by: str
    survey: str
    question: str
    version: int
    metric: str
    scale: str
    score: float | None
    n: int


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """`places` and `squares`: sums of the place in a ranking and of its square; `first`: how often it came first."""

    period: date
    by: str
    survey: str
    question: str
    version: int
    choice: str
    n: int
    places: float
    squares: float
    first: int


@dataclass(frozen=True, slots=True)
class NetRow:
    """Of MaxDiff: n people with a best or a worst here; Σ and Σ² of (times best − times worst) / tasks of a person."""

    period: date
    by: str
    question: str
    version: int
    choice: str
    n: int
    total: float
    squares: float


SCORES_SQL = """
SELECT $period AS period, $by AS by, toString(survey) AS survey, toString(question) AS question,
       question_version AS version, toString(metric) AS metric, toString(scale) AS scale, score,
       toUInt64(count()) AS n
FROM feedback $join
WHERE $scope AND $answers
GROUP BY period, by, survey, question, version, metric, scale, score
ORDER BY period, by, survey, question, version, score LIMIT {most:UInt32}
"""
CHOICES_SQL = """
SELECT $period AS period, $by AS by, toString(survey) AS survey, toString(question) AS question,
       question_version AS version, toString(choice) AS choice, toUInt64(count()) AS n,
       toFloat64(sum(place)) AS places, toFloat64(sum(place * place)) AS squares,
       toUInt64(countIf(place = 1)) AS first
FROM feedback $join
ARRAY JOIN choices AS choice, arrayEnumerate(choices) AS place
WHERE $scope AND $answers AND notEmpty(choices)
GROUP BY period, by, survey, question, version, choice
ORDER BY period, by, survey, question, version, n DESC, choice LIMIT {most:UInt32}
"""
NETS_SQL = """
SELECT period, by, question, version, choice, toUInt64(count()) AS n, toFloat64(sum(net)) AS total,
       toFloat64(sum(net * net)) AS squares
FROM (
  SELECT period, by, response_id, question, version, tupleElement(said, 1) AS choice, sum(tupleElement(said, 2)) AS net
  FROM (
    SELECT $period AS period, $by AS by, response_id, toString(question) AS question, question_version AS version,
           arrayMap(one -> toString(one), properties.best.:`Array(Nullable(String))`) AS bests,
           arrayMap(one -> toString(one), properties.worst.:`Array(Nullable(String))`) AS worsts,
           greatest(length(bests), length(worsts), 1) AS size,
           arrayJoin(arrayConcat(
             arrayMap(one -> (one, 1 / size), bests), arrayMap(one -> (one, -1 / size), worsts)
           )) AS said
    FROM feedback $join WHERE $scope AND $answers AND has({names:Array(String)}, toString(question))
  )
  GROUP BY period, by, response_id, question, version, choice
)
GROUP BY period, by, question, version, choice ORDER BY period, by, question, version, choice LIMIT {most:UInt32}
"""


@dataclass(slots=True)
class Tally:
    """All answers to one question in one group. `n`: how many; `scores` and `choices`: how often each."""

    n: int = 0
    metric: str = ""
    scales: set[str] = field(default_factory=set)
    scores: dict[float, int] = field(default_factory=dict)
    choices: dict[str, int] = field(default_factory=dict)
    places: dict[str, tuple[int, float, float, int]] = field(default_factory=dict)  # n, Σ place, Σ place², first
    nets: dict[str, tuple[int, float, float]] = field(default_factory=dict)  # n, Σ, Σ² of MaxDiff
    versions: set[int] = field(default_factory=set)

    @property
    def scored(self) -> int:
        return sum(self.scores.values())


Key = tuple[date, str]  # period and group


@dataclass(slots=True)
class Counted:
    """The rows of the log, to be put together by question, wording and group."""

    scores: list[ScoreRow]
    choices: list[ChoiceRow]
    nets: list[NetRow]

    def groups(self) -> list[Key]:
        return sorted({(row.period, row.by) for row in self.scores})

    def surveys(self) -> list[str]:
        return sorted({row.survey for row in self.scores})

    def tally(
        self, question: str, versions: Iterable[int] | None = None, group: Key | None = None, survey: str | None = None
    ) -> Tally:
        wanted = None if versions is None else set(versions)
        tally = Tally()

        def fits(row: ScoreRow | ChoiceRow | NetRow) -> bool:
            return (
                row.question == question
                and (wanted is None or row.version in wanted)
                and (group is None or (row.period, row.by) == group)
                and (survey is None or isinstance(row, NetRow) or row.survey == survey)
            )

        for row in self.scores:
            if fits(row):
                tally.n += row.n
                tally.metric = tally.metric or row.metric
                tally.versions.add(row.version)
                if row.scale:
                    tally.scales.add(row.scale)
                if row.score is not None:
                    tally.scores[row.score] = tally.scores.get(row.score, 0) + row.n
        for one in self.choices:
            if fits(one):
                tally.choices[one.choice] = tally.choices.get(one.choice, 0) + one.n
                before = tally.places.get(one.choice, (0, 0.0, 0.0, 0))
                tally.places[one.choice] = (
                    before[0] + one.n, before[1] + one.places, before[2] + one.squares, before[3] + one.first
                )  # fmt: skip
        for net in self.nets:
            if fits(net):
                before_net = tally.nets.get(net.choice, (0, 0.0, 0.0))
                tally.nets[net.choice] = (
                    before_net[0] + net.n, before_net[1] + net.total, before_net[2] + net.squares
                )  # fmt: skip
        return tally


def count(asking: Asking, *, grain: Grain = "all", by: str | None = None, maxdiff: Iterable[str] = ()) -> Counted:
    """Everything that was answered. `maxdiff` names the questions of that kind. Raises TooManyGroups, UnknownField."""
    sql, values = _answers(asking)
    scope = asking.filters()
    more: dict[str, Any] = {"grain": grain, "by": by, "most": MOST_ROWS, **values}
    scores = ask(sql(SCORES_SQL), scope, row=ScoreRow, name="surveys.scores", **more).rows
    choices = ask(sql(CHOICES_SQL), scope, row=ChoiceRow, name="surveys.choices", **more).rows
    names = list(maxdiff)
    nets = (
        ask(sql(NETS_SQL), scope, row=NetRow, name="surveys.maxdiff", names=names, **more).rows if names else []
    )  # fmt: skip
    if max(len(scores), len(choices), len(nets)) >= MOST_ROWS:
        raise TooManyGroups(MOST_ROWS)
    return Counted(scores, choices, nets)


@dataclass(frozen=True, slots=True)
class PairRow:
    a: str
    b: str
    n: int


# An empty text stands for any answer, so that the same rows hold the margins: how many gave `a` and answered the other
# question at all. Two arrays in one ARRAY JOIN go in step; every pair is wanted, so one is joined a level below.
PAIRS_SQL = """
SELECT a, toString(b) AS b, toUInt64(count()) AS n
FROM (
  SELECT toString(arrayJoin(arrayPushBack(firsts, ''))) AS a, arrayPushBack(seconds, '') AS all_seconds
  FROM (
    SELECT groupUniqArrayArrayIf(
             said, name = {first:String} AND has({first_versions:Array(UInt32)}, version)
           ) AS firsts,
           groupUniqArrayArrayIf(
             said, name = {second:String} AND has({second_versions:Array(UInt32)}, version)
           ) AS seconds
    FROM (
      SELECT response_id, toString(question) AS name, question_version AS version,
             if(metric = 'choice', arrayMap(one -> toString(one), choices), [ifNull(toString(score), '')]) AS said
      FROM feedback $join
      WHERE $scope AND $answers AND toString(question) IN ({first:String}, {second:String}) AND response_id != ''
    )
    GROUP BY response_id
  )
  WHERE notEmpty(firsts) AND notEmpty(seconds)
)
ARRAY JOIN all_seconds AS b
GROUP BY a, b ORDER BY a, b LIMIT {most:UInt32}
"""
ANY: Final = ""


@dataclass(frozen=True, slots=True)
class CountRow:
    n: int


def pairs(
    asking: Asking, first: str, first_versions: Iterable[int], second: str, second_versions: Iterable[int]
) -> dict[tuple[str, str], int]:
    """How many people gave each pair of answers to two questions; with ANY in the place of one, any answer to it."""
    sql, values = _answers(asking)
    rows = ask(
        sql(PAIRS_SQL), asking.filters(), row=PairRow, name="surveys.pairs", most=MOST_ROWS,
        first=first, second=second, first_versions=sorted(first_versions), second_versions=sorted(second_versions),
        **values,
    ).rows  # fmt: skip
    if len(rows) >= MOST_ROWS:
        raise TooManyGroups(MOST_ROWS)
    return {(row.a, row.b): row.n for row in rows}


@dataclass(frozen=True, slots=True)
class TextRow:
    event_id: UUID
    response_id: str
    question: str
    occurred_at: Any
    score: float | None
    language: str
    comment: str


TEXTS_SQL = """
SELECT event_id, response_id, toString(question) AS question, occurred_at, score, toString(language) AS language,
       comment
FROM feedback $join
WHERE $scope AND $answers AND comment != '' AND has({questions:Array(String)}, toString(question))
  AND ({search:String} = '' OR positionCaseInsensitiveUTF8(comment, {search:String}) > 0)
ORDER BY occurred_at DESC, event_id LIMIT {size:UInt32} OFFSET {start:UInt32}
"""
TEXTS_COUNT_SQL = """
SELECT toUInt64(count()) AS n FROM feedback $join
WHERE $scope AND $answers AND comment != '' AND has({questions:Array(String)}, toString(question))
  AND ({search:String} = '' OR positionCaseInsensitiveUTF8(comment, {search:String}) > 0)
"""


def texts(
    asking: Asking, questions: Iterable[str], *, search: str = "", page: int = 1, size: int = 50
) -> tuple[list[TextRow], int]:
    """What people wrote to these questions (or as the comment of these scores), newest first; and how many."""
    sql, values = _answers(asking)
    more: dict[str, Any] = {"questions": list(questions), "search": search, **values}
    rows = ask(
        sql(TEXTS_SQL), asking.filters(), row=TextRow, name="surveys.texts", size=size, start=(page - 1) * size, **more
    ).rows
    total = ask(sql(TEXTS_COUNT_SQL), asking.filters(), row=CountRow, name="surveys.texts", **more).rows
    return rows, total[0].n if total else 0


NEWEST_SQL = """
SELECT event_id, response_id, toString(question) AS question, occurred_at, score, toString(language) AS language,
       comment
FROM feedback $join
WHERE $scope AND $answers AND comment != '' AND has({questions:Array(String)}, toString(question))
ORDER BY question, occurred_at DESC, event_id LIMIT {size:UInt32} BY question
"""
TEXTS_BY_SQL = """
SELECT toString(question) AS question, toUInt64(count()) AS n FROM feedback $join
WHERE $scope AND $answers AND comment != '' AND has({questions:Array(String)}, toString(question))
GROUP BY question ORDER BY question
"""


@dataclass(frozen=True, slots=True)
class TextsRow:
    question: str
    n: int


def newest_texts(asking: Asking, questions: Iterable[str], size: int) -> dict[str, tuple[list[TextRow], int]]:
    """By question: the newest texts, and how many there are."""
    sql, values = _answers(asking)
    more: dict[str, Any] = {"questions": list(questions), **values}
    scope = asking.filters()
    rows = ask(sql(NEWEST_SQL), scope, row=TextRow, name="surveys.newest_texts", size=size, **more).rows
    found = ask(sql(TEXTS_BY_SQL), scope, row=TextsRow, name="surveys.newest_texts", **more).rows
    return {one.question: ([row for row in rows if row.question == one.question], one.n) for one in found}


@dataclass(slots=True)
class _Filled:
    condition: str

    def __call__(self, sql: str) -> str:
        return sql.replace("$answers", self.condition)


def _answers(asking: Asking) -> tuple[_Filled, Mapping[str, Any]]:
    """The filters on other questions as SQL, and their values."""
    conditions, values = ["true"], dict[str, Any]()
    if asking.answers:
        values["other_surveys"] = list(asking.surveys)
    for number, one in enumerate(asking.answers):
        name = f"other{number}"
        values[f"{name}_question"] = one.field.removeprefix(ANSWER)
        inside = (
            "SELECT response_id FROM feedback WHERE $workspace AND has({other_surveys:Array(String)}, toString(survey))"
            f" AND toString(question) = {{{name}_question:String}} AND response_id != ''"
        )
        negated = one.operator in {"is_not", "is_not_set"}
        match one.operator:
            case "is" | "is_not":
                values[name] = list(one.values)
                inside += (
                    f" AND (hasAny(arrayMap(one -> toString(one), choices), {{{name}:Array(String)}})"
                    f" OR has({{{name}:Array(String)}}, ifNull(toString(score), '')))"
                )
            case "contains":
                values[name] = list(one.values)
                found = "positionCaseInsensitiveUTF8(comment, part) > 0"
                inside += f" AND arrayExists(part -> {found}, {{{name}:Array(String)}})"
            case "at_least" | "at_most":
                values[name] = float(one.values[0])
                inside += f" AND score {'>=' if one.operator == 'at_least' else '<='} {{{name}:Float64}}"
            case "is_set" | "is_not_set":
                pass
            case _:
                raise UnknownField(one.field)
        conditions.append(f"response_id GLOBAL {'NOT ' if negated else ''}IN ({inside})")
    return _Filled(" AND ".join(conditions)), values
