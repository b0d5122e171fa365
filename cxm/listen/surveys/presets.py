"""Ready-made surveys in proven wording, in five languages; and the parts from which the wizard makes its own."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cxm.lib.conditions import Condition

from .definition import SCORED, WRITTEN, Definition, Ending, Page, Question, Section, Text

LANGUAGES: Final = ("en", "pl", "ru", "uk", "zh-hant")


@dataclass(frozen=True)
class Preset:
    """`questions` name parts of presets.yaml; a text that follows a score explains it."""

    key: str
    name: Promise
    about: Promise
    icon: str
    questions: tuple[str, ...]
    hidden: tuple[str, ...] = ()  # what the invitation may say of its cause


PRESETS: Final = (
    Preset("nps", _("Net Promoter Score"), _("Would people recommend you, and why? For all customers, twice a year."),
           "gauge", ("nps", "reason")),
    Preset("nps_after", _("Recommendation after a purchase"), _("NPS right after something has happened."), "gauge",
           ("nps_after", "reason")),
    Preset("csat", _("Satisfaction"), _("How satisfied are people with one experience, and what should be better?"),
           "mood-smile", ("csat", "improve")),
    Preset("ces", _("Effort"), _("How easy was it to get something done? After contact with support."), "thumb-up",
           ("ces", "hard")),
    Preset("support", _("Support"), _("Solved or not, the person, the effort."), "help",
           ("resolved", "staff", "ces", "improve")),
    Preset("after_case", _("After a case"), _("Is the customer satisfied with how their case was resolved?"),
           "heart-handshake", ("resolution", "improve"), ("case", "team", "root_cause", "category", "play", "arm")),
    Preset("delivery", _("Delivery"), _("The parcel, the day, the messages on the way."), "package",
           ("csat", "delivery_parts", "improve")),
    Preset("store", _("Visit to a shop or branch"), _("Help, waiting, choice, cleanliness. For a kiosk or a QR code."),
           "building-store", ("csat", "store_parts", "improve")),
    Preset("stay", _("Stay in a hotel"), _("Arrival, room, quiet, breakfast. The day after they left."), "bed",
           ("nps_after", "stay_parts", "improve")),
    Preset("meal", _("Restaurant or café"), _("Food, service, waiting, the place."), "tools-kitchen-2",
           ("csat", "meal_parts", "improve")),
    Preset("appointment", _("Appointment"), _("At a clinic, a bank, a workshop: booking, waiting, the person."),
           "calendar", ("csat", "appointment_parts", "improve")),
    Preset("leaving", _("Why customers leave"), _("The reason, and what would bring them back."), "logout",
           ("leaving", "back")),
    Preset("fit", _("Product and market"), _("Would people miss the product? For new products."), "target",
           ("fit", "benefit", "improve")),
    Preset("found", _("Help page or website"), _("One thumb, and what was missing. For the widget."), "thumb-up",
           ("found", "looked_for")),
    Preset("matters", _("What matters most"), _("Best and worst of a list, to decide what to work on."), "arrows-sort",
           ("matters",)),
)  # fmt: skip
PRESET: Final = {one.key: one for one in PRESETS}


@cache
def _file() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "presets.yaml").read_text(encoding="utf-8"))
    return found


def question(key: str, languages: list[str], touchpoint: str = "") -> Question:
    """A question of presets.yaml in some languages. Without a touchpoint, the words about it are left out."""
    made = msgspec.convert({"id": key, **copy.deepcopy(_file()["questions"][key])}, Question)
    for text in _texts(made):
        for language in list(text):
            if language not in languages:
                del text[language]
            else:
                text[language] = _about(text[language], touchpoint)
    made.touchpoint = touchpoint[:60] or made.touchpoint
    return made


def _about(text: str, touchpoint: str) -> str:
    if touchpoint:
        return text.replace("{touchpoint}", touchpoint.replace("{", "").replace("}", ""))
    for empty in (" ({touchpoint})", "（{touchpoint}）"):
        text = text.replace(empty, "")
    return text


def _texts(made: Question) -> list[Text]:
    found = [made.title, made.hint, *(one.label for one in (*made.choices, *made.rows))]
    if made.scale:
        found += [made.scale.lowest_label, made.scale.highest_label]
    return found


def _in(text: dict[str, str], languages: list[str]) -> Text:
    return {language: text[language] for language in languages if language in text}


def build(
    keys: tuple[str, ...], languages: list[str], *, title: str = "", touchpoint: str = "", call_back: bool = False
) -> Definition:
    """A definition with these questions on one page. A text right after a score explains it; who says that they may be
    called is asked how. Languages that we have no texts in are left out of the texts and stay in the list."""
    known = [one for one in languages if one in LANGUAGES] or ["en"]
    asked = [question(key, known, touchpoint) for key in keys]
    for before, text in pairwise(asked):
        if before.kind in SCORED and text.kind in WRITTEN:
            text.explains = before.id
    if "looked_for" in keys:
        next(one for one in asked if one.id == "looked_for").show = Condition(
            field="answer.found", operator="is", values=(False,)
        )
    pages = [Page(id="p1", sections=[Section(id="s1", questions=asked)])]
    if call_back:
        may, contact = question("may_call", known), question("contact", known)
        contact.show = Condition(field="answer.may_call", operator="is", values=(True,))
        pages.append(Page(id="p2", sections=[Section(id="s2", questions=[may, contact])]))
    file = _file()
    own_title = {languages[0]: title} if title else _in(file["title"], known)
    ending = Ending(id="thanks", title=_in(file["ending"]["title"], known), text=_in(file["ending"]["text"], known))
    return Definition(title=own_title, languages=languages, pages=pages, endings=[ending])


def preset(key: str, languages: list[str]) -> Definition:
    made = build(PRESET[key].questions, languages)
    made.hidden = list(PRESET[key].hidden)
    return made
