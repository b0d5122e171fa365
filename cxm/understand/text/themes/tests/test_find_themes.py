"""Finding themes: a run, what the explorer shows, what can be done with a theme, and texts that come afterwards."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, AuditEntry, Role, User, Workspace
from cxm.record.eventlog.append import Event
from cxm.record.eventlog.forget import forget_customer, forget_import
from cxm.testing.cast import answer, given_events, make_customer, make_member, make_user, make_workspace
from cxm.understand.text.models import Theme, ThemeRun
from cxm.understand.text.themes import actions, discovering, keeping_up, members, queries, similar
from cxm.understand.text.themes.clustering import groups_of
from cxm.understand.text.themes.errors import Refused
from cxm.understand.text.themes.naming import names_of
from cxm.understand.text.themes.space import Floats, load, space_of
from cxm.understand.text.themes.terms import all_terms, terms_of

SAID = {
    "delivery": ["the courier brought my parcel late", "the courier lost my parcel", "my parcel came late, courier",
                 "the courier left the parcel in the rain", "late parcel, rude courier"],
    "app": ["the app crashes after the update", "since the update the app crashes", "the app freezes, update it",
            "the update broke the app", "the app crashes and freezes"],
    "refund": ["I wait for the refund of my money", "the refund was not paid, no money", "money refused, no refund",
               "the refund of the money took a month", "refund my money"],
    "спасибо": ["оператор был очень вежлив", "вежливый оператор всё объяснил", "операторы вежливые и терпеливые",
                "вежливый оператор помог", "оператор вежливо объяснил тариф"],
}  # fmt: skip


def owner_of(workspace: Workspace) -> User:
    return workspace.memberships.get(role=Role.OWNER).user


def said(workspace: Workspace, topic: str, n: int, days_ago: int, seed: int = 0) -> list[Event]:
    draw = random.Random(f"{topic}{seed}")
    return [
        answer(
            workspace, draw.choice([2, 9]),
            (timezone.now() - timedelta(days=days_ago, hours=number)).strftime("%Y-%m-%d %H:%M"),
            comment=f"{draw.choice(SAID[topic])} {draw.choice(['', '!', '!!', '…'])}",
        )
        for number in range(n)
    ]  # fmt: skip


def ran(workspace: Workspace) -> ThemeRun:
    run = actions.start_run(workspace=workspace, by=owner_of(workspace))
    discovering.run(run.pk)
    run.refresh_from_db()
    return run


def called(word: str) -> Theme:
    (found,) = [
        one for one in Theme.objects.filter(is_current=True) if any(word in name for name in one.names.values())
    ]
    return found


class Letters:
    """An encoder for tests: texts mean what their letters are."""

    name = "letters"

    def encode(self, texts: Sequence[str]) -> Floats:
        return np.array(
            [[text.lower().count(one) for one in "abcdefghijklmnopqrstuvwxyz"] for text in texts], np.float32
        )


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for module in (discovering, similar):  # words alone, whatever is installed here
        monkeypatch.setattr(module, "encoder", lambda path: None)
    monkeypatch.setattr(similar, "meaning", Letters)
    return make_workspace()


def test_words_are_led_back_to_one_form_and_groups_named_in_their_language() -> None:
    assert terms_of("The couriers were late, LATE!", "en") == ["courier", "late", "late"]
    assert terms_of("Курьера и курьером", "ru") == ["курьер", "курьер"]
    assert terms_of("快遞很慢", "zh") == terms_of("快递很慢", "zh") == ["快递"]  # 很 parts, 慢 alone is no pair
    texts = [(text, topic) for topic, ways in SAID.items() for text in ways for _time in range(4)]
    spoken = ["ru" if topic == "спасибо" else "en" for _text, topic in texts]
    rows = space_of(documents := all_terms([text for text, _topic in texts], spoken)).rows(documents)
    groups = groups_of(rows, k=4)
    assert sorted(np.bincount(groups.labels)) == [20, 20, 20, 20]  # the four, without one mistake
    names = names_of(zip([text for text, _topic in texts], spoken, groups.labels, strict=True), groups.n)
    found = sorted((language, name.text) for one in names for language, name in one.items())
    assert [language for language, _name in found] == ["en", "en", "en", "ru"]
    for (_language, name), word in zip(found, ["app", "parcel", "refund", "оператор"], strict=True):
        assert word in name
    assert groups_of(rows[:1]).n == 0


def test_names_of_people_are_in_no_name_of_a_theme() -> None:
    texts = [f"My name is Wladyslaw, parcel {n} is late, write to wladek@example.com" for n in range(9)]
    [named] = names_of([(text, "en", 0) for text in [*texts, "Wladyslaw waits for a parcel", "wladyslaw"]], 1)
    words = set(" ".join(named["en"].words).split())
    assert "parcel" in words and not {"wladyslaw", "wladek", "example"} & words


@pytest.mark.parametrize("texts", [[], ["?!"] * 40, ["a"] * 3, ["\u200b\u202e", "😀😀"] * 20, ["word " * 20_000] * 30])
def test_odd_texts_make_no_nonsense(texts: list[str]) -> None:
    documents = all_terms(texts, ["en"] * len(texts))
    space = space_of(documents)
    assert groups_of(space.rows(documents)).n <= 1


@pytest.mark.django_db(transaction=True)
def test_a_run_finds_themes_that_can_be_adopted_dismissed_and_merged_and_new_texts_join_them(
    workspace: Workspace,
) -> None:
    owner = owner_of(workspace)
    with pytest.raises(Refused, match="There are 0 texts; themes need 30 at least"):
        actions.start_run(workspace=workspace, by=owner)
    # The last 90 days: 40 of delivery, 20 of each other. The 90 before: 10 of delivery, 30 of each other.
    given_events([
        event for topic, now, before in
        (("delivery", 40, 10), ("app", 20, 30), ("refund", 20, 30), ("спасибо", 20, 30))
        for event in (*said(workspace, topic, now, 10), *said(workspace, topic, before, 120))
    ])  # fmt: skip
    run = ran(workspace)
    assert (run.state, run.texts, run.themed, run.themes) == ("done", 200, 200, 4)
    overview = queries.overview(workspace, 90)
    assert overview.total == 100
    first = overview.themes[0]
    assert first.theme is not None
    assert (first.theme, first.now.n, first.before.n) == (called("courier"), 40, 10)
    assert first.share.value == 0.4  # 40 of 100, before 10 of 100: +30 percentage points
    assert (round(first.share_change.value or 0, 6), first.share_verdict) == (0.3, "up")
    assert {one.share_verdict for one in overview.themes[1:]} == {"no_evidence"}  # 20 % after 30 %
    assert sum(one.now.n for one in overview.themes) == 100 and overview.rest is None
    months = queries.months_of(workspace, [first.theme.pk], overview.period.until)
    assert (sum(month.n for month in months), sum(month.total for month in months)) == (50, 200)
    typical = queries.verbatims(workspace, [first.theme.pk], overview.period, most=50)
    assert len(typical) == 40 and all("courier" in one.comment or "parcel" in one.comment for one in typical)

    with pytest.raises(PermissionDenied):
        actions.dismiss(theme=called("app"), by=make_member(workspace, Role.AGENT, "mia@example.com"))
    actions.dismiss(theme=called("app"), by=owner)
    actions.rename(theme=called("courier"), label=" Late  parcels ", by=owner)
    with pytest.raises(Refused, match="Choose another theme"):
        actions.merge(theme=called("refund"), into=called("refund"), by=owner)
    actions.merge(theme=called("refund"), into=called("courier"), by=owner)
    topic = actions.adopt(theme=called("оператор"), by=owner)
    assert topic.names == {"ru": called("оператор").names["ru"]} and "оператор" in " ".join(topic.words["ru"])
    assert topic.examples.count() == len(called("оператор").typical) > 0
    with pytest.raises(Refused, match="is the topic"):
        actions.adopt(theme=called("оператор"), by=owner)
    assert list(AuditEntry.objects.filter(subject="theme").values_list("verb", flat=True).order_by("id")) == [
        "dismissed", "renamed", "merged", "adopted",
    ]  # fmt: skip
    overview = queries.overview(workspace, 90)
    largest = overview.themes[0]
    assert largest.theme is not None and (largest.theme.name, largest.now.n) == ("Late parcels", 60)
    assert overview.hidden == 20  # of the app

    # What comes afterwards joins what is there, or nothing; the next run finds the same themes again.
    given_events(
        [*said(workspace, "delivery", 5, 1, seed=9), answer(workspace, 5, comment="Weather is lovely in Odesa")]
    )
    assert keeping_up.keep_up_with(workspace) and keeping_up.keep_up_with(workspace)
    assert members.count_members(workspace.pk, run.pk) == 206
    overview = queries.overview(workspace, 365)
    assert overview.rest is not None and overview.rest.now.n == 1
    before = {one.pk for one in Theme.objects.filter(is_current=True)}
    again = ran(workspace)
    assert {one.pk for one in Theme.objects.filter(is_current=True)} == before
    assert called("courier").label == "Late parcels" and called("app").state == "dismissed"
    assert members.count_members(workspace.pk, run.pk) == 0  # what the run before wrote is gone
    actions.bring_back(theme=called("refund"), by=owner)
    assert queries.numbers_of(called("courier")) == [called("courier").pk]

    # A stopped run changes nothing; one at a time.
    waiting = actions.start_run(workspace=workspace, by=owner)
    with pytest.raises(Refused, match="already"):
        actions.start_run(workspace=workspace, by=owner)
    actions.stop_run(run=waiting, by=owner)
    discovering.run(waiting.pk)
    assert queries.number_of_run(workspace) == again.pk
    content = ThemeRun.objects.get(pk=again.pk).space
    assert content is not None and load(bytes(content)).numbers == discovering.current_centres(workspace.pk)[1].numbers  # type: ignore[index]  # there is one


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_the_pages_show_themes_to_members_hide_them_from_strangers_and_mask_for_viewers(workspace: Workspace) -> None:
    owner = owner_of(workspace)
    customer = make_customer(workspace, "Ada Lovelace")
    given_events([
        *(event for topic in SAID for event in said(workspace, topic, 15, 5)),
        answer(workspace, 1, timezone.now().strftime("%Y-%m-%d 00:00"), customer_id=customer.pk,
               comment="the courier lost my parcel, write to ada@example.com"),
    ])  # fmt: skip
    base = f"/w/{workspace.slug}/themes/"
    client, stranger, viewer = Client(), Client(), Client()
    client.force_login(owner)
    stranger.force_login(make_user("eve@example.com", "Eve"))
    viewer.force_login(make_member(workspace, Role.VIEWER, "vic@example.com"))
    assert "No themes yet" in client.get(base).content.decode()
    assert viewer.post(f"{base}find/").status_code == 403 and stranger.get(base).status_code == 404
    assert client.post(f"{base}find/").status_code == 302
    run = ThemeRun.objects.get()
    assert "Waiting for a free place" in client.get(f"{base}progress/", headers={"HX-Request": "true"}).content.decode()
    discovering.run(run.pk)
    assert client.get(f"{base}progress/", headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    page = client.get(base).content.decode()
    theme = called("courier")
    assert 'data-chart="{' in page and f"{base}{theme.pk}/" in page and "Not yet themed" not in page
    page = client.get(f"{base}{theme.pk}/?order=new").content.decode()
    assert "write to ada@example.com" in page and "Ada Lovelace" in page and "Make a topic of it" in page
    page = viewer.get(f"{base}{theme.pk}/?order=new").content.decode()
    assert "lost my parcel" in page and "ada@example.com" not in page and "Ada Lovelace" not in page
    assert "Make a topic of it" not in page
    assert stranger.get(f"{base}{theme.pk}/").status_code == 404
    assert client.get(f"{base}none/").status_code == 200
    done = client.post(f"{base}{theme.pk}/adopt/", {"name-en": "Courier", "parent": ""}, follow=True).content.decode()
    assert "“Courier” is a topic now" in done and Theme.objects.get(pk=theme.pk).state == "adopted"
    other = called("refund")
    done = client.post(f"{base}{other.pk}/merge/", {"into": str(theme.pk)}, follow=True).content.decode()
    assert "counts with" in done and "Take “" in done
    assert "by itself" in client.post(f"{base}{other.pk}/back/", follow=True).content.decode()
    assert "out of sight" in client.post(f"{base}{other.pk}/dismiss/", {"next": "list"}, follow=True).content.decode()
    assert "called “Money back” now" in client.post(
        f"{base}{other.pk}/name/", {"label": "Money back"}, follow=True
    ).content.decode()  # fmt: skip
    # Similar texts: those with the same letters, the text itself not.
    keeping_up.keep_up_with(workspace)
    one = queries.verbatims(workspace, [theme.pk], order="new", most=1)[0]
    near = similar.similar_to(workspace, "qqqq", most=5)
    assert near[0].nearness == 0 and similar.similar_to(workspace, "✓") == []  # no q anywhere; no letter at all
    near = similar.similar_to(workspace, one.comment, most=3, without=one.event_id)
    assert len(near) == 3 and one.event_id not in {found.event_id for found in near} and near[0].nearness > 0.9
    page = client.get(f"{base}similar/{one.event_id}/").content.decode()
    assert "Others like it" in page and page.count("Similar texts") > 10
    assert client.get(f"{base}similar/{uuid.uuid4()}/").status_code == 404
    # The same by REST.
    _key, secret = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="R", by=owner)
    headers = {"Authorization": f"Bearer {secret}"}
    listed = client.get("/api/v1/themes?days=30", headers=headers).json()
    assert (listed["texts"], len(listed["items"]), listed["in_dismissed"]) == (61, 3, 15)
    assert next(item for item in listed["items"] if item["id"] == theme.pk)["topic"] == "courier"
    assert client.get("/api/v1/themes?days=31", headers=headers).json()["code"] == "bad_period"
    assert client.get("/api/v1/themes/search", headers=headers).json()["state"] == "done"
    texts = client.get(f"/api/v1/themes/{theme.pk}/texts?limit=3", headers=headers).json()
    assert len(texts) == 3 and texts[0]["sentiment"] == ""  # nobody has annotated them here
    sent = {"text": one.comment, "limit": 2}
    found = client.post("/api/v1/texts/similar", sent, "application/json", headers=headers).json()
    assert found[0]["event_id"] == str(one.event_id) and found[0]["nearness"] > 0.99
    refused = client.post(f"/api/v1/themes/{theme.pk}/adopt", {}, "application/json", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "refused")
    change = {"label": "", "dismissed": False, "merged_into": theme.pk}
    assert client.patch(f"/api/v1/themes/{other.pk}", change, "application/json", headers=headers).status_code == 204
    other.refresh_from_db()
    assert (other.label, other.state, other.merged_into_id) == ("", "proposed", theme.pk)
    assert client.get("/api/v1/themes/999999/texts", headers=headers).status_code == 404
    # Whoever is forgotten is forgotten here too.
    forget_customer(workspace.pk, [customer.pk])
    forget_import(workspace.pk, uuid.UUID(int=7))
    page = client.get(f"{base}{theme.pk}/?order=new").content.decode()
    assert "write to" not in page and members.count_members(workspace.pk, run.pk) == 60
