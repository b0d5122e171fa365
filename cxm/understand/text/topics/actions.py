"""What can be done with topics: make, change, move, merge, split, take back; say what is an example of one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, User, Workspace
from cxm.record.customers.models import Customer
from cxm.understand.text.models import Topic, TopicExample, TopicTree, TopicVersion

from .errors import Refused
from .patterns import LANGUAGES, LONGEST_ENTRY, Unreadable, read_entry

DEEPEST = 4  # levels of the tree
MOST_TOPICS = 1000  # of a workspace
MOST_ENTRIES = 500  # words and phrases of a topic, in all languages
MOST_EXAMPLES = 1000  # of a topic
LONGEST_NAME = 80
PAGE_LANGUAGES = ("en", "pl", "ru", "uk", "zh-hant")
FIELDS = ("names", "words", "exclusions", "is_on")


@transaction.atomic
def create_topic(
    *, workspace: Workspace, names: Mapping[str, str], by: Actor, parent: Topic | None = None, key: str = "",
    words: Mapping[str, Sequence[str]] | None = None, exclusions: Mapping[str, Sequence[str]] | None = None,
    examples: Iterable[tuple[str, UUID | None, UUID | None]] = (),
) -> Topic:  # fmt: skip
    """A new topic under `parent`, the last there. `names` by language of the pages, at least one.

    `words` and `exclusions`: entries by language of texts (patterns.py). `examples`: (text, event or None, customer or
    None) that fit. `key` is made from the English name, or the first, unless it is given. Raises Refused.
    """
    require_role(workspace, by, Role.ANALYST)
    _change(workspace)
    if Topic.objects.filter(workspace=workspace).count() >= MOST_TOPICS:
        raise Refused(_("A workspace has at most %(n)s topics.") % {"n": MOST_TOPICS})
    topic = Topic(workspace=workspace, created_by=by if isinstance(by, User) else None)
    topic.names = _names(names)
    topic.words, topic.exclusions = _entries(words or {}), _entries(exclusions or {})
    topic.key = _key(workspace, key or topic.names.get("en") or next(iter(topic.names.values())), exact=bool(key))
    _put_under(topic, parent)
    topic.save(force_insert=True)
    for text, event_id, customer_id in examples:
        _example(topic, text, True, event_id, customer_id, by)
    _remember(topic, "created", by)
    audit("created", topic, workspace=workspace, by=by)
    return topic


@transaction.atomic
def change_topic(*, topic: Topic, by: Actor, **fields: Any) -> Topic:
    """Change what is given (see FIELDS). Raises Refused; then nothing has changed."""
    require_role(topic.workspace, by, Role.ANALYST)
    _change(topic.workspace)
    kept = _locked(topic)
    before = {name: getattr(kept, name) for name in FIELDS}
    for name, value in fields.items():
        if name not in FIELDS:
            raise TypeError(f"A topic has no field {name!r}.")
        if name == "names":
            value = _names(value)
        elif name in ("words", "exclusions"):
            value = _entries(value)
        setattr(kept, name, value)
    changes = {name: [before[name], now] for name in FIELDS if (now := getattr(kept, name)) != before[name]}
    if changes:
        _save(kept, "changed", by)
        audit("changed", kept, workspace=kept.workspace, by=by, changes=changes)
    return kept


@transaction.atomic
def move_topic(*, topic: Topic, parent: Topic | None, by: Actor, before: Topic | None = None) -> Topic:
    """Put the topic, with all below it, under `parent` (None: at the top), in front of `before` or last. Its key and
    what was counted stay. Raises Refused where the tree would become too deep or bite its tail."""
    require_role(topic.workspace, by, Role.ANALYST)
    _change(topic.workspace)
    kept = _locked(topic)
    old = kept.parent.name if kept.parent else ""
    _put_under(kept, parent)
    siblings = [one for one in _children(kept.workspace, kept.parent) if one.pk != kept.pk]
    place = next((number for number, one in enumerate(siblings) if before and one.pk == before.pk), len(siblings))
    siblings.insert(place, kept)
    for number, one in enumerate(siblings):
        if one.pk != kept.pk and one.position != number:
            Topic.objects.filter(pk=one.pk).update(position=number)
    kept.position = place
    _save(kept, "moved", by)
    audit("moved", kept, workspace=kept.workspace, by=by, changes={"parent": [old, parent.name if parent else ""]})
    return kept


@transaction.atomic
def merge_topics(*, topic: Topic, into: Topic, by: Actor) -> Topic:
    """What `topic` is known by goes to `into`, with what is below it; what was counted under its key counts with
    `into` from now on. The merged topic is kept, so that restoring its version before takes the merge back."""
    require_role(topic.workspace, by, Role.ANALYST)
    _change(topic.workspace)
    source, target = _locked(topic), _locked(into)
    if source.pk == target.pk or source.workspace_id != target.workspace_id:
        raise Refused(_("Choose another topic to merge it into."))
    if source.merged_into_id or target.merged_into_id:
        raise Refused(_("A topic that was merged cannot be merged again."))
    if source.pk in {one.pk for one in _above(target)}:
        raise Refused(_("A topic cannot be merged into one below it. Move that one out first."))
    target.words = _entries(_joined(target.words, source.words))
    target.exclusions = _entries(_joined(target.exclusions, source.exclusions))
    for child in list(_children(source.workspace, source)):
        _put_under(child, target)
        _save(child, "moved", by)
    known = set(target.examples.exclude(event_id=None).values_list("event_id", flat=True))
    TopicExample.objects.filter(topic=source).exclude(event_id__in=known).update(topic=target)
    source.merged_into = target
    _save(source, "merged", by)
    _save(target, "changed", by)
    # Of a chain only the last link is kept: a → b → c is read as a → c.
    Topic.objects.filter(merged_into=source).update(merged_into=target)
    audit("merged", source, workspace=source.workspace, by=by, changes={"merged_into": ["", target.name]})
    return target


@transaction.atomic
def split_topic(*, topic: Topic, parts: Sequence[Mapping[str, Any]], by: Actor) -> list[Topic]:
    """New topics below `topic`, which takes the words that each part names away from it: {names, words, exclusions}.

    The topic stays, with its key and what was counted under it: it counts what is below it too, so that its numbers
    go on as they were, and the parts tell what they are made of. Raises Refused.
    """
    require_role(topic.workspace, by, Role.ANALYST)
    _change(topic.workspace)
    kept = _locked(topic)
    if not parts:
        raise Refused(_("Say into which topics it is split."))
    made = []
    words = {language: list(entries) for language, entries in kept.words.items()}
    for part in parts:
        taken = _entries(part.get("words") or {})
        exclusions = part.get("exclusions") or kept.exclusions
        made.append(
            create_topic(
                workspace=kept.workspace, names=part["names"], by=by, parent=kept, words=taken, exclusions=exclusions
            )
        )
        for language, entries in taken.items():
            words[language] = [one for one in words.get(language, []) if one not in entries]
    kept.words = _entries(words)
    _save(kept, "split", by)
    audit("split", kept, workspace=kept.workspace, by=by, changes={"into": ["", ", ".join(one.name for one in made)]})
    return made


@transaction.atomic
def restore_version(*, topic: Topic, number: int, by: Actor) -> Topic:
    """Make the topic as it was in that version: names, words, place in the tree (if that still is), merge. Raises
    Refused where there is no such version."""
    require_role(topic.workspace, by, Role.ANALYST)
    _change(topic.workspace)
    kept = _locked(topic)
    found = TopicVersion.objects.filter(topic=kept, number=number).first()
    if found is None:
        raise Refused(_("There is no such version."))
    was = found.content
    kept.names, kept.words, kept.exclusions, kept.is_on = was["names"], was["words"], was["exclusions"], was["is_on"]
    others = Topic.objects.filter(workspace=kept.workspace)
    kept.merged_into = others.filter(key=was["merged_into"]).first() if was["merged_into"] else None
    parent = others.filter(key=was["parent"], merged_into=None).first() if was["parent"] else None
    if parent is None or kept.pk not in {one.pk for one in _above(parent)}:
        _put_under(kept, parent)
    _save(kept, "restored", by)
    audit("restored", kept, workspace=kept.workspace, by=by, changes={"version": [kept.version - 1, number]})
    return kept


@transaction.atomic
def add_example(
    *, topic: Topic, text: str, fits: bool, by: Actor, event_id: UUID | None = None, customer_id: UUID | None = None
) -> TopicExample:
    """A text is about the topic, or is not. Said of one piece of feedback again, the newer word holds."""
    require_role(topic.workspace, by, Role.AGENT)
    _change(topic.workspace)
    return _example(topic, text, fits, event_id, customer_id, by)


@transaction.atomic
def remove_example(*, example: TopicExample, by: Actor) -> None:
    workspace = example.topic.workspace
    require_role(workspace, by, Role.AGENT)
    _change(workspace)
    example.delete()


# Parts of verbs


def _change(workspace: Workspace) -> None:
    """One change of a tree at a time, each with a version of its own."""
    TopicTree.objects.get_or_create(workspace=workspace)
    tree = TopicTree.objects.select_for_update().get(workspace=workspace)
    tree.version += 1
    tree.save(update_fields=["version"])


def _locked(topic: Topic) -> Topic:
    return Topic.objects.select_for_update(of=("self",)).select_related("workspace", "parent").get(pk=topic.pk)


def _children(workspace: Workspace, parent: Topic | None) -> Iterable[Topic]:
    return Topic.objects.filter(workspace=workspace, parent=parent, merged_into=None).order_by("position", "key")


def _above(topic: Topic) -> list[Topic]:
    """The topic itself, its parent, and so on to the top."""
    found = [topic]
    while found[-1].parent is not None:
        found.append(found[-1].parent)
    return found


def _height(topic: Topic) -> int:
    """Levels of the topic and what is below it."""
    if topic._state.adding:
        return 1
    return 1 + max((_height(one) for one in _children(topic.workspace, topic)), default=0)


def _put_under(topic: Topic, parent: Topic | None) -> None:
    if parent is not None:
        if parent.workspace_id != topic.workspace_id or parent.merged_into_id:
            raise Refused(_("There is no such topic to put it under."))
        above = _above(parent)
        if topic.pk in {one.pk for one in above}:
            raise Refused(_("A topic cannot be put under itself."))
        if len(above) + _height(topic) > DEEPEST:
            raise Refused(_("A tree of topics has at most %(n)s levels.") % {"n": DEEPEST})
    topic.parent = parent
    topic.position = sum(1 for _one in _children(topic.workspace, parent))


def _names(names: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for language in PAGE_LANGUAGES:
        name = " ".join(str(names.get(language, "")).replace("\x00", "").split())
        if len(name) > LONGEST_NAME:
            raise Refused(_("A topic needs a name of at most %(limit)d characters.") % {"limit": LONGEST_NAME})
        if name:
            found[language] = name
    if not found:
        raise Refused(_("A topic needs a name of at most %(limit)d characters.") % {"limit": LONGEST_NAME})
    return found


def _entries(words: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for language, entries in words.items():
        if language not in LANGUAGES:
            raise Refused(_("Topics have words in English, Polish, Russian, Ukrainian and Chinese."))
        kept: list[str] = []
        for entry in entries:
            entry = " ".join(str(entry).replace("\x00", "").split())
            if not entry or entry in kept:
                continue
            try:
                read_entry(entry, language)
            except Unreadable:
                raise Refused(
                    _("“%(entry)s” cannot be looked for: an entry is a word or phrase of at most %(limit)d characters.")
                    % {"entry": entry[:60], "limit": LONGEST_ENTRY}
                ) from None
            kept.append(entry)
        if kept:
            found[language] = kept
    if sum(map(len, found.values())) > MOST_ENTRIES:
        raise Refused(_("A topic has at most %(n)s words and phrases.") % {"n": MOST_ENTRIES})
    return found


def _joined(one: Mapping[str, Sequence[str]], other: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    languages = dict.fromkeys([*one, *other])
    return {language: list(dict.fromkeys([*one.get(language, ()), *other.get(language, ())])) for language in languages}


def _key(workspace: Workspace, name: str, *, exact: bool) -> str:
    """A key that is free: letters of any script, digits and low lines."""
    plain = unicodedata.normalize("NFKC", name).lower()
    wanted = re.sub(r"[^\w]+", "_", plain).strip("_")[:50] or "topic"
    taken = set(Topic.objects.filter(workspace=workspace, key__startswith=wanted).values_list("key", flat=True))
    if exact and wanted in taken:
        raise Refused(_("There is a topic with the key “%(key)s” already.") % {"key": wanted})
    number = 2
    key = wanted
    while key in taken:
        key, number = f"{wanted}_{number}", number + 1
    return key


def _example(
    topic: Topic, text: str, fits: bool, event_id: UUID | None, customer_id: UUID | None, by: Actor
) -> TopicExample:
    text = text.replace("\x00", "").strip()[:4000]
    if not text:
        raise Refused(_("An example needs a text."))
    same = TopicExample.objects.filter(topic=topic)
    found = same.filter(event_id=event_id).first() if event_id else same.filter(event_id=None, text=text).first()
    if found is None:
        if same.count() >= MOST_EXAMPLES:
            raise Refused(_("A topic has at most %(n)s examples.") % {"n": MOST_EXAMPLES})
        writer = Customer.objects.filter(workspace=topic.workspace, pk=customer_id).first() if customer_id else None
        found = TopicExample(topic=topic, event_id=event_id, customer=writer)
    found.text, found.fits, found.at = text, fits, timezone.now()
    found.by = by if isinstance(by, User) else None
    found.save()
    return found


def _save(topic: Topic, verb: str, by: Actor) -> None:
    topic.version += 1
    topic.updated_at = timezone.now()
    topic.save()
    _remember(topic, verb, by)


def _remember(topic: Topic, verb: str, by: Actor) -> None:
    content = {
        "names": topic.names, "words": topic.words, "exclusions": topic.exclusions, "is_on": topic.is_on,
        "parent": topic.parent.key if topic.parent else "",
        "merged_into": topic.merged_into.key if topic.merged_into else "",
    }  # fmt: skip
    TopicVersion.objects.create(
        topic=topic, number=topic.version, verb=verb, content=content,
        by=by if isinstance(by, User) else None, by_name=str(by) if by else "OpenCXM",
    )  # fmt: skip
