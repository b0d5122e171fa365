"""Each event of a timeline as a sentence that a support professional would say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cxm.lib.personal import mask_all

from . import case_sentences
from .queries import EventRow
from .snapshot import in_utc
from .traits import shown

Properties = Mapping[str, Any]
DETAILS_LIMIT = 20
KIND_LABELS: Mapping[str, Promise] = {
    "customer_identified": gettext_lazy("Profile received"),
    "answer_given": gettext_lazy("Answer"),
    "ticket_updated": gettext_lazy("Ticket"),
    "order_placed": gettext_lazy("Order placed"),
    "order_approved": gettext_lazy("Order approved"),
    "order_shipped": gettext_lazy("Order shipped"),
    "order_delivered": gettext_lazy("Order delivered"),
    "order_cancelled": gettext_lazy("Order cancelled"),
    "subscription_updated": gettext_lazy("Subscription"),
    "purchase_history_reported": gettext_lazy("Purchase history"),
    "page_viewed": gettext_lazy("Page viewed"),
    "screen_viewed": gettext_lazy("Screen viewed"),
    "group_joined": gettext_lazy("Group joined"),
    "customer_aliased": gettext_lazy("Names linked"),
    "order_refunded": gettext_lazy("Order refunded"),
    "product_viewed": gettext_lazy("Product viewed"),
    "survey_invited": gettext_lazy("Survey invitation"),
    "survey_shown": gettext_lazy("Survey shown"),
    "survey_dismissed": gettext_lazy("Survey dismissed"),
    "survey_completed": gettext_lazy("Survey completed"),
    "survey_abandoned": gettext_lazy("Survey left unfinished"),
    "case_requested": gettext_lazy("Case requested"),
    "message_received": gettext_lazy("Message"),
    "review_received": gettext_lazy("Review"),
    "call_transcribed": gettext_lazy("Call"),
    "message_sent": gettext_lazy("Message sent"),
    "message_returned": gettext_lazy("Message returned"),
    "sla_warned": gettext_lazy("Target near"),
    "sla_breached": gettext_lazy("Target missed"),
    "alert_raised": gettext_lazy("Alert"),
    "play_assigned": gettext_lazy("Recovery play"),
    "play_carried_out": gettext_lazy("Recovery play carried out"),
    "email_delivered": gettext_lazy("E-mail delivered"),
    "email_opened": gettext_lazy("E-mail opened"),
    "email_link_clicked": gettext_lazy("Link in an e-mail clicked"),
    "email_bounced": gettext_lazy("E-mail bounced"),
    "email_marked_as_spam": gettext_lazy("E-mail marked as spam"),
    "email_unsubscribed": gettext_lazy("Unsubscribed"),
    "chat_started": gettext_lazy("Chat started"),
    "chat_ended": gettext_lazy("Chat ended"),
    "chat_message_sent": gettext_lazy("Chat message sent"),
    "chat_message_received": gettext_lazy("Chat message received"),
    "rule_ran": gettext_lazy("Automation"),
    "segment_entered": gettext_lazy("Segment entered"),
    "segment_left": gettext_lazy("Segment left"),
    "customer_created": gettext_lazy("Profile created"),
    "profile_changed": gettext_lazy("Profile changed"),
    "identity_added": gettext_lazy("Identity added"),
    "identity_removed": gettext_lazy("Identity removed"),
    "customers_merged": gettext_lazy("Profiles merged"),
    "customers_unmerged": gettext_lazy("Profiles separated"),
    "consent_given": gettext_lazy("Consent given"),
    "consent_withdrawn": gettext_lazy("Consent withdrawn"),
    "note_added": gettext_lazy("Note added"),
    "note_removed": gettext_lazy("Note removed"),
    "note_restored": gettext_lazy("Note restored"),
    "customer_tagged": gettext_lazy("Tag added"),
    "customer_untagged": gettext_lazy("Tag removed"),
    **case_sentences.KIND_LABELS,
}


@dataclass(frozen=True, slots=True)
class Moment:
    """`details` are pairs of a label and a value; `icon` is a name of the icon set; `words` is what somebody wrote."""

    event_id: str
    name: str
    kind: str  # the name as people read it
    at: datetime
    title: str
    icon: str
    words: str
    details: list[tuple[str, str]]
    customer_id: str


def kind_label(name: str) -> str:
    """What to call a kind of event."""
    known = KIND_LABELS.get(name)
    return plain(name) if known is None else str(known)


def plain(name: str) -> str:
    """A machine's name as words: `page_viewed` is “Page viewed”."""
    words = " ".join(name.replace("_", " ").replace("-", " ").replace(".", " ").split())
    return words[:1].upper() + words[1:]


def moment(row: EventRow, *, personal: bool = True) -> Moment:
    """The event as people read it; properties that nobody expected are shown, never an error.

    Unless `personal`, personal data is masked.
    """
    try:
        properties = json.loads(row.properties)
    except ValueError:
        properties = {}
    if not isinstance(properties, dict):
        properties = {}
    if not personal:
        properties = mask_all(properties)
    icon, sentence = SENTENCES.get(row.name, ("timeline", _generic))
    return Moment(
        event_id=str(row.event_id),
        name=row.name,
        kind=kind_label(row.name),
        at=in_utc(row.occurred_at),
        title=sentence(row.name, properties),
        icon=icon,
        words=text(properties, "comment") or text(properties, "message_body"),
        details=details(row.name, properties),
        customer_id=str(row.customer_id),
    )


def text(properties: Properties, key: str) -> str:
    value = properties.get(key)
    return str(value).strip() if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""


def number(value: object) -> str:
    """A number as the reader writes it: no decimals where there are none, two at most."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return str(value)
    whole = float(value).is_integer()
    return str(formats.number_format(int(value) if whole else round(value, 2), None if whole else 2, use_l10n=True))


def money(properties: Properties, key: str = "amount") -> str:
    value = properties.get(key)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return ""
    amount = str(formats.number_format(value, 2, use_l10n=True))
    currency = text(properties, "currency")
    return _("%(amount)s %(currency)s") % {"amount": amount, "currency": currency} if currency else amount


def when(value: object) -> str:
    """A time of the log as a local date; empty where it is none."""
    try:
        moment_ = parse_datetime(str(value)) if value else None
    except ValueError:
        moment_ = None
    if moment_ is None:
        return ""
    if timezone.is_naive(moment_):
        moment_ = moment_.replace(tzinfo=UTC)
    return str(formats.date_format(timezone.localtime(moment_), "SHORT_DATETIME_FORMAT"))


def _answer(name: str, properties: Properties) -> str:
    words = {
        "score": number(properties["score"]) if properties.get("score") is not None else "",
        "highest": text(properties, "scale").rpartition("-")[2],
    }
    metric = text(properties, "metric")
    if not words["score"]:
        return _("Wrote a comment.") if text(properties, "comment") else _("Left a question open.")
    if metric == "nps":
        score = properties["score"]
        if isinstance(score, (int, float)) and 0 <= score <= 10:
            if score >= 9:
                return _("Would recommend us: %(score)s of 10 (promoter).") % words
            if score >= 7:
                return _("Is undecided about recommending us: %(score)s of 10 (passive).") % words
            return _("Would not recommend us: %(score)s of 10 (detractor).") % words
        return _("Answered how likely they are to recommend us: %(score)s.") % words
    whole = {
        "csat": _("Rated their satisfaction %(score)s of %(highest)s."),
        "ces": _("Rated how easy it was %(score)s of %(highest)s."),
    }.get(metric, _("Gave a rating of %(score)s of %(highest)s."))
    bare = {
        "csat": _("Rated their satisfaction %(score)s."),
        "ces": _("Rated how easy it was %(score)s."),
    }.get(metric, _("Gave a rating of %(score)s."))
    return (whole if words["highest"] else bare) % words


def _ticket(name: str, properties: Properties) -> str:
    words = {"ticket": text(properties, "ticket_id"), "state": plain(text(properties, "state")).lower()}
    if properties.get("closed_at"):
        return _("Ticket %(ticket)s was closed.") % words
    if properties.get("resolved_at"):
        return _("Ticket %(ticket)s was resolved.") % words
    reopened = properties.get("reopened")
    if isinstance(reopened, int) and reopened > 0:
        return ngettext(
            "Ticket %(ticket)s was reopened %(n)d time.", "Ticket %(ticket)s was reopened %(n)d times.", reopened
        ) % {**words, "n": reopened}
    if words["state"] and words["state"] not in {"open", "new"}:
        return _("Ticket %(ticket)s changed to “%(state)s”.") % words
    return _("Opened ticket %(ticket)s.") % words


def _order(name: str, properties: Properties) -> str:
    words = {"order": text(properties, "order_id"), "amount": money(properties)}
    match name:
        case "order_placed" if words["amount"]:
            return _("Placed order %(order)s for %(amount)s.") % words
        case "order_placed":
            return _("Placed order %(order)s.") % words
        case "order_approved":
            return _("Order %(order)s was approved.") % words
        case "order_shipped":
            return _("Order %(order)s was shipped.") % words
        case "order_delivered":
            return _("Order %(order)s was delivered.") % words
        case "order_refunded":
            return _("Order %(order)s was refunded.") % words
    return _("Order %(order)s was cancelled.") % words


def _subscription(name: str, properties: Properties) -> str:
    words = {"plan": text(properties, "plan") or text(properties, "subscription_id"), "amount": money(properties)}
    if text(properties, "status") == "ended":
        return _("The subscription “%(plan)s” ended.") % words
    if words["amount"]:
        return _("The subscription “%(plan)s” is active for %(amount)s a month.") % words
    return _("The subscription “%(plan)s” is active.") % words


def _history(name: str, properties: Properties) -> str:
    repeats = properties.get("repeat_purchases")
    if not isinstance(repeats, int) or isinstance(repeats, bool):
        return _("A purchase history was reported.")
    return ngettext(
        "A purchase history with %(n)s repeat purchase was reported.",
        "A purchase history with %(n)s repeat purchases was reported.",
        repeats,
    ) % {"n": number(repeats)}


def _identified(name: str, properties: Properties) -> str:
    traits = properties.get("traits")
    n = len(traits) if isinstance(traits, dict) else 0
    if not n:
        return _("A source told us who this is.")
    return ngettext("A source told us %(n)s trait.", "A source told us %(n)s traits.", n) % {"n": number(n)}


def _viewed(name: str, properties: Properties) -> str:
    title = text(properties, "name") or text(properties, "title") or text(properties, "path") or text(properties, "url")
    if name == "screen_viewed":
        return _("Viewed the screen “%(title)s”.") % {"title": title} if title else _("Viewed a screen.")
    if name == "product_viewed":
        return _("Viewed the product “%(title)s”.") % {"title": title} if title else _("Viewed a product.")
    return _("Viewed the page “%(title)s”.") % {"title": title} if title else _("Viewed a page.")


def _joined(name: str, properties: Properties) -> str:
    traits = properties.get("traits")
    group = text(traits, "name") if isinstance(traits, dict) else ""
    return _("Belongs to the group “%(group)s”.") % {"group": group or text(properties, "group_id")}


def _aliased(name: str, properties: Properties) -> str:
    return _("A source told us that “%(previous)s” is the same person.") % {"previous": text(properties, "previous_id")}


def _email(name: str, properties: Properties) -> str:
    subject = text(properties, "email_subject") or text(properties, "campaign_name") or text(properties, "list_name")
    with_subject, bare = {
        "email_delivered": (_("The e-mail “%(subject)s” was delivered."), _("An e-mail was delivered.")),
        "email_opened": (_("Opened the e-mail “%(subject)s”."), _("Opened an e-mail.")),
        "email_link_clicked": (_("Clicked a link in the e-mail “%(subject)s”."), _("Clicked a link in an e-mail.")),
        "email_bounced": (
            _("The e-mail “%(subject)s” did not arrive."),
            _("An e-mail did not arrive."),
        ),
        "email_marked_as_spam": (_("Marked the e-mail “%(subject)s” as spam."), _("Marked an e-mail as spam.")),
        "email_unsubscribed": (_("Unsubscribed from “%(subject)s”."), _("Unsubscribed from e-mails.")),
    }[name]
    return with_subject % {"subject": subject} if subject else bare


def _chat(name: str, properties: Properties) -> str:
    agent = text(properties, "agent_name") or text(properties, "agent_username")
    with_agent, bare = {
        "chat_started": (_("Began to chat with %(agent)s."), _("Began a chat.")),
        "chat_ended": (_("The chat with %(agent)s ended."), _("The chat ended.")),
        "chat_message_sent": (_("Wrote to %(agent)s in the chat."), _("Wrote in the chat.")),
        "chat_message_received": (_("%(agent)s wrote in the chat."), _("Got a message in the chat.")),
    }[name]
    return with_agent % {"agent": agent} if agent else bare


def _survey(name: str, properties: Properties) -> str:
    return _("A survey was shown.") if name == "survey_shown" else _("Closed a survey without answering.")


def _responded(name: str, properties: Properties) -> str:
    words = {"survey": text(properties, "survey_name") or text(properties, "survey")}
    return {
        "survey_completed": _("Completed the survey “%(survey)s”."),
        "survey_abandoned": _("Left the survey “%(survey)s” unfinished."),
        "case_requested": _("The answers to the survey “%(survey)s” ask for a case."),
    }[name] % words


def _received(name: str, properties: Properties) -> str:
    words = {"channel": text(properties, "channel_name"), "subject": text(properties, "subject")}
    if words["subject"] and words["channel"]:
        return _("Wrote “%(subject)s” by the channel “%(channel)s”.") % words
    return _("Wrote by the channel “%(channel)s”.") % words if words["channel"] else _("Wrote to us.")


def _reviewed(name: str, properties: Properties) -> str:
    words = {"score": number(properties.get("score")), "place": text(properties, "place")}
    words["highest"] = text(properties, "scale").rpartition("-")[2] or "5"
    if not isinstance(properties.get("score"), (int, float)):
        return _("Wrote a review.")
    if words["place"]:
        return _("Gave %(score)s of %(highest)s in a review of “%(place)s”.") % words
    return _("Gave %(score)s of %(highest)s in a review.") % words


def _called(name: str, properties: Properties) -> str:
    seconds = properties.get("duration_s")
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
        return _("Called us.")
    minutes = max(1, round(seconds / 60))
    return ngettext("Called us for %(n)s minute.", "Called us for %(n)s minutes.", minutes) % {"n": number(minutes)}


def _sent(name: str, properties: Properties) -> str:
    return {
        "reply": _("We answered."),
        "acknowledgement": _("We said that the message has come."),
        "automation": _("An automation sent a message."),
    }.get(text(properties, "kind"), _("We sent a message."))


def _returned(name: str, properties: Properties) -> str:
    return _("Our message did not arrive.")


def _target(name: str, properties: Properties) -> str:
    what = {
        "first_reply": _("the first reply"), "next_reply": _("the next reply"), "resolution": _("the resolution"),
        "promise": _("the promised answer"),
    }.get(text(properties, "target"), text(properties, "target"))  # fmt: skip
    words = {"number": text(properties, "number"), "target": what}
    if name == "sla_warned":
        return _("The target for %(target)s of case #%(number)s is near.") % words
    return _("The target for %(target)s of case #%(number)s was missed.") % words


def _alerted(name: str, properties: Properties) -> str:
    words = {"rule": text(properties, "rule"), "about": text(properties, "about")}
    return _("Alert “%(rule)s”: %(about)s") % words if words["about"] else _("Alert “%(rule)s”.") % words


def _automated(name: str, properties: Properties) -> str:
    words = {"rule": text(properties, "rule"), "segment": text(properties, "segment")}
    return {
        "rule_ran": _("The automation “%(rule)s” ran."),
        "segment_entered": _("Entered the segment “%(segment)s”."),
        "segment_left": _("Left the segment “%(segment)s”."),
    }[name] % words


def _invited(name: str, properties: Properties) -> str:
    survey = text(properties, "survey_name") or text(properties, "survey")
    if not survey:
        return _("Was invited to a survey.")
    if text(properties, "channel") == "email":
        return _("Was invited to the survey “%(survey)s” by e-mail.") % {"survey": survey}
    return _("Was invited to the survey “%(survey)s”.") % {"survey": survey}


def _play(name: str, properties: Properties) -> str:
    words = {"play": text(properties, "play")}
    if name == "play_carried_out":
        return _("The recovery play “%(play)s” was carried out.") % words
    if text(properties, "arm") == "held_out":
        return _("By chance, the recovery play “%(play)s” was held out, to learn whether it helps.") % words
    return _("The recovery play “%(play)s” was chosen.") % words


def _by(sentences: Callable[[str], str]) -> Callable[[str, Properties], str]:
    def sentence(name: str, properties: Properties) -> str:
        words = {key: text(properties, key) for key in ("by", "profile", "purpose", "tag", "kind", "value", "source")}
        fields = properties.get("fields")
        words["by"] = words["by"] or _("Somebody")
        words["profile"] = words["profile"] or _("unnamed")
        words["fields"] = ", ".join(map(field_label, fields)) if isinstance(fields, list) else ""
        return sentences(name) % words

    return sentence


def field_label(field: object) -> str:
    known = {"name": _("name"), "email": _("e-mail"), "phone": _("phone"), "language": _("language")}
    name = str(field)
    return known.get(name) or name.removeprefix("trait.")


def _own_facts(name: str) -> str:
    return {
        "customer_created": _("%(by)s created this profile."),
        "profile_changed": _("%(by)s changed: %(fields)s."),
        "identity_added": _("%(by)s added the identity “%(kind)s: %(value)s”."),
        "identity_removed": _("%(by)s removed the identity “%(kind)s: %(value)s”."),
        "customers_merged": _("%(by)s merged the profile “%(profile)s” into this customer."),
        "customers_unmerged": _("%(by)s separated the profile “%(profile)s” from this customer."),
        "consent_given": _("%(by)s recorded consent to “%(purpose)s”."),
        "consent_withdrawn": _("%(by)s recorded that consent to “%(purpose)s” was withdrawn."),
        "note_added": _("%(by)s wrote a note."),
        "note_removed": _("%(by)s removed a note."),
        "note_restored": _("%(by)s brought a note back."),
        "customer_tagged": _("%(by)s added the tag “%(tag)s”."),
        "customer_untagged": _("%(by)s removed the tag “%(tag)s”."),
    }[name]


def _generic(name: str, properties: Properties) -> str:
    return plain(name)


Sentence = Callable[[str, Properties], str]
OWN: Sentence = _by(_own_facts)
SENTENCES: Mapping[str, tuple[str, Sentence]] = {
    "customer_identified": ("id", _identified),
    "answer_given": ("message", _answer),
    "ticket_updated": ("ticket", _ticket),
    "order_placed": ("shopping-cart", _order),
    "order_approved": ("shopping-cart", _order),
    "order_shipped": ("truck", _order),
    "order_delivered": ("package", _order),
    "order_cancelled": ("shopping-cart", _order),
    "order_refunded": ("shopping-cart", _order),
    "survey_invited": ("mail", _invited),
    "page_viewed": ("eye", _viewed),
    "screen_viewed": ("device-mobile", _viewed),
    "product_viewed": ("eye", _viewed),
    "group_joined": ("users", _joined),
    "customer_aliased": ("link", _aliased),
    "survey_shown": ("message", _survey),
    "survey_dismissed": ("message", _survey),
    "survey_completed": ("message", _responded),
    "survey_abandoned": ("message", _responded),
    "case_requested": ("alert-triangle", _responded),
    "message_received": ("mail", _received),
    "review_received": ("star", _reviewed),
    "call_transcribed": ("phone", _called),
    "message_sent": ("send", _sent),
    "message_returned": ("alert-triangle", _returned),
    "sla_warned": ("clock", _target),
    "sla_breached": ("alert-triangle", _target),
    "alert_raised": ("bell", _alerted),
    "play_assigned": ("heart-handshake", _play),
    "play_carried_out": ("heart-handshake", _play),
    **{
        f"email_{what}": ("mail", _email)
        for what in ("delivered", "opened", "link_clicked", "bounced", "marked_as_spam", "unsubscribed")
    },
    **{f"chat_{what}": ("message", _chat) for what in ("started", "ended", "message_sent", "message_received")},
    "rule_ran": ("bolt", _automated),
    "segment_entered": ("users", _automated),
    "segment_left": ("users", _automated),
    "subscription_updated": ("repeat", _subscription),
    "purchase_history_reported": ("history", _history),
    "customer_created": ("user", OWN),
    "profile_changed": ("pencil", OWN),
    "identity_added": ("id", OWN),
    "identity_removed": ("id", OWN),
    "customers_merged": ("git-merge", OWN),
    "customers_unmerged": ("versions", OWN),
    "consent_given": ("check", OWN),
    "consent_withdrawn": ("x", OWN),
    "note_added": ("note", OWN),
    "note_removed": ("note", OWN),
    "note_restored": ("note", OWN),
    "customer_tagged": ("tag", OWN),
    "customer_untagged": ("tag", OWN),
    **case_sentences.SENTENCES,
}
TIMES = {"opened_at", "first_responded_at", "resolved_at", "closed_at", "promised_at", "started_at", "ended_at"}
SAID_ALREADY = {
    "comment",
    "score",
    "by",
    "fields",
    "changes",
    "note",
    "merged",
    "separated",
    "version",
    "tag",
    "purpose",
    "message_body",
    "survey_name",
    "channel_name",
    "subject",
    "message_id",
    "conversation_id",
    "case_id",
    "automatic",
    "number",
    "into",
    "about",
    "alert_id",
    "rule_id",
    "cause",
    "depth",
}


def details(name: str, properties: Properties) -> list[tuple[str, str]]:
    """What the sentence leaves out, flat: one level of nesting is opened, the rest stays as it came."""
    labels = {
        "metric": _("Metric"), "question": _("Question"), "scale": _("Scale"), "channel": _("Channel"),
        "touchpoint": _("Touchpoint"), "survey": _("Survey"), "language": _("Language"), "priority": _("Priority"),
        "opened_at": _("Opened"), "first_responded_at": _("First response"), "resolved_at": _("Resolved"),
        "closed_at": _("Closed"), "promised_at": _("Promised for"), "started_at": _("Started"),
        "ended_at": _("Ended"), "state": _("State"), "source": _("Source"), "sla_met": _("Service level met"),
        "complaint": _("Complaint"),
    }  # fmt: skip
    flat: dict[str, Any] = {}
    for key, value in properties.items():
        if key in {"properties", "traits"} and isinstance(value, dict):
            flat |= {str(inner): one for inner, one in value.items()}
        elif name not in SENTENCES or key not in SAID_ALREADY:
            flat[key] = value
    if name == "profile_changed" and isinstance(properties.get("changes"), dict):
        for key, pair in properties["changes"].items():
            if isinstance(pair, list) and len(pair) == 2:
                before, after = (shown(one) or "–" for one in pair)
                flat[field_label(key)] = f"{before} → {after}"
    found = []
    for key, value in flat.items():
        if value in (None, "", [], {}):
            continue
        label = labels.get(key) or plain(key)
        found.append((label[:60], _value(key, value)[:500]))
    return found[:DETAILS_LIMIT]


def _value(key: str, value: object) -> str:
    if key in TIMES:
        return when(value) or str(value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return number(value)
    return shown(value)
