"""What people fill in on the pages of this shelf."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .access import may_grant
from .currencies import CURRENCIES
from .models import Membership, Role, User
from .queries import TrailFilter

REGIONS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
)  # fmt: skip


@lru_cache
def time_zones() -> list[tuple[str, str]]:
    """The names of places, as people look for them, after UTC."""
    places = sorted(name for name in available_timezones() if name.split("/")[0] in REGIONS and "/" in name)
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in places)]


def grantable(membership: Membership) -> list[tuple[str, str]]:
    """The roles that this member may give, from the least right to the most."""
    return [(role.value, str(role.label)) for role in Role if may_grant(membership, role)]


class WorkspaceForm(forms.Form):
    name = forms.CharField(
        label=pgettext_lazy("of a thing", "Name"),
        max_length=200,
        help_text=_("Usually the name of your company or brand."),
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=time_zones,
        initial="UTC",
        help_text=_("Days, weeks and months on every page begin at midnight there."),
        widget=forms.Select(attrs={"data-guess-time-zone": ""}),
    )
    currency = forms.ChoiceField(
        label=_("Currency"), choices=[(code, code) for code in CURRENCIES], initial="EUR",
        help_text=_("Amounts without a currency of their own are read in this one."),
    )  # fmt: skip


class PasswordFields(forms.Form):
    """A new password, typed twice."""

    password = forms.CharField(
        label=_("Password"), max_length=256, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    password_again = forms.CharField(
        label=_("Password again"), max_length=256, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["password"].help_text = " ".join(password_validators_help_texts())

    def person(self) -> User:
        """Whose name and e-mail the password must not resemble."""
        return User(email=self.cleaned_data.get("email", ""), name=self.cleaned_data.get("name", ""))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        password, again = values.get("password"), values.get("password_again")
        if password and again and password != again:
            self.add_error("password_again", _("The two passwords differ."))
        if password:
            try:
                validate_password(password, self.person())
            except ValidationError as error:
                self.add_error("password", error)
        return values


class SetupForm(PasswordFields, WorkspaceForm):
    """The first account and the first workspace."""

    your_name = forms.CharField(label=_("Your name"), max_length=200)
    email = forms.EmailField(label=_("Your e-mail"), max_length=254)
    field_order = ("your_name", "email", "password", "password_again", "name", "time_zone", "currency")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["name"].label = _("Name of the workspace")

    def person(self) -> User:
        return User(email=self.cleaned_data.get("email", ""), name=self.cleaned_data.get("your_name", ""))


class JoinForm(PasswordFields):
    """The account of somebody who was invited; the e-mail is the invited one."""

    name = forms.CharField(label=_("Your name"), max_length=200)
    field_order = ("name", "password", "password_again")

    def __init__(self, *args: Any, email: str, **more: Any) -> None:
        super().__init__(*args, **more)
        self.email = email

    def person(self) -> User:
        return User(email=self.email, name=self.cleaned_data.get("name", ""))


class ProfileForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("How colleagues see you."))
    language = forms.ChoiceField(label=_("Language"), required=False)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        language = self.fields["language"]
        assert isinstance(language, forms.ChoiceField)
        language.choices = [("", _("As the browser asks")), *settings.LANGUAGES]


class InviteForm(forms.Form):
    email = forms.EmailField(label=_("E-mail"), max_length=254)
    role = forms.ChoiceField(label=_("Role"))

    def __init__(self, *args: Any, by: Membership, **more: Any) -> None:
        super().__init__(*args, **more)
        role = self.fields["role"]
        assert isinstance(role, forms.ChoiceField)
        role.choices = grantable(by)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class KeyForm(forms.Form):
    name = forms.CharField(
        label=pgettext_lazy("of a thing", "Name"), max_length=200, help_text=_("Which program will use it.")
    )
    role = forms.ChoiceField(label=_("Role"), required=False)

    def __init__(self, *args: Any, by: Membership, **more: Any) -> None:
        super().__init__(*args, **more)
        role = self.fields["role"]
        assert isinstance(role, forms.ChoiceField)
        # A program never owns a workspace.
        role.choices = [choice for choice in grantable(by) if choice[0] != Role.OWNER]
        role.initial = Role.ANALYST


class DeleteForm(forms.Form):
    """Typing the name is what stands between a slip and the end of all data."""

    confirmation = forms.CharField(label=_("Name of the workspace"), widget=forms.TextInput({"autocomplete": "off"}))

    def __init__(self, *args: Any, name: str, **more: Any) -> None:
        super().__init__(*args, **more)
        self.name = name

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"]
        if typed.strip() != self.name.strip():
            raise ValidationError(_("This is not the name of the workspace."))
        return typed


class DayField(forms.DateField):
    """A day that any time zone can hold, picked with the browser's own calendar."""

    def __init__(self, **more: Any) -> None:
        limits = [MinValueValidator(date(1990, 1, 1)), MaxValueValidator(date(2199, 12, 31))]
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        super().__init__(required=False, input_formats=["%Y-%m-%d"], widget=widget, validators=limits, **more)


class TrailForm(forms.Form):
    """The filters of the audit trail; they travel in the address."""

    person = forms.ChoiceField(label=_("Person"), required=False)
    verb = forms.ChoiceField(label=_("What was done"), required=False)
    subject = forms.ChoiceField(label=_("To what"), required=False)
    since = DayField(label=_("From"))
    until = DayField(label=_("To"))

    def __init__(
        self, *args: Any, people: Iterable[User], verbs: Iterable[tuple[str, str]],
        subjects: Iterable[tuple[str, str]], **more: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **more)
        choices = {
            "person": [("", _("Everybody")), *((str(user.uuid), str(user)) for user in people)],
            "verb": [("", _("Everything")), *verbs],
            "subject": [("", _("Everything")), *subjects],
        }
        for name, options in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = options

    def chosen(self) -> TrailFilter:
        """The filter; parts that make no sense are left out, and the form says so beside them."""
        self.is_valid()
        values = self.cleaned_data
        return TrailFilter(
            person=values.get("person", ""),
            verb=values.get("verb", ""),
            subject=values.get("subject", ""),
            since=values.get("since"),
            until=values.get("until"),
        )
