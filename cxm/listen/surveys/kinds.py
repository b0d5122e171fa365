"""The kinds of questions as authors choose them: names, pictures, and their settings. Nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True)
class KindOf:
    """`fields` are names of settings, in the order of the form; see forms.py."""

    key: str
    name: Promise
    about: Promise
    icon: str
    fields: tuple[str, ...] = ()
    choices: bool = False
    rows: bool = False


SCALE = ("lowest_label", "highest_label")
PLACE = ("placeholder", "default")
LENGTH = ("at_least", "at_most")
ORDER = ("order", "carry")

GROUPS: Final[tuple[tuple[Promise, tuple[KindOf, ...]], ...]] = (
    (
        _("Scores"),
        (
            KindOf("nps", _("NPS"), _("Would people recommend you? 0 to 10"), "gauge", SCALE),
            KindOf("csat", _("Satisfaction"), _("Faces, stars or numbers"), "mood-smile",
                   ("scale", "look", *SCALE, "points")),
            KindOf("ces", _("Effort"), _("How easy was it? 5 or 7 points"), "thumb-up",
                   ("scale", "look", *SCALE, "points")),
            KindOf("rating", _("Rating"), _("Stars or numbers for anything"), "star",
                   ("scale", "look", *SCALE, "points")),
            KindOf("slider", _("Slider"), _("A point on a line"), "adjustments-horizontal",
                   ("range", *SCALE, "default")),
        ),
    ),
    (
        _("Choices"),
        (
            KindOf("single", _("Single choice"), _("One of several"), "circle-dot", (*ORDER, "instructed"),
                   choices=True),
            KindOf("multiple", _("Multiple choice"), _("Any of several"), "checkbox", (*LENGTH, *ORDER), choices=True),
            KindOf("dropdown", _("Dropdown"), _("One of a long list"), "select", (*ORDER, "placeholder"), choices=True),
            KindOf("picture", _("Picture choice"), _("One or several pictures"), "photo",
                   ("several", *LENGTH, *ORDER), choices=True),
            KindOf("yes_no", _("Yes or no"), _("A plain question"), "toggle-left"),
            KindOf("thumbs", _("Thumbs"), _("Up or down"), "thumb-up"),
            KindOf("matrix", _("Matrix"), _("Several statements on one scale"), "grid-dots",
                   ("several", "beside", "order", "carry"), choices=True, rows=True),
            KindOf("ranking", _("Ranking"), _("In order of importance"), "list-numbers", (*LENGTH, *ORDER),
                   choices=True),
            KindOf("constant_sum", _("Constant sum"), _("Points shared out among choices"), "chart-pie",
                   ("total", *ORDER), choices=True),
            KindOf("maxdiff", _("Best and worst"), _("MaxDiff: what matters most and least"), "arrows-sort",
                   ("per_task", "tasks", *SCALE), choices=True),
        ),
    ),
    (
        _("Texts and data"),
        (
            KindOf("short_text", _("Short text"), _("One line"), "forms", ("explains", *LENGTH, *PLACE)),
            KindOf("long_text", _("Long text"), _("A comment, in people's own words"), "align-left",
                   ("explains", *LENGTH, *PLACE)),
            KindOf("number", _("Number"), _("An amount or a count"), "hash", (*LENGTH, *PLACE)),
            KindOf("email", _("E-mail"), _("Checked for its form"), "mail", PLACE),
            KindOf("phone", _("Phone"), _("A number to call"), "phone", PLACE),
            KindOf("url", _("Web address"), _("A link"), "link", PLACE),
            KindOf("date", _("Date"), _("A day"), "calendar", ("default",)),
            KindOf("file", _("File"), _("A picture or a document"), "paperclip", ("accept", "largest_mb", "at_most")),
        ),
    ),
    (
        _("Others"),
        (
            KindOf("contact", _("Contact"), _("Name, e-mail, phone in one block"), "address-book", choices=True),
            KindOf("consent", _("Consent"), _("A box to tick"), "square-check"),
            KindOf("statement", pgettext_lazy("kind of question", "Statement"), _("A text without an answer"),
                   "info-circle", ("link",)),
        ),
    ),
)  # fmt: skip
# Questions with words and choices of their own, of presets.yaml; the key is not that of a kind.
READY: Final = (
    KindOf("side_by_side", pgettext_lazy("kind of question", "Side by side"),
           _("The same rows on two scales, such as importance and satisfaction"),
           "layout-columns"),
    KindOf("attention", _("Attention check"), _("It says what to choose: who chooses something else did not read"),
           "eye"),
    KindOf("address", _("Postal address"), _("Street, postcode, town, country"), "map-pin"),
)  # fmt: skip
KIND: Final[dict[str, KindOf]] = {kind.key: kind for _group, kinds in GROUPS for kind in kinds}
