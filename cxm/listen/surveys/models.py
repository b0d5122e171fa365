"""Surveys as people work with them: drafts, published versions, invitations, and responses until nobody needs them."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace
from cxm.accounts.sealing import SealedTextField
from cxm.record.customers.models import Customer, PersonField


def new_public_id() -> str:
    return secrets.token_urlsafe(9)  # 72 bits: nobody finds a survey by trying


class Survey(models.Model):
    """A questionnaire with its draft. What people answer is a published `Version`."""

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("survey", "Draft")
        LIVE = "live", pgettext_lazy("survey", "Live")
        PAUSED = "paused", pgettext_lazy("survey", "Paused")
        CLOSED = "closed", pgettext_lazy("survey", "Closed")

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id)
    key = models.CharField(max_length=60)  # the name in the log: never changes, so numbers keep their survey
    name = models.CharField(_("name"), max_length=200)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    draft: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # a Definition
    revision = models.PositiveIntegerField(default=0)  # of the draft: one more with each edit
    version = models.PositiveIntegerField(default=0)  # the published one; 0: none yet
    address = models.SlugField(_("address"), max_length=60, blank=True)  # a pretty name in the public link
    pin = models.CharField(_("PIN"), max_length=20, blank=True)
    verify_email = models.BooleanField(default=False)  # the public link asks for an address, and begins from a mail
    opens_at = models.DateTimeField(null=True, blank=True)
    closes_at = models.DateTimeField(null=True, blank=True)
    most_responses = models.PositiveIntegerField(null=True, blank=True)
    partial_after_minutes = models.PositiveIntegerField(default=60)  # an unfinished response counts as it is then
    priority = models.PositiveSmallIntegerField(default=50)  # among surveys that want the same person; highest first
    # Where and to whom the widget shows it; see widget.py. Empty: nowhere.
    widget: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)
    results_token = models.CharField(max_length=40, blank=True)  # of the public read-only results; empty: not shared
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "key"], name="one_survey_per_key"),
            models.UniqueConstraint(fields=["address"], name="one_survey_per_address", condition=~models.Q(address="")),
        ]

    def __str__(self) -> str:
        return self.name


class Revision(models.Model):
    """The draft before an edit, so that edits can be undone."""

    id = models.BigAutoField(primary_key=True)
    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    draft: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    made_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["survey", "number"], name="one_revision_per_number")]


class Version(models.Model):
    """What was published: never changed. `question_versions` says which wording of each question it holds."""

    id = models.BigAutoField(primary_key=True)
    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    definition: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    question_versions: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(default=dict)
    published_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    published_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["survey", "number"], name="one_version_per_number")]


class QuestionVersion(models.Model):
    """A wording of a question: its kind, texts, choices and scale as they were asked. `body` is a Question."""

    id = models.BigAutoField(primary_key=True)
    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="question_versions")
    question = models.CharField(max_length=64)
    number = models.PositiveIntegerField()
    body: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    scale_changed = models.BooleanField(default=False)  # against the number before: the trend breaks here
    published_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["survey", "question", "number"], name="one_wording_per_number")]


class Response(models.Model):
    """What one person answered, from the first click on. Its facts are in the log once it is completed or given up."""

    class State(models.TextChoices):
        STARTED = "started", pgettext_lazy("response", "Started")
        COMPLETED = "completed", pgettext_lazy("response", "Completed")
        PARTIAL = "partial", pgettext_lazy("response", "Partial")  # given up, what was answered counts
        SCREENED_OUT = "screened_out", pgettext_lazy("response", "Screened out")

    class Channel(models.TextChoices):
        LINK = "link", pgettext_lazy("survey channel", "Link")
        PERSONAL = "personal", pgettext_lazy("survey channel", "Personal link")
        EMAIL = "email", pgettext_lazy("survey channel", "E-mail")
        WIDGET = "widget", pgettext_lazy("survey channel", "Website")
        KIOSK = "kiosk", pgettext_lazy("survey channel", "Kiosk")
        PANEL = "panel", pgettext_lazy("survey channel", "Panel")
        API = "api", pgettext_lazy("survey channel", "API")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="responses")
    version = models.PositiveIntegerField()  # number of the Version that was answered
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, related_name="+")
    # The customer id that its facts carry: of the customer, or of an identity that nobody holds yet.
    person = PersonField(null=True, blank=True)
    invitation = models.ForeignKey("Invitation", on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=12, choices=State.choices, default=State.STARTED)
    test = models.BooleanField(default=False)  # of a preview: never counts
    channel = models.CharField(max_length=10, choices=Channel.choices, default=Channel.LINK)
    origin = models.CharField(max_length=200, blank=True)  # utm_source, place of a kiosk, page of a widget
    language = models.CharField(max_length=10)
    answers: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    hidden: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    variables: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    full: models.JSONField[list[str], list[str]] = models.JSONField(default=list)  # quotas that were when it began
    seen: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # question -> seconds
    page = models.CharField(max_length=64, blank=True)  # where they are
    seed = models.PositiveIntegerField(default=0)  # of every random order in it
    ending = models.CharField(max_length=64, blank=True)
    flags: models.JSONField[list[str], list[str]] = models.JSONField(default=list)  # speeding, straight_lining …
    tags: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    started_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    completed_at = models.DateTimeField(null=True, blank=True)
    assigned_to = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    handled_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)  # out of sight and out of the numbers
    outdated = models.BooleanField(default=False)  # its facts in the log tell what it said before

    class Meta:
        indexes = [
            models.Index(fields=["outdated"], condition=models.Q(outdated=True), name="response_outdated"),
            models.Index(fields=["survey", "-started_at"]),
            models.Index(fields=["customer", "survey"]),
            models.Index(fields=["person"], condition=models.Q(person__isnull=False), name="response_person"),
            models.Index(fields=["state", "updated_at"]),
        ]


class Picture(models.Model):
    """An uploaded picture of a choice, as `pictures` has drawn it. It goes with its survey."""

    id = models.BigAutoField(primary_key=True)
    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="pictures")
    digest = models.CharField(max_length=64, db_index=True)  # SHA-256 of the bytes; its name in an address
    body = models.BinaryField()  # WebP
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["survey", "digest"], name="one_picture_per_digest")]


class QuotaCount(models.Model):
    """How many completed responses a quota has taken. Counted in the transaction that completes them, so exactly."""

    id = models.BigAutoField(primary_key=True)
    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="quota_counts")
    quota = models.CharField(max_length=64, blank=True)  # empty: every completed response, for most_responses
    n = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["survey", "quota"], name="one_count_per_quota")]


class Mailing(models.Model):
    """One sending of invitations to the customers of a segment, or of a list; with a `Repeat`, a pattern of waves."""

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("mailing", "Draft")
        SENDING = "sending", pgettext_lazy("mailing", "Sending")
        REPEATING = "repeating", pgettext_lazy("mailing", "Repeating")
        PAUSED = "paused", pgettext_lazy("mailing", "Paused")
        SENT = "sent", pgettext_lazy("mailing", "Sent")
        STOPPED = "stopped", pgettext_lazy("mailing", "Stopped")

    id = models.BigAutoField(primary_key=True)
    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="mailings")
    name = models.CharField(_("name"), max_length=200)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    segment = models.CharField(max_length=40, blank=True)  # id of a segment; empty: see `customers`
    also_in: models.JSONField[list[str], list[str]] = models.JSONField(default=list)  # and in all of these segments
    not_in: models.JSONField[list[str], list[str]] = models.JSONField(default=list)  # and in none of these
    customers: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    subject: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)  # per language
    text: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    remind_after_days: models.JSONField[list[int], list[int]] = models.JSONField(default=list)
    sample: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # see sampling.py
    per_hour = models.PositiveIntegerField(null=True, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    series = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="waves")  # that made this wave
    wave_on = models.DateField(null=True, blank=True)  # the day for which it was made
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "wave_on"], name="one_wave_per_day")]


class Repeat(models.Model):
    """When the waves of a mailing begin: days and time of day are those of the workspace's clocks."""

    class Every(models.TextChoices):
        DAY = "day", _("Every day")
        WEEK = "week", _("Every week")
        MONTH = "month", _("Every month")
        QUARTER = "quarter", _("Every quarter")

    mailing = models.OneToOneField(Mailing, on_delete=models.CASCADE, primary_key=True, related_name="repeat")
    every = models.CharField(max_length=10, choices=Every.choices)
    first_on = models.DateField()
    at = models.TimeField()
    until = models.DateField(null=True, blank=True)  # the last day on which a wave may begin
    next_at = models.DateTimeField(null=True, blank=True, db_index=True)  # null: not started, paused, or over


class Invitation(models.Model):
    """One person asked to answer one survey: a personal link, single-use unless it says otherwise."""

    class State(models.TextChoices):
        PLANNED = "planned", pgettext_lazy("invitation", "Planned")  # not yet decided
        CREATED = "created", pgettext_lazy("invitation", "Created")
        SKIPPED = "skipped", pgettext_lazy("invitation", "Skipped")
        SENT = "sent", pgettext_lazy("invitation", "Sent")
        OPENED = "opened", pgettext_lazy("invitation", "Opened")
        ANSWERED = "answered", pgettext_lazy("invitation", "Answered")
        BOUNCED = "bounced", pgettext_lazy("invitation", "Bounced")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="invitations")
    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, null=True, related_name="invitations")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, related_name="+")
    token = models.CharField(max_length=43, unique=True)  # 256 random bits
    channel = models.CharField(max_length=10, choices=Response.Channel.choices)
    address = models.CharField(max_length=254, blank=True)
    language = models.CharField(max_length=10, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.CREATED)
    reason = models.CharField(max_length=60, blank=True)  # why it was skipped: a code of budget.py
    reason_detail: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    single_use = models.BooleanField(default=True)
    hidden: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    group = models.CharField(max_length=200, blank=True)  # the stratum that it was drawn from
    reminders = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["survey", "state"]), models.Index(fields=["mailing", "state"])]
        constraints = [
            models.UniqueConstraint(fields=["mailing", "customer"], name="one_invitation_per_mailing_and_customer"),
            # Two profiles with one address are one reader: the second is skipped, and keeps no address.
            models.UniqueConstraint(
                fields=["mailing", "address"],
                name="one_invitation_per_mailing_and_address",
                condition=~models.Q(address=""),
            ),
        ]


class ContactRule(models.Model):
    """Part of the contact budget: nobody is asked more than `most` times in any `days` days."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=100)
    most = models.PositiveSmallIntegerField()
    days = models.PositiveSmallIntegerField()
    channels: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)  # empty: all
    surveys: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)  # keys; empty: all
    # Whom it concerns, by traits; empty: everybody.
    condition: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)
    active = models.BooleanField(default=True)


class Contact(models.Model):
    """A customer was asked: by an invitation, a widget that opened, a panel. Reminders are not new contacts."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    person = PersonField()  # the canonical customer, or the identity of a visitor we do not know
    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=10)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["workspace", "person", "-at"])]


class IdentityKey(models.Model):
    """The secret by which a workspace's own sites vouch for who a visitor is: they send the HMAC of the user id."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, primary_key=True, related_name="+")
    secret = SealedTextField()
    required = models.BooleanField(default=False)  # a user id without its HMAC is not believed
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.made_at)
