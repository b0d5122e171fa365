"""What the condition of an alert rule may ask: of the event, and of its customer."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cxm.accounts.models import Workspace
from cxm.act.cases.models import AlertRule
from cxm.act.cases.text_fields import text_fields
from cxm.lib.conditions_form import Field
from cxm.record.customers.segment_fields import fields as customer_fields
from cxm.record.customers.segments import segment_names

from .customers import SEGMENT

Kind = AlertRule.Kind
METRICS = ("nps", "csat", "ces", "rating", "number", "choice", "text")


def fields(workspace: Workspace, kind: str) -> list[Field]:
    """Raises EventlogError: which events there are is asked of the log."""
    if kind == Kind.METRIC:
        return []
    about = [] if kind == Kind.SILENCE else [*_of_event(workspace, kind), *_segments(workspace)]
    return [*about, *customer_fields(workspace)]


def _of_event(workspace: Workspace, kind: str) -> list[Field]:
    answer = _("Answer")
    if kind in (Kind.ANSWER, Kind.WORDS):
        metrics = tuple((one, one.upper() if one in METRICS[:3] else one) for one in METRICS)
        return [
            Field("answer.metric", _("Kind of answer"), "choice", metrics, group=answer),
            Field("answer.score", _("Score"), "number", group=answer),
            Field("answer.percent", _("Score in percent of its scale"), "number", group=answer),
            Field("answer.question", _("Question"), group=answer),
            Field("answer.survey", _("Survey"), group=answer),
            Field("answer.channel", _("Channel"), group=answer),
            Field("answer.touchpoint", _("Touchpoint"), group=answer),
            Field("answer.language", _("Language of the answer"), group=answer),
            Field("answer.comment", _("Comment"), group=answer),
            *text_fields(workspace),
        ]  # fmt: skip
    return [
        Field("answer.channel", _("Channel"), group=_("Event")),
        Field("answer.touchpoint", _("Touchpoint"), group=_("Event")),
    ]


def _segments(workspace: Workspace) -> list[Field]:
    names = tuple(segment_names(workspace.pk).items())
    return [Field(SEGMENT, _("Segment"), "choice", names, group=_("Profile"), many=True)] if names else []
