"""Our own words in the widget, in the reader's language: one of the product's, else English."""

from __future__ import annotations

from functools import cache

from django.utils.translation import gettext as _
from django.utils.translation import override, pgettext


@cache
def texts(language: str) -> dict[str, str]:
    """For one of the product's languages. Words in braces are put in by the script."""
    with override(language):
        return {
            "next": pgettext("button of a survey", "Next"),
            "back": pgettext("button of a survey", "Back"),
            "send": pgettext("button of a survey", "Send"),
            "close": _("Close"),
            "required": _("Required"),
            "choose": _("Please choose"),
            "yes": _("Yes"),
            "no": _("No"),
            "thumb_up": _("Thumbs up"),
            "thumb_down": _("Thumbs down"),
            "consent": _("Consent"),
            "other": _("Your own answer"),
            "best": pgettext("of several things", "Best"),
            "worst": pgettext("of several things", "Worst"),
            "of": _("{n} of {m}"),
            "page": _("Page {n} of {m}"),
            "not_answered": _("Not answered"),
            "rank_hint": _("Choose in the order of your preference, the best first. Choose again to take back."),
            "ranked": _("{choice} is in place {n}."),
            "unranked": _("{choice} has no place any more."),
            "left": _("{n} of {m} left to give out"),
            "remove_files": _("Remove the files"),
            "file_too_large": _("The file {name} has more than {n} MB."),
            "sending": _("Sending …"),
            "failed": _("Something went wrong on our side. Please try again."),
            "offline": _("There is no connection. Your answers are kept and will be sent as soon as there is one."),
            "thanks": _("Thank you!"),
        }
