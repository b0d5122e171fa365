"""What is kept about a person is in their file and goes with them, on every shelf, whatever tables are added."""

from __future__ import annotations

import itertools
import json
import uuid
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db import models
from django.test import Client
from django.utils import timezone

from cxm.accounts.actions import create_api_key
from cxm.accounts.audit import audit
from cxm.accounts.models import ApiKey, AuditEntry, Role, User, Workspace
from cxm.act.automations.models import Watched, Workflow
from cxm.act.cases.models import Alert, AlertHit, AlertRule, Case, Team
from cxm.listen.surveys.models import Contact, Response, Survey
from cxm.record.customers import belongings
from cxm.record.customers.actions import remove_customer
from cxm.record.customers.models import Customer, Identity, PersonField
from cxm.record.eventlog.ids import customer_id_of
from cxm.testing.cast import answer, given_events, make_customer, make_member, make_workspace

pytestmark = pytest.mark.django_db

# Tables that name people or addresses and stay, each with the reason.
STAY = {
    "eventlog.outboxfact": "events on their way to the log; erasing looks for them by itself",
    "eventlog.deadletter": "names of events in the log; erasing looks for them by itself",
    "customers.identitylink": "erased by name, with the links of whoever shared the device",
    "surveys.mailing": "ids in a list, which lead to nobody once the profile is gone",
    "channels.suppression": "an address that must not be written to again, whoever it belongs to",
    "channels.channel": "an address of the firm", "surveys.survey": "the address of its page",
    "text.opinionendpoint": "the address of a server",
    "accounts.invitation": "a colleague", "accounts.user": "a colleague", "account.emailaddress": "a colleague",
    "account.emailconfirmation": "a colleague",
}  # fmt: skip
NUMBERS = itertools.count(1)
TELLING = ("customer", "person", "email", "phone", "address", "sender")


def personal_models() -> set[type[models.Model]]:
    found: set[type[models.Model]] = {Customer, *(model for model, _name in belongings.person_fields())}
    waiting = list(found)
    while waiting:
        below = {model for model, _name in belongings.references().get(waiting.pop(), [])} - found
        found |= below
        waiting += below
    return found


def test_every_table_that_may_name_a_person_goes_with_them_or_says_why_it_stays() -> None:
    personal = personal_models()
    forgotten = {}
    for model in apps.get_models(include_auto_created=True):
        if model in personal or model._meta.label_lower in STAY:
            continue
        names = [
            field.name for field in model._meta.local_fields
            if (isinstance(field, models.ForeignKey) and field.related_model in personal)
            or (not field.is_relation and not isinstance(field, models.DateTimeField | models.PositiveBigIntegerField)
                and any(word in field.name.split("_") for word in TELLING))
        ]  # fmt: skip
        if names:
            forgotten[model._meta.label_lower] = names
    assert forgotten == {}


def test_ids_that_events_carry_are_marked_as_such() -> None:
    plain = [
        f"{model._meta.label_lower}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, models.UUIDField) and not isinstance(field, PersonField)
        and {"customer", "person"} & set(field.name.split("_")) and model._meta.label_lower not in STAY
    ]  # fmt: skip
    assert plain == [], "These are a PersonField."


class Rows:
    """A row of every table that belongs to one customer, and of those that these need."""

    def __init__(self, workspace: Workspace, user: User, customer: Customer) -> None:
        self.made: dict[Any, Any] = {Workspace: workspace, User: user, Customer: customer}

    def row(self, model: Any) -> Any:
        if model not in self.made:
            values = {field.name: self.value(field) for field in model._meta.local_fields if self.wanted(field)}
            self.made[model] = model._base_manager.create(**values)
        return self.made[model]

    def wanted(self, field: Any) -> bool:
        """What has to be given, and each way to the person."""
        to_person = isinstance(field, PersonField) or field.related_model in personal_models()
        return not field.has_default() and not isinstance(field, models.AutoField) and (not field.null or to_person)

    def value(self, field: Any) -> Any:
        if isinstance(field, PersonField):
            return self.made[Customer].pk
        if field.is_relation:
            return None if field.null and field.model is field.related_model else self.row(field.related_model)
        if field.choices:
            return field.choices[0][0]
        match field:
            case models.UUIDField():
                return uuid.uuid4()
            case models.DateTimeField():
                return timezone.now()
            case models.DateField():
                return timezone.now().date()
            case models.BooleanField():
                return False
            case models.JSONField():
                return {}
            case models.BinaryField():
                return b"x"
            case models.IntegerField() | models.FloatField() | models.DecimalField():
                return next(NUMBERS)
            case _:
                return uuid.uuid4().hex[: field.max_length]


def test_a_row_of_every_table_is_in_the_file_and_goes_with_the_person() -> None:
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    ada, bob = make_customer(workspace, "Ada"), make_customer(workspace, "Bob")
    mine, theirs = Rows(workspace, owner, ada), Rows(workspace, owner, bob)
    theirs.made |= {Workflow: mine.row(Workflow), Survey: mine.row(Survey)}
    for model in personal_models():
        mine.row(model), theirs.row(model)
    file = json.loads(b"".join(belongings.export(customer=ada, by=owner)))
    tables = {one._meta.label_lower for one in personal_models()}
    assert file.keys() == {*tables, "events"} - belongings.ABOUT_COLLEAGUES
    assert {len(rows) for name, rows in file.items() if name != "events"} == {1}
    remove_customer(customer=ada, by=owner)
    for model in personal_models():
        assert list(model._base_manager.all()) == [theirs.made[model]], model


def test_alerts_are_in_the_file_and_go_with_the_person() -> None:
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    ada, bob = make_customer(workspace, "Ada"), make_customer(workspace, "Bob")
    team = Team.objects.create(workspace=workspace, name="Care")
    rule = AlertRule.objects.create(workspace=workspace, name="Sad", kind="answer")
    given_events([answer(workspace, 1, customer_id=ada.pk), answer(workspace, 2, customer_id=bob.pk)])
    for number, customer in enumerate((ada, bob)):
        case = Case.objects.create(workspace=workspace, number=number + 1, subject=f"{customer} is sad", team=team,
                                   customer=customer, opened_by=f"event:{number}")  # fmt: skip
        alert = Alert.objects.create(workspace=workspace, rule=rule, rule_name="Sad", kind="answer", customer=customer,
                                     cause=f"event:{number}", case=case, data={"said": f"I am {customer}"})  # fmt: skip
        AlertHit.objects.create(rule=rule, event_id=uuid.uuid4(), alert=alert)
        audit("resolved", case, workspace=workspace, by=owner, changes={"subject": ["", str(case)]})
    file = json.loads(b"".join(belongings.export(customer=ada, by=owner)))
    [alert] = file["cases.alert"]
    assert (alert["rule_name"], alert["customer_id"], alert["data"]) == ("Sad", str(ada.pk), {"said": "I am Ada"})
    [hit] = file["cases.alerthit"]
    assert hit["alert_id"] == alert["id"]
    assert [one["subject"] for one in file["cases.case"]] == ["Ada is sad"]
    [event] = file["events"]
    assert (event["name"], event["customer_id"]) == ("answer_given", str(ada.pk))
    assert "Bob" not in json.dumps(file)
    remove_customer(customer=ada, by=owner)
    assert [one.customer for one in Alert.objects.all()] == [bob]
    assert AlertHit.objects.count() == 1
    trail = AuditEntry.objects.filter(subject="case").order_by("pk")
    assert [(one.verb, one.subject_name, one.changes) for one in trail] == [
        ("resolved", "", {}), ("resolved", trail[1].subject_name, {"subject": ["", trail[1].subject_name]}),
    ]  # fmt: skip
    assert "Bob" in trail[1].subject_name


def test_what_came_before_there_was_a_profile_goes_too() -> None:
    """A visitor answers, is seen in a segment, is asked by address; then they get a profile, and want to be erased."""
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    ada, bob = make_customer(workspace, "Ada"), make_customer(workspace, "Bob")
    survey = Survey.objects.create(workspace=workspace, name="S")
    names = {ada: [("email", "ada@example.com"), ("anonymous_id", "a-1")], bob: [("email", "bob@example.com")]}
    for customer, held in names.items():
        for kind, value in held:
            Identity.objects.create(workspace=workspace, customer=customer, kind=kind, value=value)
            person = customer_id_of(workspace.pk, kind, value)
            Response.objects.create(workspace=workspace, survey=survey, version=1, language="en", person=person,
                                    answers={"why": f"I, {customer}"})  # fmt: skip
            Contact.objects.create(workspace=workspace, person=person, survey=survey, channel="email")
            given_events([answer(workspace, 5, customer_id=person)])
    file = json.loads(b"".join(belongings.export(customer=ada, by=owner)))
    assert [len(file[one]) for one in ("surveys.response", "surveys.contact", "events")] == [2, 2, 2]
    remove_customer(customer=ada, by=owner)
    assert [one.answers for one in Response.objects.all()] == [{"why": "I, Bob"}]
    assert Contact.objects.count() == 1 and not Watched.objects.exists()
    assert json.loads(b"".join(belongings.export(customer=bob, by=owner)))["events"] != []


def test_analysts_fetch_the_file_by_page_and_by_key_and_agents_do_not(client: Client) -> None:
    workspace = make_workspace()
    owner = workspace.memberships.get().user
    ada = make_customer(workspace, "Ada")
    address = f"/w/{workspace.slug}/customers/{ada.pk}/export.json"
    agent = make_member(workspace, Role.AGENT, "agent@example.com")
    client.force_login(agent)
    assert client.get(address).status_code == 403
    assert address not in client.get(f"/w/{workspace.slug}/customers/{ada.pk}/").content.decode()
    with pytest.raises(PermissionDenied):
        belongings.export(customer=ada, by=agent)
    assert not AuditEntry.objects.filter(verb="exported").exists()
    client.force_login(owner)
    assert address in client.get(f"/w/{workspace.slug}/customers/{ada.pk}/").content.decode()
    reply = client.get(address)
    assert reply["Content-Disposition"] == f'attachment; filename="customer-{ada.pk}.json"'
    assert json.loads(reply.getvalue())["customers.customer"][0]["name"] == "Ada"
    for role, status in ((Role.AGENT, 403), (Role.ANALYST, 200)):
        secret = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, role=role, name=role, by=owner)[1]
        reply = client.get(f"/api/v1/customers/{ada.pk}/export", headers={"Authorization": f"Bearer {secret}"})
        assert reply.status_code == status
    assert json.loads(reply.getvalue())["customers.customer"][0]["name"] == "Ada"
    trail = AuditEntry.objects.filter(verb="exported", subject="customer", subject_id=str(ada.pk))
    assert [one.by for one in trail] == [owner, owner]
