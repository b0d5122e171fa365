"""The sample's desk: its newest tickets as cases with conversations, two teams, targets, causes and saved replies.

The facts of these tickets are those of `tickets`; the rows here are what people work on. Nobody is written to.
"""

from __future__ import annotations

import random
import uuid
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from cxm.accounts.models import User, Workspace
from cxm.act.cases import causes, levels
from cxm.act.cases.actions import default_team
from cxm.act.cases.canned import save_reply
from cxm.act.cases.definition import Definition
from cxm.act.cases.models import Case, CaseEntry, Cause, Resolution, Team
from cxm.act.cases.policies import save_policy
from cxm.act.cases.searching import text_of
from cxm.listen.channels.models import Conversation, Message

from .comments import Mood, Writer
from .sink import Sink
from .stories import Calendar, Size
from .tickets import Ticket

State = Case.State
SOLD: Final = {  # topic of a ticket: team, subject in each language
    "late": ("Delivery", {"en": "My parcel is late", "pl": "Moja paczka się spóźnia", "ru": "Посылка опаздывает",
                          "uk": "Посилка запізнюється", "zh-Hant": "包裹延遲了"}),
    "billing": ("Billing", {"en": "Question about my bill", "pl": "Pytanie o rachunek", "ru": "Вопрос по счёту",
                            "uk": "Питання щодо рахунку", "zh-Hant": "帳單問題"}),
    "support": ("", {"en": "I need help with my device", "pl": "Potrzebuję pomocy z urządzeniem",
                     "ru": "Нужна помощь с прибором", "uk": "Потрібна допомога з приладом",
                     "zh-Hant": "我的裝置需要協助"}),
}  # fmt: skip
WRITES: Final = {"late delivery": "late", "damaged parcel": "late", "billing": "billing", "voucher": "billing"}
ANSWERS: Final = {
    "en": "Hello {customer.name}, thank you for writing. We are looking into it and will be back today.",
    "pl": "Dzień dobry, dziękujemy za wiadomość. Sprawdzamy sprawę i odezwiemy się jeszcze dzisiaj.",
    "ru": "Здравствуйте! Спасибо за сообщение. Мы уже разбираемся и ответим сегодня.",
    "uk": "Добрий день! Дякуємо за повідомлення. Ми вже розбираємося й відповімо сьогодні.",
    "zh-hant": "您好，感謝您的來信。我們正在處理，今天內會再回覆您。",
}
CAUSES: Final = ("Delivery partner", "Damaged on the way", "Wrong bill", "Product fault", "Unclear instructions")
HOUR: Final = 60
TARGETS: Final = Definition(
    targets={
        "first_reply": {"1": 24 * HOUR, "2": 8 * HOUR, "3": 4 * HOUR, "4": HOUR},
        "resolution": {"1": 120 * HOUR, "2": 72 * HOUR, "3": 48 * HOUR, "4": 24 * HOUR},
    },
    business=False, on_warning=(), on_breach=(),
)  # fmt: skip


@transaction.atomic
def fill_the_desk(
    workspace: Workspace, owner: User, asked: list[Ticket], size: Size, seed: int, calendar: Calendar, sink: Sink
) -> None:
    """The newest `size.cases` tickets: what is not resolved yet is open."""
    if Case.objects.filter(workspace=workspace).exists():
        return
    rng = random.Random(f"cases {seed}")
    writer = Writer(random.Random(f"letters {seed}"))
    teams = {name: Team.objects.create(workspace=workspace, name=name) for name in ("Delivery", "Billing")}
    teams[""] = default_team(workspace)
    roots = [causes.add(workspace=workspace, name=name, by=owner) for name in CAUSES]
    save_policy(workspace=workspace, name="All cases", definition=TARGETS, by=owner)
    save_reply(workspace=workspace, name="We are looking into it", texts=ANSWERS, by=owner)
    newest = sorted(asked, key=lambda one: (one.opened_at, one.number))[-size.cases :]
    for number, ticket in enumerate(newest, start=1):
        case = _case(rng, writer, workspace, owner, ticket, number, teams, calendar, sink.namespace)
        if case.state in (State.OPEN, State.WAITING) and rng.random() < 0.5:
            case.owner = owner
        if case.state == State.RESOLVED:
            case.cause, case.resolution = _cause(rng, roots), rng.choice([Resolution.SOLVED, Resolution.EXPLAINED])
        case.search_text = text_of(case)
        case.save(force_insert=True)
        CaseEntry.objects.create(case=case, at=case.opened_at, kind="opened", data={"opened_by": "message"})
        levels.started(case)


def _cause(rng: random.Random, roots: list[Cause]) -> Cause:
    return rng.choices(roots, (5, 2, 2, 3, 1))[0]


def _case(
    rng: random.Random, writer: Writer, workspace: Workspace, owner: User, ticket: Ticket, number: int,
    teams: dict[str, Team], calendar: Calendar, namespace: uuid.UUID,
) -> Case:  # fmt: skip
    person = ticket.person
    about = WRITES.get(ticket.topic, "support")
    team, subjects = SOLD[about]
    mood: Mood = "bad" if rng.random() < 0.7 or about == "late" else "mixed"
    letter = writer.comment(person.language, about, mood, female=person.female)
    conversation = Conversation.objects.create(
        id=uuid.uuid5(namespace, f"conversation {ticket.key}"), workspace=workspace, kind="email",
        customer_id=person.same_as or person.id, address=person.email, name=person.name,
        subject=subjects[person.language], language=person.language.lower(), created_at=ticket.opened_at,
        last_at=ticket.opened_at,
    )  # fmt: skip
    message = _say(conversation, "in", letter, ticket.opened_at, person.email)
    answered_at = min(ticket.opened_at + timedelta(hours=rng.uniform(0.3, 6)), calendar.now)
    resolved = ticket.resolved_at is not None
    state = State.RESOLVED if resolved else rng.choice([State.NEW, State.NEW, State.OPEN, State.WAITING])
    if state != State.NEW:
        answer = ANSWERS[person.language.lower()].replace("{customer.name}", person.name)
        _say(conversation, "out", answer, answered_at, author=owner)
    if state == State.OPEN:
        again = min(answered_at + timedelta(hours=rng.uniform(0.2, 5)), calendar.now)
        more = writer.comment(person.language, about, "bad", female=person.female)
        _say(conversation, "in", more, again, person.email)
    return Case(
        id=uuid.uuid5(namespace, f"case {ticket.key}"), workspace=workspace, number=number,
        subject=subjects[person.language], state=state, priority=rng.choices([1, 2, 3, 4], (2, 6, 3, 1))[0],
        is_complaint=mood == "bad", opened_by=f"message:{message.pk}", category={"late": "delivery"}.get(about, about),
        channel="email", touchpoint=ticket.touchpoint, language=person.language.lower(),
        customer_id=person.same_as or person.id, conversation=conversation, team=teams[team],
        opened_at=ticket.opened_at, first_replied_at=answered_at if state != State.NEW else None,
        last_customer_at=ticket.opened_at if state in (State.NEW, State.OPEN) else None,
        resolved_at=ticket.resolved_at, properties={"ticket": ticket.key},
    )  # fmt: skip


def _say(
    conversation: Conversation, direction: str, text: str, at: datetime, sender: str = "", author: User | None = None
) -> Message:
    return Message.objects.create(
        id=uuid.uuid5(conversation.pk, f"{direction} {at.isoformat()}"), conversation=conversation,
        workspace_id=conversation.workspace_id, direction=direction, sender=sender, author=author, text=text, at=at,
        external_id=f"sample:{uuid.uuid5(conversation.pk, f'{direction} {at.isoformat()}')}",
    )  # fmt: skip
