"""Who is there: the person behind the ids that a page or an app names, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from msgspec import Struct

from cxm.accounts.models import Workspace
from cxm.lib.conditions import Condition, Value, holds
from cxm.record.customers.linking import ANONYMOUS, USER, log_id
from cxm.record.customers.models import Consent, Customer, Identity
from cxm.record.customers.segments import Answers, segments_of
from cxm.record.customers.snapshot import families

from ..identity import belief_in
from ..models import Contact, Response, Survey
from .config import Device

LONGEST_ID = 300
SURVEYS = "surveys"  # the purpose whose refusal stops surveys that come unasked


class Said(Struct, rename="camel", omit_defaults=True):
    """What the page says. Nothing of it is believed further than it can do harm to whoever says it."""

    write_key: str = ""
    anonymous_id: str | None = None
    user_id: str | int | None = None
    hash: str | None = None  # HMAC-SHA256 of the user id with the secret of the workspace, in hex
    kept: bool = False  # the site keeps the anonymous id, because the visitor agreed
    url: str = ""
    device: Device = "desktop"
    language: str = ""
    languages: list[str] = []


@dataclass(slots=True)
class History:
    """What this person has had to do with one survey before."""

    shown_at: datetime | None = None
    answered_at: datetime | None = None
    answers: dict[str, Any] = field(default_factory=dict)


class Visitor:
    """One visitor of a workspace's site. What is known of them is asked of the database once, and only if needed."""

    def __init__(self, workspace: Workspace, said: Said) -> None:
        self.workspace, self.said = workspace, said
        user = identity(said.user_id)
        belief = belief_in(workspace.pk, user, said.hash or "") if user else "doubted"
        self.verified = belief == "proven"
        self.user = "" if belief == "doubted" else user
        self.anonymous = identity(said.anonymous_id)
        self.recognised = bool(self.user) or (said.kept and bool(self.anonymous))

    @cached_property
    def customer(self) -> Customer | None:
        """The canonical profile, if there is one."""
        for kind, value in ((USER, self.user), (ANONYMOUS, self.anonymous)):
            if value:
                held = Identity.objects.select_related("customer__canonical")
                if found := held.filter(workspace=self.workspace, kind=kind, value=value).first():
                    return found.customer.canonical or found.customer
                own = Customer.objects.select_related("canonical").filter(
                    workspace=self.workspace, pk=log_id(self.workspace.pk, (kind, value))
                ).first()  # fmt: skip
                if own:
                    return own.canonical or own
        return None

    @cached_property
    def person(self) -> UUID | None:
        """The customer id that their facts carry: of the profile, or of an identity that has none yet."""
        if self.customer is not None:
            return self.customer.pk
        if self.user or self.anonymous:
            kind, value = (USER, self.user) if self.user else (ANONYMOUS, self.anonymous)
            return log_id(self.workspace.pk, (kind, value))
        return None

    @cached_property
    def _family(self) -> list[Customer]:
        if self.customer is None:
            return []
        [family] = families(self.workspace.pk, [self.customer.pk])
        return family

    @cached_property
    def refuses(self) -> bool:
        """Whether the person said no to surveys."""
        if not self._family:
            return False
        newest = Consent.objects.filter(customer__in=self._family, purpose=SURVEYS).order_by("-at", "-id").first()
        return newest is not None and not newest.granted

    @cached_property
    def history(self) -> dict[int, History]:
        """By the number of the survey."""
        found: dict[int, History] = {}
        if self.person is None:
            return found
        # Facts carry the customer, or the name under which somebody came: whoever asked then may have known less.
        names = ((USER, self.user), (ANONYMOUS, self.anonymous))
        ids = {self.person, *(one.pk for one in self._family)}
        ids |= {log_id(self.workspace.pk, name) for name in names if name[1]}
        shown = Contact.objects.filter(workspace=self.workspace, person__in=ids).order_by("at")
        for survey, at in shown.values_list("survey_id", "at"):
            found.setdefault(survey, History()).shown_at = at
        answered = Response.objects.filter(
            Q(person__in=ids) | Q(customer__in=self._family), workspace=self.workspace,
            state=Response.State.COMPLETED, test=False, archived_at=None,
        ).order_by("completed_at")  # fmt: skip
        for survey, done_at, answers in answered.values_list("survey_id", "completed_at", "answers"):
            past = found.setdefault(survey, History())
            past.answered_at, past.answers = done_at, answers
        return found

    def fits(self, condition: Condition) -> bool:
        """Whether a condition on a person holds; of somebody whom nobody knows, only what the page says is set.

        Raises EventlogError where it asks for events and the log is away.
        """
        asked = Answers(self.customer, [condition], timezone.now()) if self.customer else None

        def value_of(leaf: Condition) -> Value:
            name = leaf.field
            if name.startswith("survey."):
                return self._earlier(name)
            if name == "device":
                return self.said.device
            if name == "url":
                return self.said.url
            if name == "language" and self.said.language:
                return self.said.language
            if name == "segment":
                return [str(one.pk) for one in segments_of(self.customer)] if self.customer else []
            return asked(leaf) if asked else None

        return holds(condition, value_of)

    def _earlier(self, name: str) -> Value:
        _survey, key, question = [*name.split(".", 2), ""][:3]
        number = Survey.objects.filter(workspace=self.workspace, key=key).values_list("pk", flat=True).first()
        past = self.history.get(number) if number else None
        if past is None or past.answered_at is None:
            return None
        if question == "days":
            return (timezone.now() - past.answered_at).days
        value: Value = past.answers.get(question)
        return value


def identity(value: str | int | None) -> str:
    """An id as the tracking API keeps it; empty where there is none."""
    text = "" if value is None else str(value).strip()
    return text if len(text) <= LONGEST_ID and "\0" not in text else ""
