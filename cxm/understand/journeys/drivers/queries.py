"""Which driver models there are, and what a new one can be made of."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from cxm.accounts.models import Workspace
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.understand.journeys.discovery.labels import label_names, process_name
from cxm.understand.journeys.models import DriverModel, Process
from cxm.understand.metrics.fields import AskedQuestion, questions

SCORED = ("nps", "csat", "ces", "rating")
MOST_STEPS = 200


@dataclass(frozen=True, slots=True)
class LabelRow:
    process: int
    label: str
    n: int


LABELS_SQL = """
SELECT process, toString(label) AS label, count() AS n FROM steps WHERE $scope
GROUP BY process, label ORDER BY process, n DESC, label LIMIT {most:UInt32}
"""


def models_of(workspace: Workspace) -> QuerySet[DriverModel]:
    return DriverModel.objects.filter(workspace=workspace).order_by("name")


def scored_questions(workspace: Workspace) -> list[AskedQuestion]:
    """The questions with scores, the most answered first."""
    return sorted((one for one in questions(workspace.pk) if one.metric in SCORED), key=lambda one: -one.n)


def steps_of(workspace: Workspace) -> list[tuple[int, str, str]]:
    """The steps that customers can have passed: number of the process, label, and the name of both."""
    processes = processes_of(workspace)
    if not processes:
        return []
    rows = ask(
        LABELS_SQL, Scope(workspace.pk), row=LabelRow, name="drivers.steps", table="steps", most=MOST_STEPS
    ).rows  # fmt: skip
    names = {number: (process_name(one), label_names(one)) for number, one in processes.items()}
    return [
        (one.process, one.label, f"{names[one.process][0]}: {names[one.process][1].get(one.label)}")
        for one in rows if one.process in names
    ]  # fmt: skip


def processes_of(workspace: Workspace) -> dict[int, Process]:
    """By their numbers."""
    return Process.objects.filter(workspace=workspace).select_related("map").in_bulk()
