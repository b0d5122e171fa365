"""What the conditions of a survey may ask for, and how a condition reads as a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cxm.accounts.models import Workspace
from cxm.lib.conditions import Condition, text_of
from cxm.lib.conditions_form import Field, operator_label
from cxm.record.customers.models import Segment
from cxm.record.customers.segment_fields import KINDS
from cxm.record.customers.traits import Kind, kinds

from .definition import CHOOSING, SCORED, Choice, Definition, Question, said
from .models import Response, Survey
from .places import Place

BARE = frozenset(
    {"is", "is_not", "contains", "not_contains", "starts_with", "ends_with", "matches", "at_least", "at_most",
     "more_than", "less_than", "includes_all"}
)  # fmt: skip  # for answers of which only their presence can be asked


def catalogue(definition: Definition, workspace: Workspace, language: str, *, at: Place | None = None) -> list[Field]:
    """The fields that a condition at a place may name: answers of questions before it, and all that is known."""
    return [
        *answers(definition, language, before=at),
        *known(definition, workspace),
        *earlier_surveys(workspace, definition),
    ]


def answers(definition: Definition, language: str, *, before: Place | None) -> list[Field]:
    found: list[Field] = []
    for page in definition.pages:
        if before == Place("page", page.id):
            break
        for question in (one for section in page.sections for one in section.questions):
            if before == Place("question", question.id):
                return found
            found += answer_fields(question, definition, language)
    return found


def answer_fields(question: Question, definition: Definition, language: str) -> list[Field]:
    """One field, or one for each row of a matrix."""
    name, group = f"answer.{question.id}", _("Answers")
    label = Truncator(said(question.title, language, definition.languages) or question.id).chars(60)
    choices = labels(question.choices, definition, language)
    if question.kind == "statement":
        return []
    if question.kind in SCORED or question.kind == "number":
        return [Field(name, label, "number", group=group)]
    if question.kind in ("yes_no", "thumbs", "consent"):
        return [Field(name, label, "yes_no", group=group)]
    if question.kind in ("single", "dropdown") or (question.kind == "picture" and not question.several):
        return [Field(name, label, "choice", choices, group)]
    if question.kind in ("multiple", "picture"):
        counted = Field(
            f"count.{question.id}", _("How many in “%(question)s”") % {"question": label}, "number", group=group
        )
        return [Field(name, label, "choice", choices, group, many=True), counted]
    if question.kind == "matrix":
        return [
            Field(f"{name}.{row}", f"{label} · {text[:60]}", "choice", choices, group, many=question.several)
            for row, text in labels(question.rows, definition, language)
        ]  # fmt: skip
    if question.kind == "date":
        return [Field(name, label, "date", group=group)]
    if question.kind in CHOOSING or question.kind in ("file", "contact"):
        return [Field(name, label, group=group, without=BARE)]
    return [Field(name, label, group=group)]


def value_field(question: Question, definition: Definition, language: str) -> Field:
    """The answer itself, in a rule that it must satisfy."""
    found = answer_fields(question, definition, language)
    first = found[0] if found else Field("value", "")
    return replace(first, name="value", label=_("The answer"), group=_("This question"))


def labels(choices: Iterable[Choice], definition: Definition, language: str) -> tuple[tuple[str, str], ...]:
    return tuple((one.id, said(one.label, language, definition.languages) or one.id) for one in choices)


def known(definition: Definition, workspace: Workspace) -> list[Field]:
    """What is known besides the answers: hidden fields, variables, traits, segments, the visit."""
    segments = tuple((str(one.pk), one.name) for one in Segment.objects.filter(workspace=workspace)[:500])
    device = (("phone", _("Phone")), ("desktop", _("Computer")))
    visit = _("The visit")
    found = [Field(f"hidden.{name}", name, group=_("Hidden fields")) for name in definition.hidden]
    found += [Field(f"variable.{name}", name, "number", group=_("Variables")) for name in definition.variables]
    found += [
        Field(f"quota.{one.id}", _("Quota “%(name)s” is full") % {"name": one.name[:60]}, "yes_no", group=_("Quotas"))
        for one in definition.quotas
    ]
    found += [
        Field(f"trait.{name}", name, KINDS[kind], group=_("Traits of the customer"), many=kind is Kind.LIST)
        for name, kind in sorted(kinds(workspace).items())
    ]
    if segments:
        found.append(Field("segment", _("Segment"), "choice", segments, _("The customer"), many=True))
    return [
        *found,
        Field("language", _("Language"), "choice", tuple((one, one) for one in definition.languages), visit),
        Field("channel", _("Channel"), "choice", tuple((one.value, str(one.label)) for one in Response.Channel), visit),
        Field("device", _("Device"), "choice", device, visit),
        Field("url", _("Address of the page"), group=visit),
    ]


def earlier_surveys(workspace: Workspace, definition: Definition) -> list[Field]:
    """How long ago somebody completed another survey."""
    others = Survey.objects.filter(workspace=workspace, version__gt=0, archived_at=None).order_by("name")[:100]
    label = pgettext("how long ago", "Days since “%(survey)s”")
    return [
        Field(f"survey.{one.key}.days", label % {"survey": one.name[:60]}, "number", group=_("Earlier surveys"))
        for one in others
    ]


def sentence(condition: Condition, fields: Iterable[Field]) -> str:
    """A condition in words, for outlines and lists: “Score is at most 6 and Plan is not trial”."""
    return _sentence(condition, {one.name: one for one in fields}, top=True)


def _sentence(condition: Condition, fields: dict[str, Field], top: bool = False) -> str:
    branches = condition.all if condition.all is not None else condition.any
    if branches is not None:
        words = _(" and ") if condition.all is not None else _(" or ")
        inside = words.join(_sentence(one, fields) for one in branches)
        return inside if top or len(branches) < 2 else f"({inside})"
    if condition.not_ is not None:
        return _("not: %(condition)s") % {"condition": _sentence(condition.not_, fields)}
    field = fields.get(condition.field, Field(condition.field, condition.field))
    names = dict(field.choices)
    truths = {"true": pgettext("an answer", "yes"), "false": pgettext("an answer", "no")}
    values = [text_of(one) for one in condition.values]
    said_values = [names.get(one) or (truths.get(one) if field.kind == "yes_no" else None) or one for one in values]
    listed = _(" or ").join(said_values)
    return f"{field.label} {operator_label(condition.operator, field)} {listed}".strip()
