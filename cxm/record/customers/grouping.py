"""Groups (firms, teams, households) that tracking clients speak of, and who is in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from cxm.accounts.models import Workspace

from .linking import parts
from .models import Customer, Group, GroupMember
from .sayings import Saying, beats


def join_groups(workspace: Workspace, joined: Sequence[tuple[UUID | None, str, Saying]]) -> None:
    """Put customers (None: nobody) into groups, by key, with what was said of the group. For a transaction; safe to
    repeat."""
    keys = sorted({key for _customer, key, _saying in joined})
    groups: dict[str, Group] = {}
    for part in parts(keys):
        Group.objects.bulk_create([Group(workspace=workspace, key=key) for key in part], ignore_conflicts=True)
        groups.update((group.key, group) for group in Group.objects.filter(workspace=workspace, key__in=part))
    changed = {key for _customer, key, saying in joined if _say(groups[key], saying)}
    Group.objects.bulk_update([groups[key] for key in changed], ["traits", "trait_times"], batch_size=500)
    members = {(groups[key].pk, customer) for customer, key, _saying in joined if customer}
    GroupMember.objects.bulk_create(
        [GroupMember(group_id=group, customer_id=customer) for group, customer in sorted(members)],
        ignore_conflicts=True, batch_size=1000,
    )  # fmt: skip


def _say(group: Group, saying: Saying) -> bool:
    changed = False
    for raw, value in saying.values.items():
        key = raw.removeprefix(":")  # a group has no fields of its own: its name and e-mail are traits
        entry = [saying.at_ms, saying.event]
        if beats(entry, group.trait_times.get(key)):
            group.trait_times[key] = entry
            changed = True
            if value is None:
                group.traits.pop(key, None)
            else:
                group.traits[key] = value
    return changed


def groups_of(family: Iterable[Customer]) -> list[Group]:
    return list(Group.objects.filter(members__customer__in=list(family)).distinct().order_by("key"))
