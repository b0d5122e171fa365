"""From a decision to the shortest questionnaire that serves it.

Nobody needs a survey; people need to decide something. Each decision has the few questions whose answers can change it,
and for each question a reason that the author can read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .definition import Definition
from .presets import build


@dataclass(frozen=True)
class Decision:
    key: str
    name: Promise
    questions: tuple[tuple[str, Promise], ...]  # (part of presets.yaml, why it is asked)
    who: Promise  # whom to ask, and when


DECISIONS: Final = (
    Decision(
        "fix", _("What to improve at one touchpoint"),
        (("csat", _("It says whether there is something to improve at all, and whether it got better afterwards.")),
         ("improve", _("It says what. People name in their own words what no list of ours would hold."))),
        _("Everybody who was there, soon after it: within a day."),
    ),
    Decision(
        "effort", _("Where customers have too much trouble"),
        (("ces", _("Effort tells best who will not come back after contact with you.")),
         ("hard", _("It names the step that costs the effort."))),
        _("Everybody who had contact with you, within a day."),
    ),
    Decision(
        "loyalty", _("Whether the relation to our customers gets better or worse"),
        (("nps", _("One number that can be compared over years and with others.")),
         ("reason", _("The number alone says nothing about what to do; the reason does."))),
        _("A random part of all customers, twice a year; nobody more often."),
    ),
    Decision(
        "support", _("Whether support solves problems, and whom to train"),
        (("resolved", _("A problem that is not solved outweighs everything else.")),
         ("staff", _("It separates the person from the rules that the person has to follow.")),
         ("improve", _("It says what was missing."))),
        _("Everybody whose ticket was closed, on the next day."),
    ),
    Decision(
        "leaving", _("How to keep customers who leave"),
        (("leaving", _("Shares of reasons say where it pays to act.")),
         ("back", _("It tells what would have kept them."))),
        _("Everybody who cancels, in the moment of it."),
    ),
    Decision(
        "choose", _("What to build or change next"),
        (("matters", _("People who must choose give sharper answers than people who may rate all as important.")),),
        _("A random part of those whom the change is for; replace the choices by yours."),
    ),
    Decision(
        "product", _("Whether a new product has found its market"),
        (("fit", _("If at least 40 % would be very disappointed, it has.")),
         ("benefit", _("It says what to build on, in the words of those who love it.")),
         ("improve", _("It says what holds the others back."))),
        _("People who have used it at least twice, and lately."),
    ),
    Decision(
        "content", _("Which pages of a help centre or website to rewrite"),
        (("found", _("One click: more than this nobody gives a page.")),
         ("looked_for", _("Asked only of those who did not find it."))),
        _("Every visitor, at the end of the page, by the widget."),
    ),
)  # fmt: skip
DECISION: Final = {one.key: one for one in DECISIONS}
SECONDS: Final = {"long_text": 25, "matrix": 20, "maxdiff": 45, "contact": 20}  # that a question takes; others: 8


def propose(key: str, languages: list[str], *, title: str, touchpoint: str, call_back: bool) -> Definition:
    """The questionnaire for a decision."""
    parts = tuple(part for part, _why in DECISION[key].questions)
    return build(parts, languages, title=title, touchpoint=touchpoint, call_back=call_back)


def seconds(definition: Definition) -> int:
    """About how long it takes to answer."""
    return sum(SECONDS.get(one.kind, 8) for one in definition.questions())
