"""Texts of a similar meaning."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from cxm.accounts.models import Workspace
from cxm.understand.text.themes.similar import similar_to

MOST: Final = 50


def alike(workspace: Workspace, text: str) -> list[UUID]:
    """The events whose texts mean most nearly the same, the nearest first."""
    return [one.event_id for one in similar_to(workspace, text, most=MOST)] if text.strip() else []
