"""A line of the history of a case as a sentence."""

from __future__ import annotations

from typing import Any

from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from .models import Case, CaseEntry, Resolution

ICONS = {
    "opened": "plus", "acknowledged": "send", "assigned": "user-check", "handed_over": "arrow-right",
    "snoozed": "clock", "woke": "bell", "resolved": "circle-check", "reopened": "arrow-back-up", "closed": "lock",
    "merged": "git-merge", "took_in": "git-merge", "linked": "link", "unlinked": "link", "priority": "flag",
    "play": "heart-handshake", "play_done": "heart-handshake", "play_released": "heart-handshake",
    "survey_sent": "message-question", "survey_skipped": "message-question",
    "returned": "alert-triangle",
    "described": "pencil", "tagged": "tag", "task_asked": "checkbox", "task_handed_over": "arrow-right",
    "task_done": "check", "task_declined": "ban", "note": "note", "replied": "mail", "customer_wrote": "message",
}  # fmt: skip


def icon(entry: CaseEntry) -> str:
    return ICONS.get(entry.kind, "history")


def sentence(entry: CaseEntry) -> str:
    """What happened, in the language of the reader; a kind that nobody described shows its name."""
    data = entry.data
    words: dict[str, Any] = {"who": entry.who, "number": data.get("number", ""), "task": data.get("what", entry.text)}
    match entry.kind:
        case "opened":
            return _opened(data, words)
        case "assigned" | "handed_over":
            return _given(entry, words)
        case "priority":
            words["priority"] = _priority(_new(data, "priority"))
            return _("%(who)s set the priority to %(priority)s") % words
        case "snoozed":
            words["time"] = _time(_new(data, "snoozed_until"))
            return _("%(who)s snoozed it until %(time)s") % words
        case "resolved":
            words["how"] = _resolution(_new(data, "resolution")) or _("resolved")
            words["cause"] = _new(data, "cause") or ""
            if words["cause"]:
                return _("%(who)s resolved it: %(how)s. Root cause: %(cause)s") % words
            return _("%(who)s resolved it: %(how)s") % words
        case "acknowledged":
            words["time"] = _time(_new(data, "promised_at"))
            if words["time"]:
                return _("The customer was told that we answer by %(time)s") % words
            return _("The customer was told that we have it") % words
        case "play":
            words["play"] = data.get("play", "")
            if data.get("arm") == "held_out":
                return _("By chance it does not get the recovery play “%(play)s”, to learn whether that helps") % words
            return _("The recovery play “%(play)s” is for it") % words
        case "play_done":
            words["play"] = data.get("play", "")
            return _("%(who)s carried out the recovery play “%(play)s”") % words
        case "survey_sent":
            words["survey"] = data.get("survey", "")
            return _("The customer was asked how it went, by “%(survey)s”") % words
        case "survey_skipped":
            words["reason"] = data.get("reason", "")
            return _("The customer was not asked how it went. %(reason)s") % words
        case "tagged":
            words["tags"] = ", ".join(_new(data, "tags") or []) or "–"
            return _("%(who)s set the tags: %(tags)s") % words
        case "described":
            words["fields"] = ", ".join(_field(name) for name in data)
            return _("%(who)s changed: %(fields)s") % words
        case "task_asked":
            words["team"] = data.get("team", "")
            return _("%(who)s asked %(team)s: %(task)s") % words
        case "task_handed_over":
            words["team"] = (data.get("team") or ["", ""])[1]
            return _("%(who)s handed “%(task)s” over to %(team)s") % words
    known = {
        "returned": _("Our message did not reach the customer"),
        "woke": _("It is back from being snoozed"), "reopened": _("%(who)s reopened it"),
        "closed": _("%(who)s closed it"),
        "merged": _("%(who)s merged it into another case"), "took_in": _("Case #%(number)s was merged into this one"),
        "linked": _("%(who)s linked case #%(number)s"), "unlinked": _("%(who)s unlinked case #%(number)s"),
        "task_done": _("%(who)s finished “%(task)s”"), "task_declined": _("%(who)s declined “%(task)s”"),
        "play_released": _("It is severe, so it gets the recovery play after all"),
        "note": _("%(who)s wrote a note"), "replied": _("%(who)s answered"), "customer_wrote": _("The customer wrote"),
    }  # fmt: skip
    if entry.kind == "reopened" and entry.ref:
        return _("The customer wrote again, so it is open again")
    return known[entry.kind] % words if entry.kind in known else entry.kind.replace("_", " ").capitalize()


def _opened(data: dict[str, Any], words: dict[str, Any]) -> str:
    return {
        "message": _("Opened by a message of the customer"), "answer": _("Opened by an answer to a survey"),
        "alert": _("Opened by an alert"), "rule": _("Opened by a rule"),
    }.get(str(data.get("opened_by", "")), _("%(who)s opened it") % words)  # fmt: skip


def _given(entry: CaseEntry, words: dict[str, Any]) -> str:
    words["team"], words["owner"] = _new(entry.data, "team"), _new(entry.data, "owner")
    if "owner" in entry.data and words["owner"] is None and not words["team"]:
        return _("%(who)s put it back: nobody has it") % words
    if words["team"] and words["owner"]:
        return _("%(who)s gave it to %(owner)s (%(team)s)") % words
    if words["team"]:
        return _("%(who)s handed it over to %(team)s") % words
    if words["owner"] == words["who"]:
        return _("%(who)s took it") % words
    return _("%(who)s gave it to %(owner)s") % words if words["owner"] else _("%(who)s handed it over") % words


def _new(data: dict[str, Any], name: str) -> Any:
    pair = data.get(name)
    return pair[1] if isinstance(pair, list) and len(pair) == 2 else None


def _time(text: Any) -> str:
    moment = parse_datetime(text) if isinstance(text, str) else None
    return formats.date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT") if moment else ""


def _priority(value: Any) -> str:
    return str(Case.Priority(value).label) if value in Case.Priority.values else str(value)


def _resolution(code: Any) -> str:
    return str(Resolution(code).label) if code in Resolution.values else ""


def _field(name: str) -> str:
    labels = {
        "subject": _("subject"), "category": _("category"), "cause": _("root cause"), "customer": _("customer"),
        "language": _("language"), "is_complaint": _("complaint"), "is_severe": _("severe"),
        "touchpoint": _("touchpoint"),
    }  # fmt: skip
    return labels.get(name, name)
