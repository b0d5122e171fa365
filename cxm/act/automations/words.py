"""The words of what a workflow sends: `{first_name|there}`, `{trait.plan}`, `{property.order_id}`, `{case.number}`.

A name that is not known here stands as it is written; one that is known and has no value gives what is after the bar.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cxm.accounts.models import Workspace
from cxm.lib.conditions import text_of
from cxm.record.customers.models import Customer

from .asking import property_of

NAMES = ("name", "first_name", "email", "phone", "language", "workspace")
PIPED = re.compile(
    r"\{(name|first_name|email|phone|language|workspace|(?:trait|property|case)\.[^{}|\n]{1,100})(?:\|([^{}\n]*))?\}"
)
LONGEST = 500  # characters of a value


def piped(template: str, workspace: Workspace, customer: Customer | None, context: Mapping[str, Any]) -> str:
    def value(name: str) -> str:
        kind, _dot, rest = name.partition(".")
        if kind == "workspace":
            return workspace.name
        if kind == "property":
            return plain(property_of(context.get("properties", {}), rest))
        if kind == "case":
            return plain(property_of(context.get("case", {}), rest))
        if customer is None:
            return ""
        if kind == "trait":
            return plain(property_of(customer.traits, rest))
        return {"first_name": customer.name.partition(" ")[0]}.get(name, "") or str(getattr(customer, name, ""))

    return PIPED.sub(lambda found: value(found[1])[:LONGEST] or found[2] or "", template)


def plain(value: Any) -> str:
    return text_of(value) if isinstance(value, str | int | float) else ""
