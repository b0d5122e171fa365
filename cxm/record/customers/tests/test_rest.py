"""The REST API of customers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role
from cxm.record.customers.models import Customer
from cxm.testing.cast import answer, given_events, make_workspace

from .cast import Firm, state

pytestmark = pytest.mark.django_db


class Program:
    """A program with a secret key."""

    def __init__(self, firm: Firm, role: Role = Role.AGENT) -> None:
        _row, self.key = create_api_key(
            workspace=firm.workspace, kind=ApiKey.Kind.SECRET, name="shop", by=firm.owner, role=role
        )

    def __call__(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        reply = Client().generic(
            method, f"/api/v1/customers{path}", json.dumps(body) if body is not None else "",
            content_type="application/json", headers={"Authorization": f"Bearer {self.key}"},
        )  # fmt: skip
        return reply.status_code, json.loads(reply.content) if reply.content else None


def test_a_program_makes_finds_and_changes_a_customer() -> None:
    call = Program(Firm())
    body = {"name": "Олена", "email": "olena.p@example.com", "traits": {"seats": 3},
            "identities": [{"kind": "user_id", "value": "u-1"}]}  # fmt: skip
    status, ada = call("POST", "", body)
    assert status == 201
    assert ada["identities"] == [
        {"kind": "email", "value": "olena.p@example.com"},
        {"kind": "user_id", "value": "u-1"},
    ]
    assert call("GET", f"/{ada['id']}") == (200, ada)
    assert call("GET", "/by-identity?kind=user_id&value=u-1") == (200, ada)
    assert call("GET", "/by-identity?kind=user_id&value=u-2")[0] == 404
    for query in ("?q=olena", "?q=olnea", "", "?trait=seats&value=3"):
        assert [one["id"] for one in call("GET", query)[1]["items"]] == [ada["id"]], query
    assert call("PATCH", f"/{ada['id']}", {"traits": {"seats": 4}})[1]["traits"] == {"seats": 4}
    status, problem = call("PATCH", f"/{ada['id']}", {"traits": {"seats": "many"}})
    assert (status, problem["code"]) == (422, "refused")
    assert problem["detail"] == "The trait “seats” holds numbers, and “many” is not a number."
    status, problem = call("POST", "", {"email": "olena.p@example.com"})
    assert (status, problem["code"], problem["customer"]) == (409, "identity_taken", ada["id"])


def test_a_program_walks_through_all_customers() -> None:
    firm = Firm()
    call = Program(firm)
    Customer.objects.bulk_create([Customer(workspace=firm.workspace, name=str(n)) for n in range(5)])
    seen, cursor = [], ""
    for _page in range(5):
        _status, page = call("GET", f"?limit=2&cursor={cursor}")
        seen += [one["name"] for one in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert sorted(seen) == ["0", "1", "2", "3", "4"]
    assert call("GET", "?cursor=nonsense")[1]["code"] == "bad_cursor"


def test_consent_tags_merges_and_the_timeline() -> None:
    firm = Firm()
    call = Program(firm)
    ada, old = (call("POST", "", {"name": name})[1]["id"] for name in ("Ada", "Old"))
    assert call("PUT", f"/{ada}/consents/surveys", {"granted": True, "source": "form"})[1]["granted"] is True
    assert [one["purpose"] for one in call("GET", f"/{ada}/consents")[1]] == ["surveys"]
    assert call("PUT", f"/{old}/tags/vip")[1]["tags"] == ["vip"]
    merged = call("POST", f"/{ada}/merge", {"other": old})[1]
    assert (merged["id"], merged["merged"], merged["tags"]) == (ada, [old], ["vip"])
    assert call("GET", f"/{old}")[1]["id"] == ada
    assert call("POST", f"/{ada}/merge", {"other": old})[0] == 422
    given_events([answer(firm.workspace, 9, "2026-03-01 12:00", customer_id=Customer.objects.get(pk=old).pk)])
    _status, page = call("GET", f"/{ada}/timeline?kind=answer_given&limit=1")
    assert [(one["title"], one["customer"], one["at"]) for one in page["items"]] == [
        ("Would recommend us: 9 of 10 (promoter).", old, "2026-03-01T12:00:00Z")
    ]
    assert page["next"] is None
    assert call("POST", f"/{old}/unmerge")[1]["id"] == old
    assert call("DELETE", f"/{old}/tags/vip")[1]["tags"] == []
    assert call("POST", f"/{ada}/identities", {"kind": "user_id", "value": "a b"})[0] == 200
    assert call("DELETE", f"/{ada}/identities?kind=user_id&value=a%20b")[1]["identities"] == []
    assert call("DELETE", f"/{ada}") == (204, None)
    assert call("GET", f"/{ada}")[0] == 404


def test_keys_of_viewers_and_of_others_change_nothing() -> None:
    firm = Firm()
    ada = Program(firm)("POST", "", {"name": "Ada"})[1]["id"]
    other = Firm.__new__(Firm)
    other.owner, other.workspace = firm.stranger, make_workspace("Other", owner=firm.stranger)
    calls: list[tuple[str, str, object]] = [
        ("PATCH", f"/{ada}", {"name": "Eve"}), ("DELETE", f"/{ada}", None), ("PUT", f"/{ada}/tags/x", None),
        ("PUT", f"/{ada}/consents/x", {"granted": True}), ("POST", f"/{ada}/merge", {"other": ada}),
        ("POST", f"/{ada}/unmerge", None), ("POST", f"/{ada}/identities", {"kind": "a", "value": "b"}),
    ]  # fmt: skip
    viewer, stranger = Program(firm, Role.VIEWER), Program(other)
    before = state()
    for method, path, body in calls:
        assert viewer(method, path, body)[0] == 403
        assert stranger(method, path, body)[0] == 404
    assert viewer("GET", f"/{ada}")[0] == 200
    assert stranger("GET", f"/{ada}")[0] == stranger("GET", f"/{ada}/timeline")[0] == 404
    assert stranger("GET", "?q=ada")[1]["items"] == []
    assert Client().get(f"/api/v1/customers/{ada}").status_code == 401
    assert state() == before
