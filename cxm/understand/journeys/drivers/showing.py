"""Figures of a driver model as its page shows them, and as a file holds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.lib import numbers as written
from cxm.understand.journeys.models import DriverModel

from .computing import definition_of, findings_of
from .definition import DriverDefinition, Findings, Found
from .errors import told
from .fitting import to_fix
from .wording import (
    Links,
    Names,
    effect_said,
    links_of,
    outcome_said,
    places_said,
    step_said,
    target_said,
    warnings_of,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A model in the list: what it explains, how much, and its most important driver."""

    model: DriverModel
    outcome: str
    explained: str
    n: int
    first: str
    problem: str


@dataclass(frozen=True, slots=True)
class Line:
    """A driver on the page, written out."""

    name: str
    found: Found
    share: str
    places: str
    target: str
    at_target: str
    concerned: str
    distance: str
    step: str
    effect: str
    gain: str
    owner: str
    links: Links


@dataclass(frozen=True, slots=True)
class Said:
    explained: str
    mean: str
    warnings: list[str]
    to_fix: list[Line]
    lines: list[Line]


def row_of(model: DriverModel) -> Row:
    definition, findings = definition_of(model), findings_of(model)
    outcome = outcome_said(definition.outcome)
    if findings is None:
        return Row(model, outcome, "", 0, "", told(model.problem))
    ahead = max((one for one in findings.found if one.matters), key=lambda one: one.share.value, default=None)
    first = Names(model.workspace, [ahead.driver]).of(ahead.driver) if ahead else ""
    return Row(model, outcome, _statement(findings), findings.n, first, "")


def said_of(workspace: Workspace, definition: DriverDefinition, findings: Findings, names: Names) -> Said:
    fixes = to_fix(findings, definition.outcome.kind)
    lines = {one.driver.name: _line(workspace, definition, findings, one, names) for one in findings.found}
    ordered = sorted(findings.found, key=lambda one: -one.share.value)
    return Said(
        explained=written.statement(findings.r2.value, findings.r2.low, findings.r2.high, None, "percent"),
        mean=written.amount(findings.mean, findings.unit),
        warnings=warnings_of(findings, names), to_fix=[lines[one.driver.name] for one, _gain in fixes],
        lines=[lines[one.driver.name] for one in ordered],
    )  # fmt: skip


def _statement(findings: Findings) -> str:
    return written.statement(findings.r2.value, findings.r2.low, findings.r2.high, findings.n, "percent")


def _line(workspace: Workspace, definition: DriverDefinition, findings: Findings, one: Found, names: Names) -> Line:
    name = names.of(one.driver)
    return Line(
        name=name, found=one,
        share=written.statement(one.share.value, one.share.low, one.share.high, None, "percent"),
        places=places_said(one), target=target_said(one),
        at_target=written.statement(
            one.at_target.value, one.at_target.low, one.at_target.high, one.n, "percent"
        ),
        concerned=written.amount(one.concerned, "percent"), distance=written.amount(one.distance, "score"),
        step=step_said(one.driver), effect=effect_said(one.step, findings.unit),
        gain=effect_said(one.gain, findings.unit), owner=names.owners.get(one.driver.owner or 0, ""),
        links=links_of(workspace, definition, one, name, one.gain),
    )  # fmt: skip


def table_rows(workspace: Workspace, model: DriverModel) -> Iterator[Sequence[object]]:
    """The figures as a file: one row a driver."""
    definition, findings = definition_of(model), findings_of(model)
    names = Names(workspace, definition.drivers)
    yield [
        _("Driver"), _("Share explained"), _("Lower bound"), _("Upper bound"), _("More than chance"), _("p-value"),
        _("Best place"), _("Worst place"), _("Mean"), "n", _("Missing"), _("Target"), _("Share at the target"),
        _("Effect of one point"), _("Lower bound"), _("Upper bound"), _("Gain at the target"), _("Lower bound"),
        _("Upper bound"),
    ]  # fmt: skip
    for one in findings.found if findings else ():
        yield [
            names.of(one.driver), one.share.value, one.share.low, one.share.high, one.matters, one.p_value, one.first,
            one.last, one.mean, one.n, one.missing, one.target, one.at_target.value, one.step.value, one.step.low,
            one.step.high, one.gain.value, one.gain.low, one.gain.high,
        ]  # fmt: skip
