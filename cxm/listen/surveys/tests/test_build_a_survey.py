"""The pages of the builder, with and without scripts: every kind of question, choices, order, undo, problems."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from cxm.accounts.models import Role, Workspace
from cxm.lib.conditions import Condition
from cxm.listen.surveys import actions
from cxm.listen.surveys.checking import Taken
from cxm.listen.surveys.checking import check as problems
from cxm.listen.surveys.definition import Definition, Question
from cxm.listen.surveys.kinds import KIND
from cxm.listen.surveys.models import Survey
from cxm.listen.surveys.presets import PRESETS
from cxm.listen.surveys.queries import draft_of
from cxm.listen.surveys.wizard import DECISIONS
from cxm.testing.cast import make_member, make_user, make_workspace

from .test_publish_a_survey import by, made, small

pytestmark = pytest.mark.django_db


@pytest.fixture
def survey() -> Survey:
    return made()


def client_of(survey: Survey | Workspace) -> Client:
    workspace = survey.workspace if isinstance(survey, Survey) else survey
    client = Client()
    client.force_login(workspace.memberships.order_by("pk")[0].user)
    return client


UNHAPPY = Condition(all=(Condition(field="answer.nps", operator="at_most", values=(6.0,)),))
WHEN = {
    "when-0-join": "all", "when-0.0-field": "answer.nps", "when-0.0-shown": "answer.nps",
    "when-0.0-operator": "at_most", "when-0.0-value": "6",
}  # fmt: skip


def url(survey: Survey, rest: str = "") -> str:
    return f"/w/{survey.workspace.slug}/surveys/{survey.pk}/{rest}"


def form_of(html: str) -> dict[str, Any]:
    """What a browser would send of the form of the chosen part."""
    from html.parser import HTMLParser

    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.inside = False
            self.found: dict[str, Any] = {}
            self.area = self.select = ""

        def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
            given = {key: value or "" for key, value in pairs}
            if tag == "form":
                self.inside = given.get("id") == "part-form"
            if not self.inside or (not given.get("name") and tag != "option"):
                return
            name = given.get("name", "")
            if tag == "textarea":
                self.area = name
                self.found[name] = ""
            elif tag == "select":
                self.select = name
            elif tag == "option" and self.select and ("selected" in given or self.select not in self.found):
                self.found[self.select] = given.get("value", "")
            elif tag == "input" and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
                self.found[name] = given.get("value") or ("on" if given.get("type") == "checkbox" else "")

        def handle_endtag(self, tag: str) -> None:
            if tag == "form":
                self.inside = False
            elif tag == "textarea":
                self.area = ""
            elif tag == "select":
                self.select = ""

        def handle_data(self, data: str) -> None:
            if self.area:
                self.found[self.area] += data.removeprefix("\n")

    reader = Reader()
    reader.feed(html)
    return reader.found


def part(survey: Survey, at: str, **more: str) -> dict[str, Any]:
    page = client_of(survey).get(url(survey), {"at": at, **more})
    assert page.status_code == 200
    return form_of(page.content.decode())


def save(survey: Survey, at: str, do: str = "save", status: int = 302, **changes: Any) -> Any:
    answer = client_of(survey).post(url(survey), part(survey, at) | {"do": do} | changes)
    assert answer.status_code == status, re.findall("(?s)id=.notice.*?</div>", answer.content.decode())
    survey.refresh_from_db()
    return answer


def question(survey: Survey, question_id: str) -> Question:
    return next(one for one in draft_of(survey).questions() if one.id == question_id)


@pytest.mark.parametrize("kind", sorted(KIND))
def test_a_question_of_every_kind_is_added_and_saved_as_it_is(survey: Survey, kind: str) -> None:
    client = client_of(survey)
    answer = client.post(url(survey), {"do": f"add:{kind}", "at": "question:nps", "lang": "en"})
    assert answer.status_code == 302
    survey.refresh_from_db()
    added = list(draft_of(survey).questions())[1]  # right behind the chosen one
    assert added.kind == kind
    before = survey.revision
    save(survey, f"question:{added.id}")
    assert question(survey, added.id) == added
    assert survey.revision == before  # nothing was changed
    save(survey, f"question:{added.id}", title="Asked anew", hint="Because", touchpoint="shop")
    changed = question(survey, added.id)
    assert (changed.title, changed.hint, changed.touchpoint if kind != "statement" else "shop") == (
        {"en": "Asked anew"}, {"en": "Because"}, "shop",
    )  # fmt: skip
    from cxm.listen.surveys.checking import Taken, check

    errors = [one for one in check(draft_of(survey), Taken()) if one.level == "error" and one.place.id == added.id]
    assert errors == [] or kind == "matrix"


def test_choices_are_written_moved_removed_and_added_in_lines(survey: Survey) -> None:
    changes: dict[str, Any] = {"choices-0-label": "Too dear", "choices-1-score": "2,5"}
    save(survey, "question:why", **changes)
    assert [(c.id, c.label, c.score) for c in question(survey, "why").choices] == [
        ("price", {"en": "Too dear"}, None), ("speed", {"en": "Speed"}, 2.5),
    ]  # fmt: skip
    save(survey, "question:why", do="choices:down:0")
    lines: dict[str, Any] = {"choices-lines": "Taste\n\nStaff and help\nЦіна"}
    save(survey, "question:why", do="choices:lines", **lines)
    save(survey, "question:why", do="choices:other")
    assert [c.id for c in question(survey, "why").choices] == [
        "speed",
        "price",
        "taste",
        "staff_and_help",
        "c1",
        "other",
    ]
    save(survey, "question:why", do="choices:remove:1")
    save(survey, "question:why", do="choices:add")  # in front of "other", which stays last
    assert [(c.id, c.other) for c in question(survey, "why").choices][-2:] == [("c2", False), ("other", True)]


def test_a_wrong_value_is_told_and_nothing_is_lost(survey: Survey) -> None:
    before = survey.draft
    wrong: dict[str, Any] = {"choices-0-score": "many", "title": "Kept <b>text</b>"}
    answer = save(survey, "question:why", status=422, **wrong)
    page = answer.content.decode()
    assert "“many” is no number" in page
    assert "Kept &lt;b&gt;text&lt;/b&gt;" in page
    survey.refresh_from_db()
    assert survey.draft == before


def test_a_question_moves_is_copied_deleted_and_comes_back(survey: Survey) -> None:
    client = client_of(survey)

    def ids() -> list[str]:
        survey.refresh_from_db()
        return [one.id for one in draft_of(survey).questions()]

    client.post(url(survey), {"do": "up:question:why", "at": "question:why"})
    assert ids() == ["why", "nps"]
    client.post(url(survey), {"do": "duplicate:question:why", "at": "question:why"})
    assert ids() == ["why", "why_2", "nps"]
    client.post(url(survey), {"do": "delete:question:why", "at": "question:why"})
    assert ids() == ["why_2", "nps"]
    client.post(url(survey), {"do": "undo", "at": "question:nps"})
    client.post(url(survey), {"do": "undo", "at": "question:nps"})
    assert ids() == ["why", "nps"]
    client.post(url(survey), {"do": "redo", "at": "question:nps"})
    assert ids() == ["why", "why_2", "nps"]
    client.post(url(survey), {"do": "add_page", "at": "question:nps"})
    client.post(url(survey), {"do": "down:question:nps", "at": "question:nps"})
    assert [[q.id for s in p.sections for q in s.questions] for p in draft_of(Survey.objects.get()).pages] == [
        ["why", "why_2"], ["nps"],
    ]  # fmt: skip
    client.post(url(survey), {"do": "after:question:nps", "after": "question:why", "at": "question:nps"})
    assert ids() == ["why", "nps", "why_2"]


def test_texts_are_changed_in_the_language_that_is_shown(survey: Survey) -> None:
    client_of(survey).post(url(survey, "settings/"), {"form": "languages", "languages": "en, uk", "hidden": ""})
    data = part(survey, "question:nps", lang="uk")
    assert (data["lang"], data["title"]) == ("uk", "")
    client_of(survey).post(url(survey), data | {"do": "save", "title": "Чи порекомендуєте ви нас?"})
    survey.refresh_from_db()
    assert question(survey, "nps").title == {"en": "Would you recommend us?", "uk": "Чи порекомендуєте ви нас?"}
    assert part(survey, "question:nps", lang="uk")["title"] == "Чи порекомендуєте ви нас?"


def test_saving_by_itself_answers_with_the_notice_only(survey: Survey) -> None:
    data = part(survey, "question:nps") | {"do": "save", "auto": "1", "title": "By itself"}
    answer = client_of(survey).post(url(survey), data, headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert 'id="notice"' in page
    assert "part-form" not in page
    assert answer["HX-Trigger"] == "surveychanged"
    survey.refresh_from_db()
    assert question(survey, "nps").title == {"en": "By itself"}


def test_two_people_do_not_overwrite_each_other_in_silence(survey: Survey) -> None:
    data = part(survey, "question:nps")
    other = make_member(survey.workspace, Role.ANALYST, "other@example.com")
    colleague = Client()
    colleague.force_login(other)
    assert colleague.post(url(survey), data | {"do": "save", "title": "Theirs"}).status_code == 302
    answer = client_of(survey).post(url(survey), data | {"do": "save", "title": "Ours"})
    assert "Somebody else changed this part meanwhile" in answer.content.decode()
    assert "Ours" in answer.content.decode()
    survey.refresh_from_db()
    assert question(survey, "nps").title == {"en": "Theirs"}
    assert client_of(survey).post(url(survey), form_of(answer.content.decode()) | {"do": "save"}).status_code == 302
    survey.refresh_from_db()
    assert question(survey, "nps").title == {"en": "Ours"}


def test_a_code_is_renamed_wherever_it_is_named(survey: Survey) -> None:
    def prepare(draft: Definition, _taken: object) -> None:
        why = list(draft.questions())[1]
        why.show = Condition(field="answer.nps", operator="at_most", values=(6.0,))
        why.title["en"] = "You gave {answer.nps|a score}. Why?"

    actions.edit_draft(survey=survey, change=prepare, by=by(survey))
    save(survey, "question:nps", code="recommend")
    why = question(survey, "why")
    assert why.show is not None
    assert (why.show.field, why.title["en"]) == ("answer.recommend", "You gave {answer.recommend|a score}. Why?")
    actions.publish(survey=survey, by=by(survey))
    save(survey, "question:recommend", code="other")  # published: the field is read-only, and what it says is ignored
    assert question(survey, "recommend")


def test_another_kind_of_answer_gets_another_code_once_published(survey: Survey) -> None:
    save(survey, "question:why", do="kind", kind="dropdown")
    assert question(survey, "why").kind == "dropdown"
    actions.publish(survey=survey, by=by(survey))
    save(survey, "question:why", do="kind", kind="multiple")
    assert [(one.id, one.kind) for one in draft_of(survey).questions()] == [("nps", "nps"), ("multiple", "multiple")]
    assert [c.id for c in question(survey, "multiple").choices] == ["price", "speed"]
    actions.publish(survey=survey, by=by(survey))


def test_a_condition_is_set_and_read_as_a_sentence(survey: Survey) -> None:
    client = client_of(survey)
    answer = client.post(url(survey, "when/question/why/"), WHEN)
    assert answer.status_code == 302
    survey.refresh_from_db()
    assert question(survey, "why").show == UNHAPPY
    page = client.get(url(survey), {"at": "question:why"}).content.decode()
    assert "Would you recommend us? is at most 6" in page
    assert "Would you recommend us? is at most 6" in client.get(url(survey, "logic/")).content.decode()
    assert client.get(url(survey, "when/question/nowhere/")).status_code == 404


def test_a_rule_for_the_answer_has_a_message_in_each_language(survey: Survey) -> None:
    client = client_of(survey)
    client.post(url(survey, "settings/"), {"form": "languages", "languages": "en, uk", "hidden": ""})
    must = {"when-0-join": "all", "when-0.0-field": "value", "when-0.0-shown": "value", "when-0.0-operator": "at_most",
            "when-0.0-value": "9"}  # fmt: skip
    address = url(survey, "check/nps/")
    assert client.post(address, must | {"message-en": "", "message-uk": ""}).status_code == 422
    assert client.post(address, must | {"message-en": "At most 9", "message-uk": "Не більше 9"}).status_code == 302
    survey.refresh_from_db()
    check = question(survey, "nps").checks[0]
    assert check.message == {"en": "At most 9", "uk": "Не більше 9"}
    assert check.must == Condition(all=(Condition(field="value", operator="at_most", values=(9.0,)),))
    assert "At most 9" in client.get(url(survey), {"at": "question:nps"}).content.decode()
    assert client.get(f"{address}1/").status_code == 200
    assert client.get(f"{address}2/").status_code == 404
    actions.publish(survey=survey, by=by(survey))
    client.post(f"{address}1/", {"do": "remove"})
    survey.refresh_from_db()
    assert question(survey, "nps").checks == []


def test_surveyjs_comes_in_with_notes_and_goes_out(survey: Survey) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client = client_of(survey)
    data = b'{"pages": [{"elements": [{"type": "comment", "name": "why", "title": "Why?", "shimmer": true}]}]}'
    address = f"/w/{survey.workspace.slug}/surveys/new/import/"
    page = client.post(address, {"file": SimpleUploadedFile("theirs.json", data)}, follow=True).content.decode()
    assert "shimmer: there is nothing like it here" in page
    assert [one.kind for one in draft_of(Survey.objects.order_by("-pk")[0]).questions()] == ["long_text"]
    assert b'"elements"' in client.get(url(survey, "export/surveyjs/")).content
    assert client.get(url(survey, "export/nothing/")).status_code == 404


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"do": "end", "ending": ""}, "End the survey"),
        ({"do": "require", "questions": ["why"]}, "Require “What was it?”"),
        ({"do": "compute", "variable": "points", "sum": "add", "parts": "{answer.nps}\n2,5"}, "variable “points”"),
        ({"do": "tag", "tag": "unhappy"}, "tag “unhappy”"),
        ({"do": "open_case", "priority": "high"}, "priority “High”"),
    ],
)
def test_a_rule_is_added_changed_and_deleted(survey: Survey, fields: dict[str, Any], words: str) -> None:
    client = client_of(survey)
    assert client.post(url(survey, "logic/rule/"), {"after": "p1", **fields, **WHEN}).status_code == 302
    page = client.get(url(survey, "logic/")).content.decode()
    assert words in page
    survey.refresh_from_db()
    rule = draft_of(survey).rules[0]
    assert rule.when == UNHAPPY
    if rule.formula:
        assert (rule.formula.of, draft_of(survey).variables) == (["{answer.nps}", 2.5], ["points"])
    assert client.get(url(survey, f"logic/rule/{rule.id}/")).status_code == 200
    actions.publish(survey=survey, by=by(survey))
    client.post(url(survey, "logic/"), {"do": f"delete:rule:{rule.id}"})
    survey.refresh_from_db()
    assert draft_of(survey).rules == []


def test_a_rule_that_lacks_something_says_what(survey: Survey) -> None:
    answer = client_of(survey).post(url(survey, "logic/rule/"), {"do": "skip", "after": ""})
    assert answer.status_code == 422
    assert "Choose the page." in answer.content.decode()


def test_a_quota_is_added(survey: Survey) -> None:
    client = client_of(survey)
    assert client.post(url(survey, "logic/quota/"), {"name": "Kyiv", "limit": "100", "then": "end"}).status_code == 302
    assert "0 of 100" in client.get(url(survey, "logic/")).content.decode()
    survey.refresh_from_db()
    [quota] = draft_of(survey).quotas
    assert (quota.limit, quota.then) == (100, "end")
    client.post(url(survey, f"logic/quota/{quota.id}/"), {"name": "Kyiv", "limit": "100", "then": "count"})
    row = client.post(url(survey, "when/question/why/"), {"when-0-join": "all", "when-do": "add:0"})
    assert "Quota “Kyiv” is full" in row.content.decode()
    survey.refresh_from_db()
    definition = draft_of(survey)
    definition.pages[0].sections[0].questions[0].show = Condition(field=f"quota.{quota.id}", values=(False,))
    assert [one for one in problems(definition, Taken()) if one.code == "no_such_quota"] == []
    definition.quotas.clear()
    assert [one.place.id for one in problems(definition, Taken()) if one.code == "no_such_quota"] == ["nps"]


@pytest.mark.parametrize(
    "rest", ["", "?at=start", "?at=page:p1", "?at=section:s1", "?at=question:why", "?at=question:gone", "logic/",
             "check/nps/", "logic/rule/",
             "logic/quota/", "look/", "settings/", "publish/", "preview/", "versions/", "translations/", "export/json/",
             "translations/csv/", "translations/xlsx/", "when/question/why/"],
)  # fmt: skip
def test_every_page_opens(survey: Survey, rest: str) -> None:
    assert client_of(survey).get(url(survey, rest)).status_code == 200
    actions.publish(survey=survey, by=by(survey))
    assert client_of(survey).get(url(survey, rest)).status_code == 200


def test_look_and_settings_are_saved(survey: Survey) -> None:
    client = client_of(survey)
    look = {"accent": "#aa0000", "background": "", "logo": "", "font": "serif", "dark": "never", "back": "on"}
    assert client.post(url(survey, "look/"), look).status_code == 302
    assert client.post(url(survey, "look/"), look | {"accent": "red"}).status_code == 422
    sent = {"form": "settings", "name": "New name", "address": "tea-shop", "pin": "77", "partial_after_minutes": "30",
            "priority": "60", "opens_at": "2026-03-01T10:00"}  # fmt: skip
    assert client.post(url(survey, "settings/"), sent).status_code == 302
    languages = {"form": "languages", "languages": "en, uk", "hidden": "order, campaign"}
    assert client.post(url(survey, "settings/"), languages).status_code == 302
    survey.refresh_from_db()
    draft = draft_of(survey)
    assert (survey.name, survey.address, draft.look.accent, draft.look.progress) == (
        "New name",
        "tea-shop",
        "#aa0000",
        False,
    )
    assert (draft.languages, draft.hidden) == (["en", "uk"], ["order", "campaign"])
    assert client.post(url(survey, "settings/"), languages | {"languages": "русский"}).status_code == 422
    assert client.post(url(survey, "settings/"), sent | {"address": "i"}).status_code == 422


def test_texts_are_translated_side_by_side_and_by_a_table(survey: Survey) -> None:
    client = client_of(survey)
    client.post(url(survey, "settings/"), {"form": "languages", "languages": "en, uk", "hidden": ""})
    page = client.get(url(survey, "translations/")).content.decode()
    assert "Would you recommend us?" in page
    path = "t-question/nps/title"
    client.post(url(survey, "translations/"), {"to": "uk", path: "Чи порекомендуєте ви нас?"})
    survey.refresh_from_db()
    assert question(survey, "nps").title["uk"] == "Чи порекомендуєте ви нас?"
    table = client.get(url(survey, "translations/csv/")).content.decode("utf-8-sig").replace("Price,", "Price,Ціна")
    from django.core.files.uploadedfile import SimpleUploadedFile

    file = SimpleUploadedFile("texts.csv", table.encode())
    assert client.post(url(survey, "translations/"), {"to": "uk", "file": file}).status_code == 302
    survey.refresh_from_db()
    assert question(survey, "why").choices[0].label == {"en": "Price", "uk": "Ціна"}
    bad = SimpleUploadedFile("texts.csv", b"\xff\xfe nothing")
    assert client.post(url(survey, "translations/"), {"to": "uk", "file": bad}).status_code == 422


def test_publishing_shows_problems_first_and_then_the_differences(survey: Survey) -> None:
    client = client_of(survey)
    save(survey, "question:nps", title="")
    assert "no text in the first language" in client.get(url(survey, "publish/")).content.decode()
    assert client.post(url(survey, "publish/")).status_code == 422
    client.post(url(survey), {"do": "undo"})
    assert client.post(url(survey, "publish/")).status_code == 302
    save(survey, "question:nps", title="Another wording")
    page = client.get(url(survey, "publish/")).content.decode()
    assert "Publish version 2" in page
    assert "Another wording" in page
    client.post(url(survey, "publish/"))
    page = client.get(url(survey, "versions/"), {"from": "1", "to": "2"}).content.decode()
    assert "Another wording" in page
    assert client.post(url(survey, "versions/"), {"number": "1"}).status_code == 302
    survey.refresh_from_db()
    assert question(survey, "nps").title == {"en": "Would you recommend us?"}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda one: one.key)
def test_every_preset_can_be_published_in_five_languages(preset: Any) -> None:
    workspace = make_workspace()
    client = client_of(workspace)
    address = f"/w/{workspace.slug}/surveys/new/"
    assert client.get(address, {"preset": preset.key}).status_code == 200
    languages = ["en", "pl", "ru", "uk", "zh-hant"]
    answer = client.post(address, {"preset": preset.key, "name": "Mine", "languages": languages})
    assert answer.status_code == 302
    survey = Survey.objects.get()
    actions.publish(survey=survey, by=by(survey))
    from cxm.listen.surveys import texts

    draft = draft_of(survey)
    assert draft.languages == languages
    assert {one: texts.missing(draft, one) for one in languages} == {one: [] for one in languages}


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda one: one.key)
def test_the_wizard_proposes_and_creates(decision: Any) -> None:
    workspace = make_workspace()
    client = client_of(workspace)
    address = f"/w/{workspace.slug}/surveys/new/wizard/"
    sent = {"decision": decision.key, "touchpoint": "delivery", "call_back": "on", "name": "Mine", "languages": ["en"]}
    page = client.post(address, sent | {"do": "propose"}).content.decode()
    assert "The shortest questionnaire for it" in page
    assert not Survey.objects.exists()
    assert client.post(address, sent | {"do": "create"}).status_code == 302
    survey = Survey.objects.get()
    actions.publish(survey=survey, by=by(survey))
    assert {one.touchpoint for page in draft_of(survey).pages[:1] for s in page.sections for one in s.questions} == {
        "delivery"
    }
    assert [one.id for one in draft_of(survey).questions()][-2:] == ["may_call", "contact"]


def test_a_file_comes_back_as_the_same_survey(survey: Survey) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client = client_of(survey)
    data = client.get(url(survey, "export/json/")).content
    address = f"/w/{survey.workspace.slug}/surveys/new/import/"
    assert client.post(address, {"file": SimpleUploadedFile("s.json", data)}).status_code == 302
    assert Survey.objects.order_by("-pk")[0].draft == survey.draft
    for bad in (b"{", b"\xff", b"[]", b'{"title": 1}'):
        assert client.post(address, {"file": SimpleUploadedFile("s.json", bad)}).status_code == 422
    assert client.post(address, {}).status_code == 422
    assert Survey.objects.count() == 2


def test_xlsform_goes_out_and_comes_back(survey: Survey) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client = client_of(survey)
    data = client.get(url(survey, "export/xlsform/")).content
    address = f"/w/{survey.workspace.slug}/surveys/new/import/"
    assert client.post(address, {"file": SimpleUploadedFile("form.xlsx", data)}).status_code == 302
    found = draft_of(Survey.objects.order_by("-pk")[0])
    assert [one.title["en"] for one in found.questions()] == ["Would you recommend us?", "What was it?"]
    assert client.post(address, {"file": SimpleUploadedFile("form.xlsx", b"PK nothing")}).status_code == 422


def test_the_linter_advises_where_the_question_stands_and_stops_nothing(survey: Survey) -> None:
    save(survey, "question:nps", title="Don't you agree that our excellent service is fast and friendly?")
    client_of(survey).post(url(survey, "settings/"), {"form": "languages", "languages": "en, uk", "hidden": ""})
    page = client_of(survey).get(url(survey), {"at": "question:nps"}).content.decode()
    assert "Ask neutrally." in page
    page = client_of(survey).get(url(survey, "publish/")).content.decode()
    assert "have no translation into “uk”" in page
    survey.refresh_from_db()
    actions.publish(survey=survey, by=by(survey))


def test_viewers_read_the_list_and_change_nothing(survey: Survey) -> None:
    viewer = make_member(survey.workspace, Role.VIEWER, "viewer@example.com")
    client = Client()
    client.force_login(viewer)
    assert client.get(f"/w/{survey.workspace.slug}/surveys/").status_code == 200
    assert client.get(url(survey)).status_code == 403
    assert client.post(url(survey), {"do": "add:nps"}).status_code == 403
    assert client.post(url(survey, "publish/")).status_code == 403
    stranger = Client()
    stranger.force_login(make_user("stranger@example.com"))
    assert stranger.get(url(survey)).status_code == 404
    other = made(make_workspace("Other", owner=make_user("o@example.com")), small())
    assert client_of(survey).get(f"/w/{survey.workspace.slug}/surveys/{other.pk}/").status_code == 404
    before = survey.draft
    survey.refresh_from_db()
    assert survey.draft == before


def test_the_list_finds_counts_and_archives(survey: Survey) -> None:
    client = client_of(survey)
    address = f"/w/{survey.workspace.slug}/surveys/"
    survey.responses.create(workspace=survey.workspace, version=1, language="en", state="completed")
    survey.responses.create(workspace=survey.workspace, version=1, language="en", test=True)
    page = client.get(address).content.decode()
    assert "After delivery" in page
    assert '<td class="number">1</td><td class="number">1</td>' in page
    assert "No survey fits" in client.get(address, {"q": "nothing"}).content.decode()
    client.post(url(survey, "state/"), {"do": "archive"})
    assert "Ask your first question" in client.get(address).content.decode()
    assert "After delivery" in client.get(address, {"archived": ""}).content.decode()


def test_a_statement_may_have_a_button(survey: Survey) -> None:
    client_of(survey).post(url(survey), {"do": "add:statement", "at": "question:nps", "lang": "en"})
    save(survey, "question:statement", link="https://example.com/{hidden.order}", link_label="Our shop")
    survey.refresh_from_db()
    told = question(survey, "statement")
    assert (told.link, told.link_label) == ("https://example.com/{hidden.order}", {"en": "Our shop"})
    answer = save(survey, "question:statement", status=422, link="javascript:alert(1)")
    assert "A link starts with https:// or http://." in answer.content.decode()
    assert question(survey, "statement").link == told.link
    definition = draft_of(survey)
    assert [one.code for one in problems(definition, Taken()) if one.code == "link"] == []
    next(one for one in definition.questions() if one.id == "statement").link = "//{hidden.order}.example.com"
    assert [one.place.id for one in problems(definition, Taken()) if one.code == "link"] == ["statement"]


def test_sections_of_a_page_stand_in_random_order(survey: Survey) -> None:
    assert "Order of the sections" not in client_of(survey).get(url(survey), {"at": "page:p1"}).content.decode()
    client_of(survey).post(url(survey), {"do": "add_section:page:p1", "at": "page:p1", "lang": "en"})
    save(survey, "page:p1", order="random")
    survey.refresh_from_db()
    assert draft_of(survey).pages[0].order == "random"
