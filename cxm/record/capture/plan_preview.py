"""What a tracking plan would say to the events of the last week, before it is put in force.

The log keeps events under the names it understands (an Order Completed is an order_placed), with what came below
`properties`; the plan speaks the words of the sender.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.record.eventlog.ask import ask

from .arrivals import scope_of
from .intake.meanings import MEANINGS
from .models import Source
from .plan import Plan, Violation, check

WEEK = timedelta(days=7)
SAMPLE = 200  # events of each name that are looked at
_object = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Sample:
    """Some events of a name, and how many there were."""

    name: str
    n: int
    properties: list[str]


@dataclass(slots=True)
class Finding:
    """What the plan says to one event name: `n` came in the week, `looked_at` of them were checked."""

    name: str
    n: int
    looked_at: int
    broken: int = 0
    details: Counter[str] = field(default_factory=Counter)

    @property
    def top(self) -> list[tuple[str, int]]:
        """The most frequent details."""
        return self.details.most_common(10)


SAMPLES = f"""
SELECT name, count() AS n, groupArraySample({SAMPLE}, 1)(properties) AS properties
FROM events WHERE $scope AND source = 'capture' AND type = 'track'
  AND (empty({{sources:Array(UInt32)}}) OR source_id IN {{sources:Array(UInt32)}})
GROUP BY name ORDER BY n DESC LIMIT 500
"""


def preview(workspace: Workspace, plan: Plan, source: Source | None = None) -> list[Finding]:
    """What the plan finds in the last week, event names with violations first; of one source, or of all."""
    samples = ask(
        SAMPLES, scope_of(workspace, timezone.now() - WEEK), row=Sample, name="plan.preview", table="events",
        time="received_at", sources=[source.pk] if source else [],
    ).rows  # fmt: skip
    findings = []
    for sample in samples:
        finding = Finding(sample.name, sample.n, len(sample.properties))
        for text in sample.properties:
            violations = violations_of(plan, sample.name, text)
            finding.broken += bool(violations)
            finding.details.update(one.detail for one in violations)
        findings.append(finding)
    return sorted(findings, key=lambda one: (not one.broken, -one.n))


def violations_of(plan: Plan, name: str, properties: str) -> list[Violation]:
    """What an event of the log does against the plan, in the sender's words."""
    try:
        came = _object.decode(properties)
    except (msgspec.DecodeError, RecursionError):
        return []
    words = [one for one in plan.events if one.lower() in SENT_AS.get(name, ())]
    if name in plan.events or not SENT_AS.get(name):
        return check(plan, name, came)
    inner = came.get("properties")
    came = inner if isinstance(inner, dict) else came
    return check(plan, words[0], came) if words else check(plan, sorted(SENT_AS[name])[0].title(), came)


def _sent_as() -> dict[str, set[str]]:
    """The log's name to the names that senders use, in small letters."""
    found: dict[str, set[str]] = defaultdict(set)
    for sent, (name, _convert) in MEANINGS.items():
        if sent != name:
            found[name].add(sent)
    return dict(found)


SENT_AS = _sent_as()
