"""What people fill in for a driver model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from cxm.accounts.models import User, Workspace
from cxm.understand.metrics.fields import AskedQuestion
from cxm.understand.text.topics.queries import tree

from .definition import FACTS, Driver, DriverDefinition, Outcome
from .queries import scored_questions, steps_of
from .wording import FACT_NAMES, Names

BEGUN_WITH = 12  # ratings that a new model begins with
METRIC_NAMES = {"nps": "NPS", "csat": "CSAT", "ces": "CES", "rating": pgettext_lazy("kind of question", "Rating")}
PERIODS = (
    (0, gettext_lazy("All answers")), (30, gettext_lazy("The past 30 days")), (90, gettext_lazy("The past 90 days")),
    (180, gettext_lazy("The past 180 days")), (365, gettext_lazy("The past 365 days")),
)  # fmt: skip


class DriverModelForm(forms.Form):
    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=200)
    outcome = forms.ChoiceField(
        label=gettext_lazy("What is explained"),
        help_text=gettext_lazy("The answers to a question, or whether customers leave or come back."),
    )
    ratings = forms.MultipleChoiceField(
        label=gettext_lazy("Ratings"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Of the same response; of customers who leave or return, their mean in the window."),
    )  # fmt: skip
    topics = forms.MultipleChoiceField(
        label=gettext_lazy("Topics"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Whether a comment mentions it, and with which sentiment."),
    )  # fmt: skip
    facts = forms.MultipleChoiceField(
        label=gettext_lazy("What happened before"), required=False, widget=forms.CheckboxSelectMultiple,
        choices=[(one, FACT_NAMES[one]) for one in FACTS],
        help_text=gettext_lazy("To the same customer, in the window of days."),
    )  # fmt: skip
    passed = forms.MultipleChoiceField(
        label=gettext_lazy("Steps that customers passed"), required=False, widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    groups = forms.CharField(
        label=gettext_lazy("Groups"), required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("One a line, such as property.store=Gdańsk Port or trait.plan=Plus."),
    )  # fmt: skip
    missing = forms.ChoiceField(
        label=gettext_lazy("If an answer is missing"),
        choices=[
            ("complete", gettext_lazy("Leave the response out")),
            ("mean", gettext_lazy("Count it as the mean of the others, and as missing")),
        ],
    )  # fmt: skip
    window_days = forms.IntegerField(
        label=gettext_lazy("Look back (days)"), min_value=1, max_value=3650, initial=90,
        help_text=gettext_lazy("How long before the outcome something may have happened to count."),
    )  # fmt: skip
    days = forms.IntegerField(
        label=gettext_lazy("Days to come back in"), min_value=1, max_value=3650, initial=90, required=False,
        help_text=gettext_lazy("Only for customers who order again."),
    )  # fmt: skip
    period_days = forms.TypedChoiceField(label=gettext_lazy("Period"), coerce=int, choices=PERIODS)
    filters = forms.CharField(
        label=gettext_lazy("Only where"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("One filter a line, such as channel:is:email or trait.plan:is:Plus."),
    )  # fmt: skip
    weighted = forms.BooleanField(label=gettext_lazy("Count answers by their weights"), required=False)

    def __init__(
        self, *args: Any, workspace: Workspace, definition: DriverDefinition | None = None, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.definition = definition
        asked = scored_questions(workspace)
        used = definition.drivers if definition else ()
        self._offer("outcome", _outcomes(asked, definition.outcome if definition else None))
        ratings = [(f"rating:{one.metric}:{one.question}", one.question) for one in asked]
        topics = [(f"topic:{one.topic.key}", " › ".join(one.path)) for one in tree(workspace.pk)]
        steps = [(f"passed:{number}:{label}", name) for number, label, name in steps_of(workspace)]
        self._offer("ratings", _with_used(ratings, used, "rating"))
        self._offer("topics", _with_used(topics, used, "topic"))
        self._offer("passed", _with_used(steps, used, "passed"))
        for field in ("ratings", "topics", "passed"):
            if not self.fields[field].choices:  # type: ignore[attr-defined]  # a choice field, see above
                del self.fields[field]
        if definition:
            self._begin_with(definition)
            self._add_targets(workspace, definition)
        elif asked:
            self.initial["ratings"] = [
                f"rating:{one.metric}:{one.question}" for one in asked if one.metric == "rating"
            ][:BEGUN_WITH]  # fmt: skip

    def _offer(self, name: str, choices: list[tuple[Any, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def _begin_with(self, one: DriverDefinition) -> None:
        chosen = {kind: [driver for driver in one.drivers if driver.kind == kind] for kind in KINDS}
        self.initial = {
            "outcome": _outcome_value(one.outcome), "missing": one.missing, "window_days": one.window_days,
            "days": one.outcome.days, "period_days": one.period_days, "filters": "\n".join(one.filters),
            "weighted": one.weighted, "facts": [driver.key for driver in chosen["fact"]],
            "ratings": [driver.name for driver in chosen["rating"]],
            "topics": [driver.name for driver in chosen["topic"]],
            "passed": [driver.name for driver in chosen["passed"]],
            "groups": "\n".join(f"{driver.key}={driver.value}" for driver in chosen["group"]), **self.initial,
        }  # fmt: skip

    def _add_targets(self, workspace: Workspace, definition: DriverDefinition) -> None:
        """A target and an owner for each driver that the model has."""
        names = Names(workspace, definition.drivers)
        members = User.objects.filter(memberships__workspace=workspace).order_by("name")
        people = [("", _("Nobody yet")), *((str(one.pk), str(one)) for one in members)]
        self.rows: list[dict[str, Any]] = []
        for place, one in enumerate(definition.drivers):
            target, owner = f"target_{place}", f"owner_{place}"
            name = names.of(one)
            self.fields[target] = forms.FloatField(
                label=_("Target of “%(name)s”") % {"name": name}, required=False, min_value=-1e9, max_value=1e9
            )
            self.fields[owner] = forms.ChoiceField(
                label=_("Owner of “%(name)s”") % {"name": name}, required=False, choices=people
            )
            self.initial.setdefault(target, one.target)
            self.initial.setdefault(owner, str(one.owner or ""))
            self.rows.append({"name": name, "target": self[target], "owner": self[owner]})

    @property
    def main_fields(self) -> list[forms.BoundField]:
        return [one for one in self if not one.name.startswith(("target_", "owner_"))]

    def clean_groups(self) -> list[tuple[str, str]]:
        found = []
        for line in self.cleaned_data["groups"].splitlines():
            field, equals, value = (part.strip() for part in line.partition("="))
            if not line.strip():
                continue
            if not equals or not field.startswith(("property.", "trait.")) or field.endswith("."):
                raise forms.ValidationError(
                    _("“%(line)s” is not a group. Write it as property.store=Gdańsk Port."), params={"line": line[:80]}
                )
            found.append((field, value))
        return found

    def chosen(self) -> DriverDefinition:
        """As the verbs take it. Targets and owners stay with their drivers."""
        said = self.cleaned_data
        names = [*said.get("ratings", ()), *said.get("topics", ()), *said.get("passed", ())]
        drivers = [_driver(name) for name in names]
        drivers += [Driver("fact", one) for one in said["facts"]]
        drivers += [Driver("group", field, value=value) for field, value in said["groups"]]
        before = {one.name: place for place, one in enumerate(self.definition.drivers)} if self.definition else {}
        kept = []
        for one in drivers:
            place = before.get(one.name)
            target = said.get(f"target_{place}") if place is not None else None
            owner = said.get(f"owner_{place}") if place is not None else ""
            kept.append(Driver(
                one.kind, one.key, one.metric, one.process, one.value, target, int(owner) if owner else None
            ))  # fmt: skip
        return DriverDefinition(
            outcome=_outcome(said["outcome"], said["days"] or 90), drivers=tuple(kept), missing=said["missing"],
            window_days=said["window_days"], period_days=said["period_days"],
            filters=tuple(one.strip() for one in said["filters"].splitlines() if one.strip()),
            weighted=said["weighted"],
        )  # fmt: skip


KINDS = ("rating", "topic", "fact", "passed", "group")


def _driver(name: str) -> Driver:
    kind, _colon, rest = name.partition(":")
    if kind == "topic":
        return Driver("topic", rest)
    first, _colon, key = rest.partition(":")
    return Driver("rating", key, metric=first) if kind == "rating" else Driver("passed", key, process=int(first))


def _outcomes(asked: Iterable[AskedQuestion], own: Outcome | None) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for one in asked:
        value = f"answer:{one.metric}:{one.question}"
        if value not in [known for known, _name in rows]:
            rows.append((value, f"{METRIC_NAMES[one.metric]}: {one.question}"))
    rows += [("left", _("Customers who leave")), ("returned", _("Customers who order again"))]
    if own and (mine := _outcome_value(own)) not in [value for value, _name in rows]:
        rows.append((mine, own.question))
    return rows


def _outcome_value(one: Outcome) -> str:
    return f"answer:{one.metric}:{one.question}" if one.kind == "answer" else one.kind


def _outcome(value: str, days: int) -> Outcome:
    if value == "left":
        return Outcome("left")
    if value == "returned":
        return Outcome("returned", days=days)
    _kind, metric, question = value.split(":", 2)
    return Outcome("answer", metric, question)


def _with_used(rows: list[tuple[str, str]], used: Iterable[Driver], kind: str) -> list[tuple[str, str]]:
    """Each once, with what the model has although nobody answers it any more."""
    found = dict(reversed(rows))
    ordered = {value: found[value] for value, _name in rows}
    return list((ordered | {one.name: one.key for one in used if one.kind == kind and one.name not in ordered}).items())
