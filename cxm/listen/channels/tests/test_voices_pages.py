"""Forms, reviews, calls and webhooks are set up, brought and read: pages and REST."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role, Workspace
from cxm.listen.channels import jobs
from cxm.listen.channels.kinds.form.fields import LANGUAGES
from cxm.listen.channels.kinds.reviews import importing
from cxm.listen.channels.models import Channel, Message
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.testing.cast import make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db

SAID = {"language": "pl", "duration": 7.5, "segments": [
    {"start": 0, "end": 2, "text": "Dzień dobry.", "speaker": "A"},
    {"start": 2, "end": 7, "text": "<script>Czajnik</script> cieknie.", "speaker": "B"},
]}  # fmt: skip
FORM = {"name": "Site", "ask_name": "optional", "ask_email": "required", "ask_phone": "no", "opens_cases": "on"}


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def logged_in(workspace: Workspace, role: Role) -> Client:
    client = Client()
    client.force_login(make_member(workspace, role, f"{role}@kettles.example"))
    return client


def test_an_administrator_sets_up_each_kind(workspace: Workspace) -> None:
    client, base = logged_in(workspace, Role.ADMIN), f"/w/{workspace.slug}/channels/"
    refused = client.post(base + "new/form/", {**FORM, "topics": "A b = x", "sites": "javascript://x"})
    assert refused.status_code == 422
    assert not Channel.objects.exists()
    made = client.post(
        base + "new/form/", {**FORM, "topics": "bill = The bill", "sites": "shop.example", "title_pl": "Napisz"},
        follow=True,
    ).content.decode()  # fmt: skip
    form = Channel.objects.get(kind="form")
    assert f"/f/{form.public_id}" in made
    assert "/form.js" in made
    assert form.settings["sites"] == "https://shop.example"
    assert "Napisz" in client.get(f"{base}{form.pk}/change/").content.decode()  # settings come back
    for language in LANGUAGES:
        page = Client().get(f"/f/{form.public_id}", {"lang": language})
        assert page.status_code == 200
        assert f'<html lang="{language}"' in page.content.decode()
    assert client.post(base + "new/reviews/", {"name": "Maps"}).status_code == 302
    assert client.post(base + "new/calls/", {"name": "Phone", "agents": "A"}).status_code == 302
    for wrong in (
        {"path_text": "$["}, {"makes": "event", "event": "case_resolved", "path_id": "$.id"}, {"path_id": "$.id"},
        {"path_text": "$.t", "properties": "no path"}, {"path_text": "$.t", "secret": "short"},
        {"path_text": "$.t", "style": "typeform", "secret": "short"},
    ):  # fmt: skip
        said = {"name": "Hook", "style": "standard", "makes": "message", **wrong}
        assert client.post(base + "new/webhook/", said).status_code == 422, wrong
    # A usual system needs no mapping: where it keeps things is known.
    hook = {"name": "Hook", "style": "typeform", "makes": "message", "secret": "as-typeform-shows-it"}
    made = client.post(base + "new/webhook/", hook, follow=True).content.decode()
    channel = Channel.objects.get(kind="webhook")
    assert f"/hooks/{channel.public_id}" in made
    assert "as-typeform-shows-it" not in made
    assert channel.settings["paths"]["text"].startswith("$.form_response.answers")
    changed = client.post(
        f"{base}{channel.pk}/change/", {**hook, "secret": "", "path_text": "$.t", "properties": "a = $.a\nb = $.b"}
    )
    assert changed.status_code == 302
    channel.refresh_from_db()
    assert (channel.settings["paths"], channel.settings["properties"]) == ({"text": "$.t"}, {"a": "$.a", "b": "$.b"})
    assert "a = $.a" in client.get(f"{base}{channel.pk}/change/").content.decode()
    shown = client.post(f"{base}{channel.pk}/secret/", {"do": "make"}).content.decode()
    channel.refresh_from_db()
    assert channel.secrets["former"] == "as-typeform-shows-it"
    assert channel.secrets["secret"] in shown
    assert channel.secrets["secret"] not in client.get(f"{base}{channel.pk}/").content.decode()
    client.post(f"{base}{channel.pk}/secret/", {"do": "forget"})
    channel.refresh_from_db()
    assert "former" not in channel.secrets


@dataclass
class Counted:
    n: int


def reviews_in_log(workspace: Workspace) -> int:
    sql = "SELECT count() AS n FROM feedback WHERE $scope AND question = 'review'"
    return ask(sql, Scope(workspace.pk), row=Counted, name="test").rows[0].n


def test_reviews_are_brought_read_and_answered(workspace: Workspace, django_capture_on_commit_callbacks: Any) -> None:
    channel = Channel.objects.create(workspace=workspace, kind="reviews", name="Maps")
    base = f"/w/{workspace.slug}/channels/{channel.pk}/reviews/"
    analyst, viewer = logged_in(workspace, Role.ANALYST), logged_in(workspace, Role.VIEWER)
    assert viewer.get(base).status_code == 403
    assert "No reviews" in analyst.get(base).content.decode()
    rows = "Stars,Comment,Reviewer,Link\n1,<b>Cold</b>,Ada,https://r.example/1\n5,Hot,Ben,javascript:alert(1)\n"
    looked = analyst.post(base + "file/", {"file": SimpleUploadedFile("r.csv", rows.encode())})
    text = looked.content.decode()
    assert "&lt;b&gt;Cold&lt;/b&gt;" in text
    assert "javascript:alert(1)” is no address" in text
    said = {name: looked.context[name] for name in ("key", "name")}
    said |= {f"column_{field}": chosen for field, _label, chosen in looked.context["columns"]}
    assert (said["column_rating"], said["column_text"], said["column_url"]) == ("Stars", "Comment", "Link")
    assert analyst.post(base + "file/", {**said, "key": "../../etc/passwd", "begin": "1"}).status_code == 422
    again = analyst.post(base + "file/", {**said, "column_url": "", "look": "1"}).content.decode()
    assert "javascript" not in again
    assert analyst.post(base + "file/", {**said, "column_url": "", "begin": "1"}).status_code == 302
    jobs.import_reviews.func(str(channel.pk))
    done = analyst.get(base + "file/", headers={"HX-Request": "true"}).content.decode()
    assert "2 new reviews" in done
    assert "hx-trigger" not in done  # it is read: nobody needs to ask again
    listed = analyst.get(base, {"only": "unanswered", "stars": "1"}).content.decode()
    assert "&lt;b&gt;Cold&lt;/b&gt;" in listed
    assert "Hot" not in listed
    message = Message.objects.get(score=1)
    assert viewer.post(f"{base}{message.pk}/answer/", {"text": "Sorry"}).status_code == 403
    assert not Message.objects.filter(direction="out").exists()
    assert "Sorry" in analyst.post(f"{base}{message.pk}/answer/", {"text": "Sorry"}, follow=True).content.decode()
    assert "Sorry" not in analyst.get(base, {"only": "unanswered"}).content.decode()
    # The file is taken back: the reviews, their answers and their numbers go; where a customer wrote more, words stay.
    hot = Message.objects.get(score=5)
    Message.objects.create(
        conversation=hot.conversation, workspace=workspace, direction="in", text="?", external_id="x"
    )
    (file,) = importing.files_of(Channel.objects.get(pk=channel.pk))
    assert (file["name"], file["new"], reviews_in_log(workspace)) == ("r.csv", 2, 2)
    assert viewer.post(base + "file/", {"undo": file["id"]}).status_code == 403
    assert "being taken back" in analyst.post(base + "file/", {"undo": file["id"]}, follow=True).content.decode()
    for _again in range(2):
        jobs.undo_reviews.func(str(channel.pk))
    assert [one.text for one in Message.objects.order_by("at")] == ["Hot", "?"] and reviews_in_log(workspace) == 0
    assert analyst.post(base + "file/", {"undo": file["id"]}).status_code == 422


def test_calls_are_brought_and_read(workspace: Workspace) -> None:
    channel = Channel.objects.create(workspace=workspace, kind="calls", name="Phone")
    base = f"/w/{workspace.slug}/channels/"
    agent = logged_in(workspace, Role.AGENT)
    wrong = agent.post(f"{base}{channel.pk}/calls/", {"transcript": SimpleUploadedFile("x.json", b"{}")})
    assert wrong.status_code == 422
    assert agent.post(f"{base}{channel.pk}/calls/", {"phone": "1"}).status_code == 422
    evil = SimpleUploadedFile("x.html", b"<script>", "text/html")
    assert agent.post(f"{base}{channel.pk}/calls/", {"recording": evil}).status_code == 422
    assert not Message.objects.exists()
    sound = bytes(range(256)) * 8
    page = agent.post(
        f"{base}{channel.pk}/calls/",
        {"transcript": SimpleUploadedFile("call.json", json.dumps(SAID).encode()), "at": "2026-11-20T09:00",
         "recording": SimpleUploadedFile("call.mp3", sound, "text/html"), "phone": "+48 600 700 800", "name": "Ada"},
        follow=True,
    )  # fmt: skip
    text = page.content.decode()
    assert "does not say who the customer is" in text
    assert "&lt;script&gt;Czajnik" in text
    message = Message.objects.get()
    told = agent.post(f"{base}calls/{message.pk}/speakers/", {"customer": ["B"]}, follow=True).content.decode()
    assert "does not say who the customer is" not in told
    message.refresh_from_db()
    assert message.text == "<script>Czajnik</script> cieknie."
    address = f"{base}calls/{message.pk}/{message.attachments.get().pk}/"
    whole: Any = agent.get(address)
    assert b"".join(whole.streaming_content) == sound
    assert (whole["Content-Type"], whole["X-Content-Type-Options"]) == ("audio/mpeg", "nosniff")
    part = agent.get(address, headers={"Range": "bytes=256-511"})
    assert (part.status_code, part.content, part["Content-Range"]) == (206, bytes(range(256)), "bytes 256-511/2048")
    assert agent.get(address, headers={"Range": "bytes=9999-"}).status_code == 200
    stranger = Client()
    stranger.force_login(make_user("stranger@example.com"))
    assert stranger.get(address).status_code == 404
    assert "Czajnik" in agent.get(f"{base}{channel.pk}/calls/", {"q": "czajnik"}).content.decode()


def test_reviews_and_calls_by_rest(workspace: Workspace) -> None:
    owner = workspace.memberships.get().user
    secrets = {
        role: create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name=role, role=role, by=owner)[1]
        for role in (Role.AGENT, Role.VIEWER)
    }

    def ask(method: str, path: str, said: Any = None, role: Role = Role.AGENT) -> tuple[int, Any]:
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        headers = {"Authorization": f"Bearer {secrets[role]}"}
        answer = Client().generic(method, f"/api/v1{path}", content, "application/json", headers=headers)
        return answer.status_code, answer.json()

    review = {"id": "r-7", "rating": "8/10", "text": "Good.", "name": "Ada", "place": "Podil"}
    review["at"] = "2026-11-20T09:00:00Z"
    assert ask("POST", "/reviews", review)[1]["code"] == "no_channel"
    channel = Channel.objects.create(workspace=workspace, kind="reviews", name="Maps")
    Channel.objects.create(workspace=workspace, kind="calls", name="Phone")
    assert ask("POST", "/reviews", review, Role.VIEWER)[0] == 403
    status, made = ask("POST", "/reviews", review)
    assert (status, made["score"], made["review_id"], made["at"]) == (201, 4.0, "r-7", "2026-11-20T09:00:00Z")
    assert ask("POST", "/reviews", {**review, "answer": "Thanks!"})[0] == 200
    assert [one["answer"] for one in ask("GET", "/reviews")[1]["items"]] == ["Thanks!"]
    assert ask("POST", f"/reviews/{made['id']}/answer", {"text": "Thank you!"})[1]["answer"] == "Thank you!"
    for wrong in ({}, {"rating": 9}, {"text": "x", "url": "javascript:1"}, {"text": "x", "at": "yesterday"}):
        assert ask("POST", "/reviews", wrong)[0] == 422, wrong
    status, call = ask("POST", "/calls?id=c-7&phone=%2B48600700800&agents=A", json.dumps(SAID).encode())
    assert (status, call["text"], call["format"]) == (201, "<script>Czajnik</script> cieknie.", "Whisper")
    assert ask("GET", f"/calls/{call['id']}")[1]["turns"][0]["role"] == "agent"
    assert ask("POST", "/calls", b"hello")[1]["code"] == "unusable_call"
    assert ask("POST", "/calls?at=0001-01-01T00:00:00Z", json.dumps(SAID).encode())[1]["code"] == "unusable_call"
    Channel.objects.filter(pk=channel.pk).update(is_paused=True)
    assert ask("POST", "/reviews", {"text": "x"})[1]["code"] == "channel_paused"
    assert Message.objects.filter(direction="in").count() == 2
