"""Where and to whom the widget shows a survey: what `Survey.widget` holds."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct, field

from cxm.lib.conditions import Condition, faults, leaves

Kind = Literal["popup", "slide_in", "inline", "button"]
Corner = Literal["bottom_right", "bottom_left", "top_right", "top_left"]
Device = Literal["phone", "desktop"]
Repeat = Literal["once", "until_answered", "every", "always"]
UNASKED: frozenset[str] = frozenset({"popup", "slide_in"})  # kinds that come by themselves, and so use the budget
MOST_TRIGGERS = 10
MOST_PAGES = 50
# What `Widget.when` may ask of a visitor.
PERSON_FIELDS = ("email", "name", "language", "last_seen_days", "tag", "segment", "device", "url")
PERSON_PREFIXES = ("trait.", "event.", "survey.")


class Trigger(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One moment at which the survey may open.

    `load`: the page is there · `delay`: `value` seconds on the page · `scroll`: `value` percent of the page seen ·
    `exit`: the pointer leaves the window, or on a phone the reader scrolls up fast · `event`: the site tracked the
    event `name`, and `where` holds for its properties · `click`: on what the CSS selector `name` finds.
    """

    on: Literal["load", "delay", "scroll", "exit", "event", "click"]
    value: float = 0
    name: str = ""
    where: Condition | None = None  # its fields are names of properties


class Widget(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """All must hold: the page, the device, the language, the condition, the sample. Of the triggers, any is enough."""

    enabled: bool = False
    kind: Kind = "slide_in"
    corner: Corner = "bottom_right"  # of a slide-in and of the button
    selector: str = ""  # of an inline survey: the element that it goes into
    label: dict[str, str] = field(default_factory=dict)  # of the button, per language
    triggers: list[Trigger] = field(default_factory=list)  # none: it opens only by cx('survey', …)
    wait_s: float = 0  # after the trigger
    share: float = 100  # percent of the visitors
    most_a_day: int = 0  # responses from web sites and apps, by the workspace's clocks: then it rests; 0: no limit
    pages: list[str] = field(default_factory=list)  # /checkout*, https://shop.example/*; empty: all
    except_pages: list[str] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)  # empty: all
    languages: list[str] = field(default_factory=list)  # of the visitor, such as en or pt-br; empty: all
    when: Condition | None = None  # on the person: traits, segments, events
    repeat: Repeat = "once"
    every_days: int = 90  # of `every`, and between two tries of `until_answered`
    sources: list[str] = field(default_factory=list)  # uuids of sites and apps; empty: all of the workspace
    # Only to visitors who are known by a user id, or let the site keep an id; others may be asked again on each page.
    recognised_only: bool = False
    verified_only: bool = False  # only to people whom the site itself vouches for


def widget_of(stored: Mapping[str, Any]) -> Widget:
    """Raises msgspec.ValidationError for what is no widget."""
    return msgspec.convert(stored, Widget)


def problems(widget: Widget) -> list[str]:
    """What is wrong, as codes; empty when sound. Sentences are in forms.py."""
    found = []
    if not 0 < widget.share <= 100:
        found.append("share")
    if not 0 <= widget.most_a_day <= 1_000_000:
        found.append("most_a_day")
    if not 0 <= widget.wait_s <= 3600:
        found.append("wait")
    if not 1 <= widget.every_days <= 3650:
        found.append("days")
    if len(widget.triggers) > MOST_TRIGGERS:
        found.append("triggers")
    if len(widget.pages) > MOST_PAGES or len(widget.except_pages) > MOST_PAGES:
        found.append("pages")
    for trigger in widget.triggers:
        if trigger.on in ("event", "click") and not trigger.name:
            found.append(f"{trigger.on}_name")
        if trigger.on == "scroll" and not 0 < trigger.value <= 100:
            found.append("scroll")
        if trigger.on == "delay" and not 0 <= trigger.value <= 3600:
            found.append("delay")
        if trigger.where is not None and faults(trigger.where):
            found.append("where")
    if widget.when is not None:
        if faults(widget.when):
            found.append("when")
        elif any(not known_field(leaf.field) for leaf in leaves(widget.when)):
            found.append("field")
    return list(dict.fromkeys(found))


def known_field(name: str) -> bool:
    return name in PERSON_FIELDS or name.startswith(PERSON_PREFIXES)


def in_sample(share: float, survey_key: str, person: UUID) -> bool:
    """Whether a person is among the `share` percent: the same answer every time, and another for another survey."""
    if share >= 100:
        return True
    digest = blake2b(survey_key.encode(), key=person.bytes, digest_size=8).digest()
    return int.from_bytes(digest) < share / 100 * 2**64


def language_fits(wanted: list[str], language: str) -> bool:
    """`pt` stands for every Portuguese, `pt-br` for the one of Brazil."""
    spoken = language.lower().replace("_", "-")
    return not wanted or any(spoken == one.lower() or spoken.startswith(one.lower() + "-") for one in wanted)
