"""What other domains show on the page of a customer: one list of panels, in order.

A panel is a module with TEMPLATE and `context(membership, ids)`; the ids are those of all profiles of the person.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from cxm.accounts.models import Membership
from cxm.act.automations import panel as automations
from cxm.act.cases import panel as cases
from cxm.listen.surveys import panel as surveys
from cxm.understand.journeys import panel as moments
from cxm.understand.text import panel as topics


class Panel(Protocol):
    TEMPLATE: str

    def context(self, membership: Membership, ids: Sequence[UUID]) -> dict[str, Any]: ...


PANELS: list[Panel] = [cases, surveys, moments, topics, automations]
