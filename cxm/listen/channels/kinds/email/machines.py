"""Telling people's mail from machines': out-of-office notes, reports, lists, and our own mail that comes back."""

from __future__ import annotations

import re

from .bounded import Mail, header_text

MOST_HOPS = 50  # Received headers; RFC 5321, 6.3, calls a hundred a loop
AWAY = re.compile(
    r"^\s*(auto(matic)?[ -]?(reply|response)|autoreply|out of (the )?office|abwesenheits|odpowied[źz] automatyczna"
    r"|autoodpowied[źz]|nieobecno[śs][ćc]|автоответ|автоматический ответ|вне офиса|автоматична відповідь|автовідповідь"
    r"|поза офісом|自動回[覆復]|自动回复|不在辦公室)",
    re.IGNORECASE,
)
ROBOTS = re.compile(r"^(mailer-daemon|postmaster|double-bounce|bounces?([+\-=].*)?)@", re.IGNORECASE)
NO_REPLY = re.compile(r"^(do[._-]?not[._-]?reply|no[._-]?reply|noreply)([+\-.].*)?@", re.IGNORECASE)
LONGEST = 2000  # characters of a header in which an address is looked for
SUPPRESSES = {"all", "autoreply", "oof"}


def why_automatic(mail: Mail, sender: str, own: set[str], mailbox: str) -> str:
    """A code for why no person wrote this; empty for a person. `own`: the addresses of the workspace's mailboxes.

    By RFC 3834 and what mail programs send instead of it.
    """
    submitted = mail.get("auto-submitted").partition(";")[0].strip().lower()
    if sender.casefold() in own:
        return "own_message"
    if len(mail.headers.get("received", [])) > MOST_HOPS:
        return "mail_loop"
    if (
        mail.type == "multipart/report"
        or ROBOTS.match(sender)
        or mail.get("return-path").strip() == "<>"
        or mail.get("x-failed-recipients")
    ):
        return "report"
    if submitted and submitted != "no":
        return "automatic"
    if any(mail.get(name) for name in ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply-from")):
        return "automatic"
    if {one.strip().lower() for one in mail.get("x-auto-response-suppress").split(",")} & SUPPRESSES:
        return "automatic"
    if AWAY.match(mail.get("subject")):
        return "automatic"
    precedence = mail.get("precedence").strip().lower()
    if precedence in {"bulk", "junk", "auto_reply"} or (
        (precedence == "list" or _is_list(mail)) and not _via(mail, mailbox)
    ):
        return "list"
    return ""


def _is_list(mail: Mail) -> bool:
    return any(mail.get(name) for name in ("list-id", "list-post", "list-unsubscribe"))


def _via(mail: Mail, mailbox: str) -> bool:
    """Whether the list is the mailbox itself: a group address whose mail is passed on to us."""
    name, _at, domain = mailbox.casefold().partition("@")
    said = f"{mail.get('list-id')} {mail.get('list-post')}".casefold()
    return bool(name) and (mailbox.casefold() in said or f"<{name}.{domain}>" in said)


def failed_checks(mail: Mail, authority: str) -> bool:
    """Whether the receiving server `authority` says that the sender's address is forged (RFC 8601).

    Only the topmost Authentication-Results of that name counts: anybody may write others below it.
    """
    if not authority:
        return False
    for value in mail.headers.get("authentication-results", []):
        server, _semicolon, results = value.partition(";")
        if server.strip().split(" ")[0].casefold() != authority.strip().casefold():
            continue
        found = {
            method.lower(): verdict.lower() for method, verdict in re.findall(r"\b(dmarc|dkim|spf)=(\w+)", results)
        }
        if "dmarc" in found and found["dmarc"] not in {"none", "temperror"}:
            return str(found["dmarc"]) != "pass"
        bad = {"fail", "softfail", "permerror"}
        return bool(found) and "pass" not in found.values() and bool(bad & set(found.values()))
    return False


def mailbox_in(mail: Mail, header: str) -> tuple[str, str]:
    """(name, address) of the first mailbox of a header; empty texts where there is none."""
    name, address = first_mailbox(" ".join(next(iter(mail.coded.get(header, [])), "")[:LONGEST].split()))
    return header_text(name)[:300], header_text(address)[:320]


def first_mailbox(value: str) -> tuple[str, str]:
    """Name and address of the first mailbox of a list (RFC 5322, 3.4), both still coded.

    One walk over the letters: the standard library's parser calls itself for each bracket of a comment.
    """
    outside: list[str] = []  # neither in quotes, nor in comments, nor in angle brackets
    quoted: list[str] = []
    inside: list[str] | None = None
    depth, in_quotes, letters = 0, False, iter(value)
    for letter in letters:
        if letter == "\\" and (in_quotes or depth):
            escaped = next(letters, "")
            if in_quotes:
                quoted.append(escaped)
        elif depth:
            depth += (letter == "(") - (letter == ")")
        elif letter == '"':
            in_quotes = not in_quotes
        elif in_quotes:
            quoted.append(letter)
        elif letter == "(":
            depth = 1
        elif letter == "<":
            inside = []
        elif letter == ">" and inside is not None:
            return " ".join("".join(quoted or outside).split()), "".join(inside).strip()
        elif inside is not None:
            inside.append(letter)
        elif letter == ",":
            break
        else:
            outside.append(letter)
    return "", "".join(outside).strip()
