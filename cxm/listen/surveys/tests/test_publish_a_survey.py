"""Creating, editing, undoing, publishing: what a version holds, when a wording is new, when the trend breaks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cxm.accounts.models import AuditEntry, Workspace
from cxm.listen.surveys import actions
from cxm.listen.surveys.actions import SurveyRefused, edit_draft, publish, read_definition
from cxm.listen.surveys.definition import Choice, Definition, Page, Question, Scale, Section
from cxm.listen.surveys.models import QuestionVersion, Revision, Survey, Version
from cxm.listen.surveys.queries import can_step, draft_of
from cxm.listen.surveys.wordings import titles_of
from cxm.testing.cast import make_user, make_workspace

pytestmark = pytest.mark.django_db


def small() -> Definition:
    nps = Question(id="nps", kind="nps", title={"en": "Would you recommend us?"})
    choices = [Choice(id="price", label={"en": "Price"}), Choice(id="speed", label={"en": "Speed"})]
    why = Question(id="why", kind="single", title={"en": "What was it?"}, choices=choices)
    return Definition(
        title={"en": "Delivery"}, languages=["en"],
        pages=[Page(id="p1", sections=[Section(id="s1", questions=[nps, why])])],
    )  # fmt: skip


def made(workspace: Workspace | None = None, definition: Definition | None = None) -> Survey:
    workspace = workspace or make_workspace()
    return actions.create_survey(
        workspace=workspace, name="After delivery", definition=definition or small(),
        by=workspace.memberships.get().user,
    )  # fmt: skip


def by(survey: Survey) -> Any:
    return survey.workspace.memberships.get().user


def retitled(survey: Survey, question: str, title: str) -> Survey:
    def change(draft: Definition, _taken: object) -> None:
        next(one for one in draft.questions() if one.id == question).title["en"] = title

    return edit_draft(survey=survey, change=change, by=by(survey))


def test_a_new_survey_is_a_draft_with_a_key_of_its_own() -> None:
    first = made()
    second = made(first.workspace)
    assert (first.state, first.key, second.key) == ("draft", "after-delivery", "after-delivery-2")
    assert AuditEntry.objects.filter(verb="created", subject="survey").count() == 2


def test_edits_are_undone_and_made_again_in_order() -> None:
    survey = made()
    for title in ("One", "Two", "Three"):
        survey = retitled(survey, "nps", title)
    assert survey.revision == 3
    survey = actions.undo(survey=actions.undo(survey=survey, by=by(survey)), by=by(survey))
    assert next(draft_of(survey).questions()).title["en"] == "One"
    assert can_step(survey) == (True, True)
    survey = actions.redo(survey=survey, by=by(survey))
    assert next(draft_of(survey).questions()).title["en"] == "Two"
    survey = retitled(survey, "nps", "Four")  # what was undone cannot come back after a new edit
    assert can_step(survey) == (True, False)
    with pytest.raises(SurveyRefused, match="nothing to redo"):
        actions.redo(survey=survey, by=by(survey))
    for _step in range(3):
        survey = actions.undo(survey=survey, by=by(survey))
    assert next(draft_of(survey).questions()).title["en"] == "Would you recommend us?"
    with pytest.raises(SurveyRefused, match="nothing to undo"):
        actions.undo(survey=survey, by=by(survey))


def test_an_edit_that_changes_nothing_is_no_revision() -> None:
    survey = made()
    survey = retitled(survey, "nps", "Would you recommend us?")
    assert (survey.revision, Revision.objects.count()) == (0, 0)


def test_a_version_is_what_was_published_and_stays_so() -> None:
    survey = made()
    version = publish(survey=survey, by=by(survey))
    survey.refresh_from_db()
    assert (survey.state, survey.version, version.number) == ("live", 1, 1)
    assert version.question_versions == {"nps": 1, "why": 1}
    retitled(survey, "nps", "Changed")
    version.refresh_from_db()
    assert version.definition["pages"][0]["sections"][0]["questions"][0]["title"] == {"en": "Would you recommend us?"}
    entry = AuditEntry.objects.get(verb="published")
    assert entry.changes == {"version": [None, 1], "state": ["draft", "live"]}


def test_only_a_question_that_looks_different_gets_a_new_wording() -> None:
    survey = made()
    publish(survey=survey, by=by(survey))
    survey = retitled(survey, "nps", "Would you recommend our shop?")

    def require(draft: Definition, _taken: object) -> None:
        list(draft.questions())[1].required = True  # nobody sees another question for it

    survey = edit_draft(survey=survey, change=require, by=by(survey))
    version = publish(survey=survey, by=by(survey))
    assert version.question_versions == {"nps": 2, "why": 1}
    wording = QuestionVersion.objects.get(question="nps", number=2)
    assert not wording.scale_changed
    assert QuestionVersion.objects.get(question="nps", number=1).body["title"] == {"en": "Would you recommend us?"}


def test_a_changed_scale_is_marked() -> None:
    definition = small()
    rating = Question(id="taste", kind="rating", title={"en": "How did it taste?"}, scale=Scale(1, 5))
    definition.pages[0].sections[0].questions.append(rating)
    survey = made(definition=definition)
    publish(survey=survey, by=by(survey))

    def wider(draft: Definition, _taken: object) -> None:
        list(draft.questions())[2].scale = Scale(1, 7)

    survey = edit_draft(survey=survey, change=wider, by=by(survey))
    assert publish(survey=survey, by=by(survey)).question_versions["taste"] == 2
    assert QuestionVersion.objects.get(question="taste", number=2).scale_changed


def test_nothing_is_published_twice_or_half_done() -> None:
    survey = made()
    publish(survey=survey, by=by(survey))
    with pytest.raises(SurveyRefused, match="Nothing has changed since version 1"):
        publish(survey=survey, by=by(survey))
    survey = retitled(survey, "nps", " ")
    with pytest.raises(SurveyRefused, match="1 thing has to be put right") as refused:
        publish(survey=survey, by=by(survey))
    assert [(one.code, str(one.place)) for one in refused.value.problems] == [("no_text", "question:nps")]
    assert Version.objects.count() == 1


def test_an_answered_question_keeps_the_shape_of_its_answers() -> None:
    survey = made()
    publish(survey=survey, by=by(survey))

    def another_kind(draft: Definition, _taken: object) -> None:
        list(draft.questions())[1].kind = "multiple"

    survey = edit_draft(survey=survey, change=another_kind, by=by(survey))
    with pytest.raises(SurveyRefused) as refused:
        publish(survey=survey, by=by(survey))
    assert [one.code for one in refused.value.problems] == ["shape"]


def test_the_code_of_a_choice_never_means_something_else() -> None:
    survey = made()
    publish(survey=survey, by=by(survey))

    def without(draft: Definition, _taken: object) -> None:
        list(draft.questions())[1].choices[0] = Choice(id="taste", label={"en": "Taste"})

    def again(draft: Definition, _taken: object) -> None:
        list(draft.questions())[1].choices[0] = Choice(id="price", label={"en": "Friendly people"})

    survey = edit_draft(survey=survey, change=without, by=by(survey))
    publish(survey=survey, by=by(survey))
    survey = edit_draft(survey=survey, change=again, by=by(survey))
    with pytest.raises(SurveyRefused) as refused:
        publish(survey=survey, by=by(survey))
    assert [one.code for one in refused.value.problems] == ["choice_again"]


@pytest.mark.parametrize(
    "data",
    [
        {"title": {"en": "x"}, "languages": []},
        {"title": {"en": "x"}, "languages": ["en"], "look": {"accent": "red;background:url(//evil)"}},
        {
            "title": {"en": "x"},
            "languages": ["en"],
            "endings": [{"id": "e", "title": {}, "link": "javascript:alert(1)"}],
        },
        {"title": {"en": "x"}, "languages": ["en"], "pages": [{"id": "p"}, {"id": "p"}]},
        {"title": {"en": "x"}, "languages": ["en"], "pages": [{"id": "<b>"}]},
        {"title": {"en": "x" * 20_001}, "languages": ["en"]},
        {"title": {"en": "x"}, "languages": ["en"], "surprise": 1},
        {"title": {"en": "half \ud800"}, "languages": ["en"]},
        {"title": {"en": "x"}, "languages": ["en"], "variables": ["\x00"]},
        {
            "title": {"en": "x"},
            "languages": ["en"],
            "pages": [
                {
                    "id": "p",
                    "sections": [
                        {"id": "s", "questions": [{"id": "q", "kind": "number", "title": {}, "default": "\x00"}]}
                    ],
                }
            ],
        },
        {
            "title": {"en": "x"},
            "languages": ["en"],
            "rules": [{"id": "r", "do": "compute", "formula": json.loads('{"do": "add", "of": [' * 300 + "]}" * 300)}],
        },
        {
            "title": {"en": "x"},
            "languages": ["en"],
            "rules": [
                {
                    "id": "r",
                    "do": "tag",
                    "when": json.loads('{"not": ' * 300 + '{"field": "language", "values": ["en"]}' + "}" * 300),
                }
            ],
        },
        {"title": 3, "languages": ["en"]},
        ["no", "object"],
    ],
)
def test_a_harmful_or_broken_definition_is_not_stored(data: Any) -> None:
    survey = made()
    with pytest.raises(SurveyRefused):
        actions.put_definition(survey=survey, definition=read_definition(data), by=by(survey))
    survey.refresh_from_db()
    assert survey.revision == 0


def test_states_follow_each_other() -> None:
    survey = made()
    with pytest.raises(SurveyRefused):
        actions.pause(survey=survey, by=by(survey))
    publish(survey=survey, by=by(survey))
    assert actions.pause(survey=survey, by=by(survey)).state == "paused"
    assert actions.reopen(survey=survey, by=by(survey)).state == "live"
    assert actions.close(survey=survey, by=by(survey)).state == "closed"
    assert actions.archive(survey=survey, by=by(survey)).archived_at
    with pytest.raises(SurveyRefused):
        actions.reopen(survey=survey, by=by(survey))
    assert actions.unarchive(survey=survey, by=by(survey)).archived_at is None


def test_an_address_belongs_to_one_survey() -> None:
    survey = made()
    actions.change_settings(survey=survey, by=by(survey), address="tea", pin="1234")
    second = made(survey.workspace)
    for address in ("tea", "i", "A b", "x"):
        with pytest.raises(SurveyRefused):
            actions.change_settings(survey=second, by=by(survey), address=address)
    assert "1234" not in str(AuditEntry.objects.filter(verb="changed").get().changes)


def test_a_restored_version_is_the_draft_again_and_the_copy_is_independent() -> None:
    survey = made()
    publish(survey=survey, by=by(survey))
    survey = retitled(survey, "nps", "Changed")
    survey = actions.restore_version(survey=survey, number=1, by=by(survey))
    assert next(draft_of(survey).questions()).title["en"] == "Would you recommend us?"
    copy = actions.duplicate(survey=survey, by=by(survey))
    retitled(copy, "nps", "Of the copy")
    survey.refresh_from_db()
    assert next(draft_of(survey).questions()).title["en"] == "Would you recommend us?"
    assert (copy.state, copy.version, copy.key != survey.key) == ("draft", 0, True)


def test_answers_keep_a_survey_from_being_deleted() -> None:
    survey = made()
    survey.responses.create(workspace=survey.workspace, version=1, language="en", test=True)
    answered = made(survey.workspace)
    answered.responses.create(workspace=survey.workspace, version=1, language="en")
    actions.delete_survey(survey=survey, by=by(survey))
    with pytest.raises(SurveyRefused, match="Archive it instead"):
        actions.delete_survey(survey=answered, by=by(answered))
    assert list(Survey.objects.all()) == [answered]


def test_a_code_stands_for_its_words_where_all_surveys_agree_on_them() -> None:
    first = made()
    second = made(first.workspace)
    elsewhere = made(make_workspace("Lviv Lamps", owner=make_user("ivan@example.com")))
    for survey in (first, second, elsewhere):
        actions.publish(survey=survey, by=by(survey))
    titles = {"nps": "Would you recommend us?", "why": "What was it?"}
    asked = ["nps", "why", "How was the delivery?"]
    assert titles_of(first.workspace_id, asked, "en") == titles
    actions.publish(survey=retitled(elsewhere, "nps", "And now?"), by=by(elsewhere))
    assert titles_of(first.workspace_id, asked, "en") == titles
    assert titles_of(elsewhere.workspace_id, ["nps"], "pl") == {"nps": "And now?"}
    actions.publish(survey=retitled(second, "nps", "How likely is it?"), by=by(second))
    assert titles_of(first.workspace_id, asked, "en") == {"why": "What was it?"}
