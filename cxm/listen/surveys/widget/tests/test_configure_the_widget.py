"""The page on which people say where a survey shows, and the secret by which sites vouch for their visitors."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client
from django.urls import reverse

from cxm.accounts.models import AuditEntry, Role, Workspace
from cxm.listen.surveys.models import IdentityKey, Survey
from cxm.listen.surveys.widget.actions import WidgetRefused, make_identity_key, set_widget
from cxm.listen.surveys.widget.config import Trigger, Widget, widget_of
from cxm.record.capture.models import Source
from cxm.record.customers.models import Segment
from cxm.testing.cast import make_member, make_user, make_workspace, make_write_key

from .given import live_survey

pytestmark = pytest.mark.django_db
FILLED = {
    "enabled": "on", "kind": "slide_in", "corner": "bottom_left", "at_load": "on", "at_delay": "5", "at_scroll": "40",
    "events": "Order Completed\nOrder Cancelled\n", "detail": "total", "compared": "at_least", "value": "10",
    "wait_s": "2", "pages": "/checkout*\nhttps://shop.example/*", "except_pages": "/admin*", "devices": ["phone"],
    "languages": "uk, pl", "share": "25", "most_a_day": "40", "repeat": "until_answered",
    "every_days": "14", "recognised_only": "on",
    "label_en": "Feedback", "label_uk": "Відгук",
}  # fmt: skip


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def survey(workspace: Workspace) -> Survey:
    return live_survey(workspace)


def page_of(survey: Survey, name: str = "widget") -> str:
    return reverse(f"surveys:{name}", args=[survey.workspace.slug, survey.pk])


def signed_in(client: Client, survey: Survey, role: Role | None = None) -> Client:
    user = make_member(survey.workspace, role, "m@example.com") if role else survey.workspace.memberships.get().user
    client.force_login(user)
    return client


def stored(survey: Survey) -> dict[str, Any]:
    return Survey.objects.values_list("widget", flat=True).get(pk=survey.pk)


def test_what_is_filled_in_is_stored_and_shown_again(client: Client, survey: Survey) -> None:
    make_write_key(survey.workspace)
    source = Source.objects.get()
    segment = Segment.objects.create(
        workspace=survey.workspace,
        name="Paying",
        condition={"field": "trait.plan", "operator": "is", "values": ["pro"]},
    )
    condition = {"when-0-join": "all", "when-0.0-field": "segment", "when-0.0-shown": "segment",
                 "when-0.0-operator": "is", "when-0.0-value": str(segment.pk)}  # fmt: skip
    signed_in(client, survey)
    answer = client.post(page_of(survey), {**FILLED, **condition, "sources": [str(source.uuid)]})
    assert answer.status_code == 302, answer.content.decode()
    ten = {"field": "total", "operator": "at_least", "values": [10.0]}
    assert stored(survey) == {
        "enabled": True, "kind": "slide_in", "corner": "bottom_left", "label": {"en": "Feedback", "uk": "Відгук"},
        "triggers": [{"on": "load"}, {"on": "delay", "value": 5.0}, {"on": "scroll", "value": 40.0},
                     {"on": "event", "name": "Order Completed", "where": ten},
                     {"on": "event", "name": "Order Cancelled", "where": ten}],
        "wait_s": 2.0, "share": 25.0, "most_a_day": 40, "pages": ["/checkout*", "https://shop.example/*"],
        "except_pages": ["/admin*"],
        "devices": ["phone"], "languages": ["uk", "pl"], "repeat": "until_answered", "every_days": 14,
        "recognised_only": True, "sources": [str(source.uuid)],
        "when": {"all": [{"field": "segment", "operator": "is", "values": [str(segment.pk)]}]},
    }  # fmt: skip
    shown = client.get(page_of(survey))
    form = shown.context["form"]
    again = {name: form[name].value() for name in form.fields}
    assert again["events"] == "Order Completed\nOrder Cancelled"
    assert (again["detail"], again["compared"], again["value"]) == ("total", "at_least", "10")
    assert again["sources"] == [str(source.uuid)]
    assert again["label_uk"] == "Відгук"
    assert b"Paying" in shown.content
    assert survey.public_id.encode() in shown.content
    before = AuditEntry.objects.count()
    assert client.post(page_of(survey), {**FILLED, **condition, "sources": [str(source.uuid)]}).status_code == 302
    assert AuditEntry.objects.count() == before  # nothing changed


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"share": "0"}, "share"), ({"share": "101"}, "share"), ({"at_scroll": "500"}, "at_scroll"),
        ({"wait_s": "-1"}, "wait_s"), ({"every_days": "0"}, "every_days"), ({"kind": "inline"}, "selector"),
        ({"kind": "nonsense"}, "kind"), ({"value": ""}, "value"), ({"events": "", "value": "1"}, "events"),
        ({"pages": "checkout"}, "pages"), ({"pages": "/a\n" * 2 + "\n".join(f"/{n}" for n in range(60))}, "pages"),
        ({"events": "\n".join("abcdefg")}, "events"), ({"sources": ["x"]}, "sources"),
        ({"at_load": "", "at_delay": "", "at_scroll": "", "events": "", "detail": "", "value": ""}, "at_load"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_said_and_nothing_is_lost(
    client: Client, survey: Survey, changed: dict[str, Any], field: str
) -> None:
    signed_in(client, survey)
    answer = client.post(page_of(survey), {**FILLED, **changed})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert "Відгук" in answer.content.decode()
    assert stored(survey) == {}


def test_another_row_of_the_condition_saves_nothing(client: Client, survey: Survey) -> None:
    signed_in(client, survey)
    answer = client.post(page_of(survey), {**FILLED, "when-0-join": "all", "when-do": "add:0"})
    assert answer.status_code == 200
    assert 'name="when-0.0-field"' in answer.content.decode()
    assert "Відгук" in answer.content.decode()
    assert stored(survey) == {}


def test_strangers_see_nothing_and_small_roles_change_nothing(client: Client, survey: Survey) -> None:
    client.force_login(make_user("stranger@example.com"))
    for method in (client.get, client.post):
        assert method(page_of(survey)).status_code == 404
    assert client.post(page_of(survey, "identity"), {"do": "make"}).status_code == 404
    agent = signed_in(Client(), survey, Role.AGENT)
    assert agent.post(page_of(survey), FILLED).status_code == 403
    analyst = Client()
    analyst.force_login(make_member(survey.workspace, Role.ANALYST, "analyst@example.com"))
    assert analyst.post(page_of(survey), FILLED).status_code == 302
    assert analyst.post(page_of(survey, "identity"), {"do": "make"}).status_code == 403
    assert IdentityKey.objects.count() == 0
    other = live_survey(make_workspace("Other", make_user("o@example.com")))
    address = reverse("surveys:widget", args=[survey.workspace.slug, other.pk])
    assert analyst.get(address).status_code == 404


def test_the_verbs_check_who_asks_themselves(survey: Survey) -> None:
    with pytest.raises(Http404):
        set_widget(survey=survey, widget=Widget(), by=make_user("stranger@example.com"))
    agent = make_member(survey.workspace, Role.AGENT, "agent@example.com")
    with pytest.raises(PermissionDenied):
        set_widget(survey=survey, widget=Widget(enabled=True), by=agent)
    with pytest.raises(PermissionDenied):
        make_identity_key(workspace=survey.workspace, by=agent)
    with pytest.raises(WidgetRefused) as refused:
        set_widget(survey=survey, widget=Widget(triggers=[Trigger("event")]), by=None)
    assert refused.value.codes == ["event_name"]
    assert stored(survey) == {}


def test_only_administrators_see_the_secret_and_can_make_another(client: Client, survey: Survey) -> None:
    owner = signed_in(client, survey)
    assert owner.post(page_of(survey, "identity"), {"do": "make"}).status_code == 302
    first = IdentityKey.objects.get().secret
    assert len(first) == 64
    assert first in owner.get(page_of(survey)).content.decode()
    analyst = signed_in(Client(), survey, Role.ANALYST)
    assert first not in analyst.get(page_of(survey)).content.decode()
    assert owner.post(page_of(survey, "identity"), {"do": "require", "required": "yes"}).status_code == 302
    assert IdentityKey.objects.get().required is True
    assert owner.post(page_of(survey, "identity"), {"do": "make"}).status_code == 302
    assert IdentityKey.objects.get().secret != first
    assert first not in str(AuditEntry.objects.values())
    assert owner.get(page_of(survey, "identity")).status_code == 405


def test_settings_of_another_release_are_shown_as_the_default_ones(client: Client, survey: Survey) -> None:
    Survey.objects.filter(pk=survey.pk).update(widget={"hologram": True})
    assert signed_in(client, survey).get(page_of(survey)).status_code == 200
    assert widget_of({}) == Widget()
