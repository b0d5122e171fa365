"""Which surveys a page hears of, for whom, and what happens when one opens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.listen.surveys.identity import identity_hash
from cxm.listen.surveys.models import Contact, ContactRule, IdentityKey, Response, Survey
from cxm.listen.surveys.respond.api import _believed
from cxm.listen.surveys.respond.directory import directory
from cxm.listen.surveys.respond.tokens import start_of
from cxm.listen.surveys.widget.actions import make_identity_key, require_identity
from cxm.listen.surveys.widget.config import Trigger, Widget, in_sample, language_fits, problems
from cxm.listen.surveys.widget.texts import texts
from cxm.record.capture.models import Source, Suppression
from cxm.record.customers.linking import USER, log_id
from cxm.record.customers.models import Consent, Customer, Identity, Segment
from cxm.testing.cast import make_customer, make_user, make_workspace, make_write_key

from .given import live_survey, say

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_held() -> Iterator[None]:
    """Versions are held in memory for good, and tests use their numbers again."""
    yield
    directory().stop()


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def key(workspace: Workspace) -> str:
    return make_write_key(workspace)


def known(workspace: Workspace, user: str = "ada", **fields: Any) -> Customer:
    customer = make_customer(workspace, **fields)
    Identity.objects.create(workspace=workspace, customer=customer, kind=USER, value=user)
    return customer


def offered(client: Client, key: str, **said: Any) -> list[str]:
    """The ids of what the page hears of."""
    answer = say(client, "/widget/surveys", writeKey=key, **said)
    assert answer.status_code == 200, answer.content
    return [one["id"] for one in answer.json()["surveys"]]


def opened(client: Client, key: str, survey: Survey, **said: Any) -> dict[str, Any]:
    answer = say(client, f"/widget/{survey.public_id}/open", writeKey=key, **said)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_page_hears_what_to_show_when_and_in_which_words(client: Client, workspace: Workspace, key: str) -> None:
    survey = live_survey(
        workspace, kind="button", corner="bottom_left", label={"en": "Feedback", "uk": "Відгук"},
        when={"field": "device", "operator": "is", "values": ["desktop"]},
    )  # fmt: skip
    live_survey(workspace, "Not on the site")
    answer = say(client, "/widget/surveys", writeKey=key, anonymousId="a", language="uk-UA")
    assert answer["Access-Control-Allow-Origin"] == "https://shop.example"
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    look = {"accent": "#206bc4", "logo": "", "font": "system", "dark": "auto"}
    assert body["surveys"] == [
        {"id": survey.public_id, "kind": "button", "corner": "bottom_left", "label": "Відгук", "language": "uk",
         "look": look}
    ]  # fmt: skip
    assert set(body["texts"]) == set(texts("en"))


def test_whom_it_is_for_is_nobodys_business(client: Client, workspace: Workspace, key: str) -> None:
    live_survey(workspace, triggers=[{"on": "load"}], when={"field": "trait.debt", "operator": "is_not_set"})
    answer = say(client, "/widget/surveys", writeKey=key, anonymousId="a")
    assert b"debt" not in answer.content


def test_only_surveys_that_take_answers_now_are_offered_the_most_important_first(
    client: Client, workspace: Workspace, key: str
) -> None:
    first, second, paused, early, other = (
        live_survey(one, name, triggers=[{"on": "load"}])
        for one, name in ((workspace, "A"), (workspace, "B"), (workspace, "C"), (workspace, "D"),
                          (make_workspace("Other", make_user("o@example.com")), "E"))
    )  # fmt: skip
    Survey.objects.filter(pk=second.pk).update(priority=90)
    Survey.objects.filter(pk=paused.pk).update(state=Survey.State.PAUSED)
    Survey.objects.filter(pk=early.pk).update(opens_at=timezone.now() + timedelta(hours=1))
    assert offered(client, key, anonymousId="a") == [second.public_id, first.public_id]
    assert opened(client, key, paused)["reason"] == "unknown"
    assert opened(client, key, other)["reason"] == "unknown"


def test_a_key_that_opens_nothing_is_told_so(client: Client, workspace: Workspace, key: str) -> None:
    live_survey(workspace, triggers=[{"on": "load"}])
    assert say(client, "/widget/surveys", writeKey="cxm_write_no").status_code == 401
    assert say(client, "/widget/surveys").status_code == 401
    assert client.post("/widget/surveys", "{", content_type="text/plain").status_code == 400
    assert client.post("/widget/surveys", "[" * 60_000, content_type="text/plain").status_code == 400
    assert client.post("/widget/surveys", " " * 70_000, content_type="text/plain").status_code == 413
    assert client.get("/widget/surveys").status_code == 405
    assert client.options("/widget/surveys", headers={"origin": "https://a.example"}).status_code == 200
    Source.objects.update(origins=["https://other.example"])
    assert say(client, "/widget/surveys", writeKey=key).status_code == 403
    Source.objects.update(origins=[], enabled=False)
    assert say(client, "/widget/surveys", writeKey=key).status_code == 404


@pytest.mark.parametrize(
    ("widget", "said", "fits"),
    [
        ({"devices": ["phone"]}, {"device": "phone"}, True),
        ({"devices": ["phone"]}, {"device": "desktop"}, False),
        ({"languages": ["pt"]}, {"language": "pt-BR"}, True),
        ({"languages": ["pt-br"]}, {"language": "pt"}, False),
        ({"when": {"field": "trait.plan", "operator": "is", "values": ["pro"]}}, {"userId": "ada"}, True),
        ({"when": {"field": "trait.plan", "operator": "is", "values": ["pro"]}}, {"userId": "bob"}, False),
        ({"when": {"field": "trait.plan", "operator": "is_not", "values": ["pro"]}}, {"userId": "bob"}, True),
        ({"when": {"not": {"field": "language", "operator": "is", "values": ["uk"]}}}, {"language": "uk"}, False),
        ({"recognised_only": True}, {"anonymousId": "x"}, False),
        ({"recognised_only": True}, {"anonymousId": "x", "kept": True}, True),
        ({"recognised_only": True}, {"userId": "bob"}, True),
        ({"sources": ["6a1c6d0e-0000-4000-8000-000000000000"]}, {}, False),
        ({"enabled": False}, {}, False),
    ],
)
def test_it_is_offered_to_whom_it_is_for(
    client: Client, workspace: Workspace, key: str, widget: dict[str, Any], said: dict[str, Any], fits: bool
) -> None:
    known(workspace, traits={"plan": "pro"})
    live_survey(workspace, triggers=[{"on": "load"}], **widget)
    assert bool(offered(client, key, **said)) is fits


def test_a_segment_chooses_whom_it_is_for(client: Client, workspace: Workspace, key: str) -> None:
    known(workspace, "ada", traits={"plan": "pro"})
    known(workspace, "bob", traits={"plan": "free"})
    condition = {"field": "trait.plan", "operator": "is", "values": ["pro"]}
    segment = Segment.objects.create(workspace=workspace, name="Paying", condition=condition)
    live_survey(
        workspace, triggers=[{"on": "load"}], when={"field": "segment", "operator": "is", "values": [str(segment.pk)]}
    )
    assert len(offered(client, key, userId="ada")) == 1
    assert offered(client, key, userId="bob") == []
    assert offered(client, key, anonymousId="x") == []


def test_what_was_asked_once_is_not_asked_again(client: Client, workspace: Workspace, key: str) -> None:
    once = live_survey(workspace, "Once", triggers=[{"on": "load"}])
    often = live_survey(workspace, "Often", triggers=[{"on": "load"}], repeat="every", every_days=7)
    until = live_survey(workspace, "Until", triggers=[{"on": "load"}], repeat="until_answered", every_days=3)
    always = live_survey(workspace, "Always", triggers=[{"on": "load"}], repeat="always")
    for one in (once, often, until, always):
        assert opened(client, key, one, userId="ada", by="trigger")["open"] is True
    assert offered(client, key, userId="ada") == [always.public_id]
    Contact.objects.update(at=timezone.now() - timedelta(days=4))
    assert offered(client, key, userId="ada") == [until.public_id, always.public_id]
    person = log_id(workspace.pk, (USER, "ada"))
    for one in (until, often):
        Response.objects.create(
            workspace=workspace, survey=one, version=1, person=person, state=Response.State.COMPLETED, language="en",
            completed_at=timezone.now() - timedelta(days=8),
        )  # fmt: skip
    Contact.objects.update(at=timezone.now() - timedelta(days=8))
    assert offered(client, key, userId="ada") == [often.public_id, always.public_id]
    assert len(offered(client, key, userId="bob")) == 4


def test_a_button_stays_until_it_was_answered_and_uses_no_budget(
    client: Client, workspace: Workspace, key: str
) -> None:
    ContactRule.objects.create(workspace=workspace, name="Never", most=0, days=30)
    survey = live_survey(workspace, kind="button", label={"en": "Feedback"})
    for _twice in range(2):
        assert opened(client, key, survey, userId="ada", by="visitor")["open"] is True
        assert offered(client, key, userId="ada") == [survey.public_id]
    assert Contact.objects.count() == 0
    Response.objects.create(
        workspace=workspace, survey=survey, version=1, person=log_id(workspace.pk, (USER, "ada")),
        state=Response.State.COMPLETED, language="en", completed_at=timezone.now(),
    )  # fmt: skip
    assert offered(client, key, userId="ada") == []


def test_what_somebody_answered_elsewhere_counts(client: Client, workspace: Workspace, key: str) -> None:
    survey = live_survey(workspace, triggers=[{"on": "load"}])
    ada = known(workspace)
    about = {"survey": survey, "version": 1, "state": Response.State.COMPLETED, "language": "en"}
    answered = Response.objects.create(workspace=workspace, customer=ada, completed_at=timezone.now(), **about)
    assert offered(client, key, userId="ada") == []
    Response.objects.filter(pk=answered.pk).update(customer=None, person=log_id(workspace.pk, (USER, "ada")))
    assert offered(client, key, userId="ada") == []
    Response.objects.filter(pk=answered.pk).update(person=log_id(workspace.pk, (USER, "bob")))
    assert offered(client, key, userId="ada") == [survey.public_id]


def test_the_contact_budget_is_decided_when_it_opens(client: Client, workspace: Workspace, key: str) -> None:
    ContactRule.objects.create(workspace=workspace, name="One a month", most=1, days=30)
    first = live_survey(workspace, "First", triggers=[{"on": "load"}])
    second = live_survey(workspace, "Second", triggers=[{"on": "load"}])
    ada = known(workspace)
    assert opened(client, key, first, userId="ada", by="trigger")["open"] is True
    assert list(Contact.objects.values_list("person", "survey", "channel")) == [(ada.pk, first.pk, "widget")]
    assert offered(client, key, userId="ada") == [second.public_id]  # it may free up before the moment comes
    for by in ("trigger", "call"):
        assert opened(client, key, second, userId="ada", by=by) == {"open": False, "reason": "budget"}
    assert opened(client, key, second, userId="ada", by="visitor")["open"] is True
    assert Contact.objects.count() == 1
    # Whom nobody can recognise leaves no row, because nobody could ever meet them again.
    assert opened(client, key, second, anonymousId="x", by="trigger")["open"] is True
    assert Contact.objects.count() == 1
    assert opened(client, key, second, anonymousId="x", kept=True, by="trigger")["open"] is True
    assert Contact.objects.count() == 2


def test_who_said_no_to_surveys_or_is_suppressed_gets_none(client: Client, workspace: Workspace, key: str) -> None:
    survey = live_survey(workspace, triggers=[{"on": "load"}])
    ada = known(workspace)
    Consent.objects.create(customer=ada, purpose="surveys", granted=False)
    assert offered(client, key, userId="ada") == []
    assert opened(client, key, survey, userId="ada", by="trigger")["reason"] == "refused"
    assert opened(client, key, survey, userId="ada", by="call")["reason"] == "refused"
    assert Contact.objects.count() == 0
    assert opened(client, key, survey, userId="ada", by="visitor")["open"] is True
    Suppression.objects.create(workspace=workspace, user_id="bob")
    assert offered(client, key, userId="bob") == []
    assert opened(client, key, survey, userId="bob", by="visitor")["reason"] == "suppressed"


def test_the_token_says_who_answers_where_and_with_what(client: Client, workspace: Workspace, key: str) -> None:
    survey = live_survey(workspace, hidden=["order"], kind="popup", corner="top_left")
    answer = opened(
        client, key, survey, anonymousId="a", url="https://shop.example/x", device="phone", languages=["fr", "uk"],
        hidden={"order": "A1", "secret": "1"},
    )  # fmt: skip
    about = {name: answer[name] for name in ("kind", "corner", "language", "title", "key", "name")}
    assert about == {"kind": "popup", "corner": "top_left", "language": "uk", "title": "Ваша думка",
                     "key": "opinion", "name": "Opinion"}  # fmt: skip
    start = start_of(answer["token"])
    assert (start.survey, start.version, start.channel, start.origin) == (survey.pk, 1, "widget", "Web")
    assert start.person == log_id(workspace.pk, ("anonymous_id", "a"))
    assert (start.address, start.device, start.hidden) == ("https://shop.example/x", "phone", {"order": "A1"})
    assert isinstance(start.response, UUID)
    other = start_of(opened(client, key, survey, anonymousId="a")["token"])
    assert other.response != start.response


def test_only_a_site_that_vouches_for_somebody_gets_their_traits_into_a_survey(
    client: Client, workspace: Workspace, key: str
) -> None:
    survey = live_survey(workspace, kind="popup", verified_only=True, triggers=[{"on": "load"}])
    ada = known(workspace)
    IdentityKey.objects.create(workspace=workspace, secret="s3cret")
    proof = identity_hash("s3cret", "ada")
    # printf ada | openssl dgst -sha256 -hmac s3cret
    assert proof == "6717f0477004f82dc8373f24690dd16725eefaef45dfc979a7176ac2ece78e26"
    assert offered(client, key, userId="ada") == []
    assert offered(client, key, userId="ada", hash=identity_hash("s3cret", "bob")) == []
    assert offered(client, key, userId="ada", hash=proof.upper()) == [survey.public_id]
    start = start_of(opened(client, key, survey, userId="ada", hash=proof)["token"])
    assert (start.person, start.customer, start.flags) == (ada.pk, ada.pk, [])
    start = start_of(opened(client, key, survey, userId="ada", by="visitor")["token"])
    assert (start.person, start.customer, start.flags) == (ada.pk, None, ["unverified"])
    # A wrong proof is worse than none: whoever sends it is nobody.
    start = start_of(opened(client, key, survey, userId="ada", hash="0" * 64, by="visitor")["token"])
    assert (start.person, start.customer) == (None, None)
    IdentityKey.objects.update(required=True)
    start = start_of(opened(client, key, survey, userId="ada", by="visitor")["token"])
    assert start.person is None


def test_odd_ids_are_nobody(client: Client, workspace: Workspace, key: str) -> None:
    live_survey(workspace, triggers=[{"on": "load"}])
    for odd in ("", "a\0b", "x" * 301, "  "):
        assert len(offered(client, key, userId=odd, anonymousId=odd)) == 1
    assert len(offered(client, key, userId=7)) == 1
    assert say(client, "/widget/surveys", writeKey=key, userId={"a": 1}).status_code == 400


def test_it_rests_when_the_responses_of_the_day_are_there(
    client: Client, workspace: Workspace, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two a day. It is 00:30 in Kyiv, 21:30 of the day before in UTC."""
    workspace.time_zone = "Europe/Kyiv"
    workspace.save()
    now = datetime(2026, 7, 5, 21, 30, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)
    survey = live_survey(workspace, triggers=[{"on": "load"}], most_a_day=2)
    button = live_survey(workspace, "Button", kind="button", most_a_day=1)

    def begun(of: Survey, minutes_ago: int, channel: str = "widget", *, test: bool = False) -> None:
        Response.objects.create(
            workspace=workspace, survey=of, version=1, channel=channel, test=test,
            started_at=now - timedelta(minutes=minutes_ago), updated_at=now,
        )  # fmt: skip

    for minutes, channel, test in (
        (31, "widget", False),
        (1, "link", False),
        (1, "widget", True),
        (20, "widget", False),
    ):
        begun(survey, minutes, channel, test=test)
    begun(button, 1)
    assert set(offered(client, key, anonymousId="a")) == {survey.public_id, button.public_id}
    begun(survey, 10)
    assert offered(client, key, anonymousId="a") == [button.public_id]  # whoever presses it asks for it
    assert opened(client, key, survey, anonymousId="a", by="trigger", trigger="load")["reason"] == "enough"
    assert opened(client, key, survey, anonymousId="a", by="visitor")["open"] is True


def test_a_sample_is_a_share_and_stays_the_same() -> None:
    people = [UUID(int=n) for n in range(4000)]
    chosen = [one for one in people if in_sample(25, "opinion", one)]
    assert 850 < len(chosen) < 1150  # 1000 expected, standard deviation 27
    assert chosen == [one for one in people if in_sample(25, "opinion", one)]
    both = [one for one in chosen if in_sample(25, "other", one)]
    assert 150 < len(both) < 350  # another survey draws anew: a quarter of a quarter
    assert all(in_sample(100, "opinion", one) for one in people[:10])


def test_settings_that_cannot_work_are_named() -> None:
    assert problems(Widget()) == []
    wrong = Widget(share=0, wait_s=-1, every_days=0, triggers=[Trigger("event"), Trigger("scroll", 101)])
    assert problems(wrong) == ["share", "wait", "days", "event_name", "scroll"]
    assert problems(Widget(most_a_day=-1)) == ["most_a_day"]
    assert language_fits([], "") is True


def test_the_answers_api_believes_ids_by_the_same_rule(workspace: Workspace) -> None:
    ada = known(workspace)
    person = log_id(workspace.pk, (USER, "ada"))  # the id that facts under this name carry
    device = log_id(workspace.pk, ("anonymous_id", "x"))
    assert _believed(workspace.pk, "ada", "", "") == (person, None, ["unverified"])
    assert _believed(workspace.pk, "", "x", "") == (device, None, [])
    key = make_identity_key(workspace=workspace, by=None)
    assert _believed(workspace.pk, "ada", "", identity_hash(key.secret, "ada")) == (person, ada.pk, [])
    assert _believed(workspace.pk, "ada", "x", "0" * 64) == (device, None, [])
    require_identity(workspace=workspace, required=True, by=None)
    assert _believed(workspace.pk, "ada", "", "") == (None, None, [])
