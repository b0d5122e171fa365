"""Compute a driver model in the background and keep what came out."""

from __future__ import annotations

from uuid import UUID

import msgspec
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import SEGMENT, UnknownField
from cxm.understand.journeys.models import DriverModel
from cxm.understand.metrics.refusals import Refused as MetricRefused

from .definition import DriverDefinition, Findings
from .errors import Refused
from .fitting import fit
from .table import table_of


def compute(model: DriverModel) -> Findings:
    """The figures of a model as the log stands now. Raises Refused, EventlogError."""
    definition = definition_of(model)
    try:
        table = table_of(model.workspace, definition, timezone.now())
    except UnknownField as error:
        if error.field == SEGMENT:
            said = _("The segment of a filter does not exist any more, or cannot be asked for in this way.")
            raise Refused(said) from error
        raise Refused(_("There is no field “%(field)s”."), field=error.field) from error
    except MetricRefused as error:
        raise Refused(str(error)) from error
    return fit(table, definition)


def run(model_id: UUID) -> None:
    """Compute a model that is wanted; one that is up to date is left alone. It is safe to run twice."""
    model = DriverModel.objects.select_related("workspace").filter(pk=model_id).first()
    if model is None or not model.is_under_way:
        return
    began, result, problem = timezone.now(), {}, {}
    try:
        result = msgspec.to_builtins(compute(model))
    except Refused as refused:
        problem = refused.kept()
    except EventlogError:  # what came out before still holds
        result = model.result
        problem = Refused(_("The event log does not answer just now, so that nothing is counted.")).kept()
    # What was wanted meanwhile stays wanted: it was asked for after this computation began.
    DriverModel.objects.filter(pk=model_id).update(result=result, problem=problem, computed_at=began)


def definition_of(model: DriverModel) -> DriverDefinition:
    return msgspec.convert(model.definition, DriverDefinition)


def findings_of(model: DriverModel) -> Findings | None:
    return msgspec.convert(model.result, Findings) if model.result else None
