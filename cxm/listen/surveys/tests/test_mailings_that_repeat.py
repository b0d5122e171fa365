"""Mailings that repeat: the days of their waves, who is in each, what was missed, workers at once, pauses, stops."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from itertools import islice

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cxm.accounts.models import AuditEntry, Role, Workspace
from cxm.listen.channels.models import Delivery
from cxm.listen.surveys.distribution import actions, running, waves
from cxm.listen.surveys.distribution.queries import progress_of
from cxm.listen.surveys.models import Invitation, Mailing, Repeat, Survey
from cxm.record.customers.models import Customer, Segment
from cxm.record.customers.snapshot import put_snapshot
from cxm.testing.cast import at, make_customer, make_member, make_workspace

from .test_mailings import make_live, owner_of, people
from .test_mailings_rest import Caller

pytestmark = pytest.mark.django_db
KYIV = (
    "Europe/Kyiv"  # UTC+2, in summer +3; in 2026 clocks go forward on 29 March at 3:00 and back on 25 October at 4:00
)
Clock = Callable[[str], None]


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace(time_zone=KYIV)


@pytest.fixture
def survey(workspace: Workspace) -> Survey:
    return make_live(workspace)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """clock("2026-01-31 07:00") sets the time, in UTC."""
    return lambda text: monkeypatch.setattr("django.utils.timezone.now", lambda: at(text))


def repeating(
    survey: Survey, every: str = "day", first: str = "2026-01-31", hour: time = time(9), **values: object
) -> Mailing:
    """Started; to everybody who has a profile."""
    owner = owner_of(survey.workspace)
    everybody = Segment.objects.create(workspace=survey.workspace, name="Everybody", condition={"all": []})
    until = values.pop("until", None)
    mailing = actions.create_mailing(
        survey=survey, name="Pulse", by=owner, segment=str(everybody.pk), **values,
        repeat={"every": every, "first_on": date.fromisoformat(first), "at": hour, "until": until},
    )  # fmt: skip
    actions.start_mailing(mailing=mailing, by=owner)
    return mailing


def known(customers: list[Customer]) -> None:
    """To the engine too, which looks for the members of segments."""
    put_snapshot(customers[0].workspace_id, [one.pk for one in customers])


def carry_out() -> None:
    """As if every message had been sent."""
    while running.advance_all():
        Delivery.objects.filter(state="waiting").update(state="sent")
        Invitation.objects.filter(state="created").update(state="sent", sent_at=timezone.now())
    running.advance_all()


def beginnings(every: str, first: str, hour: time, since: str, n: int, zone: str = KYIV) -> list[str]:
    """The first `n` waves after `since`, in UTC."""
    repeat = Repeat(every=every, first_on=date.fromisoformat(first), at=hour)
    after = (moment for _day, moment in waves.waves_from(repeat, at(since), zone) if moment > at(since))
    return [f"{one:%Y-%m-%d %H:%M}" for one in islice(after, n)]


def test_a_day_keeps_its_hour_over_both_changes_of_the_clocks() -> None:
    found = beginnings("day", "2026-01-01", time(9), "2026-03-28 00:00", 3)
    assert found == ["2026-03-28 07:00", "2026-03-29 06:00", "2026-03-30 06:00"]
    found = beginnings("day", "2026-01-01", time(9), "2026-10-24 00:00", 3)
    assert found == ["2026-10-24 06:00", "2026-10-25 07:00", "2026-10-26 07:00"]


def test_an_hour_that_is_skipped_comes_later_and_one_that_is_doubled_once() -> None:
    # 3:30 does not exist on 29 March: 3:30 by the winter clock is 1:30 UTC, when clocks show 4:30.
    found = beginnings("day", "2026-01-01", time(3, 30), "2026-03-28 00:00", 3)
    assert found == ["2026-03-28 01:30", "2026-03-29 01:30", "2026-03-30 00:30"]
    # 3:30 is at 0:30 and at 1:30 UTC on 25 October.
    found = beginnings("day", "2026-01-01", time(3, 30), "2026-10-25 00:00", 2)
    assert found == ["2026-10-25 00:30", "2026-10-26 01:30"]


def test_the_31st_is_the_last_day_of_a_shorter_month() -> None:
    found = beginnings("month", "2026-01-31", time(9), "2026-01-31 07:00", 4)
    assert found == ["2026-02-28 07:00", "2026-03-31 06:00", "2026-04-30 06:00", "2026-05-31 06:00"]
    assert beginnings("month", "2026-01-31", time(9), "2028-02-01 00:00", 1) == ["2028-02-29 07:00"]
    found = beginnings("quarter", "2025-11-30", time(9), "2025-12-01 00:00", 3)
    assert found == ["2026-02-28 07:00", "2026-05-30 06:00", "2026-08-30 06:00"]
    found = beginnings(
        "week", "2026-03-23", time(0, 15), "2026-03-23 00:00", 2
    )  # Mondays; 0:15 in Kyiv is Sunday in UTC
    assert found == ["2026-03-29 21:15", "2026-04-05 21:15"]


@pytest.mark.parametrize("every", ["day", "week", "month", "quarter"])
def test_looking_from_any_moment_finds_what_counting_from_the_first_finds(every: str) -> None:
    repeat = Repeat(every=every, first_on=date(2025, 8, 31), at=time(23, 45), until=date(2028, 3, 1))
    zone = "America/Santiago"
    each = [(waves.day_of(repeat, n), waves.begins_at(repeat, waves.day_of(repeat, n), zone)) for n in range(1000)]
    each = [(day, moment) for day, moment in each if day <= date(2028, 3, 1)]
    for hours in range(0, 24 * 1100, 157):
        now = at("2025-08-01 00:00") + timedelta(hours=hours)
        assert waves.missed(repeat, now, zone) == max((day for day, moment in each if moment <= now), default=None)
        assert waves.next_after(repeat, now, zone) == min(
            (moment for _day, moment in each if moment > now), default=None
        )


def test_each_wave_invites_those_who_are_in_the_segment_on_its_day(
    workspace: Workspace, survey: Survey, clock: Clock
) -> None:
    clock("2026-01-30 12:00")
    mailing = repeating(survey, "month", per_hour=100, remind_after_days=[3], subject={"en": "Hello"})
    Segment.objects.update(condition={"field": "trait.plan", "operator": "is", "values": ["gold"]})
    ada, bob = (make_customer(workspace, name, email=f"{name}@example.com") for name in ("ada", "bob"))
    put_snapshots(gold=[ada])
    assert waves.begin_due() == 0
    clock("2026-01-31 07:00")
    assert (waves.begin_due(), waves.begin_due()) == (1, 0)
    carry_out()
    put_snapshots(gold=[ada, bob])
    clock("2026-02-28 07:01")
    assert waves.begin_due() == 1
    carry_out()
    first, second = Mailing.objects.filter(series=mailing).order_by("pk")
    assert (first.wave_on, second.wave_on) == (date(2026, 1, 31), date(2026, 2, 28))
    assert (second.state, second.per_hour, second.remind_after_days) == ("sent", 100, [3])
    assert (second.subject, second.survey, second.created_by) == ({"en": "Hello"}, survey, owner_of(workspace))
    assert [one.customer for one in first.invitations.all()] == [ada]
    assert {one.customer for one in second.invitations.all()} == {ada, bob}
    mailing.refresh_from_db()
    assert (mailing.state, mailing.repeat.next_at) == ("repeating", at("2026-03-31 06:00"))
    assert progress_of(mailing).sent == 3, "of all waves together"


def put_snapshots(gold: list[Customer]) -> None:
    for one in Customer.objects.all():
        one.traits = {"plan": "gold"} if one in gold else {}
        one.save()
    known(list(Customer.objects.all()))


def test_the_budget_holds_from_wave_to_wave(workspace: Workspace, survey: Survey, clock: Clock) -> None:
    actions.save_rule(workspace=workspace, name="Once a month", most=1, days=30, by=owner_of(workspace))
    known(people(workspace, 2))
    clock("2026-01-30 12:00")
    mailing = repeating(survey)
    for day in ("2026-01-31 07:00", "2026-02-01 07:00", "2026-03-03 07:00"):
        clock(day)
        assert waves.begin_due() == 1
        carry_out()
    states = [progress_of(one).states for one in Mailing.objects.filter(series=mailing).order_by("wave_on")]
    assert states == [{"sent": 2}, {"skipped": 2}, {"sent": 2}]
    assert progress_of(mailing).reasons == [("rule", 2)]


def test_what_was_missed_is_made_up_for_once(survey: Survey, clock: Clock) -> None:
    clock("2026-01-30 12:00")
    mailing = repeating(survey)
    clock("2026-02-05 02:00")  # the waves of 31 January to 4 February were missed
    assert (waves.begin_due(), waves.begin_due()) == (1, 0)
    carry_out()
    clock("2026-02-05 07:00")
    assert waves.begin_due() == 1
    days = list(Mailing.objects.filter(series=mailing).values_list("wave_on", flat=True).order_by("pk"))
    assert days == [date(2026, 2, 4), date(2026, 2, 5)]


def test_a_survey_that_nobody_can_answer_gets_no_waves_and_one_when_it_is_live_again(
    survey: Survey, clock: Clock
) -> None:
    clock("2026-01-30 12:00")
    repeating(survey)
    Survey.objects.update(state="paused")
    clock("2026-02-05 07:00")
    assert waves.begin_due() == 0
    Survey.objects.update(state="live")
    assert (waves.begin_due(), waves.begin_due()) == (1, 0)


def test_a_wave_waits_for_the_one_before_but_not_for_an_address_that_is_tried_again(
    workspace: Workspace, survey: Survey, clock: Clock
) -> None:
    known(people(workspace, 1))
    clock("2026-01-30 12:00")
    mailing = repeating(survey)
    clock("2026-01-31 07:00")
    assert waves.begin_due() == 1
    clock("2026-02-02 07:00")
    assert waves.begin_due() == 0, "nobody is planned yet"
    running.advance_all()
    assert waves.begin_due() == 0, "the mail server takes nothing"
    Delivery.objects.update(attempts=1)
    assert waves.begin_due() == 1
    assert Mailing.objects.filter(series=mailing, wave_on=date(2026, 2, 2)).exists()


def test_the_last_day_ends_it_and_is_made_up_for_too(survey: Survey, clock: Clock) -> None:
    clock("2026-01-30 12:00")
    mailing = repeating(survey, "week", until=date(2026, 2, 14))
    clock("2026-06-01 00:00")
    assert waves.begin_due() == 1
    mailing.refresh_from_db()
    assert (mailing.state, mailing.repeat.next_at, mailing.finished_at) == ("sent", None, at("2026-06-01 00:00"))
    assert Mailing.objects.get(series=mailing).wave_on == date(2026, 2, 14)
    with pytest.raises(actions.Refused, match="The last day has passed"):
        actions.start_mailing(mailing=drafted(survey, until=date(2026, 5, 31)), by=owner_of(survey.workspace))


def drafted(survey: Survey, **repeat: object) -> Mailing:
    return actions.create_mailing(
        survey=survey, name="Draft", by=owner_of(survey.workspace), segment=str(Segment.objects.get().pk),
        repeat={"every": "day", "first_on": date(2026, 1, 1), "at": time(9), "until": None, **repeat},
    )  # fmt: skip


def test_a_kill_between_the_claim_and_the_wave_loses_nothing(
    survey: Survey, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock("2026-01-30 12:00")
    mailing = repeating(survey)
    clock("2026-01-31 07:00")

    def killed(_self: object, **_values: object) -> None:
        assert Repeat.objects.get().next_at == at("2026-02-01 07:00"), "it was claimed"
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("django.db.models.query.QuerySet.create", killed)
        with pytest.raises(KeyboardInterrupt):
            waves.begin_due()
    assert Repeat.objects.get().next_at == at("2026-01-31 07:00")
    assert not Mailing.objects.filter(series=mailing).exists()
    assert (waves.begin_due(), waves.begin_due()) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_make_one_wave(monkeypatch: pytest.MonkeyPatch) -> None:
    survey = make_live(make_workspace(time_zone=KYIV))
    monkeypatch.setattr("django.utils.timezone.now", lambda: at("2026-01-30 12:00"))
    mailing = repeating(survey)
    monkeypatch.setattr("django.utils.timezone.now", lambda: at("2026-01-31 07:00"))
    ready, made = threading.Barrier(4), list[int]()

    def work() -> None:
        try:
            repeat = Repeat.objects.select_related("mailing__survey__workspace").get()
            ready.wait(20)  # all have seen that it is due
            made.append(waves.begin(repeat, at("2026-01-31 07:00")))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(made) == [0, 0, 0, 1]
    assert Mailing.objects.filter(series=mailing).count() == 1


def test_it_is_paused_and_goes_on_with_the_next(survey: Survey, clock: Clock) -> None:
    owner = owner_of(survey.workspace)
    clock("2026-01-30 12:00")
    mailing = repeating(survey)
    actions.pause_mailing(mailing=mailing, by=owner)
    clock("2026-02-02 12:00")
    assert waves.begin_due() == 0
    with pytest.raises(actions.Refused):
        actions.pause_mailing(mailing=mailing, by=owner)
    actions.resume_mailing(mailing=mailing, by=owner)
    assert waves.begin_due() == 0, "what passed in the pause is not made up for"
    clock("2026-02-03 07:00")
    assert waves.begin_due() == 1
    verbs = AuditEntry.objects.filter(subject="mailing").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["created", "started", "paused", "resumed"]


def test_stopping_keeps_back_the_wave_that_is_leaving_and_leaves_those_before_as_they_were(
    workspace: Workspace, survey: Survey, clock: Clock
) -> None:
    known(people(workspace, 2))
    clock("2026-01-30 12:00")
    mailing = repeating(survey)
    clock("2026-01-31 07:00")
    waves.begin_due()
    carry_out()
    clock("2026-02-01 07:00")
    waves.begin_due()
    running.advance_all()
    assert actions.stop_mailing(mailing=mailing, by=owner_of(workspace)) == 2
    assert list(Mailing.objects.order_by("pk").values_list("state", flat=True)) == ["stopped", "sent", "stopped"]
    clock("2026-02-02 07:00")
    assert waves.begin_due() == 0
    with pytest.raises(actions.Refused):
        actions.resume_mailing(mailing=mailing, by=owner_of(workspace))


def test_a_list_of_people_and_a_wrong_day_are_refused(survey: Survey) -> None:
    owner = owner_of(survey.workspace)
    with pytest.raises(actions.Refused, match="before the first"):
        actions.create_mailing(survey=survey, name="x", by=owner, repeat={
            "every": "day", "first_on": date(2026, 2, 1), "at": time(9), "until": date(2026, 1, 31)})  # fmt: skip
    assert not Mailing.objects.exists()
    listed = actions.create_mailing(survey=survey, name="x", by=owner, customers=["a@example.com"], repeat={
        "every": "day", "first_on": date(2026, 2, 1), "at": time(9), "until": None})  # fmt: skip
    with pytest.raises(actions.Refused, match="Choose a segment"):
        actions.start_mailing(mailing=listed, by=owner)
    listed.refresh_from_db()
    assert listed.state == "draft"


def test_a_sample_is_drawn_anew_for_each_wave(workspace: Workspace, survey: Survey, clock: Clock) -> None:
    known(people(workspace, 60))
    clock("2026-01-30 12:00")
    mailing = repeating(survey, sample={"overall": 60.0})
    drawn = []
    for day in ("2026-01-31 07:00", "2026-02-01 07:00"):
        clock(day)
        waves.begin_due()
        carry_out()
        drawn.append(set(Mailing.objects.latest("pk").invitations.values_list("customer", flat=True)))
    assert 0 < len(drawn[0]) < 60
    assert drawn[0] != drawn[1]
    mailing.refresh_from_db()
    assert mailing.sample == {"overall": 60.0}


def test_it_is_written_and_looked_at_on_its_pages(
    client: Client, workspace: Workspace, survey: Survey, clock: Clock
) -> None:
    known([*people(workspace, 1), make_customer(workspace, "No address")])
    everybody = Segment.objects.create(workspace=workspace, name="Everybody", condition={"all": []})
    client.force_login(owner_of(workspace))
    values = {"name": "Pulse", "segment": str(everybody.pk), "people": "", "by": "", "every": "month"}
    new = reverse("surveys:new_mailing", args=[workspace.slug, survey.pk])
    assert client.post(new, values).status_code == 422
    assert not Mailing.objects.exists()
    shown = client.post(new, {**values, "first_on": "2099-01-31", "at": "09:00"}, follow=True).content.decode()
    assert "Every month" in shown
    mailing = Mailing.objects.get()
    edit = client.get(reverse("surveys:edit_mailing", args=[workspace.slug, survey.pk, mailing.pk])).content.decode()
    assert 'value="2099-01-31"' in edit
    where = [workspace.slug, survey.pk, mailing.pk]
    client.post(reverse("surveys:start_mailing", args=where))
    Repeat.objects.update(next_at=datetime.now(tz=at("2026-01-01 00:00").tzinfo), first_on=date(2026, 1, 31))
    assert waves.begin_due() == 1
    carry_out()
    shown = client.get(reverse("surveys:mailing", args=where)).content.decode()
    wave = Mailing.objects.get(series=mailing)
    assert reverse("surveys:mailing", args=[workspace.slug, survey.pk, wave.pk]) in shown
    assert "Next wave" in shown
    assert "no e-mail address" in shown
    listed = client.get(reverse("surveys:mailings", args=where[:2])).content.decode()
    assert reverse("surveys:mailing", args=[workspace.slug, survey.pk, wave.pk]) not in listed
    one = client.get(reverse("surveys:mailing", args=[workspace.slug, survey.pk, wave.pk])).content.decode()
    assert reverse("surveys:mailing", args=where) in one
    client.post(reverse("surveys:pause_mailing", args=where), {"paused": "yes"})
    mailing.refresh_from_db()
    assert mailing.state == "paused"
    agent = Client()
    agent.force_login(make_member(workspace, Role.AGENT, "agent@example.com"))
    assert agent.post(reverse("surveys:pause_mailing", args=where), {"paused": "no"}).status_code == 403
    mailing.refresh_from_db()
    assert mailing.state == "paused"


def test_programs_make_it_and_read_its_waves(workspace: Workspace, survey: Survey, clock: Clock) -> None:
    everybody = Segment.objects.create(workspace=workspace, name="Everybody", condition={"all": []})
    caller = Caller(workspace)
    clock("2026-01-30 12:00")
    body = {"name": "Pulse", "segment": str(everybody.pk)}
    path = f"/surveys/{survey.pk}/mailings"
    assert caller.post(path, {**body, "repeat": {"every": "hour", "first_on": "2026-01-31", "at": "09:00"}})[0] == 422
    assert caller.post(path, {**body, "repeat": {"every": "day", "first_on": "2026-01-31", "at": "09:00Z"}})[0] == 422
    status, made = caller.post(path, {**body, "repeat": {"every": "week", "first_on": "2026-01-31", "at": "09:00"}})
    assert (status, made["repeat"]["next_at"], made["state"]) == (201, None, "draft")
    started = caller.post(f"/mailings/{made['id']}/start")[1]
    assert (started["state"], started["repeat"]["next_at"]) == ("repeating", "2026-01-31T07:00:00Z")
    assert caller.post(f"/mailings/{made['id']}/pause")[1]["state"] == "paused"
    assert caller.post(f"/mailings/{made['id']}/pause")[0] == 409
    assert caller.post(f"/mailings/{made['id']}/resume")[1]["state"] == "repeating"
    clock("2026-01-31 07:00")
    waves.begin_due()
    [wave] = caller.get(f"/mailings/{made['id']}/waves")[1]["items"]
    assert (wave["series_id"], wave["wave_on"], wave["repeat"]) == (made["id"], "2026-01-31", None)
    assert [one["id"] for one in caller.get(path)[1]["items"]] == [made["id"]]
