"""The desk by its pages: what lies in which queue, what comes next, deeds on one case and on many, and strangers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db.models import RestrictedError
from django.test import Client
from django.utils import timezone

from cxm.accounts.models import Role, User, Workspace
from cxm.act.cases import actions, causes, notes, presence, queries, tasks, waking
from cxm.act.cases.forms import snooze_until, wanted_in, wanted_of
from cxm.act.cases.models import Case, Cause, Macro, Notice, SavedReply, Team, TeamMember, View
from cxm.act.cases.queries import Wanted, beside, cases
from cxm.listen.channels.models import Channel, Conversation, Message
from cxm.testing.cast import event, given_events, make_customer, make_member, make_user, make_workspace
from cxm.understand.text.annotating import annotate_workspace
from cxm.understand.text.topics.actions import create_topic

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    workspace = make_workspace()
    care = Team.objects.create(workspace=workspace, name="Customer service", is_default=True)
    TeamMember.objects.create(team=care, user=User.objects.get())
    Team.objects.create(workspace=workspace, name="Billing")
    Channel.objects.create(workspace=workspace, kind="email", name="Support", address="help@kettles.example")
    return workspace


@pytest.fixture
def me(workspace: Workspace) -> User:
    return User.objects.get(email="olena@example.com")


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def opened(workspace: Workspace, subject: str, due_in_h: float | None = None, **more: Any) -> Case:
    case = actions.open_case(workspace=workspace, subject=subject, opened_by=actions.new_reference(), by=None, **more)
    if due_in_h is not None:
        Case.objects.filter(pk=case.pk).update(due_at=timezone.now() + timedelta(hours=due_in_h))
        case.refresh_from_db()
    return case


def subjects(workspace: Workspace, user: User, address: str) -> list[str]:
    return [case.subject for case in cases(workspace, user, wanted_in(address))]


def test_queues_orders_filters_and_what_comes_next(
    workspace: Workspace, me: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    billing = Team.objects.get(name="Billing")
    a = opened(workspace, "a", 5, priority=Case.Priority.URGENT)
    b = opened(workspace, "b", -1, owner=me, tags=["важливо"])
    c = opened(workspace, "c", team=billing, category="invoice", complaint=True)
    d = opened(workspace, "d", 1)
    actions.snooze(case=d, until=timezone.now() + timedelta(hours=1), by=me)
    e = opened(workspace, "e", customer=make_customer(workspace, "Жанна", search_text="\nzhanna\n"))
    Case.objects.filter(pk=e.pk).update(state="waiting", last_customer_at=None)
    f = opened(workspace, "f")
    actions.resolve(case=f, resolution="solved", by=me)
    expected = {
        "queue=todo": ["b", "a", "c"], "queue=mine": ["b"], "queue=team": ["b", "a"], "queue=unassigned": ["a", "c"],
        "queue=overdue": ["b"], "queue=waiting": ["e"], "queue=snoozed": ["d"], "queue=done": ["f"],
        "queue=all": ["f", "e", "d", "c", "b", "a"], "queue=nonsense": ["b", "a", "c"],
        "queue=todo&sort=priority": ["a", "b", "c"], "queue=todo&sort=newest": ["c", "b", "a"],
        "queue=todo&sort=oldest": ["a", "b", "c"], f"team={billing.pk}": ["c"], "owner=nobody": ["a", "c"],
        f"owner={me.pk}": ["b"], "priority=4": ["a"], "category=invoice": ["c"], "complaint=1": ["c"],
        "tag=важливо": ["b"], "q=%23" + str(a.number): ["a"], "queue=all&q=f": ["f"], "queue=all&state=snoozed": ["d"],
        "queue=all&q=Жанна": ["e"], "q=%00": ["b", "a", "c"], "priority=9&team=x&owner=x&cause=-1": ["b", "a", "c"],
        f"queue=all&customer={e.customer_id}": ["e"], f"customer={e.customer_id}": [],
        f"queue=all&owner=nobody&team={billing.pk}&complaint=1&sort=oldest": ["c"],
        "queue=all&state=new&owner=nobody&sort=newest": ["c", "a"],
    }  # fmt: skip
    assert {address: subjects(workspace, me, address) for address in expected} == expected
    stranger = make_workspace("Other", owner=me)
    assert subjects(stranger, me, f"queue=all&customer={e.customer_id}") == []
    monkeypatch.setattr(queries, "FEW", 0)  # as if too much fitted to be looked up: the lists are walked
    assert {address: subjects(workspace, me, address) for address in expected} == expected
    assert subjects(stranger, me, f"queue=all&customer={e.customer_id}") == []
    assert wanted_in(wanted_in("queue=all&q=a b&tag=x&complaint=1").address()) == Wanted(
        queue="all", text="a b", tag="x", complaint=True
    )
    # From one to the next and back, also from a case that has just left the queue.
    for address, order in (("queue=todo", [b, a, c]), ("queue=todo&sort=priority", [a, b, c])):
        wanted = wanted_in(address)
        rows = cases(workspace, me, wanted)
        assert [beside(rows, wanted.order, one) for one in order] == [*order[1:], None]
        assert [beside(rows, wanted.order, one, before=True) for one in order] == [None, *order[:-1]]
    actions.resolve(case=b, resolution="solved", by=me)
    wanted = wanted_in("queue=todo")
    assert beside(cases(workspace, me, wanted), wanted.order, b) == a


def test_cases_of_a_topic_a_touchpoint_and_what_went_on_with_them(workspace: Workspace, me: User) -> None:
    parent = create_topic(workspace=workspace, names={"en": "Delivery"}, words={"en": ["delivery"]}, by=me)
    late = create_topic(
        workspace=workspace, names={"en": "Late"}, words={"en": ["too late"]}, parent=parent, by=me
    )  # fmt: skip
    talk = Conversation.objects.create(workspace=workspace, kind="email")
    talk_id, comment = str(talk.pk), "Came too late."
    given_events([event(workspace, "message_received", "2026-03-02T10:00", conversation_id=talk_id, comment=comment)])
    annotate_workspace(workspace.pk)
    opened(workspace, "letter", conversation=talk)
    opened(workspace, "shop", touchpoint="checkout")
    case = opened(workspace, "again")
    Case.objects.filter(pk=case.pk).update(reopened=1)
    case = opened(workspace, "handed on")
    Case.objects.filter(pk=case.pk).update(reassigned=2)
    expected = {
        f"topic={late.key}": ["letter"], f"topic={parent.key}": ["letter"], "topic=nothing": [],
        "touchpoint=checkout": ["shop"], "had=reopened": ["again"], "had=hand_overs": ["handed on"],
    }  # fmt: skip
    assert {address: subjects(workspace, me, address) for address in expected} == expected
    page = logged_in(me).get(f"/w/{workspace.slug}/cases/?{next(iter(expected))}&had=reopened").content.decode()
    assert f'<option value="{late.key}" selected>' in page and '<option value="reopened" selected>' in page


def test_one_case_from_the_list_to_the_next(workspace: Workspace, me: User) -> None:
    client, base = logged_in(me), f"/w/{workspace.slug}/cases/"
    assert "A case is opened when a customer writes" in client.get(base).content.decode()
    ada = make_customer(workspace, "Ada <b>", email="ada@example.com")
    answer = client.post(
        f"{base}new/", {"subject": "Leaks", "customer": ada.pk, "note": "Called twice", "priority": "3"}
    )
    assert answer.status_code == 302 and answer["Location"] == f"{base}1/"
    assert "Say in a few words" in client.post(f"{base}new/", {"subject": " ", "note": "kept"}).content.decode()
    opened(workspace, "Second")
    page = client.get(f"{base}?queue=todo").content.decode()
    assert "Ada &lt;b&gt;" in page and f'href="{base}1/?queue=todo"' in page
    page = client.get(f"{base}1/?queue=todo").content.decode()
    assert "Called twice" in page and "Ada &lt;b&gt;" in page and f'href="{base}1/next/?queue=todo"' in page
    # A reply, then on to the next; the mail waits to leave.
    given = {"text": "A new one is coming.", "how": "reply", "go": "next", "list": "queue=todo"}
    answer = client.post(f"{base}1/write/", given)
    assert answer["Location"] == f"{base}2/?queue=todo"
    message = Message.objects.get()
    assert (message.text, message.author, message.conversation.address) == (
        "A new one is coming.", me, "ada@example.com",
    )  # fmt: skip
    assert Case.objects.get(number=1).state == "waiting"
    # Nothing that was typed is lost when it cannot be sent.
    page = client.post(f"{base}2/write/", {"text": "Dear <you>", "how": "reply", "list": "queue=todo"}).content.decode()
    assert "Nothing is known by which" in page and "Dear &lt;you&gt;</textarea>" in page
    seen = Message.objects.create(
        conversation=message.conversation, workspace=workspace, direction="in", text="?", external_id="1",
        at=timezone.now() - timedelta(hours=1),
    )  # fmt: skip
    page = client.post(f"{base}1/write/", {"text": "Mine", "how": "reply", "seen": seen.pk}).content.decode()
    assert "Somebody answered while you were writing" in page and "Send mine all the same" in page
    client.post(f"{base}1/write/", {"text": "Mine", "how": "resolve", "seen": seen.pk, "anyway": "1"})
    assert Case.objects.get(number=1).state == "resolved" and Message.objects.filter(direction="out").count() == 2
    for deed, given in {
        "reopen": {"reason": "Not yet"}, "describe": {"tags": "a, b", "priority": "4", "category": "leaks"},
        "assign": {"to": "me"}, "ask": {"text": "Check the seal", "to": f"team:{Team.objects.get(name='Billing').pk}"},
        "link": {"other": "#2"}, "watch": {"on": "1"}, "snooze": {"until": "tomorrow"}, "wake": {},
    }.items():  # fmt: skip
        assert client.post(f"{base}1/{deed}/", given | {"list": "queue=all"})["Location"] == f"{base}1/?queue=all", deed
    case = Case.objects.get(number=1)
    assert (case.state, case.tags, case.priority, case.category, case.owner) == ("open", ["a", "b"], 4, "leaks", me)
    page = client.get(f"{base}1/").content.decode()
    for words in ("Check the seal", "Olena asked Billing", "#2 <bdi>Second</bdi>", "Olena linked case #2", "Not yet"):
        assert words in page, words
    version = case.version
    for deed, given in {"merge": {"other": "99"}, "snooze": {"until": "never"}, "assign": {"to": "user:x"}}.items():
        client.post(f"{base}1/{deed}/", given)
    assert client.post(f"{base}1/unknown/").status_code == 404
    case.refresh_from_db()
    assert case.version == version, "what was refused changed nothing"
    assert client.get(f"{base}1/story/").status_code == 200
    client.post(f"{base}2/merge/", {"other": "1"})
    assert client.get(f"{base}2/")["Location"] == f"{base}1/"


def test_many_at_once_and_saved_views(workspace: Workspace, me: User) -> None:
    client, base = logged_in(me), f"/w/{workspace.slug}/cases/"
    made = [opened(workspace, f"case {n}") for n in range(3)]
    chosen = [str(one.number) for one in made[:2]]
    answer = client.post(f"{base}bulk/", {"do": "assign", "to": "me", "case": chosen, "list": "queue=todo"})
    assert parse_qs(urlsplit(answer["Location"]).query) == {"queue": ["todo"]}
    client.post(f"{base}bulk/", {"do": "tag", "tags": "x, y", "case": chosen})
    client.post(f"{base}bulk/", {"do": "snooze:3h", "case": chosen[:1]})
    client.post(f"{base}bulk/", {"do": "resolve", "resolution": "solved", "case": ["2", "99999", "x"]})
    page = client.post(f"{base}bulk/", {"do": "resolve", "resolution": "solved", "case": chosen}, follow=True)
    assert "#2: This case is done" in page.content.decode() and "1 case was changed" in page.content.decode()
    assert [(one.owner, one.tags, one.state) for one in Case.objects.order_by("number")] == [
        (me, ["x", "y"], "resolved"), (me, ["x", "y"], "resolved"), (None, [], "new"),
    ]  # fmt: skip
    assert "Choose at least one case" in client.post(f"{base}bulk/", {"do": "close"}, follow=True).content.decode()
    client.post(f"{base}views/save/", {"name": "Angry", "list": "queue=todo&priority=4&evil=<x>", "shared": "1"})
    view = View.objects.get()
    assert (view.query, view.owner) == ("queue=todo&priority=4", None)
    assert "Angry" in client.get(base).content.decode()
    client.post(f"{base}views/{view.pk}/remove/")
    assert not View.objects.exists()


def test_who_looks_what_is_new_and_what_waits_for_me(workspace: Workspace, me: User) -> None:
    client, base = logged_in(me), f"/w/{workspace.slug}/cases/"
    petro = make_member(workspace, Role.AGENT, "petro@example.com")
    case = opened(workspace, "Leaks")
    presence.look(case, petro, types=True)
    mark = f"{case.version}:"
    assert (
        "<strong>Petro</strong> is writing an answer" in client.post(f"{base}1/look/", {"seen": mark}).content.decode()
    )
    assert [one.user for one in presence.colleagues(case, petro)] == [me]
    notes.add_note(case=case, text="@Olena, yours?", by=petro)
    page = client.post(f"{base}1/look/", {"seen": mark}).content.decode()
    assert "Something new has happened here" in page
    assert ">1</span>" in client.get(f"{base}for-me/").content.decode(), "the badge in the menu"
    assert client.get(f"{base}1/").status_code == 200
    assert not Notice.objects.filter(user=me, read_at=None).exists(), "who opens the case has read it"
    client.post(f"{base}1/look/", {"leave": "1"})
    assert presence.colleagues(case, petro) == []
    tasks.ask(case=case, text="Weigh the parcel", team=Team.objects.get(name="Customer service"), by=petro)
    assert "Weigh the parcel" in client.get(f"{base}tasks/").content.decode()
    Case.objects.filter(pk=case.pk).update(state="snoozed", snoozed_until=timezone.now() - timedelta(seconds=1))
    assert (waking.wake_due(), waking.wake_due()) == (1, 0)
    case.refresh_from_db()
    actions.resolve(case=case, resolution="solved", by=me, at=timezone.now() - timedelta(days=13))
    assert waking.close_old() == 0
    Case.objects.filter(pk=case.pk).update(resolved_at=timezone.now() - timedelta(days=15))
    assert (waking.close_old(), waking.close_old(), Case.objects.get().state) == (1, 0, "closed")
    # A workspace can go with all its cases and teams; a team that has cases cannot go alone.
    with pytest.raises(RestrictedError):
        case.team.delete()
    workspace.delete()
    assert not Case.objects.exists()


def test_who_sends_a_case_to_sleep_again_is_not_woken_by_a_clock_that_read_before(
    workspace: Workspace, me: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = opened(workspace, "First"), opened(workspace, "Second")
    due = timezone.now() - timedelta(minutes=1)
    Case.objects.update(state="snoozed", snoozed_until=due)

    def somebody_is_faster(*, case: Case) -> None:
        actions.wake(case=case)
        other = second if case.pk == first.pk else first
        Case.objects.filter(pk=other.pk).update(snoozed_until=timezone.now() + timedelta(days=1))

    monkeypatch.setattr(waking, "wake", somebody_is_faster)
    assert waking.wake_due() == 1
    assert sorted(Case.objects.values_list("state", flat=True)) == ["open", "snoozed"]
    old = timezone.now() - timedelta(days=15)
    Case.objects.update(state="resolved", resolved_at=old, snoozed_until=None)

    def somebody_resolves_again(*, case: Case, by: None) -> None:
        actions.close(case=case, by=by)
        Case.objects.filter(state="resolved").update(resolved_at=timezone.now())

    monkeypatch.setattr(waking, "close", somebody_resolves_again)
    assert waking.close_old() == 1
    assert sorted(Case.objects.values_list("state", flat=True)) == ["closed", "resolved"]


def test_saved_replies_macros_and_root_causes(workspace: Workspace, me: User) -> None:
    client, base = logged_in(me), f"/w/{workspace.slug}/cases/"
    ada = make_customer(workspace, "Ada Lovelace", email="ada@example.com", language="uk", traits={"plan": "gold"})
    case = opened(workspace, "Leaks", customer=ada)
    wrong = client.post(f"{base}replies/new/", {"name": "Late", "text_en": "Dear {customer.nmae} {case.nubmer}"})
    assert "{case.nubmer}" in wrong.content.decode() and not SavedReply.objects.exists()
    client.post(
        f"{base}replies/new/",
        {
            "name": "Late", "text_en": "Dear {customer.first_name}",
            "text_uk": "Вітаємо, {customer.first_name}! {customer.plan|–} {customer.city|Київ} {case.number}",
        },
    )  # fmt: skip
    assert "Вітаємо, Ada! gold Київ #1" in client.get(f"{base}1/").content.decode()
    reply = SavedReply.objects.get()
    client.post(f"{base}causes/", {"do": "add", "name": "Delivery"})
    client.post(f"{base}causes/", {"do": "add", "name": "Carrier", "cause": Cause.objects.get().pk})
    carrier = Cause.objects.get(name="Carrier")
    macro = {"name": "Sorry", "reply": reply.pk, "tag": "late", "resolution": "explained", "cause": carrier.pk}
    client.post(f"{base}macros/new/", macro)
    page = client.get(f"{base}macros/").content.decode()
    assert "Send “Late” · Tag it “late” · Resolve it: Explained" in page
    client.post(f"{base}1/macro/", {"macro": _macro(workspace)})
    case.refresh_from_db()
    assert (case.state, case.tags, case.cause, Message.objects.get().text[:12]) == (
        "resolved", ["late"], carrier, "Вітаємо, Ada",
    )  # fmt: skip
    # All of a macro or nothing: the second step is refused, so the tag of the first is not there either.
    other = opened(workspace, "No address")
    client.post(f"{base}{other.number}/macro/", {"macro": _macro(workspace)})
    other.refresh_from_db()
    assert (other.state, other.tags, other.version) == ("new", [], 1)
    assert [one.path for one in causes.tree(workspace)] == ["Delivery", "Delivery › Carrier"]
    client.post(f"{base}causes/", {"do": "retire", "cause": carrier.pk})
    carrier.refresh_from_db()
    assert carrier.is_retired and len(causes.tree(workspace)) == 1, "one that was used stays readable"
    client.post(f"{base}causes/", {"do": "retire", "cause": carrier.parent.pk if carrier.parent else 0})
    assert Cause.objects.count() == 2
    for path in ("replies/", f"replies/{reply.pk}/", "macros/new/", f"macros/{_macro(workspace)}/", "causes/"):
        assert client.get(base + path).status_code == 200, path


def _macro(workspace: Workspace) -> int:
    return Macro.objects.get(workspace=workspace).pk


def test_strangers_see_nothing_and_viewers_change_nothing(workspace: Workspace) -> None:
    case = opened(workspace, "Secret")
    base = f"/w/{workspace.slug}/cases/"
    stranger, viewer = make_user("s@example.com"), make_member(workspace, Role.VIEWER, "v@example.com")
    pages = ["", "1/", "1/next/", "1/story/", "tasks/", "for-me/", "replies/", "macros/", "causes/", "new/"]
    deeds = ["1/write/", "1/resolve/", "1/assign/", "bulk/", "views/save/", "causes/", "replies/new/", "macros/new/"]
    for path in pages:
        assert logged_in(stranger).get(base + path).status_code == 404, path
    for path in deeds:
        assert logged_in(stranger).post(base + path, {"do": "add"}).status_code == 404, path
        assert logged_in(viewer).post(base + path, {"do": "add"}).status_code == 403, path
    assert logged_in(viewer).get(base + "?queue=todo").status_code == 200
    assert 'id="composer"' not in logged_in(viewer).get(base + "1/").content.decode()
    other = make_workspace("Other", make_user("o@example.com"))
    foreign = opened(other, "Foreign")
    assert foreign.number == 1
    client = logged_in(User.objects.get(email="o@example.com"))
    assert "Secret" not in client.get(f"/w/{other.slug}/cases/?queue=all").content.decode()
    case.refresh_from_db()
    assert case.version == 1


def test_times_of_a_snooze_are_those_of_the_workspace() -> None:
    with timezone.override("Europe/Kyiv"):
        tomorrow = timezone.localtime(snooze_until("tomorrow"))
        monday = timezone.localtime(snooze_until("monday"))
        assert (tomorrow.hour, tomorrow.date() - timezone.localdate()) == (9, timedelta(days=1))
        assert (monday.weekday(), monday.hour) == (0, 9) and monday > timezone.now()
        assert timezone.localtime(snooze_until("at", "2030-07-01T10:30")).utcoffset() == timedelta(hours=3)
    assert wanted_of({}).queue == "todo"
