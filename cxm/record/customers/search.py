"""Customers in the search of the whole product."""

from __future__ import annotations

from django.urls import reverse

from cxm.accounts.models import Workspace

from .queries import in_order
from .searching import find


def results(workspace: Workspace, text: str, limit: int = 5) -> list[tuple[str, str]]:
    """Titles and addresses of the customers that the text may mean, closest first."""
    rows = in_order(find(workspace, text, limit=limit))
    return [
        (f"{one} · {one.email}" if one.email and one.name else str(one),
         reverse("customers:show", args=[workspace.slug, one.pk]))
        for one in rows
    ]  # fmt: skip
