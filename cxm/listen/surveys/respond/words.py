"""Our own sentences on a respondent's page, in the respondent's language: one of the product's, else English."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override, pgettext

from ..runtime import Problem

OURS = tuple(code for code, _name in settings.LANGUAGES)


def ours(language: str) -> str:
    """The one of the product's languages that speaks to a reader of `language`."""
    code = language.lower().replace("_", "-")
    if code in OURS:
        return code
    if code.startswith("zh"):
        return "zh-hant"
    return code.partition("-")[0] if code.partition("-")[0] in OURS else "en"


@dataclass(frozen=True, slots=True)
class Words:
    next: str
    back: str
    send: str
    start: str
    required: str
    choose: str
    yes: str
    no: str
    thumb_up: str
    thumb_down: str
    agree: str
    other: str
    best: str
    worst: str
    rank: str
    not_ranked: str
    of_points: str  # "%(value)s of %(most)s"
    sum: str
    sum_so_far: str  # "%(sum)s of %(total)s"
    task: str  # "Set %(number)s of %(of)s"
    files_kept: str
    language: str
    change: str
    progress: str  # "Page %(number)s of %(of)s"
    problems: str
    trap: str
    test: str
    thanks: str
    thanks_text: str
    again: str
    resume: str
    offline: str
    saved: str
    picture: str
    link: str
    email: str


@cache
def words(language: str) -> Words:
    """For one of the product's languages."""
    with override(language):
        return Words(
            next=pgettext("button of a survey", "Next"),
            back=pgettext("button of a survey", "Back"),
            send=pgettext("button of a survey", "Send"),
            start=pgettext("button of a survey", "Start"),
            required=_("Required"),
            choose=_("Please choose"),
            yes=_("Yes"),
            no=_("No"),
            thumb_up=_("Thumbs up"),
            thumb_down=_("Thumbs down"),
            agree=_("I agree"),
            other=_("Your own answer"),
            best=pgettext("of several things", "Best"),
            worst=pgettext("of several things", "Worst"),
            rank=pgettext("in a ranking", "Place"),
            not_ranked=pgettext("in a ranking", "No place"),
            of_points=_("%(value)s of %(most)s"),
            sum=_("Sum"),
            sum_so_far=_("%(sum)s of %(total)s given out"),
            task=_("Set %(number)s of %(of)s"),
            files_kept=_("Received: %(names)s. Choose files only to replace them."),
            language=_("Language"),
            change=pgettext("the language", "Change"),
            progress=_("Page %(number)s of %(of)s"),
            problems=_("Some answers need another look. Nothing you entered is lost."),
            trap=_("Leave this field empty"),
            test=_("This is a test. The answers do not count."),
            thanks=_("Thank you!"),
            thanks_text=_("Your answers have been received."),
            again=_("Answer again"),
            resume=_("You can go on later from this address."),
            offline=_("There is no connection. Your answers are kept and will be sent as soon as there is one."),
            saved=_("Saved"),
            picture=_("Picture"),
            link=_("Go on"),
            email=_("E-mail address"),
        )


def number(value: float | int | str) -> str:
    """3.0 as 3, for values and sentences alike."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def sentence(problem: Problem, language: str) -> str:
    """What a problem says to the person who answers."""
    if problem.message:
        return problem.message
    with override(language):
        known = SENTENCES.get(problem.code)
        text, counted = known(problem) if known else (_("Please look at this answer again."), False)
        values = {
            name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else number(value)
            for name, value in problem.params.items()
        }
        return text % values if values or counted else text


def _n(problem: Problem, name: str) -> int:
    value = problem.params.get(name, 0)
    return int(value) if isinstance(value, int | float) else 0


Sentence = Callable[[Problem], tuple[str, bool]]
SENTENCES: dict[str, Sentence] = {
    "required": lambda one: (_("Please answer this question."), False),
    "consent": lambda one: (_("Please agree, so that you can go on."), False),
    "other_text": lambda one: (_("Please write your own answer."), False),
    "wrong_type": lambda one: (_("This is no answer to this question."), False),
    "unknown_choice": lambda one: (_("Please choose one of the answers shown."), False),
    "not_on_scale": lambda one: (_("Please choose a value from %(lowest)s to %(highest)s."), True),
    "number": lambda one: (_("Please write a number, for example 12 or 3.5."), False),
    "date": lambda one: (_("Please enter a date: year, month and day."), False),
    "email": lambda one: (_("Please write an e-mail address such as name@example.com."), False),
    "phone": lambda one: (_("Please write a phone number with its country code, for example +380 44 123 4567."), False),
    "url": lambda one: (_("Please write a web address such as https://example.com."), False),
    "too_small": lambda one: (_("Please give at least %(least)s."), True),
    "too_large": lambda one: (_("Please give no more than %(most)s."), True),
    "too_short": lambda one: (
        ngettext("Please write at least %(least)s character.", "Please write at least %(least)s characters.",
                 _n(one, "least")), True,
    ),
    "too_long": lambda one: (
        ngettext("Please write no more than %(most)s character; it has %(length)s now.",
                 "Please write no more than %(most)s characters; it has %(length)s now.", _n(one, "most")), True,
    ),
    "too_few": lambda one: (
        ngettext("Please choose at least %(least)s.", "Please choose at least %(least)s.", _n(one, "least")), True,
    ),
    "too_many": lambda one: (
        ngettext("Please choose no more than %(most)s.", "Please choose no more than %(most)s.", _n(one, "most")), True,
    ),
    "same_rank": lambda one: (_("Place %(rank)s is given twice."), True),
    "exclusive": lambda one: (_("This answer excludes the others. Please choose either it or them."), False),
    "total": lambda one: (_("Together the values must be %(total)s; now they are %(sum)s."), True),
    "same_choice": lambda one: (_("In set %(task)s, the best and the worst are the same."), True),
    "task": lambda one: (_("In set %(task)s, please choose both the best and the worst."), True),
    "file_type": lambda one: (_("The file %(name)s is of a kind that is not taken here. Taken are: %(accept)s."), True),
    "file_size": lambda one: (_("The file %(name)s has more than %(largest_mb)s MB."), True),
}  # fmt: skip


# Whole pages that stand in place of a survey: title and text.
NOTICES: dict[str, Callable[[], tuple[str, str]]] = {
    "unknown": lambda: (_("There is no survey here"), _("The link may be incomplete, or the survey was removed.")),
    "paused": lambda: (_("This survey is paused"), _("Please try again later.")),
    "closed": lambda: (_("This survey is closed"), _("Answers are no longer taken. Thank you for your interest.")),
    "not_yet": lambda: (_("This survey has not begun yet"), _("Please come back later.")),
    "over": lambda: (_("This survey is over"), _("Answers are no longer taken. Thank you for your interest.")),
    "full": lambda: (_("There are enough answers"), _("Answers are no longer taken. Thank you for your interest.")),
    "expired": lambda: (_("This link is no longer valid"), _("Please ask whoever sent it to you for a new one.")),
    "too_many": lambda: (_("Too many requests"), _("Please wait a minute, then load this page again.")),
    "too_large": lambda: (_("This is too much"), _("Please go back and shorten what you entered.")),
    "unreadable": lambda: (_("This could not be read"), _("Please go back and send the page again.")),
    "busy": lambda: (_("Please try again"), _("Your answers could not be stored. Load this page again to send them.")),
    "email": lambda: (
        _("Please give your e-mail address"), _("We send you a link. The survey begins there."),
    ),
    "wrong_email": lambda: (
        _("Please give your e-mail address"), _("Please write an e-mail address such as name@example.com."),
    ),
    "email_sent": lambda: (
        _("Look into your mailbox"), _("We have sent you a link. It is valid for a day."),
    ),
    "email_confirmed": lambda: (_("Your e-mail address is confirmed"), _("You can begin now.")),
    "pin": lambda: (_("This survey needs a PIN"), _("Please enter the PIN that you were given.")),
    "wrong_pin": lambda: (_("This survey needs a PIN"), _("This PIN is not right. Please enter it again.")),
    "pin_tries": lambda: (_("Too many wrong PINs"), _("Please try again in ten minutes.")),
}  # fmt: skip


def notice(code: str, language: str) -> tuple[str, str]:
    with override(language):
        return NOTICES[code]()
