"""The tracking plan: which events may come, and what they carry. `check` is pure; the intake asks it for every event.

    events:
      Order Completed:
        description: A customer has paid.
        properties:
          order_id: {type: string, required: true}
          total: number
          currency: {type: string, values: [EUR, UAH]}
        other_properties: refused
    other_events: refused

docs/reference/tracking-plan.md describes every key; a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec
import yaml
from django.utils.translation import gettext as _

from .plan_problems import Told, of_shape, of_yaml
from .reasons import Reason

MAX_YAML = 256 * 1024  # characters
DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?")
Others = Literal["allowed", "refused"]
Type = Literal["string", "number", "integer", "boolean", "date", "list", "object", "any"]


class PlanError(Exception):
    """The plan cannot be used; the message says why, in the user's language."""


class Violation(NamedTuple):
    """What an event does against the plan: a reason of the closed list, and a detail that names event and property."""

    reason: Reason
    detail: str


class PropertyRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    type: Type = "any"
    required: bool = False
    values: list[str | int | float | bool] = []
    description: str = ""


class EventRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    description: str = ""
    properties: dict[str, Type | PropertyRule] = {}
    other_properties: Others = "allowed"

    def rules(self) -> dict[str, PropertyRule]:
        return {
            name: rule if isinstance(rule, PropertyRule) else PropertyRule(type=rule)
            for name, rule in self.properties.items()
        }


class PlanText(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The YAML as it is typed."""

    events: dict[str, EventRule | None]
    other_events: Others = "refused"


class Plan(NamedTuple):
    """A plan ready to check with: event name to (rules of its properties, whether it may carry others)."""

    events: Mapping[str, tuple[Mapping[str, PropertyRule], bool]]
    other_events: bool


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


FITS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": is_number,
    "integer": lambda value: is_number(value) and value == value // 1,
    "boolean": lambda value: isinstance(value, bool),
    "date": lambda value: isinstance(value, str) and DATE.fullmatch(value) is not None,
    "list": lambda value: isinstance(value, list | tuple),
    "object": lambda value: isinstance(value, Mapping),
    "any": lambda value: True,
}


class PlanLoader(yaml.SafeLoader):
    """Names are texts, whatever YAML takes 2025 or yes for; and a name that stands twice is a mistake that is told."""


def _mapping(loader: PlanLoader, node: yaml.MappingNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise Told(None, None, _("a name must be a text"), key.start_mark)
        if key.value in found:
            problem = _("“%(name)s” stands here twice") % {"name": key.value}
            raise Told(None, None, problem, key.start_mark)
        found[key.value] = loader.construct_object(value, deep=True)
    return found


PlanLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_plan(text: str) -> Plan:
    """A plan from its YAML. Raises PlanError."""
    if len(text) > MAX_YAML:
        raise PlanError(_("The plan is longer than %(size)d KB.") % {"size": MAX_YAML // 1024})
    try:
        loaded = yaml.load(text, PlanLoader)  # a SafeLoader
        plan = msgspec.convert(loaded, PlanText)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise PlanError(
            _("Line %(line)d is not valid YAML: %(problem)s.") % {"line": line, "problem": of_yaml(error)}
        ) from error
    except msgspec.ValidationError as error:
        raise PlanError(_("The plan cannot be used: %(problem)s.") % {"problem": of_shape(error)}) from error
    except RecursionError as error:
        raise PlanError(_("The plan is nested too deep.")) from error
    return Plan(
        {
            name: ((rule or EventRule()).rules(), (rule or EventRule()).other_properties == "allowed")
            for name, rule in plan.events.items()
        },
        plan.other_events == "allowed",
    )


def check(plan: Plan, name: str, properties: Mapping[str, Any]) -> list[Violation]:
    """What an event does against the plan; nothing if it keeps to it. Details are English, as logs are."""
    found = plan.events.get(name)
    if found is None:
        return [] if plan.other_events else [Violation(Reason.NOT_IN_PLAN, f"event {name[:200]!r}")]
    rules, others = found
    violations = []
    for key, rule in rules.items():
        value = properties.get(key)
        if value is None:
            if rule.required:
                violations.append(Violation(Reason.PROPERTY_INVALID, f"{key}: required, but missing"))
        elif not FITS[rule.type](value):
            text = f"{key}: expected {rule.type}, got {type_of(value)}"
            violations.append(Violation(Reason.PROPERTY_INVALID, text))
        elif rule.values and not any(same(value, one) for one in rule.values):
            violations.append(Violation(Reason.PROPERTY_INVALID, f"{key}: {str(value)[:60]!r} is none of its values"))
    if not others:
        violations += [
            Violation(Reason.NOT_IN_PLAN, f"property {key[:200]!r}") for key in properties if key not in rules
        ]
    return violations


def same(value: object, other: object) -> bool:
    """Equal, where 1 is 1.0 but not true, as in JSON."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


PLAIN: Mapping[type, str] = {
    type(None): "null", bool: "boolean", int: "integer", float: "number", list: "list", tuple: "list", dict: "object",
}  # fmt: skip


def type_of(value: object) -> str:
    """The type of a JSON value in the words of a plan."""
    if isinstance(value, str):
        # Most texts are no dates, and a look at one letter is cheaper than an expression.
        return "date" if value[4:5] == "-" and DATE.fullmatch(value) else "string"
    return PLAIN.get(type(value), "object")
