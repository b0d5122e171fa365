"""Driver models in words: names of outcomes and drivers, and where each leads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from cxm.accounts.models import User, Workspace
from cxm.lib import numbers as shown
from cxm.understand.journeys.discovery.labels import label_names, process_name
from cxm.understand.text.topics.queries import names_of

from .definition import Driver, DriverDefinition, Findings, Found, Numbers, Outcome
from .queries import processes_of

FACT_NAMES: Mapping[str, Any] = {
    "contacts": gettext_lazy("Contacts with support"),
    "waiting": gettext_lazy("Hours of waiting for a first reply"),
    "hand_overs": gettext_lazy("Hand-overs between colleagues"),
    "reopened": gettext_lazy("Reopened requests"),
    "days_late": gettext_lazy("Days that an order was late"),
}
FACT_METRICS = {
    "contacts": "tickets", "waiting": "first_response", "hand_overs": "first_contact", "reopened": "reopening",
    "days_late": "late",
}  # fmt: skip
OUTCOME_METRICS = {"nps": "nps", "csat": "csat_mean", "ces": "ces", "rating": "rating"}
STEPS: Mapping[str, Any] = {
    "rating": pgettext_lazy("what if", "One point higher"),
    "topic": pgettext_lazy("what if", "One step kinder, such as neutral instead of negative"),
    "passed": pgettext_lazy("what if", "Nobody passes it"),
    "group": pgettext_lazy("what if", "Nobody is in it"),
    "contacts": pgettext_lazy("what if", "One contact fewer"),
    "waiting": pgettext_lazy("what if", "One hour less"),
    "hand_overs": pgettext_lazy("what if", "One hand-over fewer"),
    "reopened": pgettext_lazy("what if", "One reopening fewer"),
    "days_late": pgettext_lazy("what if", "One day less"),
}


class Names:
    """The names of drivers in a workspace, each looked up once."""

    def __init__(self, workspace: Workspace, drivers: Iterable[Driver]) -> None:
        drivers = list(drivers)
        kinds = {one.kind for one in drivers}
        self.topics = names_of(workspace.pk) if "topic" in kinds else {}
        self.processes = processes_of(workspace) if "passed" in kinds else {}
        owners = {one.owner for one in drivers if one.owner}
        members = User.objects.filter(pk__in=owners, memberships__workspace=workspace)
        self.owners = {one.pk: str(one) for one in members}

    def of(self, driver: Driver) -> str:
        match driver.kind:
            case "rating":
                return driver.key
            case "topic":
                return _("Topic: %(name)s") % {"name": self.topics.get(driver.key, driver.key)}
            case "fact":
                return str(FACT_NAMES[driver.key])
            case "passed":
                process = self.processes.get(driver.process)
                said = {"step": driver.key, "process": "?"}
                if process:
                    said = {"step": label_names(process).get(driver.key), "process": process_name(process)}
                return _("Passed “%(step)s” (%(process)s)") % said
            case "group":
                field = driver.key.partition(".")[2]
                return _("%(field)s: %(value)s") % {"field": field, "value": driver.value}


def outcome_said(outcome: Outcome) -> str:
    match outcome.kind:
        case "left":
            return _("Customers who leave")
        case "returned":
            return ngettext(
                "Customers who order again within %(n)d day",
                "Customers who order again within %(n)d days",
                outcome.days,
            ) % {"n": outcome.days}
    return outcome.question


def amount(number: float | None, unit: str) -> str:
    return shown.signed(number, unit)


def effect_said(found: Numbers, unit: str) -> str:
    """+0.42 (+0.31 to +0.53)"""
    value = amount(found.value, unit)
    if found.low is None or found.high is None:
        return value
    bounds = {"low": amount(found.low, unit), "high": amount(found.high, unit)}
    return _("%(value)s (%(interval)s)") % {"value": value, "interval": _("%(low)s to %(high)s") % bounds}


def places_said(found: Found) -> str:
    if found.first == found.last:
        return str(found.first)
    return _("%(low)s to %(high)s") % {"low": found.first, "high": found.last}


def target_said(found: Found) -> str:
    """What would be good enough, and what is."""
    number = shown.amount(found.target, "count" if found.target == int(found.target) else "score")
    match found.driver.kind:
        case "rating":
            return _("%(n)s or more") % {"n": number}
        case "topic":
            return _("not negative") if found.target == 0 else _("%(n)s or more") % {"n": number}
        case "fact":
            return _("%(n)s or less") % {"n": number}
    return _("not at all")


def step_said(driver: Driver) -> str:
    return str(STEPS[driver.key if driver.kind == "fact" else driver.kind])


@dataclass(frozen=True, slots=True)
class Links:
    """Where to go on from a driver: what people said, its cases, a measure against it."""

    texts: str
    cases: str
    measure: str


def links_of(workspace: Workspace, definition: DriverDefinition, one: Found, name: str, gain: Numbers | None) -> Links:
    """Addresses of the pages about a driver. A measure begins with what is known: name, metric, filters, owner."""
    driver, outcome = one.driver, definition.outcome
    texts = reverse("feedback:list", args=[workspace.slug])
    asked: dict[str, Any] = {}
    metric, filters = OUTCOME_METRICS.get(outcome.metric, "churn" if outcome.kind == "left" else "repeat"), []
    if outcome.kind == "answer":
        filters = [f"question:is:{outcome.question}"]
        asked = {"metric": outcome.metric, "question": outcome.question}
    match driver.kind:
        case "rating":
            asked = {"metric": driver.metric, "question": driver.key, "score_to": f"{one.target - 1:g}"}
            metric, filters = OUTCOME_METRICS[driver.metric], [f"question:is:{driver.key}"]
        case "topic":
            asked = {"topic": driver.key, "sentiment": "negative"}
            metric, filters = "negative_texts", [f"text.topic:is:{driver.key}"]
        case "fact":
            metric, filters = FACT_METRICS[driver.key], []
        case "group":
            filters = [*filters, f"{driver.key}:is:{driver.value}"]
    said: dict[str, Any] = {"name": name[:200], "metric": metric, "filters": "\n".join(filters)}
    if driver.owner:
        said["owner"] = driver.owner
    # The gain is one of the outcome: it is the expected change only where the measure is judged by the outcome.
    if gain is not None and driver.kind == "group" and outcome.kind == "answer":
        said["expected"] = f"{gain.value:.3g}"
    cases = cases_of(workspace, driver, asked)
    measure = f"{reverse('recovery:new_measure', args=[workspace.slug])}?{urlencode(said)}"
    return Links(f"{texts}?{urlencode(asked)}" if asked else texts, cases, measure)


def cases_of(workspace: Workspace, driver: Driver, asked: Mapping[str, Any]) -> str:
    """Where the cases of a driver are listed; empty where no case says that it belongs to it."""
    wanted: dict[str, str] = {}
    match driver.kind, driver.key:
        case "rating", _key:  # the low answers that have become a case
            return f"{reverse('feedback:list', args=[workspace.slug])}?{urlencode({**asked, 'case': 'yes'})}"
        case "topic", key:
            wanted = {"topic": key}
        case "fact", "contacts":
            wanted = {"sort": "newest"}  # every case is one
        case "fact", "waiting":
            wanted = {"sort": "patience"}
        case "fact", ("reopened" | "hand_overs") as key:
            wanted = {"had": key}
        case "passed", key:
            wanted = {"touchpoint": key}
        case "group", ("property.channel" | "property.touchpoint") as key:
            wanted = {key.removeprefix("property."): driver.value}
    if not wanted:
        return ""
    return f"{reverse('cases:list', args=[workspace.slug])}?{urlencode({'queue': 'all', **wanted})}"


def warnings_of(findings: Findings, names: Names) -> list[str]:
    """What to know before believing the figures."""
    said = []
    if findings.capped:
        said.append(_("There are more outcomes than are taken at once: these are the newest %(n)s.")
                    % {"n": shown.amount(findings.rows, "count")})  # fmt: skip
    tied = [names.of(one.driver) for one in findings.found if one.vif is None or one.vif >= 5]
    if tied:
        said.append(
            _(
                "These drivers move together, so that their effects cannot be told apart well: %(names)s. Their shares"
                " are still fair, but leave one of them out to see what the others do."
            )
            % {"names": "; ".join(tied)}
        )
    few = [names.of(one.driver) for one in findings.left_out if one.reason == "empty"]
    if few:
        said.append(_("Left out because too few outcomes have a value: %(names)s.") % {"names": "; ".join(few)})
    same = [names.of(one.driver) for one in findings.left_out if one.reason == "constant"]
    if same:
        said.append(_("Left out because they are the same for nearly all: %(names)s.") % {"names": "; ".join(same)})
    if findings.error:
        said.append(
            _("There are too many drivers to try all their orders: the shares are right to about ±%(error)s.")
            % {"error": shown.amount(2 * findings.error, "percent")}
        )
    return said
