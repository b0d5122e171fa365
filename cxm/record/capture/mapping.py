"""What a mapping may say: the YAML of an import as typed structures, with clear messages for what is wrong.

docs/reference/mapping.md describes every key; a test holds the two together.
"""

from __future__ import annotations

import re
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import yaml
from django.utils.translation import gettext as _

MAX_YAML = 256 * 1024  # characters


class MappingError(Exception):
    """The mapping cannot be used; the message says why, in the user's language."""


class Source(msgspec.Struct, forbid_unknown_fields=True):
    """Where one value comes from: a column (the first of several names that the file has), or a constant."""

    column: str | list[str] = ""
    constant: str | None = None
    format: str | list[str] = ""  # of dates, as strptime writes them
    missing: list[str] = []
    values: dict[str, str] = {}  # what a cell's text stands for

    @property
    def columns(self) -> list[str]:
        return [self.column] if isinstance(self.column, str) and self.column else list(self.column)

    @property
    def formats(self) -> list[str]:
        return [self.format] if isinstance(self.format, str) and self.format else list(self.format)


Value = str | Source  # a plain text names a column
Columns = Literal["all"] | list[str] | dict[str, Value]


class Format(msgspec.Struct, forbid_unknown_fields=True):
    kind: Literal["csv", "blanks", "xlsx", "jsonl", ""] = ""
    delimiter: str = ""
    encoding: str = ""
    header: bool | None = None
    columns: list[str] = []
    sheet: str = ""
    decimal: Literal[".", ","] = "."


class Customer(msgspec.Struct, forbid_unknown_fields=True):
    identities: dict[str, Value]
    name: Value | None = None
    email: Value | None = None
    phone: Value | None = None
    language: Value | None = None
    traits: Columns = []


class About(msgspec.Struct, forbid_unknown_fields=True):
    """What the row refers to, imported before: its customer counts for the row, and its facts become properties."""

    order: Value | None = None
    ticket: Value | None = None


class Answer(msgspec.Struct, forbid_unknown_fields=True):
    question: str
    metric: Literal["nps", "csat", "ces", "rating", "text"]
    score: Value | None = None
    scale: str = ""  # "0-10": the lowest and the highest score
    comment: Value | None = None
    touchpoint: Value | None = None

    @property
    def bounds(self) -> tuple[float, float] | None:
        found = re.fullmatch(r"(-?\d+(?:\.\d+)?)-(-?\d+(?:\.\d+)?)", self.scale)
        return (float(found[1]), float(found[2])) if found else None


class Tickets(msgspec.Struct, forbid_unknown_fields=True):
    id: Value
    version: Value | None = None
    state: Value | None = None
    opened_at: Value | None = None
    first_responded_at: Value | None = None
    resolved_at: Value | None = None
    closed_at: Value | None = None
    reopened: Value | None = None
    reassigned: Value | None = None
    sla_met: Value | None = None
    complaint: Value | None = None
    priority: Value | None = None


class Orders(msgspec.Struct, forbid_unknown_fields=True):
    id: Value | None = None
    placed_at: Value | None = None
    approved_at: Value | None = None
    shipped_at: Value | None = None
    delivered_at: Value | None = None
    cancelled_at: Value | None = None
    promised_at: Value | None = None
    amount: Value | None = None
    currency: Value | None = None


class Subscriptions(msgspec.Struct, forbid_unknown_fields=True):
    id: Value
    status: Value
    plan: Value | None = None
    amount: Value | None = None
    currency: Value | None = None
    started_at: Value | None = None
    ended_at: Value | None = None
    tenure: Value | None = None


class PurchaseHistories(msgspec.Struct, forbid_unknown_fields=True):
    repeat_purchases: Value
    recency: Value
    age: Value
    mean_value: Value | None = None


class CustomEvent(msgspec.Struct, forbid_unknown_fields=True):
    name: str = ""
    named_by: Value | None = None


class MappingFile(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    format: Format = msgspec.field(default_factory=Format)
    missing: list[str] = msgspec.field(default_factory=lambda: [""])
    time_zone: str = ""  # the workspace's where empty
    key: list[str] = []
    customer: Customer | None = None
    about: About | None = None
    time: Value | None = None
    survey: Value | None = None
    response: Value | None = None
    channel: Value | None = None
    touchpoint: Value | None = None
    language: Value | None = None
    weight: Value | None = None
    comment: Value | None = None
    properties: Columns = []
    answers: list[Answer] = []
    tickets: Tickets | None = None
    orders: Orders | None = None
    subscriptions: Subscriptions | None = None
    purchase_histories: PurchaseHistories | None = None
    events: list[CustomEvent] = []


def source(value: Value) -> Source:
    return Source(column=value) if isinstance(value, str) else value


class _TextLoader(yaml.BaseLoader):
    """YAML in which every plain value is text: `No` stays No, 007 stays 007. Aliases, which can grow, are refused."""

    def compose_node(self, parent: yaml.nodes.Node | None, index: int) -> yaml.nodes.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            raise MappingError(_("A mapping cannot use YAML aliases (*name)."))
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.nodes.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [key.value for key, _value in node.value if isinstance(key, yaml.nodes.ScalarNode)]
        for key in keys:
            if keys.count(key) > 1:
                raise MappingError(
                    _("“%(key)s” stands twice in line %(line)d of the mapping and below.")
                    % {"key": key, "line": node.start_mark.line + 1}
                )
        return super().construct_mapping(node, deep=deep)


def read_mapping(text: str) -> MappingFile:
    """The mapping that `text` holds; raises MappingError."""
    if len(text) > MAX_YAML:
        raise MappingError(_("The mapping is longer than 256 KB."))
    try:
        data = yaml.load(text, Loader=_TextLoader)  # a BaseLoader makes nothing but text, lists and dicts
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise MappingError(
            _("The mapping is not valid YAML: line %(line)d: %(problem)s.") % {"line": line, "problem": error.problem}
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise MappingError(_("The mapping is not valid YAML.")) from error
    if not isinstance(data, dict):
        raise MappingError(_("A mapping is a list of keys with values, such as “name: Survey 2026”."))
    try:
        mapping = msgspec.convert(data, MappingFile, strict=False)
    except msgspec.ValidationError as error:
        raise MappingError(_explain(str(error))) from error
    _check(mapping)
    return mapping


def _explain(message: str) -> str:
    where = re.search(r" - at `(?:key in )?\$\.?(.*)`$", message)
    place = where[1] if where else ""
    unknown = re.match(r"Object contains unknown field `(.*?)`", message)
    absent = re.match(r"Object missing required field `(.*?)`", message)
    wrong = re.match(r"Invalid enum value '(.*?)'", message)
    if unknown and place:
        return _("“%(place)s” has no key “%(key)s”.") % {"place": place, "key": unknown[1]}
    if unknown:
        return _("A mapping has no key “%(key)s”.") % {"key": unknown[1]}
    if absent and place:
        return _("“%(place)s” needs the key “%(key)s”.") % {"place": place, "key": absent[1]}
    if absent:
        return _("The mapping needs the key “%(key)s”.") % {"key": absent[1]}
    if wrong:
        return _("“%(value)s” is not a possible value of “%(place)s”.") % {"value": wrong[1], "place": place}
    return _("“%(place)s” in the mapping has the wrong form (%(detail)s).") % {
        "place": place,
        "detail": message.partition(" - at")[0],
    }


def _check(mapping: MappingFile) -> None:
    if not mapping.name.strip() or len(mapping.name) > 200:
        raise MappingError(_("The mapping needs a name of at most 200 characters."))
    if mapping.time_zone:
        try:
            ZoneInfo(mapping.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise MappingError(
                _("There is no time zone “%(name)s”; write one like Europe/Kyiv.") % {"name": mapping.time_zone}
            ) from error
    if mapping.customer and not mapping.customer.identities:
        raise MappingError(_("“customer” needs at least one identity, such as the column with the customer number."))
    for answer in mapping.answers:
        if answer.metric != "text" and (answer.score is None or answer.bounds is None):
            raise MappingError(
                _("The answer “%(question)s” needs a score and a scale such as 0-10.") % {"question": answer.question}
            )
        if answer.bounds and answer.bounds[0] >= answer.bounds[1]:
            raise MappingError(
                _("The scale “%(scale)s” must go from the lowest to the highest score.") % {"scale": answer.scale}
            )
    questions = [(answer.metric, answer.question) for answer in mapping.answers]
    if len(set(questions)) < len(questions):
        raise MappingError(_("Two answers have the same question and metric; give each question its own name."))
    for event in mapping.events:
        if bool(event.name) == (event.named_by is not None):
            raise MappingError(_("Each of “events” needs either “name” or “named_by”."))
    untimed = mapping.answers or mapping.subscriptions or mapping.purchase_histories or mapping.events
    traits = mapping.customer and (
        mapping.customer.traits or mapping.customer.name or mapping.customer.email or mapping.customer.phone
    )
    tickets = mapping.tickets and not mapping.tickets.opened_at
    if (untimed or traits or tickets) and mapping.time is None:
        raise MappingError(
            _("The mapping needs “time”: a column, or {constant: 2026-05-31} where the file does not say when it was.")
        )
    if mapping.orders and not any(
        (
            mapping.orders.placed_at,
            mapping.orders.approved_at,
            mapping.orders.shipped_at,
            mapping.orders.delivered_at,
            mapping.orders.cancelled_at,
        )
    ):
        raise MappingError(_("“orders” needs at least one time, such as placed_at."))
    if mapping.about and bool(mapping.about.order) == bool(mapping.about.ticket):
        raise MappingError(_("“about” needs either “order” or “ticket”."))
    if not (mapping.customer or untimed or mapping.tickets or mapping.orders):
        raise MappingError(_("The mapping says nothing about customers, answers, tickets, orders or events."))
