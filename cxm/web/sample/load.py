"""Load the sample company: customers into the database, events into the log, each once however often it is started."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from cxm.accounts.actions import create_workspace
from cxm.accounts.audit import audit
from cxm.accounts.models import AuditEntry, User, Workspace
from cxm.record.customers.models import Consent, Customer, Identity, Note, Tag
from cxm.record.customers.searching import search_text_of
from cxm.record.customers.snapshot import refresh_activity
from cxm.record.customers.snapshotting import rebuild_snapshot
from cxm.record.customers.traits import learn
from cxm.record.eventlog.append import Event, append
from cxm.understand.journeys.definition import ProcessDefinition
from cxm.understand.journeys.models import Process
from cxm.understand.journeys.steps.actions import create_process
from cxm.understand.journeys.steps.building import build_steps
from cxm.understand.text.annotating import annotate_workspace
from cxm.understand.text.themes.actions import start_run
from cxm.understand.text.themes.errors import Refused
from cxm.understand.text.themes.jobs import find_themes
from cxm.understand.text.topics.starter import plant

from . import BEGUN, LOADED
from .cases import fill_the_desk
from .comments import Writer
from .credit import cars_on_credit, draw_the_map
from .drivers import explain
from .feedback import feedback
from .orders import orders
from .people import Person, people
from .sink import Sink
from .stories import FULL, SMALL, TIME_ZONE, Calendar, Size
from .subscriptions import subscriptions
from .survey import ask_about_support
from .tickets import tickets
from .visits import Agreement, agreements, browsing, identified, visits

NAME = "Lumo Home (sample)"
BY = "Demo"  # the name of the sample's own login, as facts carry it
ORDERS = "Orders"  # the process of an order
TAGS = {"wholesale": 0.02, "early adopter": 0.03, "at risk": 0.015, "newsletter winner": 0.01}
ROWS = 2_000  # written to the database at once
Progress = Callable[[str, int, int], None]  # what is written now, how much of it is done, how much there is


@dataclass(frozen=True, slots=True)
class Loaded:
    workspace: Workspace
    customers: int
    events: int  # new ones; 0 when everything was there


def load(
    *, owner: User, seed: int = 1, small: bool = False, progress: Progress = lambda what, done, of: None
) -> Loaded:
    """Make the sample workspace, or finish the one that an interrupted load left.

    Raises EventlogError; then call it again.
    """
    workspace = Workspace.objects.filter(is_sample=True, deleted_at=None).order_by("created_at").first()
    if workspace and AuditEntry.objects.filter(workspace=workspace, verb=LOADED).exists():
        return Loaded(workspace, 0, 0)
    again = workspace is not None
    workspace = workspace or _begin(owner, seed, small)
    begun = AuditEntry.objects.get(workspace=workspace, verb=BEGUN)
    seed, size = begun.changes["seed"][1], SMALL if begun.changes["small"][1] else FULL
    calendar = Calendar(begun.at)
    everyone = people(size, seed, calendar, workspace.uuid)
    written = 0

    def write(events: list[Event]) -> None:
        nonlocal written
        written += append(events, known_new=not again)
        progress("events", sink.count, size.events)

    sink = Sink(workspace.pk, workspace.uuid, write)
    agreed = agreements(everyone, seed, calendar, sink)
    customers = 0
    if not Customer.objects.filter(workspace=workspace).exists():
        with transaction.atomic():
            _put_people(workspace, owner, everyone, agreed, seed, size, calendar, progress)
        customers = len(everyone)
    rebuild_snapshot(workspace)
    _happen(workspace, owner, everyone, size, seed, calendar, sink)
    sink.flush()
    refresh_activity(workspace.pk)
    plant(workspace=workspace, tree="retail", by=owner)
    annotate_workspace(workspace.pk, lambda done, of: progress("texts", done, of))
    _look_for_themes(workspace)
    draw_the_map(workspace, owner)
    _follow_orders(workspace, owner)
    explain(workspace, owner)
    audit(LOADED, workspace, workspace=workspace, by=owner)
    return Loaded(workspace, customers, written)


def _follow_orders(workspace: Workspace, owner: User) -> None:
    """The process of an order, to look for paths in."""
    if not Process.objects.filter(workspace=workspace, name=ORDERS).exists():
        names = ("order_placed", "order_approved", "order_shipped", "order_delivered", "order_cancelled")
        definition = ProcessDefinition(case="order_id", events=names)
        build_steps(create_process(workspace=workspace, name=ORDERS, definition=definition, by=owner))


def _look_for_themes(workspace: Workspace) -> None:
    """By a job of the server, which finds them while somebody looks at the first pages."""
    try:
        run = start_run(workspace=workspace, by=None)
    except Refused:  # too few texts, or somebody was faster
        return
    find_themes.enqueue(str(run.pk))


@transaction.atomic
def _begin(owner: User, seed: int, small: bool) -> Workspace:
    workspace = create_workspace(name=NAME, owner=owner, time_zone=TIME_ZONE, currency="EUR", is_sample=True)
    audit(BEGUN, workspace, workspace=workspace, by=owner, changes={"seed": [None, seed], "small": [None, small]})
    return workspace


def _happen(
    workspace: Workspace, owner: User, everyone: list[Person], size: Size, seed: int, calendar: Calendar, sink: Sink
) -> None:
    """Eighteen months, in the order in which one thing leads to another."""
    identified(everyone, calendar, sink)
    _notice(everyone, size, seed, calendar, sink)
    bought = orders(everyone, size, seed, calendar, sink)
    asked = tickets(everyone, bought, size, seed, calendar, sink)
    paid = subscriptions(everyone, size, seed, calendar, sink)
    seen = visits(everyone, size, seed, calendar, sink)
    feedback(everyone, bought, asked, paid, seen, size, seed, calendar, sink)
    ask_about_support(workspace, owner, asked, size, seed, calendar, sink)
    fill_the_desk(workspace, owner, asked, size, seed, calendar, sink)
    cars_on_credit(everyone, size, seed, calendar, sink)
    browsing(everyone, size.events - sink.count, seed, calendar, sink)


def _notice(everyone: list[Person], size: Size, seed: int, calendar: Calendar, sink: Sink) -> None:
    """What the firm's own people did: the facts of merges, tags and notes."""
    for one in everyone:
        if one.same_as:
            when = one.joined_at if one.joined_at > calendar.start else calendar.starts[6]
            sink.add("customers_merged", one.same_as, when, one.key, by=BY, merged=str(one.id), profile=one.name)
    for name, who in _tagged(everyone, seed).items():
        for one in who:
            sink.add(
                "customer_tagged", one.id, max(one.joined_at, calendar.start), f"{name} {one.key}", by=BY, tag=name
            )
    for number, (one, when, _) in enumerate(_noted(everyone, size, seed, calendar)):
        note = uuid.uuid5(sink.namespace, f"note {number}")
        sink.add("note_added", one.id, when, str(number), by=BY, note=str(note))


def _tagged(everyone: list[Person], seed: int) -> dict[str, list[Person]]:
    rng = random.Random(f"tags {seed}")
    return {name: rng.sample(everyone, round(len(everyone) * share)) for name, share in TAGS.items()}


def _noted(everyone: list[Person], size: Size, seed: int, calendar: Calendar) -> list[tuple[Person, datetime, str]]:
    rng = random.Random(f"notes {seed}")
    writer = Writer(rng)
    made = []
    for one in rng.sample(everyone, size.notes):
        since = max(one.joined_at, calendar.start)
        made.append((one, since + rng.random() * (calendar.now - since), writer.note(one.language, female=one.female)))
    return made


def _put_people(
    workspace: Workspace, owner: User, everyone: list[Person], agreed: list[Agreement], seed: int, size: Size,
    calendar: Calendar, progress: Progress,
) -> None:  # fmt: skip
    """The operational rows, all in the caller's transaction."""
    now = timezone.now()
    learn(workspace, everyone[0].traits())
    for start in range(0, len(everyone), ROWS):
        part = everyone[start : start + ROWS]
        Customer.objects.bulk_create(
            Customer(
                id=one.id, workspace=workspace, name=one.name, email=one.email, phone=one.phone,
                language=one.language, traits=one.traits(), merged_into_id=one.same_as,
                canonical_id=one.same_as, created_at=one.joined_at,
                updated_at=now, search_text=search_text_of(one.name, one.email, one.phone, (one.key, one.email)),
            )
            for one in part
        )  # fmt: skip
        Identity.objects.bulk_create(
            Identity(workspace=workspace, customer_id=one.id, kind=kind, value=value, created_at=one.joined_at)
            for one in part
            for kind, value in (("customer_id", one.key), ("email", one.email))
        )
        progress("customers", start + len(part), len(everyone))
    Consent.objects.bulk_create(
        (
            Consent(
                customer_id=one.person.id, purpose=one.purpose, granted=one.granted, at=one.at,
                source="registration form",
            )
            for one in agreed
        ),
        batch_size=ROWS,
    )  # fmt: skip
    for name, who in _tagged(everyone, seed).items():
        tag = Tag.objects.create(workspace=workspace, name=name)
        tag.customers.through.objects.bulk_create(
            [tag.customers.through(tag_id=tag.pk, customer_id=one.id) for one in who], batch_size=ROWS
        )
    Note.objects.bulk_create(
        Note(uuid=uuid.uuid5(workspace.uuid, f"note {k}"), customer_id=one.id, text=text, by=owner, created_at=when)
        for k, (one, when, text) in enumerate(_noted(everyone, size, seed, calendar))
    )
