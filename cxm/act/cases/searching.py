"""Finding cases: by number, by what they are about, and by whom they concern."""

from __future__ import annotations

import re

from django.db.models import Q, QuerySet

from cxm.accounts.models import Workspace
from cxm.record.customers.searching import find, normalise

from .models import Case

LONGEST = 600
CUSTOMERS = 200  # of these the cases are found
NUMBER = re.compile(r"#?\s*(\d{1,9})")


def text_of(case: Case) -> str:
    """What `Case.search_text` must hold: its subject, tags and texts of its properties, in one form of letters."""
    values = (str(one) for one in case.properties.values() if isinstance(one, str | int | float))
    parts = (case.subject, *case.tags, case.category, *values)
    return "\n".join(form for one in parts if (form := normalise(one)))[:LONGEST]


def matching(rows: QuerySet[Case], workspace: Workspace, text: str) -> QuerySet[Case]:
    """Those of `rows` that a person may mean by `text`."""
    text = text.strip().replace("\x00", "")[:120]
    if found := NUMBER.fullmatch(text):
        by_number = rows.filter(number=int(found[1]))
        if by_number.exists():
            return by_number
    words = normalise(text).split()[:6]
    if not words:
        return rows
    said = Q()
    for word in words:
        said &= Q(search_text__contains=word)
    people = [hit.customer_id for hit in find(workspace, text, limit=CUSTOMERS)]
    if not people:
        return rows.filter(said)
    return rows.filter(said | Q(customer__in=people) | Q(customer__canonical__in=people))
