"""A first mapping for a file: a role for each column from its name and type, and the YAML that says so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

import yaml
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .files import Look
from .guessing import MISSING, ColumnType, column_types

ROLES: Mapping[str, str | Promise] = {
    "": _("leave out"),
    "property": _("property of the events"),
    "time": _("time of the row"),
    "identity": _("number or id of the customer"),
    "email": _("e-mail of the customer"),
    "name": _("name of the customer"),
    "phone": _("phone of the customer"),
    "trait": _("trait of the customer"),
    "nps": _("score 0–10: would recommend (NPS)"),
    "csat": _("score: satisfaction (CSAT)"),
    "ces": _("score: effort (CES)"),
    "rating": _("score: other rating"),
    "comment": _("comment"),
    "weight": _("weight of the answer"),
    "survey": _("name of the survey"),
    "response": _("number of the response"),
    "channel": _("channel"),
    "touchpoint": _("touchpoint"),
    "language": _("language"),
    "tickets.id": _("ticket: number"),
    "tickets.version": _("ticket: number of the update"),
    "tickets.state": _("ticket: state"),
    "tickets.opened_at": _("ticket: opened"),
    "tickets.first_responded_at": _("ticket: first response"),
    "tickets.resolved_at": _("ticket: resolved"),
    "tickets.closed_at": _("ticket: closed"),
    "tickets.priority": _("ticket: priority"),
    "tickets.sla_met": _("ticket: service level met (yes or no)"),
    "tickets.reopened": _("ticket: how often reopened"),
    "tickets.reassigned": _("ticket: how often passed on"),
    "orders.id": _("order: number"),
    "orders.placed_at": _("order: placed"),
    "orders.approved_at": _("order: approved"),
    "orders.shipped_at": _("order: shipped"),
    "orders.delivered_at": _("order: delivered"),
    "orders.promised_at": _("order: promised for"),
    "orders.cancelled_at": _("order: cancelled"),
    "orders.amount": _("order: amount"),
    "orders.currency": _("order: currency"),
    "subscriptions.id": _("subscription: number"),
    "subscriptions.status": _("subscription: status (active or ended)"),
    "subscriptions.plan": _("subscription: plan"),
    "subscriptions.amount": _("subscription: amount a month"),
    "subscriptions.tenure": _("subscription: months so far"),
    "subscriptions.started_at": _("subscription: started"),
    "subscriptions.ended_at": _("subscription: ended"),
}
TEXT, NUMBER, DATE = frozenset({"text"}), frozenset({"integer", "decimal"}), frozenset({"date"})
ANY = TEXT | {"integer"}
# The first pattern that a column's name has decides, if its type fits; names are compared in small letters and "_".
USUAL: Sequence[tuple[str, str, frozenset[str]]] = [
    (r"^(nps|nps_score|net_?pro(moter)?(_score)?|.*recommend.*)$", "nps", frozenset({"integer"})),
    (r"^(csat|csat_score|.*satisf.*|overall(_rating)?)$", "csat", frozenset({"integer"})),
    (r"^(ces|ces_score|effort.*|.*_effort|ease.*)$", "ces", frozenset({"integer"})),
    (r"^(.*rating|stars|.*_score|review_score)$", "rating", NUMBER),
    (r"^(weight|survey_weight|wt)$", "weight", NUMBER),
    (r"^(comments?|feedback|verbatim|review(_text|_comment.*)?|remarks?|open_text)$", "comment", TEXT),
    (r"^(e_?mail|email_address|mail|customer_email)$", "email", TEXT),
    (r"^(name|full_name|customer_name)$", "name", TEXT),
    (r"^(phone|phone_number|mobile|telephone)$", "phone", ANY),
    (r"^(customer|client|user|account|member)_?(id|no|number|key|unique_id)$", "identity", ANY),
    (r"^(order|purchase)_?(id|no|number)$", "orders.id", ANY),
    (r"^order(ed)?_?(date|at|time.*|purchase_timestamp)$|^purchase.*(date|at|timestamp)$", "orders.placed_at", DATE),
    (r"^order_approved_at$", "orders.approved_at", DATE),
    (r"^(ship(ped|ping)?_?(date|at)|.*delivered_carrier.*)$", "orders.shipped_at", DATE),
    (r"^(deliver(ed|y)_?(date|at)|.*delivered_customer.*)$", "orders.delivered_at", DATE),
    (r"^(promised.*|.*estimated_delivery.*|due_date)$", "orders.promised_at", DATE),
    (r"^(amount|total|order_total|price|value|revenue)$", "orders.amount", NUMBER),
    (r"^currency(_code)?$", "orders.currency", TEXT),
    (r"^(ticket|case|incident)_?(id|no|number|key)$", "tickets.id", ANY),
    (r"^(opened|created)_?(at|on|date)$", "tickets.opened_at", DATE),
    (r"^(resolved|solved)_?(at|on|date)$", "tickets.resolved_at", DATE),
    (r"^closed_?(at|on|date)$", "tickets.closed_at", DATE),
    (r"^first_?(response|reply|responded).*$", "tickets.first_responded_at", DATE),
    (r"^priority$", "tickets.priority", ANY),
    (r"^(ticket_|incident_)?(state|status)$", "tickets.state", TEXT),
    (r"^(made_)?sla(_met)?$", "tickets.sla_met", frozenset({"boolean"})),
    (r"^reopen.*$", "tickets.reopened", frozenset({"integer"})),
    (r"^reassign.*$", "tickets.reassigned", frozenset({"integer"})),
    (r"^response_?id$|^respnum$|^respondent.*$", "response", ANY),
    (r"^survey(_name)?$", "survey", TEXT),
    (r"^channel$", "channel", TEXT),
    (r"^touch_?point$", "touchpoint", TEXT),
    (r"^lang(uage)?$", "language", TEXT),
]  # fmt: skip
TIMES = re.compile(r"date|time|timestamp|_at$|_on$|submitted|answered|created")
CODES = frozenset({"?", "n/a", "na", "null", "none", "nan", "-"})
ONCE = frozenset(ROLES) - {"", "property", "trait", "identity", "nps", "csat", "ces", "rating"}
SCORES = ("nps", "csat", "ces", "rating")
TIMED = (*SCORES, "trait", "name", "email", "subscriptions.id")


def suggest_roles(look: Look) -> dict[str, str]:
    """A role for each column. Ticket, order and subscription columns count only where their number is there."""
    types = column_types(len(look.header), look.rows)
    roles: dict[str, str] = {}
    for name, kind in zip(look.header, types, strict=True):
        role = _role(name, kind)
        roles[name] = "property" if role in ONCE and role in roles.values() else role
    for part in ("tickets", "orders", "subscriptions"):
        if f"{part}.id" not in roles.values():
            roles = {name: "property" if role.startswith(f"{part}.") else role for name, role in roles.items()}
    if any(role in SCORES for role in roles.values()) or "orders.id" not in roles.values():
        dates = [name for name, kind in zip(look.header, types, strict=True) if kind.kind == "date"]
        free = [name for name in dates if roles[name] == "property"]
        best = next((name for name in free if TIMES.search(_plain(name))), free[0] if free else "")
        if best and "time" not in roles.values():
            roles[best] = "time"
    return roles


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).strip("_").lower()


def _role(name: str, kind: ColumnType) -> str:
    for pattern, role, kinds in USUAL:
        if kind.kind in kinds and re.fullmatch(pattern, _plain(name)):
            return role
    return "property" if kind.kind else ""


def yaml_of(name: str, look: Look, roles: Mapping[str, str], zone: str = "") -> str:
    """The mapping that gives the columns these roles."""
    types = dict(zip(look.header, column_types(len(look.header), look.rows), strict=True))
    by_role: dict[str, list[str]] = {}
    for column, role in roles.items():
        by_role.setdefault(role, []).append(column)
    made: dict[str, object] = {"name": name}
    form = {"encoding": look.format.encoding} if look.format.encoding not in {"", "utf-8", "utf-8-sig"} else {}
    form |= {"delimiter": look.format.delimiter} if look.format.delimiter not in {"", ","} else {}
    if any(kind.decimal == "," for kind in types.values()):
        form["decimal"] = ","
    if form:
        made["format"] = form
    if codes := _codes(look):
        made["missing"] = codes
    if zone:
        made["time_zone"] = zone

    def one(role: str) -> object:
        column = by_role[role][0]
        return {"column": column, "format": types[column].format} if types[column].format else column

    if "time" in by_role:
        made["time"] = one("time")
    elif (
        any(role in by_role for role in (*SCORES, "trait", "name", "email", "subscriptions.id"))
        and "orders.id" not in by_role
    ):
        made["time"] = {"constant": "2026-01-01"}
    customer: dict[str, object] = {}
    identities = {_plain(column) or "id": column for column in by_role.get("identity", [])}
    identities |= {"email": by_role["email"][0]} if "email" in by_role else {}
    if identities:
        customer["identities"] = identities
        customer |= {key: by_role[key][0] for key in ("name", "email", "phone") if key in by_role}
        if "trait" in by_role:
            customer["traits"] = by_role["trait"]
        made["customer"] = customer
    for role in ("survey", "response", "channel", "touchpoint", "language", "weight", "comment"):
        if role in by_role:
            made[role] = by_role[role][0]
    if "comment" in by_role and (blank := _blanks(look, by_role["comment"][0])):
        made["comment"] = {"column": by_role["comment"][0], "missing": blank}
    answers = [
        {"question": column, "metric": role, "scale": _scale(role, types[column], look, column), "score": column}
        for column, role in roles.items()
        if role in SCORES
    ]
    if answers:
        made["answers"] = answers
    for part in ("tickets", "orders", "subscriptions"):
        found = {role.partition(".")[2]: one(role) for role in by_role if role.startswith(f"{part}.")}
        if found:
            made[part] = found
    if "property" in by_role:
        made["properties"] = by_role["property"]
    return yaml.safe_dump(made, allow_unicode=True, sort_keys=False, width=110)


def _codes(look: Look) -> list[str]:
    """Texts that stand for "missing" in columns of numbers and dates, and in any other."""
    found = {cell.strip() for row in look.rows for cell in row if cell.strip().lower() in CODES & MISSING}
    return sorted(found)


def _blanks(look: Look, column: str) -> list[str]:
    """The cells of blanks with which a program fills up a column of comments; none where they are the exception."""
    place = look.header.index(column)
    found = [row[place] for row in look.rows if len(row) > place and row[place] and not row[place].strip()]
    return sorted(set(found)) if 2 * len(found) > len(look.rows) else []


def _scale(role: str, kind: ColumnType, look: Look, column: str) -> str:
    if role == "nps":
        return "0-10"
    place = look.header.index(column)
    cells = [row[place].strip() for row in look.rows if len(row) > place]
    top = max((float(cell) for cell in cells if re.fullmatch(r"\d+(\.\d+)?", cell)), default=5)
    return "1-5" if top <= 5 else "1-7" if top <= 7 else "1-10"


def name_of(file_name: str) -> str:
    """A name for the data of a file: what stays the same when next month's file comes."""
    stem = PurePath(file_name).name.removesuffix(".gz").rpartition(".")[0] or file_name
    return re.sub(r"[\s_\-]+", " ", re.sub(r"[\d._\-]+$", "", stem)).strip()[:100] or "Import"
