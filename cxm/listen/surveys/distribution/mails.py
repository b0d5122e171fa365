"""The words of invitations and reminders: made right before sending, in the language of the person.

The first question of the survey is in the mail if it can be answered by one click. A click opens the personal link with
the answer in its query; it counts when the page is used, so that scanners, which open every link, answer nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from uuid import UUID

import msgspec
from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from cxm.lib.conditions import text_of
from cxm.listen.channels.mail.blocks import Block, Button, Choices, Foot, Heading, Words, as_html, as_text
from cxm.listen.channels.mail.letter import Letter, Unusable, message_id_of, unsubscribe_address
from cxm.listen.channels.models import Delivery
from cxm.listen.surveys.budget import take_back
from cxm.listen.surveys.definition import Definition, Question, default_scale, said
from cxm.listen.surveys.models import Contact, Invitation, Response, Survey, Version

from .links import personal_link

MOST_POINTS = 11
MOST_CHOICES = 7
PIPED = re.compile(r"\{(name|first_name|email|language|survey|sender|trait\.[^{}|\n]+|hidden\.[^{}|\n]+)(?:\|([^{}\n]*))?\}")
State = Invitation.State
# Large values that no mail needs: the list of a mailing alone may name a hundred thousand people.
HEAVY = ["mailing__customers", "mailing__sample", "survey__draft", "survey__widget", "customer__search_text",
         "customer__trait_times"]  # fmt: skip
ENDED = {Delivery.State.FAILED, Delivery.State.CANCELLED}


def invitation_cause(invitation: Invitation) -> str:
    return f"invitation:{invitation.pk.hex}"


def reminder_cause(invitation: Invitation, number: int) -> str:
    return f"reminder:{invitation.pk.hex}:{number}"


def invitation_of(delivery: Delivery) -> Invitation | None:
    _kind, _colon, rest = delivery.cause.partition(":")
    try:
        pk = UUID(hex=rest.partition(":")[0])
    except ValueError as error:
        raise Unusable(f"{delivery.cause!r} names no invitation.") from error
    rows = Invitation.objects.select_related("survey__workspace", "customer", "mailing").defer(*HEAVY)
    return rows.filter(pk=pk).first()


def make(delivery: Delivery) -> Letter | None:
    """The mail of an invitation or a reminder; None when it has become pointless."""
    invitation = invitation_of(delivery)
    if invitation is None or is_pointless(invitation):
        return None
    definition = published(invitation.survey)
    if definition is None:
        return None
    reminder = delivery.cause.startswith("reminder:")
    language = language_of(invitation, definition)
    with translation.override(language if language in dict(settings.LANGUAGES) else "en"):
        return letter_for(invitation, definition, language, delivery, reminder=reminder)


def is_pointless(invitation: Invitation) -> bool:
    survey = invitation.survey
    now = timezone.now()
    over = survey.state != Survey.State.LIVE or survey.archived_at or (survey.closes_at and survey.closes_at <= now)
    expired = invitation.expires_at and invitation.expires_at < now
    return bool(over or expired or invitation.state == State.ANSWERED or has_answered(invitation))


def has_answered(invitation: Invitation) -> bool:
    ended = [Response.State.COMPLETED, Response.State.SCREENED_OUT]
    return Response.objects.filter(invitation=invitation, state__in=ended).exists()


@lru_cache(maxsize=64)
def _definition(survey_id: int, number: int) -> Definition | None:
    row = Version.objects.filter(survey_id=survey_id, number=number).first()
    return msgspec.convert(row.definition, Definition) if row else None


def published(survey: Survey) -> Definition | None:
    """What people answer now; a published version never changes, so it is kept."""
    return _definition(survey.pk, survey.version)


def language_of(invitation: Invitation, definition: Definition) -> str:
    """The person's own language if the survey speaks it, else the survey's first."""
    wanted = invitation.language or (invitation.customer.language if invitation.customer else "")
    for one in definition.languages:
        if one.casefold() == wanted.casefold():
            return one
    for one in definition.languages:
        if wanted and one.partition("-")[0].casefold() == wanted.partition("-")[0].casefold():
            return one
    return definition.languages[0] if definition.languages else "en"


def letter_for(
    invitation: Invitation, definition: Definition, language: str, delivery: Delivery, *, reminder: bool
) -> Letter:
    """In the language that is active; `delivery` gives the unsubscribe link."""
    survey, mailing = invitation.survey, invitation.mailing
    sender = survey.workspace.name
    words = {
        "subject": (mailing.subject if mailing else {}), "text": (mailing.text if mailing else {}),
    }  # fmt: skip
    subject = piped(said(words["subject"], language, definition.languages), invitation) or default_subject(sender)
    text = piped(said(words["text"], language, definition.languages), invitation) or default_text(invitation)
    if reminder:
        subject = _("Reminder: %(subject)s") % {"subject": subject}
    blocks: list[Block] = [Words(text), *first_question(invitation, definition, language)]
    blocks.append(Foot(
        piped(said(definition.purpose, language, definition.languages), invitation)
        or _("%(sender)s sent you this because you are a customer.") % {"sender": sender},
        [(_("Unsubscribe"), unsubscribe_address(delivery))],
    ))  # fmt: skip
    in_reply_to = ""
    if reminder:
        first = Delivery.objects.filter(workspace_id=delivery.workspace_id, cause=invitation_cause(invitation)).first()
        in_reply_to = message_id_of(first) if first else ""
    return Letter(
        subject=subject, text=as_text(blocks),
        html=as_html(blocks, title=subject, language=language, accent=definition.look.accent),
        sender_name=sender, language=language, in_reply_to=in_reply_to,
        feedback_id=f"{mailing.pk if mailing else 0}:{survey.key[:40]}:{survey.workspace_id}:opencxm",
    )  # fmt: skip


def default_subject(sender: str) -> str:
    return _("%(sender)s would like to hear from you") % {"sender": sender}


def default_text(invitation: Invitation) -> str:
    hello = _("Hello %(name)s,") % {"name": invitation.customer.name} if invitation.customer and invitation.customer.name else _("Hello,")
    return hello + "\n\n" + _("how are we doing? Your answer takes about a minute and helps us to get better.")


def first_question(invitation: Invitation, definition: Definition, language: str) -> list[Block]:
    """The first question with its answers as links, or a button that opens the survey."""
    button = Button(_("Answer now"), personal_link(invitation, lang=language))
    question = clickable(definition)
    if question is None:
        return [button]
    languages = definition.languages
    shown: list[Block] = [Heading(piped(said(question.title, language, languages), invitation))]
    points = points_of(question, language, languages)
    items = [
        (label, personal_link(invitation, q=question.id, v=value, lang=language)) for label, value in points
    ]
    scale = question.scale or default_scale(question.kind)
    scored = question.kind in {"nps", "csat", "ces", "rating"}
    lowest = said(scale.lowest_label, language, languages) if scored else ""
    highest = said(scale.highest_label, language, languages) if scored else ""
    return [*shown, Choices(items, lowest, highest), Words(
        _("One click is enough; you can say more on the page that opens."), pale=True
    )]  # fmt: skip


def clickable(definition: Definition) -> Question | None:
    """The first question, if everybody sees it and one click answers it."""
    page = definition.pages[0] if definition.pages else None
    section = page.sections[0] if page and page.sections else None
    question = section.questions[0] if section and section.questions else None
    if page is None or section is None or question is None:
        return None
    if page.show or section.show or question.show or section.order == "random":
        return None
    found = points_of(question, "", definition.languages)
    return question if found else None


def points_of(question: Question, language: str, languages: list[str]) -> list[tuple[str, str]]:
    """(label, value for the link) of a question that one click answers; empty for all others."""
    match question.kind:
        case "nps" | "csat" | "ces" | "rating":
            scale = question.scale or default_scale(question.kind)
            count = round((scale.highest - scale.lowest) / scale.step) + 1 if scale.step > 0 else 0
            if not 2 <= count <= MOST_POINTS:
                return []
            values = [text_of(float(scale.lowest + n * scale.step)) for n in range(count)]
            return [(value, value) for value in values]
        case "yes_no":
            return [(_("Yes"), "true"), (_("No"), "false")]
        case "thumbs":
            return [("👍", "true"), ("👎", "false")]
        case "single" | "dropdown":
            plain = all(not one.other and one.show is None for one in question.choices)
            if not plain or question.carry or not 2 <= len(question.choices) <= MOST_CHOICES:
                return []
            return [(said(one.label, language, languages) or one.id, one.id) for one in question.choices]
        case _:
            return []


def piped(template: str, invitation: Invitation) -> str:
    """`{name|there}`, `{first_name}`, `{trait.plan}`, `{hidden.order}`, `{survey}`, `{sender}` in a text."""
    customer = invitation.customer

    def value(name: str) -> str:
        if name == "survey":
            return invitation.survey.name
        if name == "sender":
            return invitation.survey.workspace.name
        if name.startswith("hidden."):
            return text_of(invitation.hidden.get(name[7:], ""))
        if customer is None:
            return invitation.address if name == "email" else ""
        if name.startswith("trait."):
            found = customer.traits.get(name[6:])
            return text_of(found) if isinstance(found, str | int | float) else ""
        known = {
            "name": customer.name, "first_name": customer.name.partition(" ")[0], "email": customer.email,
            "language": customer.language,
        }  # fmt: skip
        return known.get(name, "")

    return PIPED.sub(lambda found: value(found[1])[:500] or found[2] or "", template)


def settled(delivery: Delivery) -> None:
    """What became of an invitation's message, in the transaction that says so."""
    if not delivery.cause.startswith("invitation:"):
        return
    if delivery.state == Delivery.State.SENT:
        pk = UUID(hex=delivery.cause.partition(":")[2])
        sent_at = delivery.sent_at or timezone.now()
        if Invitation.objects.filter(pk=pk, state=State.CREATED).update(state=State.SENT, sent_at=sent_at):
            return
    invitation = invitation_of(delivery)
    if invitation is None or invitation.state in {State.ANSWERED, State.OPENED}:
        return
    if delivery.state == Delivery.State.SENT:
        if invitation.state == State.SKIPPED and invitation.customer_id:
            # A person sent it after all: then it is a contact, whatever the budget says.
            _contact(invitation)
        Invitation.objects.filter(pk=invitation.pk).update(
            state=State.SENT, sent_at=delivery.sent_at or timezone.now(), reason="", reason_detail={}
        )
    elif delivery.state == Delivery.State.BOUNCED:
        Invitation.objects.filter(pk=invitation.pk).update(state=State.BOUNCED)
    elif delivery.state in ENDED and invitation.state == State.CREATED:
        reason = "failed" if delivery.state == Delivery.State.FAILED else "stopped"
        if delivery.error.startswith("suppressed"):
            reason = "suppressed"
        forget_contact(invitation)
        Invitation.objects.filter(pk=invitation.pk).update(
            state=State.SKIPPED, reason=reason, reason_detail={"error": delivery.error[:500]}
        )


def person_of(invitation: Invitation) -> UUID:
    """As the budget knows them: `contact` in the reasons of an invitation that was decided."""
    from cxm.record.eventlog.ids import customer_id_of

    if invitation.customer_id:
        return invitation.customer_id
    return customer_id_of(invitation.workspace_id, "email", invitation.address.casefold())


def forget_contact(invitation: Invitation) -> None:
    """Nobody was asked after all."""
    canonical = invitation.customer.canonical_id if invitation.customer else None
    person = canonical or person_of(invitation)
    take_back(
        invitation.workspace_id, [(person, invitation.survey_id, invitation.channel, invitation.created_at)]
    )


def _contact(invitation: Invitation) -> None:
    Contact.objects.create(
        workspace_id=invitation.workspace_id, person=person_of(invitation), survey_id=invitation.survey_id,
        channel=invitation.channel,
    )  # fmt: skip
