"""The tree of a workspace: which key counts as which topic, what is below what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cxm.understand.text.models import Topic, TopicTree


def version_of(workspace_id: int) -> int:
    """Counts up with every change to the topics of the workspace; 0 where there never was one."""
    return TopicTree.objects.filter(workspace=workspace_id).values_list("version", flat=True).first() or 0


def living(workspace_id: int) -> dict[str, str]:
    """From every key that annotations may hold to the key of the topic that it counts as now."""
    rows = Topic.objects.filter(workspace=workspace_id).values_list("key", "merged_into__key")
    return {key: into or key for key, into in rows}


def keys_under(workspace_id: int, key: str) -> list[str]:
    """All keys that count as the topic: its own, those merged into it, and those of all topics below. For filters.

    Only the key itself where there is no such topic: then nothing is found.
    """
    rows = list(Topic.objects.filter(workspace=workspace_id).values_list("pk", "key", "parent", "merged_into"))
    top = next((pk for pk, own, _parent, _into in rows if own == key), None)
    if top is None:
        return [key]
    inside, grown = {top}, True
    while grown:
        more = {
            pk for pk, _key, parent, into in rows
            if pk not in inside and (into in inside if into else parent in inside)
        }  # fmt: skip
        inside |= more
        grown = bool(more)
    return [own for pk, own, _parent, _into in rows if pk in inside]


def names_of(workspace_id: int) -> dict[str, str]:
    """The names of the living topics by key, in the language of the page, in the order of the tree."""
    return {branch.topic.key: branch.topic.name for branch in tree(workspace_id)}


@dataclass(frozen=True, slots=True)
class Branch:
    """A topic in its place; `level` 0 is the top, `path` the names from the top, the own one included."""

    topic: Topic
    level: int
    path: tuple[str, ...]


def tree(workspace_id: int) -> list[Branch]:
    """The topics that are not merged, each before what is below it."""
    rows = Topic.objects.filter(workspace=workspace_id, merged_into=None).order_by("position", "key")
    below: dict[object, list[Topic]] = {}
    for row in rows:
        below.setdefault(row.parent_id, []).append(row)
    found: list[Branch] = []

    def put(topics: Sequence[Topic], above: tuple[str, ...]) -> None:
        for topic in topics:
            path = (*above, topic.name)
            found.append(Branch(topic, len(above), path))
            put(below.get(topic.pk, ()), path)

    put(below.get(None, ()), ())
    return found
