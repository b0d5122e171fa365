"""A process as SQL: which events are its steps, of which case, under which label."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cxm.record.eventlog.scope import Filter, UnknownField, condition, sql_text
from cxm.record.eventlog.steps import StepSource

from ..definition import CUSTOMER, EventRule, ProcessDefinition, Test


def compile_process(
    workspace_id: int, process: int, generation: int, definition: ProcessDefinition
) -> StepSource:  # fmt: skip
    """Raises UnknownField for a test that events cannot be put to."""
    values: dict[str, Any] = {}
    wanted = ["touchpoint", "channel"]
    wanted += [name for name in (definition.label_by, "" if definition.case == CUSTOMER else definition.case) if name]
    nested = [name for name in dict.fromkeys(wanted[2:]) if name != "properties"]
    fields = [f"{_named(name)} String" for name in dict.fromkeys(wanted)]
    if nested:  # what an import could not place is one level down
        fields.append(f"properties Tuple({', '.join(f'{_named(name)} String' for name in nested)})")
    counted = definition.order_by or "version"
    if counted not in wanted:
        fields.append(f"{_named(counted)} UInt64")
    head = f"WITH JSONExtract(properties, {sql_text('Tuple(' + ', '.join(fields) + ')')}) AS p"

    if definition.labels:
        names: tuple[str, ...] = tuple(
            dict.fromkeys(rule.event for label in definition.labels for rule in label.events)
        )
        tests = [_any_of(label.events, f"label{n}", values) for n, label in enumerate(definition.labels)]
        label = _first_of(tests, [sql_text(one.key) for one in definition.labels], "''")
        rank = _first_of(tests, [str(n + 1) for n in range(len(tests))], "0")
    else:
        names = definition.events
        label = "CAST(name, 'String')"
        if definition.label_by:
            label = f"coalesce(nullIf({_text(definition.label_by)}, ''), {label})"
        rank = "indexOf({names:Array(String)}, name)" if names else "0"
    of_customers = definition.case == CUSTOMER
    text = "" if of_customers else _text(definition.case)
    return StepSource(
        workspace_id=workspace_id, process=process, generation=generation, names=names, head=head,
        # The nil UUID, which stands for nobody, is no case.
        case_id="customer_id" if of_customers else
        f"if({text} = '', toUUID('00000000-0000-0000-0000-000000000000'),"
        f" reinterpretAsUUID(sipHash128({sql_text(definition.case)}, {text})))",
        label=label, rank=f"toUInt16({rank})",
        version=f"toUInt64OrZero(tupleElement(p, {sql_text(counted)}))" if counted in wanted
        else f"tupleElement(p, {sql_text(counted)})", by_version=bool(definition.order_by),
        touchpoint="tupleElement(p, 'touchpoint')", channel="tupleElement(p, 'channel')",
        # What we state ourselves (cases, consents, notes) is a step only where it is asked for by name.
        where="name IN {names:Array(String)}" if names else "source != 'fact'",
        of_customers=of_customers, collapse=definition.collapse,
        gap_ms=None if definition.gap_s is None else definition.gap_s * 1000, parameters=values,
    )  # fmt: skip


def _named(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _text(name: str) -> str:
    """The text of a property, or of one of the further properties of an event that came from an import."""
    own = f"tupleElement(p, {sql_text(name)})"
    if name == "properties":
        return own
    return f"coalesce(nullIf({own}, ''), tupleElement(tupleElement(p, 'properties'), {sql_text(name)}))"


def _first_of(tests: list[str], results: list[str], other: str) -> str:
    pairs = [part for pair in zip(tests, results, strict=True) for part in pair]
    return f"multiIf({', '.join(pairs)}, {other})"


def _any_of(rules: Iterable[EventRule], prefix: str, values: dict[str, Any]) -> str:
    return " OR ".join(_holds(rule, f"{prefix}_{n}", values) for n, rule in enumerate(rules)) or "0"


def _holds(rule: EventRule, prefix: str, values: dict[str, Any]) -> str:
    values[prefix] = rule.event
    tests = [_test(one, f"{prefix}_{n}", values) for n, one in enumerate(rule.where)]
    return "(" + " AND ".join([f"name = {{{prefix}:String}}", *tests]) + ")"


def _test(test: Test, name: str, values: dict[str, Any]) -> str:
    if test.field != "source" and not test.field.startswith("property."):
        raise UnknownField(test.field)  # what is known of the customer today would change steps of long ago
    return condition(Filter(test.field, test.operator, test.values), "events", name, values)
