"""What can be done with themes: look for them, name, adopt, dismiss and merge them."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, User, Workspace
from cxm.understand.text.models import Theme, ThemeRun, Topic
from cxm.understand.text.topics import actions as topics
from cxm.understand.text.topics.errors import Refused as TopicRefused

from . import members
from .discovering import LEAST_TEXTS
from .errors import Refused

State = Theme.State
OFFERED = 8  # words of a theme that its topic begins with


@transaction.atomic
def start_run(*, workspace: Workspace, by: Actor) -> ThemeRun:
    """A run that waits; the caller enqueues `jobs.find_themes`. Raises Refused for too few texts; one at a time."""
    require_role(workspace, by, Role.ANALYST)
    under_way = ThemeRun.objects.filter(workspace=workspace, state__in=[ThemeRun.State.WAITING, ThemeRun.State.RUNNING])
    if under_way.exists():
        raise Refused(_("The texts are being looked through already."))
    n = members.count_texts(workspace.pk)
    if n < LEAST_TEXTS:
        raise Refused(
            _("There are %(n)s texts; themes need %(least)s at least.") % {"n": n, "least": LEAST_TEXTS}
        )  # fmt: skip
    made = ThemeRun.objects.create(workspace=workspace, started_by=by if isinstance(by, User) else None)
    audit("started", made, workspace=workspace, by=by, name=_("Search for themes"))
    return made


@transaction.atomic
def stop_run(*, run: ThemeRun, by: Actor) -> None:
    """What was found before holds on."""
    require_role(run.workspace, by, Role.ANALYST)
    under_way = ThemeRun.objects.filter(pk=run.pk, state__in=[ThemeRun.State.WAITING, ThemeRun.State.RUNNING])
    if under_way.update(state=ThemeRun.State.STOPPED, finished_at=timezone.now()):
        audit("stopped", run, workspace=run.workspace, by=by, name=_("Search for themes"))


@transaction.atomic
def rename(*, theme: Theme, label: str, by: Actor) -> Theme:
    """An empty label brings the name back that was found. Raises Refused."""
    require_role(theme.workspace, by, Role.ANALYST)
    kept = _locked(theme)
    label = " ".join(label.split())
    if len(label) > topics.LONGEST_NAME:
        raise Refused(_("A name has at most %(n)s characters.") % {"n": topics.LONGEST_NAME})
    if label != kept.label:
        before = kept.name
        kept.changed(label=label)
        audit("renamed", kept, workspace=kept.workspace, by=by, changes={"name": [before, kept.name]})
    return kept


@transaction.atomic
def adopt(
    *, theme: Theme, by: Actor, names: Mapping[str, str] | None = None, parent: Topic | None = None
) -> Topic:  # fmt: skip
    """Make a topic of the theme: its telling words find more such texts, its typical texts are the first examples.

    `names` by language of the pages. Raises Refused, also where the theme is a topic already.
    """
    require_role(theme.workspace, by, Role.ANALYST)
    kept = _locked(theme)
    if kept.topic is not None:
        raise Refused(_("This theme is the topic “%(name)s” already.") % {"name": kept.topic.name})
    texts = members.texts_called(kept.workspace_id, kept.typical)
    try:
        topic = topics.create_topic(
            workspace=kept.workspace, names=names or page_names(kept), parent=parent, by=by,
            words={language: words[:OFFERED] for language, words in kept.words.items()},
            examples=[
                (text.comment[:4000], text.event_id, text.customer_id if text.customer_id.int else None)
                for text in texts
            ],
        )  # fmt: skip
    except TopicRefused as error:
        raise Refused(str(error)) from error
    kept.changed(topic=topic, state=State.ADOPTED)
    audit("adopted", kept, workspace=kept.workspace, by=by, changes={"topic": [None, topic.key]})
    return topic


@transaction.atomic
def dismiss(*, theme: Theme, by: Actor) -> Theme:
    """Out of sight, and it stays so when a later run finds it again."""
    return _put(theme, State.DISMISSED, "dismissed", by)


@transaction.atomic
def bring_back(*, theme: Theme, by: Actor) -> Theme:
    """The opposite of `dismiss`, and of `merge`."""
    require_role(theme.workspace, by, Role.ANALYST)
    kept = _locked(theme)
    state = State.ADOPTED if kept.topic_id else State.PROPOSED
    if kept.state != state or kept.merged_into_id:
        kept.changed(state=state, merged_into=None)
        audit("restored", kept, workspace=kept.workspace, by=by)
    return kept


@transaction.atomic
def merge(*, theme: Theme, into: Theme, by: Actor) -> Theme:
    """The texts of the theme count with the other one from now on, those of the past too. Raises Refused."""
    require_role(theme.workspace, by, Role.ANALYST)
    kept, other = _locked(theme), _locked(into)
    while other.merged_into is not None:
        other = other.merged_into
    if kept.pk == other.pk or kept.workspace_id != other.workspace_id:
        raise Refused(_("Choose another theme to merge it with."))
    kept.changed(merged_into=other)
    audit("merged", kept, workspace=kept.workspace, by=by, changes={"into": [None, other.name]})
    return other


def page_names(theme: Theme) -> dict[str, str]:
    """Names by language of the pages, of those by language of texts; a label counts in all."""
    if theme.label:
        return {"en": theme.label}
    return {"zh-hant" if language == "zh" else language: name for language, name in theme.names.items()} or {
        "en": theme.name
    }


def _put(theme: Theme, state: Theme.State, verb: str, by: Actor) -> Theme:
    require_role(theme.workspace, by, Role.ANALYST)
    kept = _locked(theme)
    if kept.state != state:
        kept.changed(state=state)
        audit(verb, kept, workspace=kept.workspace, by=by)
    return kept


def _locked(theme: Theme) -> Theme:
    return Theme.objects.select_for_update(of=("self",)).select_related("workspace", "topic").get(pk=theme.pk)
