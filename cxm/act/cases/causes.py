"""The tree of root causes: what lay behind the cases, in the words of the firm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role, Workspace

from .errors import Refused
from .models import Case, Cause

DEEPEST: Final = 5
MOST: Final = 500


@dataclass(frozen=True)
class Branch:
    """`depth` counts from 0; `path` names it with all above it; `cases`, where they are counted, are those of itself,
    not of what is below."""

    cause: Cause
    depth: int
    path: str
    cases: int


def tree(workspace: Workspace, *, retired: bool = False) -> list[Branch]:
    """The root causes on offer, each behind the one it belongs to, by name; with `retired` all, their cases counted."""
    rows = list(Cause.objects.filter(workspace=workspace))
    used: dict[int, int] = {}
    if retired:
        # By the index of the causes alone: most cases have none, and there may be very many.
        of_causes = Case.objects.filter(cause__in=[one.pk for one in rows]).order_by()
        used = dict(of_causes.values_list("cause").annotate(n=Count("*")))
    below: dict[int | None, list[Cause]] = {}
    for one in rows:
        below.setdefault(one.parent_id, []).append(one)

    def walk(parent: int | None, depth: int, path: str) -> Iterator[Branch]:
        for one in sorted(below.get(parent, []), key=lambda it: it.name.casefold()):
            if one.is_retired and not retired:
                continue
            name = f"{path} › {one.name}" if path else one.name
            yield Branch(one, depth, name, used.get(one.pk, 0))
            yield from walk(one.pk, depth + 1, name)

    return list(walk(None, 0, ""))


@transaction.atomic
def add(*, workspace: Workspace, name: str, by: Actor, parent: Cause | None = None) -> Cause:
    """A new root cause, below `parent`. Raises Refused for no name, one in use there, or a tree that gets too deep."""
    require_role(workspace, by, Role.ANALYST)
    name = _cleaned(name)
    if parent and (parent.workspace_id != workspace.pk or _depth(parent) + 1 >= DEEPEST):
        raise Refused(_("Root causes go five levels deep."))
    if Cause.objects.filter(workspace=workspace).count() >= MOST:
        raise Refused(_("A workspace has at most 500 root causes."))
    _require_free(workspace, name, parent, None)
    cause = Cause.objects.create(workspace=workspace, name=name, parent=parent)
    audit("created", cause, workspace=workspace, by=by)
    return cause


@transaction.atomic
def rename(*, cause: Cause, name: str, by: Actor) -> None:
    """The same root cause under another name, for all cases that have it."""
    require_role(cause.workspace, by, Role.ANALYST)
    name = _cleaned(name)
    _require_free(cause.workspace, name, cause.parent, cause)
    changes = {"name": [cause.name, name]}
    cause.name = name
    cause.save(update_fields=["name"])
    audit("renamed", cause, workspace=cause.workspace, by=by, changes=changes)


@transaction.atomic
def retire(*, cause: Cause, by: Actor, on: bool = True) -> None:
    """Offer it no more (or again); cases that have it keep it. One that no case ever had is removed."""
    require_role(cause.workspace, by, Role.ANALYST)
    if on and not cause.children.exists() and not Case.objects.filter(cause=cause).exists():
        audit("removed", cause, workspace=cause.workspace, by=by)
        cause.delete()
        return
    cause.is_retired = on
    cause.save(update_fields=["is_retired"])
    audit("retired" if on else "restored", cause, workspace=cause.workspace, by=by)


def _cleaned(name: str) -> str:
    name = " ".join(name.replace("\x00", "").split())[:200]
    if not name:
        raise Refused(_("Give the root cause a name."))
    return name


def _require_free(workspace: Workspace, name: str, parent: Cause | None, own: Cause | None) -> None:
    same = Cause.objects.filter(workspace=workspace, parent=parent, name__iexact=name)
    if (same.exclude(pk=own.pk) if own else same).exists():
        raise Refused(_("There is a root cause of this name already."))


def _depth(cause: Cause) -> int:
    depth, above = 0, cause.parent
    while above and depth < DEEPEST:
        depth, above = depth + 1, above.parent
    return depth
