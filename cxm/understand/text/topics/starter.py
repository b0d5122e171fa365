"""Starter trees: topics of an industry with their words in five languages, to begin with and to change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor
from cxm.accounts.models import Role, Workspace
from cxm.understand.text.models import Topic

from .actions import create_topic
from .errors import Refused
from .patterns import LANGUAGES

FOLDER = Path(__file__).parent / "starters"


@dataclass(frozen=True, slots=True)
class StarterTopic:
    key: str
    names: dict[str, str]  # by language of the pages
    words: dict[str, list[str]]  # by language of texts
    exclusions: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class StarterTree:
    key: str
    names: dict[str, str]
    tree: tuple[tuple[str, tuple[str, ...]], ...]  # topics, each with those below it

    @property
    def name(self) -> str:
        return self.names.get(get_language() or "en") or self.names["en"]

    @property
    def size(self) -> int:
        return sum(1 + len(below) for _topic, below in self.tree)

    @property
    def first_names(self) -> list[str]:
        """The names of the upper topics, for choosing."""
        known, language = starter_topics(), get_language() or "en"
        return [known[key].names.get(language) or known[key].names["en"] for key, _below in self.tree]


@lru_cache(maxsize=1)
def starter_topics() -> dict[str, StarterTopic]:
    found = {}
    for key, lines in _read("topics.yaml").items():
        names, words, exclusions = {}, {}, {}
        for language, line in lines.items():
            name, _equals, rest = line.partition(" = ")
            inside, _slash, outside = rest.partition(" / ")
            names["zh-hant" if language == "zh" else language] = name.strip()
            words[language] = [one.strip() for one in inside.split(",")]
            if outside:
                exclusions[language] = [one.strip() for one in outside.split(",")]
        found[key] = StarterTopic(key, names, words, exclusions)
    return found


@lru_cache(maxsize=1)
def starter_trees() -> dict[str, StarterTree]:
    found = {}
    for key, content in _read("trees.yaml").items():
        tree = tuple(
            (one, ()) if isinstance(one, str) else next((top, tuple(below)) for top, below in one.items())
            for one in content["tree"]
        )
        found[key] = StarterTree(key, content["names"], tree)
    return found


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return content


@transaction.atomic
def plant(*, workspace: Workspace, tree: str, by: Actor, languages: tuple[str, ...] = LANGUAGES) -> list[Topic]:
    """Give the workspace the topics of an industry, with their words in these languages. Topics that it has already,
    by key, stay as they are. Raises Refused for an industry that there is not."""
    require_role(workspace, by, Role.ANALYST)
    chosen = starter_trees().get(tree)
    if chosen is None:
        raise Refused(_("There is no such starter tree."))
    known = {one.key: one for one in Topic.objects.filter(workspace=workspace).select_related("workspace", "parent")}
    made = []

    def put(key: str, parent: Topic | None) -> Topic:
        if key not in known:
            one = starter_topics()[key]
            known[key] = create_topic(
                workspace=workspace, names=one.names, key=key, parent=parent, by=by,
                words={language: one.words[language] for language in languages if language in one.words},
                exclusions={language: one.exclusions[language] for language in languages if language in one.exclusions},
            )  # fmt: skip
            made.append(known[key])
        return known[key]

    for key, below in chosen.tree:
        parent = put(key, None)
        for child in below:
            put(child, None if parent.merged_into_id else parent)
    return made
