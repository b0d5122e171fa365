"""What steps do: each effect is a verb of the domain that owns it, called in the transaction of the step.

An effect returns what is worth remembering of it, or raises Skip with a reason from a closed list when it cannot be
done for this customer: then the run goes on with the next step. Any other error makes the run try again later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from cxm.accounts.models import User, Workspace
from cxm.act.cases import actions as cases
from cxm.act.cases import tasks
from cxm.act.cases.alerts.notices import tell_in_app
from cxm.act.cases.errors import Refused as CaseRefused
from cxm.act.cases.models import Case, Resolution, Team, TeamMember
from cxm.act.cases.queries import ended_in
from cxm.act.cases.text_fields import with_text
from cxm.listen.channels.actions import Refused as MessageRefused
from cxm.listen.channels.actions import queue
from cxm.listen.channels.conversing import address_of, mailbox_of, open_conversation, reply
from cxm.listen.channels.models import Conversation
from cxm.listen.channels.queries import suppressed
from cxm.listen.channels.webhooks.actions import tell
from cxm.listen.surveys.distribution.actions import invite
from cxm.listen.surveys.models import Survey
from cxm.record.customers import marks
from cxm.record.customers.actions import change_profile
from cxm.record.customers.errors import Refused as ProfileRefused
from cxm.record.customers.models import Customer
from cxm.record.customers.traits import Kind, kinds

from .definition import Definition, Step, in_language
from .limits import refusal_of_marketing
from .models import Run
from .words import piped

REASONS = (
    "no_customer", "no_address", "suppressed", "consent", "budget", "refused", "no_case", "no_survey", "nobody",
    "too_many", "value",
)  # fmt: skip


MOST_TOLD = 8  # properties in a webhook


class Skip(Exception):
    """The step cannot be made for this customer. `reason` is one of REASONS; the message says more, for people."""

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(slots=True)
class Doing:
    run: Run
    step: Step
    definition: Definition
    now: datetime

    @property
    def workspace(self) -> Workspace:
        return self.run.workspace

    def customer(self) -> Customer:
        if self.run.customer is None:
            raise Skip("no_customer")
        return self.run.customer

    def say(self, texts: Mapping[str, str], language: str | None = None) -> str:
        """The text in the customer's language, or in another one; "" is the first of the workflow, for our people."""
        customer = self.run.customer
        wanted = (customer.language if customer else "") if language is None else language
        text = in_language(dict(texts), wanted, self.definition.languages)
        return piped(text, self.workspace, customer, self.run.context)

    @property
    def cause(self) -> str:
        """One for each step of each run: what is made or queued under it is made once."""
        return f"{self.run.pk.hex}:{self.step.id}"


def mail(doing: Doing) -> dict[str, Any]:
    """A mail to the customer. One that is no advertisement is a message of a conversation: answers reach the inbox."""
    customer, step = doing.customer(), doing.step
    address = address_of(customer)
    if not address:
        raise Skip("no_address")
    if suppressed(doing.workspace.pk, [address]):
        raise Skip("suppressed")
    subject, text = " ".join(doing.say(step.subject).split())[:300], doing.say(step.text)
    if step.marketing:
        if reason := refusal_of_marketing(doing.workspace.pk, customer, doing.now):
            raise Skip(*reason)
        queued = queue(
            workspace=doing.workspace, cause=f"automation:{doing.cause}", to=address, customer=customer,
            batch=f"workflow:{doing.run.workflow_id}", subject=subject, text=text, language=customer.language,
        )  # fmt: skip
        return {"delivery": str(queued), "subject": subject}
    conversation = _conversation(doing)
    if conversation is None:
        conversation = open_conversation(
            workspace=doing.workspace, customer=customer, channel=mailbox_of(doing.workspace), subject=subject
        )
        doing.run.context["conversation_id"] = str(conversation.pk)
    try:
        message = reply(
            conversation=conversation, text=text, by=None, kind="automation", case_id=_case_id(doing.run)
        )  # fmt: skip
    except MessageRefused as refused:
        raise Skip("refused", str(refused)) from refused
    if message.delivery_id is None:
        raise Skip("no_address" if "not_sent_no_address" in message.remarks else "too_many")
    return {"message": str(message.pk), "subject": subject}


def open_a_case(doing: Doing) -> dict[str, Any]:
    step, run, properties = doing.step, doing.run, doing.run.context.get("properties", {})
    case = cases.open_case(
        workspace=doing.workspace, subject=doing.say(step.subject, "")[:300] or run.workflow.name,
        opened_by=f"rule:{doing.cause}", customer=run.customer, conversation=_conversation(doing),
        category=step.category, priority=step.priority or Case.Priority.NORMAL, severe=step.severe,
        complaint=step.complaint, channel=str(properties.get("channel") or ""),
        touchpoint=str(properties.get("touchpoint") or ""), team=_team(doing),
        properties=with_text(doing.workspace.pk, properties), by=None,
    )  # fmt: skip
    return _remember(doing, case)


def change_case(doing: Doing) -> dict[str, Any]:
    step, case = doing.step, _case(doing)
    try:
        if step.priority and step.priority != case.priority:
            cases.set_priority(case=case, priority=step.priority, by=None)
        if step.category and step.category != case.category:
            cases.describe(case=case, category=step.category[:60], by=None)
        if (team := _team(doing)) is not None and team.pk != case.team_id:
            cases.assign(case=case, team=team, by=None)
        if step.name:
            cases.add_tags(case=case, tags=[step.name], by=None)
        if note := doing.say(step.text, ""):
            cases.add_note(case=case, text=note, by=None, ref=f"rule:{doing.cause}")
        if step.state == "resolve" and case.state in Case.OPEN_STATES:
            cases.resolve(case=case, resolution=Resolution.SOLVED, by=None)
        elif step.state == "close":
            cases.close(case=case, by=None)
    except CaseRefused as refused:
        raise Skip("refused", str(refused)) from refused
    return {"case": str(case.pk), "number": case.number}


def task(doing: Doing) -> dict[str, Any]:
    """A gesture that a person makes: a task of the case, if there is one that is open, else a case of its own."""
    text, team = doing.say(doing.step.subject, ""), _team(doing)
    try:
        case = _case(doing)
    except Skip:
        case = None
    if case is not None and case.state in Case.OPEN_STATES:
        asked = tasks.ask(case=case, text=text, team=team or case.team, by=None, ref=f"rule:{doing.cause}")
        return {"task": str(asked.pk), "case": str(case.pk), "number": case.number}
    made = cases.open_case(
        workspace=doing.workspace, subject=text, opened_by=f"rule:{doing.cause}", customer=doing.run.customer,
        category="gesture", team=team, properties={"task": True}, by=None,
    )  # fmt: skip
    return _remember(doing, made)


def _remember(doing: Doing, case: Case) -> dict[str, Any]:
    """Later steps of the run are about this case."""
    context = doing.run.context
    context["case_id"], context["case"] = str(case.pk), {"number": case.number, "subject": case.subject}
    if note := doing.say(doing.step.text, ""):
        cases.add_note(case=case, text=note, by=None, ref=f"rule:{doing.cause}")
    return {"case": str(case.pk), "number": case.number}


def tag(doing: Doing) -> dict[str, Any]:
    n = marks.tag(workspace=doing.workspace, customers=[doing.customer()], name=doing.step.name, by=None)
    return {"tag": doing.step.name, "new": bool(n)}


def untag(doing: Doing) -> dict[str, Any]:
    n = marks.untag(workspace=doing.workspace, customers=[doing.customer()], name=doing.step.name, by=None)
    return {"tag": doing.step.name, "had": bool(n)}


def trait(doing: Doing) -> dict[str, Any]:
    """`value` may name what is known of the event; it is read as the kind of the trait."""
    customer, step = doing.customer(), doing.step
    text = piped(step.value, doing.workspace, customer, doing.run.context)
    value = typed(text, kinds(doing.workspace).get(step.name))
    try:
        change_profile(customer=customer, traits={step.name: value}, by=None)
    except ProfileRefused as refused:
        raise Skip("value", str(refused)) from refused
    doing.run.customer = Customer.objects.get(pk=customer.pk)
    return {"trait": step.name, "value": value}


def typed(text: str, kind: Kind | None) -> Any:
    if text == "":
        return None
    if kind in (Kind.YES_NO, None) and text in ("true", "false"):
        return text == "true"
    if kind in (Kind.NUMBER, None):
        try:
            return float(text) if "." in text else int(text)
        except ValueError:
            return text
    return text


def survey(doing: Doing) -> dict[str, Any]:
    customer = doing.customer()
    found = Survey.objects.select_related("workspace").filter(workspace=doing.workspace, key=doing.step.survey).first()
    if found is None:
        raise Skip("no_survey")
    properties = doing.run.context.get("properties", {})
    hidden = {name: properties[name] for name in ("case_id", "order_id", "touchpoint") if properties.get(name)}
    try:
        made = invite(survey=found, customer=customer, address=address_of(customer), send=True, hidden=hidden, by=None)
    except MessageRefused as refused:
        raise Skip("budget", str(refused)) from refused
    return {"invitation": str(made.pk), "survey": found.key}


def notify(doing: Doing) -> dict[str, Any]:
    """A mail to people of ours and a line under their bell, in the language of each; only to members."""
    step, told = doing.step, []
    people = people_of(doing.workspace, step)
    for user in people:
        subject, text = doing.say(step.subject, user.language), doing.say(step.text, user.language)
        queue(
            workspace=doing.workspace, cause=f"notice:{doing.cause}:{user.pk}", to=user.email,
            batch=f"workflow:{doing.run.workflow_id}", subject=" ".join(subject.split())[:300],
            text=(text + "\n\n" if text else "") + address_in_app(doing), language=user.language, bulk=False,
        )  # fmt: skip
        told.append(str(user))
    if not told:
        raise Skip("nobody")
    case = doing.run.context.get("case", {}).get("number")
    tell_in_app(
        workspace=doing.workspace, name=doing.run.workflow.name, cause=doing.cause, people=people, at=doing.now,
        texts={language: doing.say(step.subject, language) for language in {user.language for user in people}},
        customer=doing.run.customer, case_number=case if isinstance(case, int) else None,
    )  # fmt: skip
    return {"people": told}


def webhook(doing: Doing) -> dict[str, Any]:
    """To every endpoint that wants this type; the standard asks for thin messages, so long properties stay here."""
    run = doing.run
    data = {
        "workflow": run.workflow.name, "run_id": str(run.pk),
        "customer_id": str(run.customer_id) if run.customer_id else None, "case_id": _case_id(run),
        "event": run.context.get("event", ""), "properties": thin(run.context.get("properties", {})),
    }  # fmt: skip
    n = tell(
        workspace=doing.workspace, type=doing.step.type, data=data, at=doing.now, key=f"rule:{doing.cause}",
        customer=run.customer,
    )  # fmt: skip
    return {"type": doing.step.type, "endpoints": n}


def thin(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Properties that a webhook may carry: short ones, and the beginning of texts."""
    plain = {name: value for name, value in properties.items() if isinstance(value, str | int | float | bool)}
    return {name: value[:500] if isinstance(value, str) else value for name, value in list(plain.items())[:MOST_TOLD]}


EFFECTS: dict[str, Callable[[Doing], Mapping[str, Any]]] = {
    "mail": mail, "case": open_a_case, "change_case": change_case, "task": task, "tag": tag, "untag": untag,
    "trait": trait, "survey": survey, "notify": notify, "webhook": webhook,
}  # fmt: skip


def people_of(workspace: Workspace, step: Step) -> list[User]:
    """The members of the workspace that a step names, by address or by team."""
    members = User.objects.filter(memberships__workspace=workspace, is_active=True)
    wanted = {one.casefold() for one in step.people}
    if step.team:
        teams = TeamMember.objects.filter(team__workspace=workspace, team__name=step.team)
        wanted |= {email.casefold() for email in teams.values_list("user__email", flat=True)}
    return list(members.filter(email__in=wanted).order_by("pk")) if wanted else []


def address_in_app(doing: Doing) -> str:
    """Where a colleague reads more: the case, the customer, or the list."""
    slug, context = doing.workspace.slug, doing.run.context
    number = context.get("case", {}).get("number") or context.get("properties", {}).get("number")
    if isinstance(number, int) and _case_id(doing.run):
        return f"{settings.BASE_URL}/w/{slug}/cases/{number}/"
    if doing.run.customer_id:
        return f"{settings.BASE_URL}/w/{slug}/customers/{doing.run.customer_id}/"
    return f"{settings.BASE_URL}/w/{slug}/automations/"


def _team(doing: Doing) -> Team | None:
    return Team.objects.filter(workspace=doing.workspace, name=doing.step.team).first() if doing.step.team else None


def _case_id(run: Run) -> str | None:
    """The case that the run opened, or that its event is about."""
    found = run.context.get("case_id") or run.context.get("properties", {}).get("case_id")
    return str(found) if found else None


def _case(doing: Doing) -> Case:
    found = None
    if wanted := _case_id(doing.run):
        try:
            found = Case.objects.filter(workspace=doing.workspace, pk=UUID(wanted)).first()
        except ValueError:
            found = None
    if found is None:
        raise Skip("no_case")
    return ended_in(found)  # of one that was merged meanwhile, the one in which it goes on


def _conversation(doing: Doing) -> Conversation | None:
    """The one that the run wrote in already, or that its event is about."""
    context = doing.run.context
    wanted = context.get("conversation_id") or context.get("properties", {}).get("conversation_id")
    try:
        rows = Conversation.objects.select_related("workspace", "customer", "channel")
        return rows.filter(workspace=doing.workspace, pk=UUID(str(wanted))).first() if wanted else None
    except ValueError:
        return None
