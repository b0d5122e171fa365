"""Personal data in what people wrote: agents see it, viewers do not, and a file holds it only where analysts ask."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role
from cxm.lib.personal import MASK
from cxm.listen.surveys.definition import Question
from cxm.record.customers.marks import add_note
from cxm.record.customers.traits import learn
from cxm.record.eventlog.append import append
from cxm.steer.dashboards.address import View
from cxm.steer.dashboards.models import ResultsExport
from cxm.steer.dashboards.surveys import exporting
from cxm.testing.answered import answered, make_survey
from cxm.testing.cast import answer, event, make_customer, make_member, make_workspace

from .given import client_of, owner_of
from .given_surveys import NPS, WHY, choices

pytestmark = pytest.mark.django_db
CARD, PHONE = "4111 1111 1111 1111", "+380 67 123 45 67"
WROTE = f"You charged {CARD} twice, call {PHONE}. Slow at 12:30, 100 %."
SHOWN = f"You charged {MASK} twice, call {MASK}. Slow at 12:30, 100 %."


def test_viewers_and_files_get_masked_texts_and_analysts_may_ask_for_more() -> None:
    workspace = make_workspace()
    owner = client_of(owner_of(workspace))
    agent = client_of(make_member(workspace, Role.AGENT, "agent@example.com"))
    viewer = client_of(make_member(workspace, Role.VIEWER, "viewer@example.com"))
    ada = make_customer(workspace, "Ada", email="ada@example.com", traits={"said": f"my card is {CARD}", "plan": "pro"})
    survey = make_survey(workspace, NPS, WHY)
    response = answered(survey, {"nps": 2, "why": WROTE}, customer=ada)
    append([
        answer(workspace, 3, "2026-03-01 12:00", comment=WROTE, customer_id=ada.pk),
        event(workspace, "lead_called", "2026-03-02 12:00", customer_id=ada.pk, number=PHONE),
    ])  # fmt: skip
    add_note(customer=ada, text=f"Wants {PHONE}", by=owner_of(workspace))
    w = f"/w/{workspace.slug}"
    results = f"{w}/surveys/{survey.pk}/results/"
    pages = (
        f"{w}/metrics/nps/?period=all", f"{w}/customers/{ada.pk}/", f"{results}responses/?period=all",
        f"{results}responses/{response.pk}/", f"{results}texts/?period=all",
    )  # fmt: skip
    for page in pages:
        for client in (owner, agent):
            reply = client.get(page)
            # Marks of evidence may stand inside the number.
            assert reply.status_code == 200 and CARD in re.sub(r"</?mark[^>]*>", "", reply.content.decode()), page
        seen = viewer.get(page).content.decode()
        marked = 'title="Personal data, hidden from you"' in seen  # where a page shows what was read in the text
        assert CARD not in seen and PHONE not in seen and (SHOWN.split(",")[0] in seen or marked), page

    # Files: masked, however great the right; unmasked only by a question of those who may.
    answers = f"{w}/metrics/nps/answers.csv?period=all"
    for client in (owner, agent, viewer):
        file = body(client, answers)
        assert SHOWN in file and CARD not in file
    assert CARD in body(owner, f"{answers}&personal=1")
    listed = body(viewer, f"{w}/customers/export.csv")
    assert "ada@example.com" not in listed and CARD not in listed and MASK in listed
    assert "ada@example.com" in body(owner, f"{w}/customers/export.csv?personal=1")
    assert "ada@example.com" not in body(owner, f"{w}/customers/export.csv")
    for address in (f"{answers}&personal=1", f"{w}/customers/export.csv?personal=1"):
        assert agent.get(address).status_code == viewer.get(address).status_code == 403
    export = f"{results}export/"
    asked = {"form": "csv", "language": "en", "personal": "1"}
    assert agent.post(export, asked).status_code == 403 and not ResultsExport.objects.exists()
    for form in ("csv", "jsonl", "json", "xlsx", "sav"):
        for personal in (False, True):
            made = exporting.ask_for(
                survey=survey, form=form, language="en", codes=False, personal=personal, view=View(period="all"),
                by=owner_of(workspace),
            )  # fmt: skip
            exporting.run(made.pk)
            raw = exporting.file_of(made).read_bytes()
            if form != "xlsx":  # a zip
                assert (CARD.encode() in raw) is personal, form
            fetch = f"{export}{made.pk}/"
            assert viewer.get(fetch).status_code == agent.get(fetch).status_code == (403 if personal else 200)
            assert owner.get(fetch).status_code == 200

    # Keys see what people of their role see.
    for role, sees in ((Role.VIEWER, False), (Role.AGENT, True)):
        _key, secret = create_api_key(
            workspace=workspace, name=role.value, kind=ApiKey.Kind.SECRET, role=role, by=owner_of(workspace)
        )
        key = {"Authorization": f"Bearer {secret}"}
        for address in (f"/api/v1/customers/{ada.pk}/timeline", f"/api/v1/surveys/{survey.pk}/responses"):
            said = json.dumps(Client().get(address, headers=key).json())
            assert (CARD in said) is sees and (MASK in str(json.loads(said))) is not sees
        refused = Client().post(
            f"/api/v1/surveys/{survey.pk}/exports", json.dumps({"form": "csv", "personal": True}),
            content_type="application/json", headers=key,
        )  # fmt: skip
        assert refused.status_code == 403


def test_what_stands_under_a_key_about_a_person_is_masked_too() -> None:
    workspace = make_workspace()
    agent = client_of(make_member(workspace, Role.AGENT, "agent@example.com"))
    viewer = client_of(make_member(workspace, Role.VIEWER, "viewer@example.com"))
    bo = make_customer(workspace, "Bo", traits={"middle_name": "Zenobia", "plan": "pro"})
    learn(workspace, bo.traits)
    contact = Question(id="who", kind="contact", title={"en": "You"}, choices=choices("name"))
    survey = make_survey(workspace, NPS, contact)
    response = answered(survey, {"nps": 2, "who": {"name": "Zenobia"}}, customer=bo, hidden={"name": "Zenobia"})
    append([
        event(workspace, "Order Sent", "2026-03-02 12:00", customer_id=bo.pk, recipient={"name": "Zenobia"}),
        event(workspace, "customer_identified", "2026-03-02 12:00", customer_id=bo.pk, traits={"name": "Zenobia"}),
        event(workspace, "ticket_updated", "2026-03-01 12:00", customer_id=bo.pk, ticket_id="T-1",
              opened_at="2026-03-01T12:00:00Z", resolved_at="2026-03-02T12:00:00Z",
              properties={"contact": {"name": "Zenobia"}}),
    ])  # fmt: skip
    w, api = f"/w/{workspace.slug}", f"/api/v1/customers/{bo.pk}"
    results = f"/api/v1/surveys/{survey.pk}/responses"
    pages = (f"{w}/customers/{bo.pk}/", f"{w}/surveys/{survey.pk}/results/responses/{response.pk}/",
             f"{w}/metrics/resolution/?period=all")  # fmt: skip
    for page in pages:
        assert "Zenobia" in agent.get(page).content.decode(), page
        hidden = viewer.get(page).content.decode()
        assert "Zenobia" not in hidden and MASK in hidden, page
    listed = body(agent, f"{w}/customers/export.csv")
    assert "Zenobia" not in listed and "pro" in listed

    for role, sees in ((Role.VIEWER, False), (Role.AGENT, True)):
        _key, secret = create_api_key(
            workspace=workspace, name=role.value, kind=ApiKey.Kind.SECRET, role=role, by=owner_of(workspace)
        )
        key = {"Authorization": f"Bearer {secret}"}
        for address in (api, f"{api}/timeline", results, f"{results}/{response.pk}"):
            assert ("Zenobia" in Client().get(address, headers=key).content.decode()) is sees, address
        assert Client().get(f"{results}/{response.pk}", headers=key).json()["answers"]["nps"] == 2


def body(client: Client, address: str) -> str:
    reply = client.get(address)
    assert reply.status_code == 200, address
    return b"".join(reply).decode("utf-8-sig")
