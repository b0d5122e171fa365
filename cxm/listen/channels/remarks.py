"""What looked wrong about a message, in words. The codes stand in Message.remarks."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

# code -> (how serious: danger, warning, secondary; sentence)
WORDS = {
    "spoofed_thread": ("danger", _("It claims to belong to another conversation, but its sender has no part in that.")),
    "other_sender": ("warning", _("Somebody else than the customer wrote this.")),
    "sender_not_verified": ("danger", _("The mail server says that the sender's address is forged.")),
    "several_senders": ("warning", _("It does not name exactly one sender.")),
    "no_sender": ("warning", _("It names no address to answer to.")),
    "reply_to_used": ("secondary", _("It came from an address for sending only; the answer goes to its Reply-To.")),
    "reply_to_ignored": ("warning", _("It asks for answers to another address; they go to the sender all the same.")),
    "repeated_id": ("warning", _("Another mail had the same Message-ID.")),
    "automatic": ("secondary", _("An automatic reply.")),
    "list": ("secondary", _("Sent to many: a mailing list or a newsletter.")),
    "report": ("secondary", _("A report of a mail server.")),
    "own_message": ("secondary", _("It comes from one of our own mailboxes.")),
    "mail_loop": ("warning", _("It has been going in circles between mail servers.")),
    "too_large": ("warning", _("It is too large: only its beginning was kept.")),
    "too_many_parts": ("danger", _("It is built to take endless time to read: only its beginning was kept.")),
    "long_headers": ("warning", _("Some of its headers are too long and were cut.")),
    "malformed": ("secondary", _("It is not put together as mails are; something may be missing.")),
    "unreadable": ("danger", _("It cannot be read; the file holds it as it came.")),
    "wrong_charset": ("secondary", _("It does not say rightly how its letters are coded; they were guessed.")),
    "long_text": ("warning", _("Its text is very long and was cut.")),
    "too_many_files": ("warning", _("It has more than 50 files; the rest was dropped.")),
    "html_dropped": ("secondary", _("Its formatting is too large to be shown.")),
    "encrypted": ("secondary", _("It is encrypted.")),
    "speakers_unknown": ("warning", _("Nobody knows who of them is the customer: the text is what all of them said.")),
    "not_sent_loop": ("warning", _("Not sent: the other side seems to be a machine.")),
    "not_sent_no_address": ("secondary", _("Not sent: there is no e-mail address to send it to.")),
}


def in_words(codes: list[str]) -> list[tuple[str, str]]:
    """(how serious, sentence) of each; a code of another version is shown as it is."""
    return [(WORDS[one][0], str(WORDS[one][1])) if one in WORDS else ("secondary", one) for one in codes]
