"""Texts of a similar meaning, where the part of `understand.text` that finds them is there."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Final
from uuid import UUID

from cxm.accounts.models import Workspace

MODULE: Final = "cxm.understand.text.themes.similar"
MOST: Final = 50


def can_be_found() -> bool:
    try:
        return find_spec(MODULE) is not None
    except ModuleNotFoundError:
        return False


def alike(workspace: Workspace, text: str) -> list[UUID]:
    """The events whose texts mean most nearly the same, the nearest first."""
    if not can_be_found() or not text.strip():
        return []
    return [one.event_id for one in import_module(MODULE).similar_to(workspace, text, most=MOST)]
