"""Random edits of a survey that people are answering: no answer is lost, and none comes to mean something else.

Between the edits the draft is published and answered, by the very runtime that serves respondents. After every step
each answer is still there, and under the version that was answered it reads as it did on the day it was given.
CXM_TEST_FULL=1 makes it ten thousand.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import msgspec
import pytest

from cxm.accounts.models import User
from cxm.lib.conditions import Condition
from cxm.listen.surveys import actions, editing
from cxm.listen.surveys.actions import SurveyRefused
from cxm.listen.surveys.checking import Taken
from cxm.listen.surveys.definition import Choice, Definition, Page, Question, Rule, Section
from cxm.listen.surveys.editing import KINDS, EditRefused
from cxm.listen.surveys.models import QuestionVersion, Response, Survey, Version
from cxm.listen.surveys.places import Place, places
from cxm.listen.surveys.wording import SHAPE_OF, scale_changed, shape_of
from cxm.testing.cast import make_workspace
from cxm.testing.effort import full_or

pytestmark = [pytest.mark.django_db, pytest.mark.once]

EDITS = full_or(10_000, 300)
WITH = {"matrix": ("choices", "rows")} | dict.fromkeys(
    ("single", "multiple", "dropdown", "picture", "ranking", "constant_sum", "maxdiff"), ("choices",)
)  # fmt: skip
WORDS = ["Price", "Speed", "Taste", "Help", "Ціна", "速度", "", "Price", "{answer.nps|none}", "<b>bold</b>"]


def start() -> Definition:
    questions = [
        editing.new_question(kind, kind, "en") for kind in ("nps", "single", "multiple", "matrix", "long_text")
    ]
    return Definition(
        title={"en": "Live"}, languages=["en"], pages=[Page(id="p1", sections=[Section(id="s1", questions=questions)])]
    )


class Editor:
    """Somebody who edits without a plan."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.done: Counter[str] = Counter()

    def edit(self, survey: Survey, by: User) -> Survey:
        deed = self.chance.choice(
            ["text", "text", "choice_text", "add", "delete", "move", "copy", "kind", "add_choice", "drop_choice",
             "rename", "scale", "condition", "rule", "page", "undo", "redo", "replace", "several"]
        )  # fmt: skip
        try:
            if deed in ("undo", "redo"):
                survey = (actions.undo if deed == "undo" else actions.redo)(survey=survey, by=by)
            else:
                survey = actions.edit_draft(survey=survey, change=getattr(self, deed), by=by)
        except (EditRefused, SurveyRefused):
            self.done["refused"] += 1
            return Survey.objects.get(pk=survey.pk)
        self.done[deed] += 1
        return survey

    def question(self, draft: Definition) -> Question:
        found = list(draft.questions())
        if not found:
            raise EditRefused("none")
        return self.chance.choice(found)

    def text(self, draft: Definition, _taken: Taken) -> None:
        self.question(draft).title["en"] = f"{self.chance.choice(WORDS)} {self.chance.randrange(1000)}"

    def choice_text(self, draft: Definition, _taken: Taken) -> None:
        question = self.question(draft)
        if ones := [*question.choices, *question.rows]:
            self.chance.choice(ones).label["en"] = f"{self.chance.choice(WORDS)} {self.chance.randrange(1000)}"

    def add(self, draft: Definition, taken: Taken) -> None:
        if sum(1 for _one in draft.questions()) < 25:
            after = self.chance.choice([Place(), *places(draft)])
            after = after if after.part in ("question", "page", "section") else Place()
            editing.add_question(draft, taken, kind=self.chance.choice(KINDS), after=after, language="en")

    def delete(self, draft: Definition, _taken: Taken) -> None:
        place = self.chance.choice(list(places(draft)))
        if place.part == "question" or self.chance.random() < 0.2:
            editing.delete(draft, place=place)

    def move(self, draft: Definition, _taken: Taken) -> None:
        place = self.chance.choice(list(places(draft)))
        if place.part != "quota":
            editing.move(draft, place=place, step=self.chance.choice([-1, 1]))

    def copy(self, draft: Definition, taken: Taken) -> None:
        if sum(1 for _one in draft.questions()) < 25:
            editing.duplicate(draft, taken, place=Place("question", self.question(draft).id))

    def kind(self, draft: Definition, taken: Taken) -> None:
        kind = self.chance.choice(KINDS)
        editing.change_kind(draft, taken, question_id=self.question(draft).id, kind=kind, language="en")

    def add_choice(self, draft: Definition, taken: Taken) -> None:
        question = self.question(draft)
        which = self.chance.choice(["choices", "rows"] if question.rows else ["choices"])
        if getattr(question, which) and len(getattr(question, which)) < 12:
            editing.add_choices(question, taken, [self.chance.choice(WORDS)], which, "en")  # type: ignore[arg-type]  # one of the two

    def drop_choice(self, draft: Definition, _taken: Taken) -> None:
        question = self.question(draft)
        if len(question.choices) > 2:
            question.choices.remove(self.chance.choice(question.choices))

    def rename(self, draft: Definition, taken: Taken) -> None:
        question = self.question(draft)
        if question.id not in taken.shapes:  # as the form has it: a published code is read-only
            wish = self.chance.choice(["nps", "single", "reason", f"q{self.chance.randrange(60)}"])
            editing.rename_question(draft, taken, question_id=question.id, new_id=wish)

    def scale(self, draft: Definition, _taken: Taken) -> None:
        question = self.question(draft)
        if question.scale and question.kind != "nps":
            question.scale.highest = float(self.chance.choice([5, 7, 10]))

    def several(self, draft: Definition, _taken: Taken) -> None:
        question = self.question(draft)
        if question.kind in ("picture", "matrix"):
            question.several = not question.several  # what the form refuses once published; publishing must notice

    def condition(self, draft: Definition, _taken: Taken) -> None:
        source, target = self.question(draft), self.question(draft)
        target.show = self.chance.choice([None, Condition(field=f"answer.{source.id}", operator="is_set")])

    def rule(self, draft: Definition, _taken: Taken) -> None:
        if len(draft.rules) < 5:
            draft.rules.append(Rule(id=f"r{self.chance.randrange(10**6)}", do="tag", target="seen"))

    def page(self, draft: Definition, _taken: Taken) -> None:
        if len(draft.pages) < 6:
            editing.add_page(draft, after=Place())

    def replace(self, draft: Definition, _taken: Taken) -> None:
        """A file is put over the draft in which old codes mean new things: what an import or a program may do."""
        if self.chance.random() < 0.8:
            return
        question = self.question(draft)
        question.kind = self.chance.choice(KINDS)  # type: ignore[arg-type]  # any of them
        question.choices = [
            Choice(id=one.id, label={"en": f"Other {self.chance.randrange(99)}"}) for one in question.choices
        ]


def repaired(definition: Definition, number: int) -> Definition:
    """The draft without what stops publishing: conditions on what is gone, empty texts, too few choices."""
    asked = {one.id for one in definition.questions()}
    known: set[str] = set()  # those asked before
    for question in definition.questions():
        question.title["en"] = question.title.get("en", "").strip() or "Asked"
        for which, fewest in (("choices", 3), ("rows", 1)):
            ones: list[Choice] = getattr(question, which)
            if (ones or which in WITH.get(question.kind, ())) and not question.carry:
                ones += [Choice(id=f"new{number}-{which}{n}", label={"en": "New"}) for n in range(fewest - len(ones))]
        for n, one in enumerate((*question.choices, *question.rows)):
            one.label["en"] = one.label.get("en", "").strip() or f"Choice {n}"
        if "nps" not in asked:
            for text in (question.title, *(one.label for one in (*question.choices, *question.rows))):
                text["en"] = text["en"].replace("{answer.nps|none}", "(nothing)")
        question.per_task = min(max(question.per_task, 2), max(len(question.choices), 2))
        if question.show and question.show.field.removeprefix("answer.") not in known:
            question.show = None
        question.explains = ""
        known.add(question.id)
    return definition


def answer_to(question: Question, chance: random.Random) -> Any:
    """An answer of the right shape, if it has choices or numbers."""
    ids = [one.id for one in question.choices]
    match shape_of(question):
        case "number":
            return float(chance.randrange(11))
        case "choice" if ids:
            return chance.choice(ids)
        case "choices" | "order" if ids:
            return chance.sample(ids, chance.randint(1, len(ids)))
        case "rows" if ids:
            return {row.id: chance.choice(ids) for row in question.rows}
        case "text":
            return f"words {chance.randrange(1000)}"
    return None


def read(question: Question, value: Any) -> Any:
    """An answer as people see it: choices by their labels."""
    labels = {one.id: one.label["en"] for one in (*question.choices, *question.rows)}
    if isinstance(value, list):
        return [labels[one] for one in value]
    if isinstance(value, dict):
        return {labels[row]: labels[one] for row, one in value.items()}
    return labels[value] if SHAPE_OF.get(question.kind) == "choice" or question.kind == "picture" else value


def wordings(survey: Survey) -> dict[tuple[str, int], Question]:
    rows = QuestionVersion.objects.filter(survey=survey)
    return {(one.question, one.number): msgspec.convert(one.body, Question) for one in rows}


def as_read_now(survey: Survey) -> dict[str, dict[str, Any]]:
    """Every stored answer, read under the wording of the version that was answered."""
    known, versions = (
        wordings(survey),
        {one.number: one.question_versions for one in Version.objects.filter(survey=survey)},
    )
    return {
        str(response.pk): {
            question: read(known[question, versions[response.version][question]], value)
            for question, value in response.answers.items()
        }
        for response in Response.objects.filter(survey=survey)
    }


def test_random_edits_of_a_live_survey_lose_and_relabel_nothing() -> None:
    workspace = make_workspace()
    by = workspace.memberships.get().user
    survey = actions.create_survey(workspace=workspace, name="Live", definition=start(), by=by)
    actions.publish(survey=survey, by=by)
    editor, chance = Editor(20260301), random.Random(7)
    given: dict[str, dict[str, Any]] = {}
    published = {1: Version.objects.get(survey=survey).definition}
    refusals: Counter[str] = Counter()
    for number in range(EDITS):
        survey = editor.edit(Survey.objects.get(pk=survey.pk), by)
        if number % 10:
            continue
        try:
            definition = repaired(actions.read_definition(survey.draft), number)
            actions.publish(survey=actions.put_definition(survey=survey, definition=definition, by=by), by=by)
        except SurveyRefused as error:
            refusals.update(one.code for one in error.problems)
            if {one.code for one in error.problems} & {"shape", "choice_again"}:  # take back what would have done harm
                newest = Version.objects.filter(survey=survey).latest("number")
                actions.put_definition(survey=survey, definition=actions.read_definition(newest.definition), by=by)
        newest = Version.objects.filter(survey=survey).latest("number")
        published.setdefault(newest.number, newest.definition)
        definition = actions.read_definition(newest.definition)
        answers = {one.id: value for one in definition.questions() if (value := answer_to(one, chance)) is not None}
        response = Response.objects.create(
            workspace=workspace, survey=survey, version=newest.number, language="en", answers=answers, state="completed"
        )
        asked = {one.id: one for one in definition.questions()}
        given[str(response.pk)] = {question: read(asked[question], value) for question, value in answers.items()}
        if number % max(100, EDITS // 5) == 0:  # reading all of them is dear
            assert as_read_now(survey) == given
    assert as_read_now(survey) == given
    assert sum(map(len, given.values())) >= EDITS / 10 * 2  # something was asked all the time
    assert {one.number: one.definition for one in Version.objects.filter(survey=survey)} == published
    check_wordings(survey)
    assert len(published) > EDITS / 30, refusals
    assert {"kind", "copy", "undo", "rename", "drop_choice", "add_choice"} <= editor.done.keys()


def check_wordings(survey: Survey) -> None:
    """Under one code there is one shape of answers; and a break of the scale is marked where it is, and only there."""
    rows = list(QuestionVersion.objects.filter(survey=survey).order_by("question", "number"))
    shapes: dict[str, set[str]] = {}
    for before, row in zip([None, *rows], rows, strict=False):
        body = msgspec.convert(row.body, Question)
        shapes.setdefault(row.question, set()).add(shape_of(body))
        same = before is not None and before.question == row.question
        assert row.number == (before.number + 1 if before is not None and same else 1)
        assert row.scale_changed is bool(
            before is not None and same and scale_changed(msgspec.convert(before.body, Question), body)
        )
    assert all(len(found) == 1 for found in shapes.values()), shapes
