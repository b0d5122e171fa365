"""Segments: made, changed and deleted by people and programs, counted as they are written, listed, exported."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, AuditEntry, Role
from cxm.lib.conditions import Condition
from cxm.lib.conditions_form import ConditionForm
from cxm.record.customers.actions import change_profile, create_customer, remove_customer
from cxm.record.customers.errors import Refused
from cxm.record.customers.marks import tag, untag
from cxm.record.customers.merging import merge_customers, unmerge
from cxm.record.customers.models import Customer, Segment
from cxm.record.customers.segment_actions import change_segment, create_segment, delete_segment
from cxm.record.customers.segment_fields import fields
from cxm.record.customers.segments import condition_of, count, is_in, members, segments_of, with_segments
from cxm.record.eventlog.scope import Filter, Scope, UnknownField
from cxm.testing.cast import event, given_events, make_workspace

from .cast import Firm

pytestmark = pytest.mark.django_db(transaction=True)

PRO = Condition(field="trait.plan", values=("pro",))
BUYERS = Condition(field="event.order_placed", operator="at_least", values=(2,), within_days=30)


def address(firm: Firm, name: str, *more: object) -> str:
    return reverse(f"customers:{name}", args=[firm.workspace.slug, *more])


def customer(firm: Firm, name: str, **traits: Any) -> Customer:
    return create_customer(workspace=firm.workspace, by=firm.agent, name=name, traits=traits)


def bought(firm: Firm, who: Customer, *days_ago: int) -> None:
    for days in days_ago:
        when = (timezone.now() - timedelta(days=days)).strftime("%Y-%m-%d %H:%M")
        given_events([event(firm.workspace, "order_placed", when, customer_id=who.pk)])


def test_a_segment_follows_what_customers_are_and_do() -> None:
    firm = Firm()
    ada, bob, eva = customer(firm, "Ada", plan="pro"), customer(firm, "Bob", plan="free"), customer(firm, "Eva")
    bought(firm, ada, 1, 2, 3)
    bought(firm, bob, 1, 40)  # one of them too long ago
    pro = create_segment(workspace=firm.workspace, name="Pro", condition=PRO, by=firm.agent)
    buyers = create_segment(workspace=firm.workspace, name="Buyers", condition=BUYERS, by=firm.agent)
    assert list(members(firm.workspace, PRO)) == [ada.pk]
    assert list(members(firm.workspace, BUYERS)) == [ada.pk]
    assert [one.name for one in segments_of(ada)] == ["Buyers", "Pro"] and segments_of(eva) == []
    bought(firm, bob, 2)
    change_profile(customer=eva, by=firm.agent, traits={"plan": "pro"})
    change_profile(customer=ada, by=firm.agent, traits={"plan": None})
    assert set(members(firm.workspace, BUYERS)) == {ada.pk, bob.pk} and is_in(bob, buyers)
    assert list(members(firm.workspace, PRO)) == [eva.pk] and not is_in(ada, pro)
    remove_customer(customer=eva, by=firm.owner)
    assert count(firm.workspace, PRO) == 0


def test_tags_merges_and_last_seen_count_for_the_person() -> None:
    firm = Firm()
    ada, double = customer(firm, "Ada"), customer(firm, "A. Lovelace")
    bob = customer(firm, "Bob")
    bought(firm, double, 10)
    vip = Condition(field="tag", values=("vip",))
    seen = Condition(field="last_seen_days", operator="at_most", values=(10,))
    never = Condition(field="last_seen_days", operator="is_not_set")
    tag(workspace=firm.workspace, customers=[double], name="vip", by=firm.agent)
    assert list(members(firm.workspace, vip)) == [double.pk] == list(members(firm.workspace, seen))
    merge_customers(customer=double, into=ada, by=firm.agent)
    for condition in (vip, seen):
        assert list(members(firm.workspace, condition)) == [ada.pk]  # the person, by the canonical profile
    assert list(members(firm.workspace, never)) == [bob.pk]
    double.refresh_from_db()
    segment = create_segment(workspace=firm.workspace, name="VIP", condition=vip, by=firm.agent)
    assert segments_of(double) == [segment]  # a merged profile is asked as the person
    unmerge(customer=double, by=firm.agent)
    untag(workspace=firm.workspace, customers=[double], name="vip", by=firm.agent)
    assert count(firm.workspace, vip) == 0


def test_verbs_refuse_strangers_viewers_and_what_customers_cannot_be_asked() -> None:
    firm = Firm()
    segment = create_segment(workspace=firm.workspace, name="Pro", condition=PRO, by=firm.agent)
    before = list(Segment.objects.values()), AuditEntry.objects.count()
    for user, refusal in ((firm.viewer, PermissionDenied), (firm.stranger, Http404)):
        with pytest.raises(refusal):
            create_segment(workspace=firm.workspace, name="Mine", condition=PRO, by=user)
        with pytest.raises(refusal):
            change_segment(segment=segment, name="Mine", by=user)
        with pytest.raises(refusal):
            delete_segment(segment=segment, by=user)
    for name, condition in (
        ("", PRO), ("x" * 101, PRO), ("Pro", PRO),
        ("A", Condition(field="answer.nps", values=(9,))),
        ("A", Condition(field="segment", values=(str(segment.pk),))),
        ("A", Condition(field="email", operator="matches", values=("x$",))),
        ("A", Condition(field="email")),
        ("A", Condition()),
        ("A", Condition(field="trait.plan", operator="at_least", values=("gold",))),
    ):  # fmt: skip
        with pytest.raises(Refused):
            create_segment(workspace=firm.workspace, name=name, condition=condition, by=firm.agent)
    assert (list(Segment.objects.values()), AuditEntry.objects.count()) == before
    changed = change_segment(segment=segment, name=" Professionals ", condition=BUYERS, by=firm.agent)
    assert changed.name == "Professionals" and condition_of(changed) == BUYERS
    assert list(AuditEntry.objects.filter(subject="segment").order_by("id").values_list("verb", flat=True)) == [
        "created", "changed",
    ]  # fmt: skip


def sent(form: ConditionForm) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in form.sent():
        found.setdefault(key, []).append(value)
    return found


def test_a_segment_is_written_in_the_form_with_its_count(client: Client) -> None:
    firm = Firm()
    for name, plan in (("Ada", "pro"), ("Bob", "free"), ("Eva", "pro")):
        customer(firm, name, plan=plan)
    client.force_login(firm.agent)
    page = client.get(address(firm, "segment_new"))
    assert b"<strong>3</strong> customers are in this segment now." in page.content
    offered = fields(firm.workspace)
    assert [one.name for one in offered if one.name.startswith("trait.")] == ["trait.plan"]
    page = client.post(address(firm, "segment_new"), {"when-0-join": "all", "when-do": "add:0", "name": "Pro"})
    assert page.status_code == 200 and b"Complete each condition" in page.content and b'value="Pro"' in page.content
    form = ConditionForm(offered, PRO)
    page = client.post(address(firm, "segment_new"), {**sent(form), "name": "Pro", "do": "count"})
    assert page.status_code == 200 and b"<strong>2</strong> customers" in page.content
    assert not Segment.objects.exists()
    page = client.post(address(firm, "segment_new"), {**sent(form), "name": ""})
    assert page.status_code == 422 and b"A segment needs a name" in page.content and b'value="pro"' in page.content
    reply = client.post(address(firm, "segment_new"), {**sent(form), "name": "Pro"})
    segment = Segment.objects.get()
    assert reply.status_code == 302 and condition_of(segment) == Condition(all=(PRO,))
    shown = client.get(reply["Location"]).content.decode()
    assert "plan is pro" in shown and "Ada" in shown and "Eva" in shown and "Bob" not in shown
    assert "<strong>2</strong> customers" in shown
    reply = client.post(address(firm, "segment_edit", segment.pk), {"when-0-join": "all", "name": "Everyone"})
    segment.refresh_from_db()
    assert segment.name == "Everyone" and condition_of(segment) == Condition(all=())
    assert ">3</td>" in client.get(address(firm, "segments")).content.decode()
    assert client.post(address(firm, "segment_delete", segment.pk)).status_code == 302
    assert not Segment.objects.exists()


def test_the_list_and_its_export_are_narrowed_to_a_segment(client: Client) -> None:
    firm = Firm()
    for number in range(60):
        customer(firm, f"Pro {number:02}", plan="pro")
    customer(firm, "Bob", plan="free")
    segment = create_segment(workspace=firm.workspace, name="Pro", condition=PRO, by=firm.agent)
    client.force_login(firm.viewer)
    page = client.get(address(firm, "list"), {"segment": str(segment.pk), "sort": "name", "page": "2"}).content.decode()
    assert "60 customers" in page and "Pro 59" in page and "Bob" not in page
    found = client.get(address(firm, "list"), {"segment": str(segment.pk), "q": "pro 07"}).content.decode()
    assert "Pro 07" in found and "Bob" not in found
    client.force_login(firm.owner)
    export = client.get(address(firm, "export"), {"segment": str(segment.pk), "personal": "1"})
    assert b"".join(export.streaming_content).decode().count("Pro ") == 60  # type: ignore[attr-defined]  # a streaming answer
    second = client.get(address(firm, "segment", segment.pk), {"page": 2}).content.decode()
    assert "Pro 59" in second and "Pro 49" not in second
    assert "Bob" in client.get(address(firm, "list"), {"segment": "no id", "sort": "name"}).content.decode()


def test_strangers_and_viewers_are_kept_out_of_the_pages(client: Client) -> None:
    firm = Firm()
    segment = create_segment(workspace=firm.workspace, name="Pro", condition=PRO, by=firm.agent)
    theirs = create_segment(workspace=make_workspace("Other", firm.stranger), name="Theirs", condition=PRO, by=None)
    where = [("segments", ()), ("segment", (segment.pk,)), ("segment_new", ()), ("segment_edit", (segment.pk,))]
    client.force_login(firm.stranger)
    assert {client.get(address(firm, name, *more)).status_code for name, more in where} == {404}
    assert client.post(address(firm, "segment_delete", segment.pk)).status_code == 404
    client.force_login(firm.viewer)
    assert [client.get(address(firm, name, *more)).status_code for name, more in where] == [200, 200, 403, 403]
    assert client.post(address(firm, "segment_delete", segment.pk)).status_code == 403
    client.force_login(firm.agent)
    for name in ("segment", "segment_edit"):
        assert client.get(address(firm, name, theirs.pk)).status_code == 404
        assert client.get(address(firm, name, uuid.uuid4())).status_code == 404
    assert Segment.objects.count() == 2


def test_numbers_are_narrowed_to_a_segment_or_to_the_rest() -> None:
    from dataclasses import dataclass

    from cxm.record.eventlog.ask import ask

    @dataclass
    class Row:
        n: int

    firm = Firm()
    ada, bob = customer(firm, "Ada", plan="pro"), customer(firm, "Bob")
    bought(firm, ada, 1, 2, 3)
    bought(firm, bob, 1)
    given_events([event(firm.workspace, "order_placed", "2026-03-01 12:00")])  # of nobody we know
    segment = create_segment(workspace=firm.workspace, name="Pro", condition=PRO, by=firm.agent)
    both = create_segment(workspace=firm.workspace, name="Buyers", condition=BUYERS, by=firm.agent)

    def n(*filters: Filter) -> int:
        scope = Scope(firm.workspace.pk).where(*with_segments(firm.workspace.pk, filters))
        sql = "SELECT count() AS n FROM events WHERE $scope AND name = 'order_placed'"
        return ask(sql, scope, row=Row, name="test", table="events").rows[0].n

    assert n(Filter("segment", "is", (str(segment.pk),))) == 3
    assert n(Filter("segment", "is", (str(segment.pk), str(both.pk)))) == 3  # any of them
    assert n(Filter("segment", "is_not", (str(segment.pk),))) == 2
    for wrong in (
        Filter("segment", "is", (str(uuid.uuid4()),)), Filter("segment", "is", ("'",)),
        Filter("segment", "contains", (str(segment.pk),)), Filter("segment", "is_set"),
    ):  # fmt: skip
        with pytest.raises(UnknownField):
            n(wrong)
    other = make_workspace("Other", firm.stranger)
    theirs = Scope(other.pk).where(*with_segments(other.pk, [Filter("segment", "is", (str(segment.pk),))]))
    with pytest.raises(UnknownField):
        ask("SELECT count() AS n FROM events WHERE $scope", theirs, row=Row, name="test", table="events")


def test_a_program_keeps_segments_and_walks_through_their_members() -> None:
    firm = Firm()
    made = {str(customer(firm, f"Pro {number}", plan="pro").pk) for number in range(5)}
    ada = customer(firm, "Ada", plan="free")
    _row, secret = create_api_key(
        workspace=firm.workspace, kind=ApiKey.Kind.SECRET, name="shop", by=firm.owner, role=Role.AGENT
    )

    def call(method: str, path: str, body: object = None) -> tuple[int, Any]:
        reply = Client().generic(
            method, f"/api/v1/segments{path}", json.dumps(body) if body is not None else "",
            content_type="application/json", headers={"Authorization": f"Bearer {secret}"},
        )  # fmt: skip
        return reply.status_code, json.loads(reply.content) if reply.content else None

    tree = {"field": "trait.plan", "values": ["pro"]}
    assert call("POST", "/count", {"condition": tree}) == (200, {"customers": 5})
    status, segment = call("POST", "", {"name": "Pro", "condition": tree})
    assert status == 201 and segment["condition"] == tree
    where = f"/{segment['id']}"
    found, cursor = [], ""
    while True:
        page = call("GET", f"{where}/members?limit=2&cursor={cursor}")[1]
        found += [one["id"] for one in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert len(found) == 5 and set(found) == made
    assert call("GET", f"/of/{found[0]}")[1] == [segment] and call("GET", f"/of/{ada.pk}")[1] == []
    assert call("GET", "")[1] == [segment]
    other = {"not": {"field": "trait.plan", "values": ["pro"]}}
    assert call("PATCH", where, {"condition": other})[1]["condition"] == other
    assert call("GET", f"{where}/count")[1] == {"customers": 1}
    deep: Any = tree
    for _level in range(30):
        deep = {"not": deep}
    for wrong in (
        {"field": "trait.plan", "operator": "resembles", "values": ["pro"]}, {"fields": "x"}, {}, deep,
        {"field": "trait.plan", "values": [["pro"]]}, {"field": "answer.x", "values": ["pro"]},
        {"field": "email", "operator": "matches", "values": ["x"]}, {"all": [tree] * 201},
        {"field": "event.x", "operator": "at_least", "values": [1], "within_days": 10**9},
    ):  # fmt: skip
        status, problem = call("POST", "", {"name": "Wrong", "condition": wrong})
        assert status == 422 and problem["detail"], wrong
    assert call("GET", f"{where}/members?cursor=nonsense")[0] == 400
    assert call("DELETE", where) == (204, None) and not Segment.objects.exists()
