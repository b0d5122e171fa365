"""Finding cases: by number, by what they are about, and by whom they concern."""

from __future__ import annotations

import re
from uuid import UUID

from django.db.models import Q, QuerySet

from cxm.accounts.models import Workspace
from cxm.record.customers.models import Customer
from cxm.record.customers.searching import find, normalise

from .models import Case

LONGEST = 600
CUSTOMERS = 60  # of these the cases are found
FEW = 500  # matches: so many are looked up, of more the list is walked, where they are met soon
NUMBER = re.compile(r"#?\s*(\d{1,9})")


def text_of(case: Case) -> str:
    """What `Case.search_text` must hold: its subject, tags and texts of its properties, in one form of letters."""
    values = (str(one) for one in case.properties.values() if isinstance(one, str | int | float))
    parts = (case.subject, *case.tags, case.category, *values)
    return "\n".join(form for one in parts if (form := normalise(one)))[:LONGEST]


def matching(rows: QuerySet[Case], workspace: Workspace, text: str) -> QuerySet[Case]:
    """Those of `rows` that a person may mean by `text`."""
    text = text.strip().replace("\x00", "")[:120]
    if number := NUMBER.fullmatch(text):
        by_number = rows.filter(number=int(number[1]))
        if by_number.exists():
            return by_number
    words = normalise(text).split()[:6]
    if not words:
        return rows
    said = Q()
    for word in words:
        said &= Q(search_text__contains=word)
    # Without an order, the index of the texts alone is read.
    found = list(Case.objects.filter(said, workspace=workspace).order_by().values_list("pk", flat=True)[: FEW + 1])
    if len(found) <= FEW:
        said = Q(pk__in=found)
    return rows.filter(said | Q(customer__in=people_called(workspace, text)))


def people_called(workspace: Workspace, text: str) -> list[UUID]:
    """The profiles of those whom a text may mean; a whole e-mail address means nobody else."""
    people: list[UUID] = []
    if "@" in text:
        named = Customer.objects.filter(workspace=workspace, email=text.casefold())
        people = list(named.values_list("pk", flat=True)[:CUSTOMERS])
    people = people or [hit.customer_id for hit in find(workspace, text, limit=CUSTOMERS)]
    merged = Customer.objects.filter(canonical__in=people).values_list("pk", flat=True)
    return [*people, *merged[: 2 * CUSTOMERS]]
