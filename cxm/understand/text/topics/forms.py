"""The form of a topic: its names, its place, and its words in each language, one entry on a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.forms import BoundField
from django.utils.translation import get_language, gettext_lazy, pgettext
from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.understand.text.models import Topic

from .actions import LONGEST_NAME, PAGE_LANGUAGES
from .patterns import LANGUAGES, TopicWords
from .queries import Branch, keys_under, tree

DRAFT = "\x00draft"  # the key of a topic that is not saved yet; no topic has it


@dataclass(frozen=True, slots=True)
class LanguagePart:
    """The fields of one language of texts."""

    name: str
    is_open: bool
    fields: list[BoundField]


def text_language(code: str) -> str:
    """The name of a language of texts."""
    return str(gettext_lazy("Chinese")) if code == "zh" else str(dict(settings.LANGUAGES)[code])


class TopicForm(forms.Form):
    def __init__(self, workspace: Workspace, topic: Topic | None, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.topic = topic
        mine = get_language() or "en"
        for code in sorted(PAGE_LANGUAGES, key=lambda one: one != mine):
            self.fields[f"name_{code}"] = forms.CharField(
                label=dict(settings.LANGUAGES)[code], max_length=LONGEST_NAME, required=False,
                initial=topic.names.get(code, "") if topic else "",
            )  # fmt: skip
        self.fields["parent"] = forms.ChoiceField(
            label=_("Under"), required=False, choices=parent_choices(workspace, topic),
            initial=topic.parent.key if topic and topic.parent else "",
        )  # fmt: skip
        for code in LANGUAGES:
            for name, label in (("words", _("Words and phrases")), ("exclusions", _("Not if it says"))):
                held = getattr(topic, name).get(code, []) if topic else []
                self.fields[f"{name}_{code}"] = forms.CharField(
                    label=label, required=False, strip=False, initial="\n".join(held),
                    widget=forms.Textarea(attrs={"rows": max(2, min(len(held) + 1, 12)), "lang": code}),
                )  # fmt: skip

    @property
    def name_fields(self) -> list[BoundField]:
        return [self[name] for name in self.fields if name.startswith("name_")]

    @property
    def parts(self) -> Iterator[LanguagePart]:
        """By language: those with words are open, and that of the page."""
        mine = (get_language() or "en").partition("-")[0]
        for code in sorted(LANGUAGES, key=lambda one: one != mine):
            fields = [self[f"words_{code}"], self[f"exclusions_{code}"]]
            yield LanguagePart(text_language(code), code == mine or any(field.value() for field in fields), fields)

    @property
    def names(self) -> dict[str, str]:
        return {
            code: self._said(f"name_{code}").strip() for code in PAGE_LANGUAGES if self._said(f"name_{code}").strip()
        }

    def entries(self, name: str) -> dict[str, list[str]]:
        """`words` or `exclusions`, by language."""
        found = {}
        for code in LANGUAGES:
            lines = [one.strip() for one in self._said(f"{name}_{code}").splitlines() if one.strip()]
            if lines:
                found[code] = lines
        return found

    def draft(self) -> TopicWords:
        """What is typed, saved or not."""
        return TopicWords(self.topic.key if self.topic else DRAFT, self.entries("words"), self.entries("exclusions"))

    def _said(self, name: str) -> str:
        return str(self.data.get(name, "") if self.is_bound else self.fields[name].initial or "")


def parent_choices(workspace: Workspace, topic: Topic | None) -> list[tuple[str, str]]:
    """Every topic but itself and those below it; their places shown by the path."""
    below = set(keys_under(workspace.pk, topic.key)) if topic else set()
    rows = [(one.topic.key, path_of(one)) for one in tree(workspace.pk) if one.topic.key not in below and one.level < 3]
    return [("", pgettext("place in the tree", "At the top")), *rows]


def other_choices(workspace: Workspace, topic: Topic) -> list[tuple[str, str]]:
    """The topics that it could be merged into."""
    return [(one.topic.key, path_of(one)) for one in tree(workspace.pk) if one.topic.pk != topic.pk]


def path_of(branch: Branch) -> str:
    return " › ".join(branch.path)
