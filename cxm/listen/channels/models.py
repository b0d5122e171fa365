"""What leaves: one row per message, and who must not be written to."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from cxm.accounts.models import User, Workspace
from cxm.accounts.sealing import SealedJSONField
from cxm.record.customers.models import Customer

from .webhook_models import WebhookAttempt as WebhookAttempt
from .webhook_models import WebhookEndpoint as WebhookEndpoint
from .webhook_models import WebhookMessage as WebhookMessage
from .webhook_models import WebhookSecret as WebhookSecret


class Delivery(models.Model):
    """One message to one address. Made in the transaction of what causes it, sent after commit, never twice.

    A row is claimed by a conditional update before the first byte leaves. If the process dies between that and the
    answer of the other side, nobody knows whether it left: it stays `uncertain`, and only a person sends it again.
    """

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("message", "Waiting")
        SENDING = "sending", pgettext_lazy("message", "Sending")
        SENT = "sent", pgettext_lazy("message", "Sent")
        FAILED = "failed", pgettext_lazy("message", "Failed")
        BOUNCED = "bounced", pgettext_lazy("message", "Bounced")
        UNCERTAIN = "uncertain", pgettext_lazy("message", "Uncertain")
        CANCELLED = "cancelled", pgettext_lazy("message", "Cancelled")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, default="email")
    cause = models.CharField(max_length=100)  # "invitation:<id>", "reminder:<id>:2": at most one message per cause
    batch = models.CharField(max_length=60, blank=True)  # "mailing:<id>": what is stopped and counted together
    to = models.CharField(max_length=320)
    # Who is erased leaves no address behind, and a message that still waits for them does not leave.
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, related_name="+")
    message: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()  # what the kind needs to make it
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    message_id = models.CharField(max_length=250, blank=True)
    not_before = models.DateTimeField(default=timezone.now)
    claimed_by = models.CharField(max_length=80, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "not_before"]),
            models.Index(fields=["workspace", "-created_at"]),
            models.Index(fields=["message_id"]),
            models.Index(fields=["batch", "state"]),
            models.Index(fields=["claimed_at"]),  # how many left in the last hour
            models.Index(fields=["workspace", "to"]),
        ]
        constraints = [models.UniqueConstraint(fields=["workspace", "cause"], name="one_delivery_per_cause")]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to}"


class Suppression(models.Model):
    """An address that must not be written to: it unsubscribed, bounced for good, or complained."""

    class Reason(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed", pgettext_lazy("of an address", "Unsubscribed")
        BOUNCED = "bounced", pgettext_lazy("of an address", "Does not exist")
        COMPLAINED = "complained", pgettext_lazy("of an address", "Complained about spam")
        MANUAL = "manual", pgettext_lazy("of an address", "Entered by hand")

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, default="email")
    address = models.CharField(max_length=320)  # folded to lower case
    reason = models.CharField(max_length=20, choices=Reason.choices)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "kind", "address"], name="one_suppression_per_address")
        ]

    def __str__(self) -> str:
        return self.address


class Channel(models.Model):
    """A way in: a mailbox, a form, a source of reviews or calls, a webhook. Its kind is a folder of `kinds/`."""

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)  # in addresses that others know
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20)
    name = models.CharField(pgettext_lazy("of a thing", "name"), max_length=200)
    address = models.CharField(max_length=320, blank=True)  # of a mailbox; folded to lower case
    settings: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    secrets = SealedJSONField(default=dict)  # never shown again
    is_paused = models.BooleanField(default=False)
    state: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # cursor, last error
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="one_channel_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Conversation(models.Model):
    """Messages that belong together: a thread of mails, a filled form, a review with its answers, a call."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    channel = models.ForeignKey(Channel, on_delete=models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(max_length=20)  # of its channel: outlives it
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, related_name="+")
    address = models.CharField(max_length=320, blank=True)  # where an answer goes
    name = models.CharField(max_length=300, blank=True)  # as the other side says it
    subject = models.CharField(max_length=300, blank=True)
    language = models.CharField(max_length=10, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-last_at"]),
            models.Index(fields=["customer", "-last_at"]),
        ]

    def __str__(self) -> str:
        return self.subject or self.address


class Message(models.Model):
    """One message of a conversation, in or out. What came in is kept as it was understood, never as markup to trust."""

    class Direction(models.TextChoices):
        IN = "in", pgettext_lazy("message", "Received")
        OUT = "out", pgettext_lazy("message", "Sent by us")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    direction = models.CharField(max_length=3, choices=Direction.choices)
    # What the other side calls it (a Message-ID, the id of a review): the same twice is one message.
    external_id = models.CharField(max_length=250)
    author = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")  # of ours; null: a machine
    sender = models.CharField(max_length=320, blank=True)
    text = models.TextField(blank=True)  # what is new: without quotes and signature
    quoted = models.TextField(blank=True)  # quotes and signature, as text
    html = models.TextField(blank=True)  # sanitised; empty: only text came
    score = models.FloatField(null=True)  # of a review
    is_automatic = models.BooleanField(default=False)  # an auto-reply, a bounce, an acknowledgement of ours
    remarks: models.JSONField[list[str], list[str]] = models.JSONField(default=list)  # codes: what looked wrong
    properties: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    delivery = models.ForeignKey(Delivery, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["conversation", "at"])]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "external_id"], name="one_message_per_external_id"),
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.sender}"

    @property
    def event_id(self) -> uuid.UUID:
        """Of the event that tells the log of this message, if it came in and the log is told of it."""
        return uuid.uuid5(self.pk, "received")


class Attachment(models.Model):
    """A file of a message; its bytes lie in the data directory under `key`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()
    key = models.CharField(max_length=100)

    class Meta:
        indexes = [models.Index(fields=["type"])]  # recordings are looked for

    def __str__(self) -> str:
        return self.name


class Transcription(models.Model):
    """What becomes of a recording: at most one row for each, so that it is transcribed and told once."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("of a recording", "Waiting to be transcribed")
        RUNNING = "running", pgettext_lazy("of a recording", "Being transcribed")
        DONE = "done", pgettext_lazy("of a recording", "Transcribed")
        FAILED = "failed", pgettext_lazy("of a recording", "Could not be transcribed")

    id = models.BigAutoField(primary_key=True)
    attachment = models.OneToOneField(Attachment, on_delete=models.CASCADE, related_name="transcription")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    error = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["state"])]

    def __str__(self) -> str:
        return f"{self.attachment_id} {self.state}"
