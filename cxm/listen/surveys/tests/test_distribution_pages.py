"""The pages of sharing, mailings, the contact budget and messages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cxm.accounts.models import Role, Workspace
from cxm.listen.channels import actions as channel_actions
from cxm.listen.channels.models import Delivery, Suppression
from cxm.listen.surveys.distribution import actions, nonresponse, running
from cxm.listen.surveys.distribution.mails import published
from cxm.listen.surveys.distribution.queries import panel_of
from cxm.listen.surveys.models import Contact, ContactRule, Invitation, Mailing, Response, Survey
from cxm.record.customers.models import Customer, Segment, Trait
from cxm.record.customers.snapshot import put_snapshot
from cxm.testing.cast import make_customer, make_member, make_user, make_workspace

from .test_mailings import make_live, owner_of, people, start

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def survey(workspace: Workspace) -> Survey:
    return make_live(workspace)


@pytest.fixture
def owner(client: Client, workspace: Workspace) -> Client:
    client.force_login(owner_of(workspace))
    return client


def page(client: Client, name: str, *args: object, status: int = 200) -> str:
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == status
    return answer.content.decode()


def test_a_survey_is_shared_by_link_code_and_kiosk(owner: Client, workspace: Workspace, survey: Survey) -> None:
    shown = page(owner, "surveys:share", workspace.slug, survey.pk)
    assert f"http://127.0.0.1:8000/s/{survey.public_id}" in shown
    assert f"/s/{survey.public_id}?kiosk=1" in shown
    svg = owner.get(reverse("surveys:qr", args=[workspace.slug, survey.pk, "svg"]))
    assert svg.headers["Content-Type"] == "image/svg+xml"
    assert svg.content.startswith(b"<?xml")
    png = owner.get(reverse("surveys:qr", args=[workspace.slug, survey.pk, "png"]) + "?download")
    assert png.content.startswith(b"\x89PNG")
    assert "attachment" in png.headers["Content-Disposition"]
    assert owner.get(reverse("surveys:qr", args=[workspace.slug, survey.pk, "exe"])).status_code == 404


def test_a_place_has_its_own_kiosk_and_code(owner: Client, workspace: Workspace, survey: Survey) -> None:
    address = reverse("surveys:share", args=[workspace.slug, survey.pk])
    shown = owner.get(address, {"place": "Lviv, Rynok 1 & <b>"}).content.decode()
    assert "kiosk=Lviv%2C+Rynok+1+%26+%3Cb%3E" in shown
    assert "svg?place=Lviv%2C%20Rynok%201%20%26%20%3Cb%3E" in shown
    assert "<b>" not in shown
    code = reverse("surveys:qr", args=[workspace.slug, survey.pk, "svg"])
    plain, lviv, kyiv = (owner.get(code, {"place": place}).content for place in ("", "Lviv", "Kyiv"))
    assert plain == owner.get(code).content
    assert len({plain, lviv, kyiv}) == 3
    assert owner.get(code, {"place": "場" * 500}).status_code == 200


def test_a_personal_link_is_made_on_the_page(owner: Client, workspace: Workspace, survey: Survey) -> None:
    address = reverse("surveys:invite", args=[workspace.slug, survey.pk])
    shown = owner.post(address, {"address": "ada@example.com"}, follow=True).content.decode()
    made = Invitation.objects.get()
    assert f"/s/i/{made.token}" in shown
    assert not Delivery.objects.exists()
    owner.post(address, {"address": "nonsense"})
    assert Invitation.objects.count() == 1


def test_a_mailing_is_written_checked_sent_and_stopped(owner: Client, workspace: Workspace, survey: Survey) -> None:
    people(workspace, 2)
    values = {
        "name": "May", "people": "p0@example.com, p1@example.com oops", "remind_after_days": "3, 7",
        "subject_en": "Hello", "text_en": "Hi", "subject_uk": "Вітаємо", "text_uk": "", "segment": "", "by": "",
    }  # fmt: skip
    new = reverse("surveys:new_mailing", args=[workspace.slug, survey.pk])
    assert owner.post(new, {**values, "remind_after_days": "often"}).status_code == 422
    assert not Mailing.objects.exists()
    shown = owner.post(new, values, follow=True).content.decode()
    mailing = Mailing.objects.get()
    assert "oops" in shown
    assert "2 people" in shown
    assert mailing.subject == {"en": "Hello", "uk": "Вітаємо"}
    assert mailing.remind_after_days == [3, 7]
    assert 'value="3, 7"' in page(owner, "surveys:edit_mailing", workspace.slug, survey.pk, mailing.pk)
    owner.post(reverse("surveys:start_mailing", args=[workspace.slug, survey.pk, mailing.pk]))
    mailing.refresh_from_db()
    assert mailing.state == "sending"
    running.advance(mailing)
    assert "May" in page(owner, "surveys:mailings", workspace.slug, survey.pk)
    progress = owner.get(
        reverse("surveys:mailing", args=[workspace.slug, survey.pk, mailing.pk]), headers={"HX-Request": "true"}
    ).content.decode()
    assert progress.strip().startswith('<div id="mailing"')
    owner.post(reverse("surveys:stop_mailing", args=[workspace.slug, survey.pk, mailing.pk]))
    assert set(Invitation.objects.values_list("reason", flat=True)) == {"stopped"}
    assert "The mailing was stopped" in page(owner, "surveys:mailing_people", workspace.slug, survey.pk, mailing.pk)


def test_a_sample_says_what_it_needs(owner: Client, workspace: Workspace, survey: Survey) -> None:
    Trait.objects.create(workspace=workspace, name="plan", kind="text")
    made = [make_customer(workspace, str(n), email=f"s{n}@example.com", traits={"plan": "gold" if n < 20 else "free"})
            for n in range(120)]  # fmt: skip
    mailing = actions.create_mailing(
        survey=survey,
        name="S",
        by=owner_of(workspace),
        customers=[str(one.pk) for one in made],
        sample={"by": "trait.plan", "overall": 60.0},
    )
    shown = page(owner, "surveys:mailing", workspace.slug, survey.pk, mailing.pk)
    assert "gold" in shown
    assert "invitations reach the accuracy" in shown
    actions.start_mailing(mailing=mailing, by=owner_of(workspace))
    mailing.refresh_from_db()
    wanted = mailing.sample["invitations"]
    running.plan(mailing)
    groups = list(mailing.invitations.values_list("group", flat=True))
    assert {name: groups.count(name) for name in wanted} == wanted
    assert 0 < sum(wanted.values()) < 120
    drawn = set(mailing.invitations.values_list("customer_id", flat=True))
    running.plan(mailing)
    assert set(mailing.invitations.values_list("customer_id", flat=True)) == drawn, "the same people after a crash"


def test_rules_of_the_budget_are_written_by_administrators(owner: Client, workspace: Workspace, survey: Survey) -> None:
    assert "No rule yet" in page(owner, "surveys:budget", workspace.slug)
    new = reverse("surveys:new_budget_rule", args=[workspace.slug])
    assert owner.get(new).status_code == 200
    assert owner.post(new, {"name": "", "most": "1", "days": "30"}).status_code == 422
    owner.post(new, {"name": "Once a month", "most": "1", "days": "30", "channels": ["email"], "active": "on"})
    rule = ContactRule.objects.get()
    assert (rule.most, rule.days, rule.channels, rule.condition) == (1, 30, ["email"], {})
    assert "1 contact in 30 days" in page(owner, "surveys:budget", workspace.slug)
    change = reverse("surveys:budget_rule", args=[workspace.slug, rule.pk])
    owner.post(change, {"name": "Twice", "most": "2", "days": "30", "active": "on"})
    rule.refresh_from_db()
    assert (rule.name, rule.most, rule.channels) == ("Twice", 2, [])
    analyst = Client()
    analyst.force_login(make_member(workspace, Role.ANALYST, "analyst@example.com"))
    assert analyst.post(reverse("surveys:remove_budget_rule", args=[workspace.slug, rule.pk])).status_code == 403
    assert ContactRule.objects.exists()
    owner.post(reverse("surveys:remove_budget_rule", args=[workspace.slug, rule.pk]))
    assert not ContactRule.objects.exists()


def test_what_a_person_was_asked_and_would_be_asked_is_explained(
    owner: Client, workspace: Workspace, survey: Survey
) -> None:
    actions.save_rule(workspace=workspace, name="Once a month", most=1, days=30, by=owner_of(workspace))
    ada = make_customer(workspace, email="ada@example.com")
    assert "May ask." in page(owner, "surveys:budget_of", workspace.slug, ada.pk)
    actions.invite(survey=survey, customer=ada, by=owner_of(workspace))
    shown = page(owner, "surveys:budget_of", workspace.slug, ada.pk)
    assert "“NPS wave 3” asked on" in shown
    assert "· Personal link" in shown
    profile = page(owner, "customers:show", workspace.slug, ada.pk)
    assert f'href="{reverse("surveys:budget_of", args=[workspace.slug, ada.pk])}"' in profile
    assert "Personal link ·" in profile
    assert Contact.objects.count() == 1


def test_messages_are_listed_cancelled_and_sent_again(owner: Client, workspace: Workspace) -> None:
    with transaction.atomic():
        pk = channel_actions.queue(workspace=workspace, cause="test:1", to="ada@example.com", subject="s", text="t")
    assert "ada@example.com" in page(owner, "messages:list", workspace.slug)
    assert (
        "No messages" in owner.get(reverse("messages:list", args=[workspace.slug]) + "?state=failed").content.decode()
    )
    owner.post(reverse("messages:cancel", args=[workspace.slug, pk]))
    assert Delivery.objects.get().state == "cancelled"
    assert "Send it again" in page(owner, "messages:show", workspace.slug, pk)
    owner.post(reverse("messages:again", args=[workspace.slug, pk]))
    assert Delivery.objects.get().state == "waiting"
    Delivery.objects.update(state="sent")
    owner.post(reverse("messages:cancel", args=[workspace.slug, pk]))
    assert Delivery.objects.get().state == "sent"


def test_addresses_are_suppressed_and_released_on_the_page(owner: Client, workspace: Workspace) -> None:
    address = reverse("messages:suppressions", args=[workspace.slug])
    assert owner.post(address, {"address": "nonsense"}).status_code == 422
    owner.post(address, {"address": "Ada@Example.com"})
    row = Suppression.objects.get()
    assert (row.address, row.reason) == ("ada@example.com", "manual")
    assert "Entered by hand" in owner.get(address).content.decode()
    owner.post(reverse("messages:release", args=[workspace.slug, row.pk]))
    assert not Suppression.objects.exists()


def test_a_stranger_sees_none_of_it(client: Client, workspace: Workspace, survey: Survey) -> None:
    client.force_login(make_user("stranger@example.com"))
    mailing = start(survey, people(workspace, 1))
    for name, more in [
        ("surveys:share", [survey.pk]), ("surveys:mailings", [survey.pk]), ("surveys:mailing", [survey.pk, mailing.pk]),
        ("surveys:non_response", [survey.pk, mailing.pk]), ("surveys:budget", []), ("messages:list", []),
        ("messages:suppressions", []),
    ]:  # fmt: skip
        assert client.get(reverse(name, args=[workspace.slug, *more])).status_code == 404, name


def test_non_response_is_reported_and_weighted(owner: Client, workspace: Workspace, survey: Survey) -> None:
    """Gold customers answer 9 of 10 times and praise; free ones answer 3 of 10 times and do not."""
    Trait.objects.create(workspace=workspace, name="plan", kind="text")
    mailing = actions.create_mailing(survey=survey, name="May", by=owner_of(workspace), customers=["x@example.com"])
    for number in range(100):
        gold = number % 2 == 0
        customer = make_customer(workspace, str(number), traits={"plan": "gold" if gold else "free"})
        answers = number % 20 < 18 if gold else number % 20 < 6
        invitation = Invitation.objects.create(
            workspace=workspace,
            survey=survey,
            mailing=mailing,
            customer=customer,
            token=str(number),
            channel="email",
            state="answered" if answers else "sent",
        )
        if answers:
            Response.objects.create(
                workspace=workspace,
                survey=survey,
                version=1,
                customer=customer,
                invitation=invitation,
                language="en",
                state="completed",
                answers={"nps": 10 if gold else 3},
            )
    report = nonresponse.report_of(survey, published(survey), mailing_id=mailing.pk)
    # Gold: 45 of 50 (even numbers below 18 in each 20); free: 15 of 50 (odd ones below 6).
    assert (report.invited, report.answered) == (100, 60)
    [plan] = report.characteristics
    assert {one.name: one.answered for one in plan.categories} == {"gold": 45, "free": 15}
    assert plan.differs
    assert report.fit is not None
    assert report.fit.converged
    assert report.raw is not None and report.raw.value == pytest.approx(50)  # 45 promoters, 15 detractors
    assert report.weighted is not None and report.weighted.value == pytest.approx(0, abs=1e-6)  # half and half
    # Weights 2/3 and 2: 60 (45 · 4/9 + 15 · 4) / 60² = 4/3.
    assert report.fit.design_effect == pytest.approx(4 / 3)
    shown = page(owner, "surveys:non_response", workspace.slug, survey.pk, mailing.pk)
    assert "1.33" in shown
    assert "Groups answer differently" in shown


def test_a_panel_wears_out_visibly(
    owner: Client, workspace: Workspace, survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = people(workspace, 4)
    segment = Segment.objects.create(workspace=workspace, name="Panel", condition={"all": []})
    now = timezone.now()
    for wave, answering in enumerate([{0, 1, 2}, {0}, {0}, set()]):
        for number, one in enumerate(members[:3]):
            Invitation.objects.create(
                workspace=workspace,
                survey=survey,
                customer=one,
                token=f"{wave} {number}",
                channel="panel",
                state="answered" if number in answering else "sent",
                created_at=now + timedelta(days=wave),
            )
    from cxm.listen.surveys.distribution import queries

    monkeypatch.setattr(queries, "members", lambda _workspace, _condition: [one.pk for one in Customer.objects.all()])
    panel = panel_of(workspace, segment)
    assert (panel.members, panel.asked) == (4, 3)
    assert [(one.invited, one.answered) for one in panel.waves] == [(3, 3), (3, 1), (3, 1), (3, 0)]
    assert panel.silent == 2, "two of three left their last three invitations unanswered"
    shown = page(owner, "surveys:panel", workspace.slug, segment.pk)
    assert f'href="{reverse("customers:segment", args=[workspace.slug, segment.pk])}"' in shown
    shown = page(owner, "customers:segment", workspace.slug, segment.pk)
    assert f'href="{reverse("surveys:panel", args=[workspace.slug, segment.pk])}"' in shown


def test_a_mailing_goes_to_those_in_one_segment_and_another_but_not_a_third(
    owner: Client, workspace: Workspace, survey: Survey
) -> None:
    traits = [{"plan": "gold", "city": "Lviv"}, {"plan": "gold", "city": "Kyiv"}, {"plan": "tin", "city": "Lviv"},
              {"plan": "gold", "city": "Lviv", "asked": "lately"}]  # fmt: skip
    told = [make_customer(workspace, f"P{n}", email=f"p{n}@example.com", traits=one) for n, one in enumerate(traits)]
    put_snapshot(workspace.pk, [one.pk for one in told])
    segments = {
        name: Segment.objects.create(
            workspace=workspace, name=name, condition={"field": f"trait.{field}", "operator": "is", "values": [value]}
        )
        for name, field, value in [("Gold", "plan", "gold"), ("Lviv", "city", "Lviv"), ("Asked", "asked", "lately")]
    }
    values = {"name": "May", "people": "", "subject_en": "Hello", "by": "", "segment": str(segments["Gold"].pk),
              "also_in": [str(segments["Lviv"].pk)], "not_in": [str(segments["Asked"].pk)]}  # fmt: skip
    new = reverse("surveys:new_mailing", args=[workspace.slug, survey.pk])
    shown = owner.post(new, values, follow=True).content.decode()
    mailing = Mailing.objects.get()
    assert "Who are also in: Lviv" in shown
    assert "But not in: Asked" in shown
    assert "1 person" in shown
    assert list(running.wanted(mailing)) == [told[0].pk]  # of the three with a gold plan two are in Lviv
    segments["Asked"].delete()
    assert list(running.wanted(mailing)) == [], "without the segment that leaves people out, too many would be asked"
    stranger = Segment.objects.create(
        workspace=make_workspace("Own Shop", owner=make_user("stranger@example.com")), name="Theirs", condition={}
    )
    assert owner.post(new, {**values, "not_in": [str(stranger.pk)]}).status_code == 422
    with pytest.raises(actions.Refused):
        actions.change_mailing(mailing=mailing, by=owner_of(workspace), not_in=[str(stranger.pk)])
