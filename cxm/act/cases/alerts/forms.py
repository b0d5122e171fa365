"""The form of an alert rule: what each kind looks at, and what follows."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from cxm.accounts.models import Membership, Role, User, Workspace
from cxm.act.cases.models import AlertRule, Case, Team
from cxm.record.customers.segment_fields import event_names
from cxm.record.customers.timeline import kind_label
from cxm.record.eventlog.engine import EventlogError
from cxm.understand.metrics.queries import METRICS

from .actions import WATCHABLE
from .rules import CONTACT, CaseOf, What, case_of, what_of

Kind = AlertRule.Kind
OF_KIND: dict[str, tuple[str, ...]] = {
    Kind.ANSWER: (),
    Kind.WORDS: ("phrases",),
    Kind.PATTERN: ("event", "times", "days"),
    Kind.LATE: ("hours",),
    Kind.METRIC: ("metric", "mode", "side", "target", "days", "filters"),
    Kind.SILENCE: ("days",),
}
WHAT = ("phrases", "event", "times", "days", "hours", "metric", "mode", "side", "target", "filters")


class RuleForm(forms.Form):
    """Read with `rule_fields()`, which has the arguments of the verbs."""

    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=100)
    phrases = forms.CharField(
        label=_("Words to look for"), widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("One word or phrase on each line, as customers write it. A star at the end stands for any ending:"
                    " “complain*” finds complaint and complaining."),
    )  # fmt: skip
    event = forms.ChoiceField(label=_("Event"))
    times = forms.IntegerField(label=_("How many times"), min_value=1, max_value=1000, initial=3)
    days = forms.IntegerField(label=_("Within how many days"), min_value=1, max_value=730, initial=7)
    hours = forms.IntegerField(
        label=_("Hours after the promised time"), min_value=0, max_value=2160, initial=0, required=False,
        help_text=_("Also raised for orders that have not come by then."),
    )  # fmt: skip
    metric = forms.ChoiceField(label=_("Metric"))
    mode = forms.ChoiceField(
        label=_("Raise an alert when it"),
        choices=[("changed", _("has changed from what it was before")), ("beyond", _("lies beyond a limit"))],
        help_text=_("Looked at every hour. The rule waits until chance is ruled out: over the whole time that it is on,"
                    " at most one in twenty such rules raises a false alarm."),
    )  # fmt: skip
    side = forms.ChoiceField(
        label=_("In which direction"),
        choices=[("below", _("It falls")), ("above", _("It rises")), ("both", _("Either"))],
    )  # fmt: skip
    target = forms.FloatField(label=_("Limit"), required=False, help_text=_("In the unit of the metric."))
    filters = forms.CharField(
        label=_("Only these records"), required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One filter on each line, as in the address of a metric page: channel:is:email"),
    )  # fmt: skip
    opens_case = forms.BooleanField(label=_("Open a case"), required=False)
    category = forms.CharField(label=_("Category of the case"), max_length=60, required=False)
    priority = forms.TypedChoiceField(
        label=_("Priority of the case"), choices=Case.Priority.choices, coerce=int, initial=Case.Priority.HIGH
    )
    team = forms.TypedChoiceField(label=_("Team of the case"), required=False, coerce=int, empty_value=None)
    severe = forms.BooleanField(
        label=_("Severe"), required=False, help_text=_("A severe case is never held out of a recovery.")
    )
    complaint = forms.BooleanField(label=_("It is a complaint"), required=False)
    users = forms.TypedMultipleChoiceField(
        label=_("Tell these people"), required=False, coerce=int, widget=forms.CheckboxSelectMultiple
    )
    teams = forms.TypedMultipleChoiceField(
        label=_("Tell these teams"), required=False, coerce=int, widget=forms.CheckboxSelectMultiple
    )
    by_mail = forms.BooleanField(
        label=_("Also by e-mail"), required=False, initial=True,
        help_text=_("In the product they are told by the bell in any case; other systems by a webhook for alerts."),
    )  # fmt: skip
    digest = forms.ChoiceField(
        label=_("E-mails leave"), choices=AlertRule.Digest.choices, initial=AlertRule.Digest.AT_ONCE
    )
    quiet_from = forms.TimeField(
        label=_("No e-mails from"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    quiet_until = forms.TimeField(
        label=_("until"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("In the time zone of the workspace. What happens meanwhile is sent together at the end."),
    )  # fmt: skip
    again_after_h = forms.IntegerField(
        label=_("Keep together what happens to one customer within so many hours"),
        min_value=0,
        max_value=2160,
        initial=24,
    )

    def __init__(
        self, workspace: Workspace, kind: str, rule: AlertRule | None, by: User, *args: Any, **more: Any
    ) -> None:
        more["initial"] = {**_initial(kind, by), **(_shown(rule) if rule else {}), **more.get("initial", {})}
        super().__init__(*args, **more)
        for name in WHAT:
            if name not in OF_KIND[kind]:
                del self.fields[name]
        self.kind = kind
        self._choose("users", [
            (one.user_id, str(one.user)) for one in Membership.objects.filter(workspace=workspace, user__is_active=True)
            .select_related("user").order_by("user__name")
        ])  # fmt: skip
        teams = [(one.pk, one.name) for one in Team.objects.filter(workspace=workspace).order_by("name")]
        self._choose("teams", teams)
        self._choose("team", [("", gettext("By the rules of routing")), *teams])
        if kind == Kind.PATTERN:
            self._choose("event", _events(workspace, rule))
        if kind == Kind.METRIC:
            self._choose("metric", [(one.key, str(one.name)) for one in METRICS if one.unit in WATCHABLE])
            self.fields["days"].label = gettext("Compare with so many days before")
        if kind == Kind.SILENCE:
            self.fields["days"].label = gettext("Days without a sign of the customer")
        if kind in (Kind.METRIC, Kind.SILENCE):
            del self.fields["again_after_h"]
        if not teams:
            del self.fields["teams"]

    def _choose(self, name: str, choices: list[tuple[Any, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    @property
    def first(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", *OF_KIND[self.kind])]

    @property
    def case_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("opens_case", "category", "priority", "team", "severe", "complaint")]

    @property
    def people_fields(self) -> list[forms.BoundField]:
        names = ("users", "teams", "by_mail", "digest", "quiet_from", "quiet_until", "again_after_h")
        return [self[name] for name in names if name in self.fields]

    def rule_fields(self) -> dict[str, Any]:
        """Of a valid form."""
        said = self.cleaned_data
        what = {name: said[name] for name in OF_KIND[self.kind] if said.get(name) is not None}
        for name in ("phrases", "filters"):
            if name in what:
                what[name] = tuple(line.strip() for line in what[name].splitlines() if line.strip())
        case = CaseOf(
            category=said["category"].strip(), priority=said["priority"], severe=said["severe"],
            complaint=said["complaint"], team=said["team"],
        )  # fmt: skip
        plain = {
            name: said[name]
            for name in ("name", "opens_case", "by_mail", "digest", "quiet_from", "quiet_until", "users")
        }
        return {
            **plain, "what": What(**what), "case": case, "teams": said.get("teams", []),
            "again_after_h": said.get("again_after_h", 24),
        }  # fmt: skip


def _initial(kind: str, by: User) -> dict[str, Any]:
    days = {Kind.PATTERN: 7, Kind.METRIC: 30, Kind.SILENCE: 30}
    return {"users": [by.pk], "days": days.get(Kind(kind), 7)}


def _shown(rule: AlertRule) -> dict[str, Any]:
    what, case = what_of(rule), case_of(rule)
    return {
        **{name: getattr(what, name) for name in WHAT},
        "phrases": "\n".join(what.phrases), "filters": "\n".join(what.filters),
        **{name: getattr(case, name) for name in ("category", "priority", "severe", "complaint", "team")},
        **{name: getattr(rule, name) for name in (
            "name", "opens_case", "users", "teams", "by_mail", "digest", "quiet_from", "quiet_until", "again_after_h"
        )},
    }  # fmt: skip


def _events(workspace: Workspace, rule: AlertRule | None) -> list[tuple[str, str]]:
    try:
        names = event_names(workspace)
    except EventlogError:
        names = []
    own = what_of(rule).event if rule else ""
    if own and own != CONTACT and own not in names:
        names = [own, *names]
    return [(CONTACT, gettext("Any contact: a message, a call, a chat")), *((name, kind_label(name)) for name in names)]


class MuteForm(forms.Form):
    hours = forms.TypedChoiceField(
        label=_("Mute for"), coerce=int,
        choices=[
            (1, _("an hour")), (8, _("eight hours")), (24, _("a day")), (168, _("a week")), (0, _("not any more")),
        ],
    )  # fmt: skip


def may_change(membership: Membership) -> bool:
    return Role(membership.role).includes(Role.ANALYST)
