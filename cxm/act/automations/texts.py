"""Workflows in words: triggers, steps, what is wrong with a draft, why a step was skipped."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .definition import STEPS, TRIGGERS, Step, Trigger


def trigger_kinds() -> list[tuple[str, str]]:
    known = {
        "event": _("Something happens"), "answer": _("Somebody answers a survey"),
        "segment_entered": _("Somebody enters a segment"), "segment_left": _("Somebody leaves a segment"),
        "alert": _("An alert is raised"), "case": _("A case changes"), "date": _("A date comes near"),
        "webhook": _("Another program calls"), "schedule": _("At regular times"),
    }  # fmt: skip
    return [(kind, known[kind]) for kind in TRIGGERS]


def step_kinds() -> list[tuple[str, str]]:
    known = {
        "mail": _("Send an e-mail"), "case": _("Open a case"), "change_case": _("Change the case"),
        "task": _("Give somebody a task"), "tag": _("Add a tag"), "untag": _("Take off a tag"),
        "trait": _("Set a trait"), "survey": _("Ask for an answer"), "notify": _("Tell colleagues"),
        "webhook": _("Tell another program"), "wait": _("Wait"), "wait_until": _("Wait until"),
        "branch": _("Branch"), "split": _("Split by percentage"), "stop": _("End"),
    }  # fmt: skip
    return [(kind, known[kind]) for kind in STEPS]


ICONS = {
    "mail": "mail", "case": "ticket", "change_case": "pencil", "task": "heart", "tag": "tag", "untag": "tag",
    "trait": "id", "survey": "message-question", "notify": "bell", "webhook": "send", "wait": "clock",
    "wait_until": "hourglass", "branch": "git-branch", "split": "arrows-split", "stop": "flag",
}  # fmt: skip


def case_facts() -> list[tuple[str, str]]:
    return [
        ("case_opened", _("is opened")), ("case_acknowledged", _("is acknowledged")),
        ("case_replied", _("is answered")), ("case_assigned", _("is assigned")),
        ("case_handed_over", _("is handed over")), ("case_reopened", _("is reopened")),
        ("case_snoozed", _("is snoozed")), ("case_merged", _("is merged")), ("case_resolved", _("is resolved")),
        ("case_closed", _("is closed")), ("sla_warned", _("is close to a target of its service level")),
        ("sla_breached", _("has missed a target of its service level")),
    ]  # fmt: skip


def problem(code: str) -> str:
    """What is wrong with a draft, as a sentence."""
    known = {
        "no_event": _("Choose the event that begins it."),
        "no_case": _("Choose what happens to the case."),
        "no_segment_entered": _("Choose the segment."),
        "no_segment_left": _("Choose the segment."),
        "no_date": _("Choose the trait that holds the date."),
        "time": _("The time is not one of a day."),
        "condition": _("A condition is missing or not complete."),
        "again": _("Say after how many days it may begin again: 0 to 3,650."),
        "most_per_hour": _("Say how many may begin in an hour: 1 to 100,000."),
        "no_steps": _("Add a first step."),
        "too_many": _("There are too many steps, or too many branches in branches."),
        "ids": _("Two steps have the same name."),
        "long": _("A text is too long."),
        "no_subject": _("A subject is missing."),
        "no_text": _("A text is missing."),
        "no_name": _("A name of at most 60 characters is missing."),
        "no_survey": _("Choose a survey."),
        "nobody": _("Say who is to be told."),
        "no_type": _("Name the type with small letters, digits, dots and underscores."),
        "priority": _("There is no such priority."),
        "state": _("There is no such state."),
        "wait": _("Say how long to wait: at least a minute, at most 730 days."),
        "shares": _("Two to ten ways are needed, and their shares must add up to 100 %."),
    }
    return known.get(code, _("Something is not complete."))


def reason(code: str, text: str = "") -> str:
    """Why a step was skipped, as a sentence."""
    known = {
        "no_customer": _("Skipped: the event belongs to no customer that we know."),
        "no_address": _("Skipped: we have no e-mail address of this customer."),
        "suppressed": _("Skipped: this address must not be written to."),
        "consent": _("Skipped: this customer does not want advertisements."),
        "budget": _("Skipped: this customer was contacted often enough."),
        "refused": _("Skipped: it was refused."),
        "no_case": _("Skipped: there is no case."),
        "no_survey": _("Skipped: the survey is not there any more."),
        "nobody": _("Skipped: nobody was left to be told."),
        "too_many": _("Skipped: this customer got enough messages already."),
        "value": _("Skipped: the trait does not take this value."),
    }
    return text if text and code in ("budget", "refused", "value") else known.get(code, code)


def trigger_sentence(trigger: Trigger, names: dict[str, str]) -> str:
    """`names` gives what ids are called: segments by id, surveys by key, events by name."""
    words: dict[str, Any] = {
        "event": names.get(trigger.event, trigger.event), "survey": names.get(trigger.survey, trigger.survey),
        "segment": names.get(trigger.segment, trigger.segment), "alert": trigger.alert, "trait": trigger.trait,
        "hour": f"{trigger.hour}:00", "metric": trigger.metric.upper(),
    }  # fmt: skip
    match trigger.kind:
        case "event":
            return _("When this happens to a customer: %(event)s") % words
        case "answer" if trigger.survey:
            return _("When somebody answers “%(survey)s”") % words
        case "answer" if trigger.metric:
            return _("When somebody answers a question of %(metric)s") % words
        case "answer":
            return _("When somebody answers a survey")
        case "segment_entered":
            return _("When a customer enters the segment “%(segment)s”") % words
        case "segment_left":
            return _("When a customer leaves the segment “%(segment)s”") % words
        case "alert" if trigger.alert:
            return _("When the alert “%(alert)s” is raised") % words
        case "alert":
            return _("When any alert is raised")
        case "case":
            return _("When a case %(what)s") % {"what": dict(case_facts()).get(trigger.event, trigger.event)}
        case "date":
            return date_sentence(trigger, words)
        case "webhook":
            return _("When another program calls its address")
    return schedule_sentence(trigger, words)


def date_sentence(trigger: Trigger, words: dict[str, Any]) -> str:
    days = abs(trigger.days)
    words = {**words, "n": days}
    if not days:
        return (
            _("Every year on the day of “%(trait)s”, at %(hour)s")
            if trigger.yearly
            else _("On the day of “%(trait)s”, at %(hour)s")
        ) % words
    if trigger.days < 0:
        return ngettext(
            "%(n)d day before “%(trait)s”, at %(hour)s", "%(n)d days before “%(trait)s”, at %(hour)s", days
        ) % words  # fmt: skip
    return ngettext(
        "%(n)d day after “%(trait)s”, at %(hour)s", "%(n)d days after “%(trait)s”, at %(hour)s", days
    ) % words  # fmt: skip


def schedule_sentence(trigger: Trigger, words: dict[str, Any]) -> str:
    words = {**words, "day": trigger.day, "weekday": weekday(trigger.day)}
    times = {
        "day": _("Every day at %(hour)s"), "week": _("Every week on %(weekday)s at %(hour)s"),
        "month": _("Every month on day %(day)s at %(hour)s"),
    }[trigger.every] % words  # fmt: skip
    if trigger.segment:
        return _("%(times)s, for the segment “%(segment)s”") % {**words, "times": times}
    return times


def weekdays() -> list[tuple[int, str]]:
    return [
        (1, _("Monday")), (2, _("Tuesday")), (3, _("Wednesday")), (4, _("Thursday")), (5, _("Friday")),
        (6, _("Saturday")), (7, _("Sunday")),
    ]  # fmt: skip


def weekday(number: int) -> str:
    return dict(weekdays()).get(number, str(number))


def step_sentence(step: Step, language: str, names: dict[str, str]) -> str:
    """What a step does, in one line."""
    from .definition import in_language

    words: dict[str, Any] = {
        "subject": in_language(step.subject, language) or "…", "name": step.name or "…", "value": step.value,
        "survey": names.get(step.survey, step.survey) or "…", "team": step.team, "type": step.type or "…",
    }  # fmt: skip
    match step.kind:
        case "mail":
            return (_("E-mail (advertisement): %(subject)s") if step.marketing else _("E-mail: %(subject)s")) % words
        case "case":
            return (_("Open a case for %(team)s: %(subject)s") if step.team else _("Open a case: %(subject)s")) % words
        case "change_case":
            return _("Change the case")
        case "task":
            return (_("Task for %(team)s: %(subject)s") if step.team else _("Task: %(subject)s")) % words
        case "tag":
            return _("Add the tag “%(name)s”") % words
        case "untag":
            return _("Take off the tag “%(name)s”") % words
        case "trait":
            return (_("Set “%(name)s” to “%(value)s”") if step.value else _("Remove “%(name)s”")) % words
        case "survey":
            return _("Invite to the survey “%(survey)s”") % words
        case "notify":
            who = ", ".join([*step.people, *([step.team] if step.team else [])]) or "…"
            return _("Tell %(who)s: %(subject)s") % {**words, "who": who}
        case "webhook":
            return _("Tell other programs: %(type)s") % words
        case "wait":
            return _("Wait %(time)s") % {"time": duration(step)}
        case "wait_until" if step.until == "time":
            days = ", ".join(weekday(one) for one in step.weekdays)
            words |= {"days": days, "hour": f"{step.hour}:00"}
            return (_("Wait until %(hour)s on %(days)s") if days else _("Wait until %(hour)s")) % words
        case "wait_until":
            return _("Wait until a condition holds, at most %(time)s") % {"time": duration(step)}
        case "branch":
            return _("If a condition holds")
        case "split":
            return _("Split: %(shares)s") % {"shares": " / ".join(f"{one.share:g} %" for one in step.paths)}
    return _("End here")


def duration(step: Step) -> str:
    parts = [
        ngettext("%(n)d day", "%(n)d days", step.days) % {"n": step.days} if step.days else "",
        ngettext("%(n)d hour", "%(n)d hours", step.hours) % {"n": step.hours} if step.hours else "",
        ngettext("%(n)d minute", "%(n)d minutes", step.minutes) % {"n": step.minutes} if step.minutes else "",
    ]
    return " ".join(one for one in parts if one) or "…"
