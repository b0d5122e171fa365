"""Topics: what a firm's customers talk about, as a tree; the words that tell of each; its examples and its history."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import get_language, pgettext_lazy

from cxm.accounts.models import User, Workspace
from cxm.record.customers.models import Customer

Words = dict[str, list[str]]  # by language: en, pl, ru, uk, zh


class TopicTree(models.Model):
    """One row for each workspace: the version counts up with every change, so that what was compiled can be kept."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="+", primary_key=True)
    version = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.version)


class Topic(models.Model):
    """A topic of the tree. Its key is in the annotations of texts and never changes, whatever is done to the topic."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=60)
    parent = models.ForeignKey("self", on_delete=models.RESTRICT, null=True, blank=True, related_name="children")
    position = models.PositiveIntegerField(default=0)  # among those of one parent
    names: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)  # by language of the pages
    # Words and phrases, in every inflection; the form of an entry is in topics/patterns.py
    words: models.JSONField[Words, Words] = models.JSONField(default=dict)
    exclusions: models.JSONField[Words, Words] = models.JSONField(default=dict)  # what they match is not this topic
    is_on = models.BooleanField(default=True)
    # A topic that was merged is kept for what was counted under its key, which counts with the other from then on.
    merged_into = models.ForeignKey("self", on_delete=models.RESTRICT, null=True, blank=True, related_name="merged")
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "key"], name="topic_key_once")]
        ordering = ("position", "key")

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """In the language of the page, else in English, else in any."""
        language = get_language() or "en"
        return self.names.get(language) or self.names.get("en") or next(iter(self.names.values()), "") or self.key


class TopicVersion(models.Model):
    """A topic as it was made at that time: what a change can be taken back to."""

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    verb = models.CharField(max_length=20)  # created, changed, moved, merged, split, restored …
    content: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["topic", "number"], name="topic_version_once")]
        ordering = ("-number",)

    def __str__(self) -> str:
        return f"{self.topic.key} {self.number}"


class TopicExample(models.Model):
    """A text of which a person has said whether it is about the topic: it teaches the topic, and it measures it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="examples")
    text = models.TextField(max_length=4000)
    fits = models.BooleanField(pgettext_lazy("example of a topic", "fits"), default=True)
    event_id = models.UUIDField(null=True, blank=True)  # of the feedback it is from
    # Who wrote it: it is erased with them.
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["topic", "event_id"], condition=models.Q(event_id__isnull=False), name="topic_example_once"
            )
        ]
        ordering = ("-at", "pk")

    def __str__(self) -> str:
        return self.text[:80]
