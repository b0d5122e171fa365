"""A segment of exactly the customers behind a figure of a map: each gets a tag, and the segment asks for it.

The figure itself moves on with the log; who was behind it today is what a letter or an experiment is about.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.text import Truncator

from cxm.accounts.models import User, Workspace
from cxm.lib.conditions import Condition
from cxm.record.customers.marks import tag
from cxm.record.customers.models import Customer, Segment
from cxm.record.customers.segment_actions import LONGEST, create_segment

MOST = 5_000  # customers: each is tagged by name
LONGEST_TAG = 60


def minute() -> str:
    return timezone.localtime().strftime("%Y-%m-%d %H:%M")


@transaction.atomic
def segment_of(*, workspace: Workspace, people: Iterable[UUID], name: str, by: User) -> Segment:
    """Tag these customers (the newest MOST; merged profiles count as the one that they belong to) and make the segment.

    Both are called `name`, perhaps shortened, and the minute. Raises Refused for a name that is taken; then nobody is
    tagged.
    """
    found = Customer.objects.filter(workspace=workspace, pk__in=list(dict.fromkeys(people))[:MOST])
    chosen = {one.pk: one for one in (row.canonical or row for row in found.select_related("canonical"))}
    when = minute()
    label = f"{Truncator(name).chars(LONGEST_TAG - len(when) - 3)} · {when}"
    condition = Condition(field="tag", operator="is", values=(label,))
    title = f"{Truncator(name).chars(LONGEST - len(when) - 3)} · {when}"
    made = create_segment(workspace=workspace, name=title, condition=condition, by=by)
    tag(workspace=workspace, customers=chosen.values(), name=label, by=by)
    return made
