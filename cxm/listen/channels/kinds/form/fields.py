"""What a contact form asks, in a language, and whether what came back can be used. Pure: no tables here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import override

Ask = Literal["required", "optional", "no"]
LANGUAGES = tuple(code for code, _name in settings.LANGUAGES)
TRAP = "website"  # the name of a field that people do not see
LONGEST = {"name": 200, "email": 254, "phone": 40, "message": 20_000}
LONGEST_EXTRA = 1_000
MOST_LINES = 40  # topics, and fields of the company's own
MOST_FILES, MOST_FILE_BYTES = 5, 10 * 1024 * 1024
CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class Line:
    """`order* = Order number | pl: Numer zamówienia`: a code, its words by language ("" for all others), a star."""

    code: str
    words: Mapping[str, str]
    required: bool

    def said(self, language: str) -> str:
        return self.words.get(language) or self.words[""]


@dataclass(frozen=True, slots=True)
class Field:
    """One question of the form, as the page draws it. `kind` is its widget."""

    name: str
    kind: str  # text, email, tel, long, choice, check, files
    label: str
    required: bool
    autocomplete: str = ""
    most: int = LONGEST_EXTRA
    choices: Sequence[tuple[str, str]] = ()
    value: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    language: str
    title: str
    intro: str
    thanks: str
    fields: list[Field] = field(default_factory=list)

    @property
    def takes_files(self) -> bool:
        return any(one.kind == "files" for one in self.fields)


def lines_of(text: str) -> list[Line]:
    """Raises ValueError with a sentence about the line that is wrong."""
    found: list[Line] = []
    for number, raw in enumerate((one for one in text.splitlines() if one.strip()), 1):
        code, equals, rest = raw.partition("=")
        code, required = code.strip().removesuffix("*").strip(), code.strip().endswith("*")
        if not equals:  # only words: the code follows from them
            rest = code
            code = re.sub(r"[^a-z0-9]+", "_", code.lower()).strip("_")[:40] or f"choice_{number}"
            code = code if CODE.fullmatch(code) else f"choice_{number}"
        if not CODE.fullmatch(code):
            raise ValueError(
                _("Line %(number)d: “%(code)s” must be small letters, digits and underscores, a letter first.")
                % {"number": number, "code": code[:40]}
            )
        if any(one.code == code for one in found):
            raise ValueError(_("Line %(number)d: “%(code)s” is there twice.") % {"number": number, "code": code})
        words: dict[str, str] = {}
        for part in rest.split("|"):
            language, colon, said = part.partition(":")
            if colon and language.strip().lower() in LANGUAGES:
                words[language.strip().lower()] = said.strip()[:200]
            elif part.strip():
                words.setdefault("", part.strip()[:200])
        if not words:
            raise ValueError(_("Line %(number)d has no words for people.") % {"number": number})
        words.setdefault("", next(iter(words.values())))
        found.append(Line(code, words, required))
        if len(found) > MOST_LINES:
            raise ValueError(_("At most %(most)d lines.") % {"most": MOST_LINES})
    return found


def _lines(own: Mapping[str, Any], name: str) -> list[Line]:
    """Of settings that were checked when they were saved."""
    try:
        return lines_of(str(own.get(name, "")))
    except ValueError:
        return []


def _ask(own: Mapping[str, Any], name: str, usual: Ask) -> Ask:
    said = own.get(f"ask_{name}", usual)
    return said if said in ("required", "optional", "no") else usual


def asked(own: Mapping[str, Any], language: str, *, values: Mapping[str, str] | None = None) -> Asked:
    """The form of a channel with the settings `own`; `values` fill it in."""
    values = values or {}
    language = language if language in LANGUAGES else "en"
    with override(language):
        fields = _fields(own, language)
        said = {name: str(own.get(f"{name}_{language}", "")).strip() for name in ("title", "intro", "thanks")}
        filled = [Field(**{**_as_dict(one), "value": values.get(one.name, "")[: one.most]}) for one in fields]
        return Asked(
            language,
            said["title"] or _("Write to us"),
            said["intro"],
            said["thanks"] or _("Thank you. Your message has arrived, and we will answer you."),
            filled,
        )


def _as_dict(one: Field) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Field.__dataclass_fields__}


def _fields(own: Mapping[str, Any], language: str) -> list[Field]:
    fields: list[Field] = []
    if (ask := _ask(own, "name", "optional")) != "no":
        fields.append(Field("name", "text", _("Your name"), ask == "required", "name", LONGEST["name"]))
    ask = _ask(own, "email", "required")
    if ask != "no":
        fields.append(Field("email", "email", _("E-mail address"), ask == "required", "email", LONGEST["email"]))
    if (ask := _ask(own, "phone", "no")) != "no":
        fields.append(Field("phone", "tel", _("Phone number"), ask == "required", "tel", LONGEST["phone"]))
    if topics := _lines(own, "topics"):
        choices = [(one.code, one.said(language)) for one in topics]
        fields.append(Field("topic", "choice", _("What is it about?"), True, choices=choices))
    for one in _lines(own, "extras"):
        fields.append(Field(f"x_{one.code}", "text", one.said(language), one.required))
    fields.append(Field("message", "long", _("Your message"), True, most=LONGEST["message"]))
    if own.get("takes_files"):
        fields.append(Field("files", "files", _("Files"), False))
    if consent := str(own.get(f"consent_{language}", "") or own.get("consent_en", "")).strip():
        fields.append(Field("consent", "check", consent, True))
    return fields


def checked(form: Asked, said: Mapping[str, str]) -> tuple[Asked, dict[str, str]]:
    """The form with problems where there are any, and the values that can be used."""
    values: dict[str, str] = {}
    fields = []
    with override(form.language):
        for one in form.fields:
            value = said.get(one.name, "").replace("\x00", "").strip()
            problem = "" if one.kind == "files" else _problem(one, value)
            if not problem:
                values[one.name] = value
            fields.append(Field(**{**_as_dict(one), "value": value[: one.most], "problem": problem}))
    return Asked(form.language, form.title, form.intro, form.thanks, fields), values


def _problem(one: Field, value: str) -> str:
    if not value:
        return _("Please fill this in.") if one.required else ""
    if len(value) > one.most:
        return _("At most %(most)d characters fit here.") % {"most": one.most}
    if one.kind == "choice" and value not in {code for code, _label in one.choices}:
        return _("Please choose one of these.")
    if one.kind == "email":
        try:
            validate_email(value)
        except ValidationError:
            return _("This is no e-mail address.")
    if one.kind == "tel" and not re.fullmatch(r"\+?[0-9][0-9\s().\-/]{4,24}", value):
        return _("This is no phone number.")
    return ""


def origins_of(text: str) -> list[str]:
    """The sites whose pages may hold the form, one a line. Raises ValueError with a sentence."""
    found = []
    for line in text.split():
        line = line if "//" in line else f"https://{line}"
        try:
            parts = urlsplit(line)
            port = f":{parts.port}" if parts.port else ""
        except ValueError as error:
            raise ValueError(_("“%(site)s” is no address of a site.") % {"site": line[:80]}) from error
        host = (parts.hostname or "").removeprefix("*.")
        if parts.scheme not in ("http", "https") or not re.fullmatch(r"[a-z0-9.-]{1,253}", host):
            raise ValueError(_("“%(site)s” is no address of a site.") % {"site": line[:80]})
        found.append(f"{parts.scheme}://{parts.hostname}{port}")
    return list(dict.fromkeys(found))[:50]
