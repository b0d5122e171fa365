"""What people type about a customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cxm.accounts.models import Workspace

from .errors import Refused
from .models import Consent, Customer, Segment, Trait
from .queries import Wanted
from .traits import NAME_LIMIT, fit, kinds, written

PURPOSES = {
    "analytics": gettext_lazy("analytics"),
    "surveys": gettext_lazy("surveys"),
    "marketing": gettext_lazy("marketing"),
    "profiling": gettext_lazy("profiling"),
    "quotes": gettext_lazy("quotes"),
}


class FilterForm(forms.Form):
    """The address of the list; whatever it holds, `wanted` is a list that can be shown."""

    q = forms.CharField(label=gettext_lazy("Search"), required=False, max_length=300)
    tag = forms.ChoiceField(label=gettext_lazy("Tag"), required=False)
    segment = forms.ChoiceField(label=gettext_lazy("Segment"), required=False)
    trait = forms.ChoiceField(label=gettext_lazy("Trait"), required=False)
    value = forms.CharField(label=gettext_lazy("is"), required=False, max_length=200)
    purpose = forms.ChoiceField(label=gettext_lazy("Consent to"), required=False)
    consent = forms.ChoiceField(
        label=gettext_lazy("is"), required=False,
        choices=[("given", gettext_lazy("given")), ("withdrawn", gettext_lazy("withdrawn"))],
    )  # fmt: skip
    feedback = forms.ChoiceField(
        label=gettext_lazy("Feedback"), required=False,
        choices=[
            ("", gettext_lazy("All")), ("yes", gettext_lazy("Has answered")), ("no", gettext_lazy("Never answered")),
        ],
    )  # fmt: skip
    sort = forms.ChoiceField(
        label=gettext_lazy("Order"), required=False,
        choices=[("seen", gettext_lazy("Last seen first")), ("name", gettext_lazy("By name"))],
    )  # fmt: skip

    def __init__(self, data: Any, *, workspace: Workspace, tags: list[str]) -> None:
        super().__init__(data)
        anything = [("", _("All"))]
        used = Consent.objects.filter(customer__workspace=workspace).order_by().values_list("purpose", flat=True)
        purposes = sorted({*PURPOSES, *used.distinct()})
        segments = [
            (str(pk), name) for pk, name in Segment.objects.filter(workspace=workspace).values_list("pk", "name")
        ]
        self.has_segments = bool(segments)
        self._choices("segment", anything + segments)
        self._choices("tag", anything + [(name, name) for name in tags])
        self._choices("trait", anything + [(name, name) for name in kinds(workspace)])
        self._choices("purpose", anything + [(name, str(PURPOSES.get(name, name))) for name in purposes])

    def _choices(self, field: str, choices: list[tuple[str, str]]) -> None:
        cast(forms.ChoiceField, self.fields[field]).choices = choices

    @property
    def wanted(self) -> Wanted:
        self.is_valid()
        given = {key: str(value) for key, value in self.cleaned_data.items() if value}
        return Wanted(
            text=given.get("q", "").strip(),
            tag=given.get("tag", ""),
            segment=given.get("segment", ""),
            trait=given.get("trait", ""),
            value=given.get("value", "").strip() if given.get("trait") else "",
            purpose=given.get("purpose", ""),
            consent=cast(Literal["given", "withdrawn"], given.get("consent") or "given")
            if given.get("purpose")
            else "",
            feedback=cast(Literal["", "yes", "no"], given.get("feedback", "")),
            sort=cast(Literal["seen", "name"], given.get("sort") or "seen"),
        )


class ProfileForm(forms.ModelForm[Customer]):
    class Meta:
        model = Customer
        fields = ["name", "email", "phone", "language"]
        help_texts = {"language": gettext_lazy("As a code: en, pl, ru, uk, zh-hant …")}

    email = forms.EmailField(label=gettext_lazy("E-mail"), required=False, max_length=254)

    def _post_clean(self) -> None:
        """The verbs write and check; a form must not change the object that a page still shows."""


class TraitForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Trait"), required=False, max_length=NAME_LIMIT)
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), required=False, choices=Trait.Kind.choices, initial=Trait.Kind.TEXT
    )
    value = forms.CharField(label=gettext_lazy("Value"), required=False, max_length=2000)


TraitForms = forms.formset_factory(TraitForm, extra=2, max_num=500, absolute_max=600)


def initial_traits(customer: Customer) -> list[dict[str, str]]:
    known = kinds(customer.workspace, customer.traits)
    return [
        {"name": name, "kind": known.get(name, Trait.Kind.TEXT), "value": written(value)}
        for name, value in sorted(customer.traits.items())
    ]


def typed_traits(workspace: Workspace, rows: Any, before: Mapping[str, object]) -> dict[str, Any]:
    """The traits of a sent formset, by the kind chosen where the workspace does not know one. Raises Refused.

    Traits of `before` that were not sent keep their value; a sent one with an empty value is to be removed.
    """
    known = kinds(workspace)
    found: dict[str, Any] = {}
    for row in rows.cleaned_data:
        name, value = (row.get("name") or "").strip(), row.get("value") or ""
        if not name and value:
            raise Refused(_("The value “%(value)s” needs the name of a trait.") % {"value": value[:60]})
        if not name or (not value and name not in before):
            continue
        if value and name in before and value == written(before[name]):
            continue
        found[name] = value if name in known or not value else fit(name, Trait.Kind(row["kind"] or "text"), value)
    return found


class IdentityForm(forms.Form):
    kind = forms.CharField(label=gettext_lazy("Kind"), max_length=60)
    value = forms.CharField(label=gettext_lazy("Value"), max_length=300)


class ConsentForm(forms.Form):
    purpose = forms.CharField(label=gettext_lazy("Purpose"), max_length=60)
    granted = forms.ChoiceField(
        label=gettext_lazy("Decision"), choices=[("yes", gettext_lazy("given")), ("no", gettext_lazy("withdrawn"))]
    )
    source = forms.CharField(
        label=gettext_lazy("How we know"), required=False, max_length=200,
        widget=forms.TextInput(attrs={"placeholder": gettext_lazy("for example: by phone")}),
    )  # fmt: skip


class NoteForm(forms.Form):
    text = forms.CharField(label=gettext_lazy("Note"), max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}))


class TagForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Tag"), max_length=60)
