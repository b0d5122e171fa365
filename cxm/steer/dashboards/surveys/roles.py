"""The same question in several surveys: answers put together by the role of the question.

Answers on one scale are put together; a role that was asked on several scales has one figure for each, because a mean
over two scales means nothing. Each survey is compared with all others of the role (false-discovery rate 5 %).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cxm.accounts.models import Workspace
from cxm.listen.surveys.models import Survey
from cxm.listen.surveys.wordings import Asked, asked_questions
from cxm.record.eventlog.scope import Filter, Scope
from cxm.stats.comparison import verdicts
from cxm.understand.metrics.comparison import difference
from cxm.understand.metrics.metric import Cell

from ..periods import Days
from .asking import ALL_TIME, Counted, Tally, asking_of, count
from .figures import SCORES, Key, keys_of, score_keys
from .waves import WaveCell


@dataclass(slots=True)
class Role:
    """A role, and the questions that have it: (survey, question)."""

    name: str
    kind: str
    questions: list[tuple[Survey, Asked]]

    @property
    def label(self) -> str:
        return self.name


@dataclass(slots=True)
class SurveyLine:
    survey: Survey
    asked: Asked
    cell: WaveCell
    title: str


@dataclass(slots=True)
class Scale:
    """All answers of a role on one scale: the figures together, then survey by survey."""

    scale: str
    figures: list[Key]
    lines: list[SurveyLine] = field(default_factory=list)


@dataclass(slots=True)
class Combined:
    roles: list[Role]
    chosen: Role | None = None
    scales: list[Scale] = field(default_factory=list)


def roles_of(workspace: Workspace) -> list[Role]:
    """The roles of scores and choices, those in the most surveys first."""
    found: dict[tuple[str, str], Role] = {}
    for survey in Survey.objects.filter(workspace=workspace, version__gt=0).order_by("name"):
        for asked in asked_questions(survey):
            if asked.kind in SCORES or asked.kind in {"yes_no", "thumbs", "single", "dropdown", "number"}:
                role = found.setdefault((asked.role, asked.kind), Role(asked.role, asked.kind, []))
                role.questions.append((survey, asked))
    return sorted(found.values(), key=lambda role: (-len(role.questions), role.name))


def combined(
    workspace: Workspace, days: Days, filters: tuple[Filter, ...], name: str, language: str
) -> Combined:  # fmt: skip
    roles = roles_of(workspace)
    wanted, _point, kind = name.rpartition(":")
    chosen = next((role for role in roles if (role.name, role.kind) == (wanted, kind)), roles[0] if roles else None)
    found = Combined(roles, chosen)
    if chosen is None:
        return found
    since, until = days.moments(workspace.time_zone)
    scope = Scope(workspace.pk, workspace.time_zone, since, until, filters)
    counted = count(asking_of(scope, {survey.key for survey, _asked in chosen.questions}))
    tallies = {
        (survey.key, asked.id, scale): tally
        for survey, asked in chosen.questions
        for scale, tally in _by_scale(counted, survey, asked).items()
    }
    for scale in sorted({key[2] for key in tallies}):
        found.scales.append(_scale(chosen, scale, tallies, language))
    return found


def _by_scale(counted: Counted, survey: Survey, asked: Asked) -> dict[str, Tally]:
    """The answers to a question of one survey, apart by the scale that they were given on."""
    found: dict[str, Tally] = {}
    for scale in {row.scale for row in counted.scores if row.survey == survey.key and row.question == asked.id}:
        part = replace(counted, scores=[row for row in counted.scores if row.scale == scale])
        found[scale] = part.tally(asked.id, survey=survey.key)
    return found


def _scale(role: Role, scale: str, tallies: Mapping[tuple[str, str, str], Tally], language: str) -> Scale:
    parts = [
        (survey, asked, tallies[survey.key, asked.id, scale])
        for survey, asked in role.questions
        if (survey.key, asked.id, scale) in tallies
    ]
    asked = parts[0][1]
    found = Scale(scale, _keys(asked, _sum([tally for _survey, _asked, tally in parts]), language))
    changes = []
    for survey, one, tally in parts:
        keys = _keys(one, tally, language)
        cell = WaveCell(keys[0] if keys else None)
        rest = _keys(asked, _sum([other for place, _asked, other in parts if place is not survey]), language)
        if keys and rest and len(parts) > 1:
            cell.change = difference(_cell(rest[0]), _cell(keys[0]))
            changes.append(cell)
        found.lines.append(SurveyLine(survey, one, cell, one.title(language)))
    judged = verdicts([cell.change for cell in changes if cell.change is not None])
    for cell, verdict in zip(changes, judged, strict=True):
        cell.verdict = verdict
    return found


def _keys(asked: Asked, tally: Tally, language: str) -> list[Key]:
    return score_keys(asked.kind, tally) if asked.kind in SCORES else keys_of(asked, lambda _name: tally, language)


def _cell(key: Key) -> Cell:
    return Cell(ALL_TIME, "", key.estimate, key.sample)


def _sum(tallies: list[Tally]) -> Tally:
    total = Tally()
    for one in tallies:
        total.n += one.n
        total.metric = total.metric or one.metric
        total.scales |= one.scales
        for score, n in one.scores.items():
            total.scores[score] = total.scores.get(score, 0) + n
        for choice, n in one.choices.items():
            total.choices[choice] = total.choices.get(choice, 0) + n
    return total
