"""What people fill in: a play, the survey after a case, an improvement measure."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from cxm.accounts.models import User, Workspace
from cxm.listen.surveys.models import Survey
from cxm.understand.metrics.asking import BadFilter, read_filters
from cxm.understand.metrics.queries import METRICS

from .models import Cause, Measure, Play
from .models.measures import CASES_PER_WEEK
from .recovery import LEAST, MOST
from .satisfaction import LONGEST_DELAY


class PlayForm(forms.Form):
    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=100)
    kind = forms.ChoiceField(label=gettext_lazy("What is done"), choices=Play.Kind.choices)
    text = forms.CharField(
        label=gettext_lazy("How to do it"), required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("It stands beside the case, for whoever takes it."),
    )  # fmt: skip
    cost = forms.FloatField(label=gettext_lazy("What it costs each time"), min_value=0, max_value=1e9, initial=0)
    currency = forms.RegexField(
        r"^[A-Z]{3}$", label=gettext_lazy("Currency"), required=False,
        help_text=gettext_lazy("Three letters, such as EUR."),
    )  # fmt: skip
    percent = forms.FloatField(
        label=gettext_lazy("Hold out (percent of the customers)"), min_value=0, max_value=50, initial=20,
        help_text=gettext_lazy(
            "Chance keeps so many from getting the play, so that you learn what it does. They get the ordinary service."
            " Severe cases are never held out. 0: everybody gets it, and nobody can say what it does."
        ),
    )  # fmt: skip
    customers = forms.IntegerField(
        label=gettext_lazy("Customers in the test"), min_value=LEAST, max_value=MOST, initial=400,
        help_text=gettext_lazy("Then everybody gets the play, and the verdict is passed once, on exactly these."),
    )  # fmt: skip
    window_days = forms.IntegerField(
        label=gettext_lazy("Look at what follows for (days)"), min_value=1, max_value=365, initial=30
    )
    position = forms.IntegerField(
        label=gettext_lazy("Order"), min_value=0, max_value=1000, initial=0,
        help_text=gettext_lazy("The first play that fits a case takes it."),
    )  # fmt: skip

    def __init__(self, *args: Any, play: Play | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        if play is None:
            return
        kept = ("name", "kind", "text", "cost", "currency", "customers", "window_days", "position")
        self.initial.update({name: getattr(play, name) for name in kept})
        self.initial["percent"] = round(play.hold_out * 100, 4)
        if play.state != Play.State.DRAFT:
            for name in ("kind", "percent", "customers", "window_days"):
                self.fields[name].disabled = True

    def values(self) -> dict[str, Any]:
        """As the verb takes them."""
        values = dict(self.cleaned_data)
        return {**values, "hold_out": values.pop("percent") / 100}


class AftercareForm(forms.Form):
    is_on = forms.BooleanField(label=gettext_lazy("Ask customers after their case is resolved"), required=False)
    survey = forms.ChoiceField(label=gettext_lazy("Survey"), required=False)
    delay_hours = forms.IntegerField(
        label=gettext_lazy("Hours after the resolution"), min_value=0, max_value=LONGEST_DELAY, initial=0
    )

    def __init__(self, *args: Any, workspace: Workspace, **more: Any) -> None:
        super().__init__(*args, **more)
        live = Survey.objects.filter(workspace=workspace, state=Survey.State.LIVE, version__gt=0).order_by("name")
        self.surveys = {str(one.pk): one for one in live}
        field = self.fields["survey"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", _("The newest live survey that asks about the resolution")),
            *((pk, one.name) for pk, one in self.surveys.items()),
        ]

    def values(self) -> dict[str, Any]:
        values = self.cleaned_data
        return {**values, "survey": self.surveys.get(values["survey"])}


class MeasureForm(forms.Form):
    # What a link to the form may fill in, by the names of the fields; `filters` one a line.
    ASKED = ("name", "text", "cause", "owner", "due_on", "metric", "filters", "expected", "weeks")
    name = forms.CharField(
        label=gettext_lazy("What is done"), max_length=200,
        help_text=gettext_lazy("Such as: pack glass in two layers."),
    )  # fmt: skip
    text = forms.CharField(
        label=gettext_lazy("Details"), required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 3})
    )
    cause = forms.ChoiceField(label=gettext_lazy("Against which root cause"), required=False)
    owner = forms.ChoiceField(label=gettext_lazy("Owner"), required=False)
    due_on = forms.DateField(
        label=gettext_lazy("Due"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    metric = forms.ChoiceField(label=gettext_lazy("Judged by"))
    filters = forms.CharField(
        label=gettext_lazy("Only where"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("For a metric: one filter a line, such as touchpoint:is:delivery."),
    )  # fmt: skip
    expected = forms.FloatField(
        label=gettext_lazy("Expected change"), required=False,
        help_text=gettext_lazy("In the unit of the figure, with its sign: −2 is two fewer."),
    )  # fmt: skip
    weeks = forms.IntegerField(
        label=gettext_lazy("Weeks before and after"), min_value=1, max_value=52, initial=12,
        help_text=gettext_lazy("Cases per week need ten or more for a verdict."),
    )  # fmt: skip

    def __init__(self, *args: Any, workspace: Workspace, measure: Measure | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self.workspace = workspace
        self.causes = {str(pk): one for pk, one in named_causes(workspace).items()}
        members = User.objects.filter(memberships__workspace=workspace).order_by("name")
        self.owners = {str(one.pk): one for one in members}
        self._offer("cause", [("", _("None: all cases")), *((pk, name) for pk, (_one, name) in self.causes.items())])
        self._offer("owner", [("", _("Nobody yet")), *((pk, str(one)) for pk, one in self.owners.items())])
        self._offer("metric", [(CASES_PER_WEEK, _("Cases per week")), *((one.key, one.name) for one in METRICS)])
        if measure:
            kept = ("name", "text", "due_on", "metric", "expected", "weeks")
            self.initial.update({name: getattr(measure, name) for name in kept})
            self.initial.update({
                "cause": str(measure.cause_id or ""), "owner": str(measure.owner_id or ""),
                "filters": "\n".join(measure.filters),
            })  # fmt: skip

    def _offer(self, name: str, choices: list[tuple[Any, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean_filters(self) -> list[str]:
        lines = [one.strip() for one in self.cleaned_data["filters"].splitlines() if one.strip()]
        try:
            read_filters(lines, self.workspace.pk)
        except BadFilter as error:
            raise forms.ValidationError(str(error)) from error
        return lines

    def values(self) -> dict[str, Any]:
        values = self.cleaned_data
        cause = self.causes.get(values["cause"])
        return {**values, "cause": cause[0] if cause else None, "owner": self.owners.get(values["owner"])}


def named_causes(workspace: Workspace) -> dict[int, tuple[Cause, str]]:
    """Every cause with the names of those above it: “Delivery › Courier”, in order of these names."""
    known = {one.pk: one for one in Cause.objects.filter(workspace=workspace)}

    def name(cause: Cause) -> str:
        names, seen = [cause.name], {cause.pk}
        while cause.parent_id in known and cause.parent_id not in seen:
            cause = known[cause.parent_id]
            seen.add(cause.pk)
            names.append(cause.name)
        return " › ".join(reversed(names))

    named = sorted(((name(one), one) for one in known.values()), key=lambda pair: pair[0])
    return {one.pk: (one, text) for text, one in named}
