"""Setting up a channel, testing it, reading a conversation and answering: pages and REST."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, AuditEntry, Role, Workspace
from cxm.listen.channels.kinds.email.taking import take
from cxm.listen.channels.models import Channel, Conversation, Delivery, Message
from cxm.testing.cast import make_member, make_user, make_workspace
from cxm.testing.imap import PASSWORD, imap_server

pytestmark = pytest.mark.django_db

FIELDS = {
    "name": "Support", "address": "Support@Kettles.example", "sender_name": "Kettle help", "intake": "imap",
    "imap_host": "127.0.0.1", "imap_security": "none", "imap_user": "support", "imap_password": PASSWORD,
    "opens_cases": "on", "touchpoint": "support",
}  # fmt: skip
RAW = (
    b"From: Ada <ada@example.com>\r\nSubject: <b>Kettle</b>\r\nMessage-ID: <1@ada>\r\nReply-To: eve@evil.example\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>It <b>leaks</b>"
    b'<script>x</script></p>\r\n--x\r\nContent-Type: text/html; name="a.html"\r\n\r\n<script>x</script>\r\n--x--'
)


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def logged_in(workspace: Workspace, role: Role) -> Client:
    client = Client()
    client.force_login(make_member(workspace, role, f"{role}@kettles.example"))
    return client


def test_an_administrator_sets_up_a_mailbox_and_tests_it(workspace: Workspace) -> None:
    client, base = logged_in(workspace, Role.ADMIN), f"/w/{workspace.slug}/channels/"
    assert "No channels yet" in client.get(base).content.decode()
    assert "E-mail" in client.get(base + "new/").content.decode()
    assert client.get(base + "new/pigeon/").status_code == 404
    # What is wrong is said, and nothing is lost.
    refused = client.post(base + "new/email/", {**FIELDS, "imap_host": ""})
    assert refused.status_code == 422
    assert "IMAP needs it." in refused.content.decode()
    assert 'value="Kettle help"' in refused.content.decode()
    assert not Channel.objects.exists()
    with imap_server() as box:
        made = client.post(base + "new/email/", {**FIELDS, "imap_port": box.port}, follow=True)
        channel = Channel.objects.get()
        assert (channel.address, channel.settings["opens_cases"]) == ("support@kettles.example", True)
        assert channel.secrets == {"imap_password": PASSWORD}
        assert PASSWORD not in made.content.decode()
        tested = client.post(f"{base}{channel.pk}/check/", follow=True)
        assert "The mailbox can be read." in tested.content.decode()
        # The password is kept when it is left empty, and never shown.
        shown = client.get(f"{base}{channel.pk}/change/").content.decode()
        assert PASSWORD not in shown
        client.post(
            f"{base}{channel.pk}/change/", {**FIELDS, "imap_port": box.port, "imap_password": "", "name": "Help"}
        )
        channel.refresh_from_db()
        assert (channel.name, channel.secrets["imap_password"]) == ("Help", PASSWORD)
    failed = client.post(f"{base}{channel.pk}/check/", follow=True).content.decode()
    assert failed.count("127.0.0.1 cannot be reached") == 2  # as the answer, and on the page
    assert "Trouble" in client.get(base).content.decode()
    again = client.post(base + "new/email/", {**FIELDS, "name": "Help", "imap_port": 1})
    assert "There is a channel of this name already." in again.content.decode()
    again = client.post(base + "new/email/", {**FIELDS, "imap_port": 1})
    assert "There is a mailbox with this address already." in again.content.decode()
    assert "Paused" in client.post(f"{base}{channel.pk}/pause/", {"paused": "yes"}, follow=True).content.decode()
    client.post(f"{base}{channel.pk}/remove/")
    assert not Channel.objects.exists()
    assert PASSWORD not in str(list(AuditEntry.objects.values_list("changes", flat=True)))
    verbs = AuditEntry.objects.filter(subject="channel").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["created", "changed", "paused", "removed"]


def test_agents_read_and_answer_but_change_no_channel(workspace: Workspace) -> None:
    channel = Channel.objects.create(
        workspace=workspace,
        kind="email",
        name="Support",
        address="support@kettles.example",
        settings={"intake": "smtp"},
    )
    message = take(RAW, channel=channel)
    assert message
    client, base = logged_in(workspace, Role.AGENT), f"/w/{workspace.slug}/channels/"
    for address in ("new/", "new/email/", f"{channel.pk}/change/"):
        assert client.get(base + address).status_code == 403
    for verb in ("check", "pause", "remove"):
        assert client.post(f"{base}{channel.pk}/{verb}/").status_code == 403
    assert Channel.objects.filter(is_paused=False).exists()
    listed = client.get(base + "conversations/", {"q": "kettle", "channel": str(channel.pk)}).content.decode()
    assert "&lt;b&gt;Kettle&lt;/b&gt;" in listed
    page = client.get(f"{base}conversations/{message.conversation_id}/").content.decode()
    assert "<p>It <b>leaks</b></p>" in page
    assert "<script>x" not in page
    assert "It asks for answers to another address" in page
    file = client.get(f"{base}attachments/{message.attachments.get().pk}/")
    assert file["Content-Type"] == "application/octet-stream"
    assert file["Content-Disposition"].startswith("attachment")
    assert "sandbox" in file["Content-Security-Policy"]
    refused = client.post(f"{base}conversations/{message.conversation_id}/", {"text": " "})
    assert refused.status_code == 422
    from django.core.files.uploadedfile import SimpleUploadedFile

    some = [SimpleUploadedFile(name, b"so", "text/plain") for name in ("a.txt", "b.txt")]
    answered = client.post(
        f"{base}conversations/{message.conversation_id}/", {"text": "Turn it off.", "attached": some}, follow=True
    )
    assert "Your answer is on its way." in answered.content.decode()
    said = Message.objects.get(direction="out")
    assert (said.text, [one.name for one in said.attachments.order_by("name")]) == ("Turn it off.", ["a.txt", "b.txt"])
    assert Delivery.objects.get().to == "ada@example.com"
    stranger = Client()
    stranger.force_login(make_user("stranger@example.com"))
    for address in ("", f"{channel.pk}/", f"conversations/{message.conversation_id}/", f"attachments/{said.pk}/"):
        assert stranger.get(base + address).status_code == 404


def test_channels_and_conversations_by_rest(workspace: Workspace) -> None:
    def caller(role: Role) -> Any:
        _key, secret = create_api_key(workspace=workspace, name=role, kind=ApiKey.Kind.SECRET, role=role, by=None)
        headers = {"authorization": f"Bearer {secret}"}

        def call(method: str, path: str, body: object = None, **more: Any) -> Any:
            send = getattr(Client(), method)
            if body is None:
                return send(f"/api/v1{path}", headers=headers, **more)
            kind = more.pop("content_type", "application/json")
            return send(f"/api/v1{path}", body, headers=headers, content_type=kind, **more)

        return call

    admin, agent = caller(Role.ADMIN), caller(Role.AGENT)
    fields = {**FIELDS, "intake": "smtp"}
    assert agent("post", "/channels", {"kind": "email", "fields": fields}).status_code == 403
    bad = admin("post", "/channels", {"kind": "email", "fields": {"name": "x", "address": "nope", "intake": "smtp"}})
    assert (bad.status_code, [one["field"] for one in bad.json()["errors"]]) == (422, ["address"])
    assert admin("post", "/channels", {"kind": "pigeon", "fields": {}}).json()["code"] == "unknown_kind"
    made = admin("post", "/channels", {"kind": "email", "fields": fields})
    assert made.status_code == 201, made.content
    pk = made.json()["id"]
    assert PASSWORD not in made.content.decode()
    changed = admin("patch", f"/channels/{pk}", {"fields": {"sender_name": "Us"}, "is_paused": True}).json()
    assert (changed["settings"]["sender_name"], changed["name"], changed["is_paused"]) == ("Us", "Support", True)
    assert len(agent("get", "/channels").json()["items"]) == 1

    came = agent("post", f"/channels/{pk}/mail", RAW, content_type="message/rfc822").json()
    again = agent("post", f"/channels/{pk}/mail", RAW, content_type="message/rfc822").json()
    assert came == again
    assert (came["text"], came["remarks"], came["direction"]) == ("It leaks", ["reply_to_ignored"], "in")
    assert agent("post", f"/channels/{pk}/mail", b"", content_type="message/rfc822").status_code == 422
    where = f"/conversations/{came['conversation_id']}"
    conversation = agent("get", where).json()
    assert conversation["subject"] == "<b>Kettle</b>"
    listed = agent("get", f"/conversations?customer_id={conversation['customer_id']}&channel_id={pk}").json()["items"]
    assert [one["id"] for one in listed] == [conversation["id"]]
    files = [{"name": "a.txt", "type": "text/plain", "content": base64.b64encode(b"so").decode()}]
    said = agent("post", where + "/messages", {"text": "Turn it off.", "files": files})
    assert (said.status_code, said.json()["state"]) == (201, "waiting")
    file = agent("get", f"/attachments/{said.json()['attachments'][0]['id']}")
    assert b"".join(file.streaming_content) == b"so"
    assert (
        agent("post", where + "/messages", {"text": "x", "files": [{"name": "a", "content": "%"}]}).status_code == 422
    )
    assert [one["direction"] for one in agent("get", where + "/messages").json()] == ["in", "out"]
    begun = agent("post", "/conversations", {"customer_id": conversation["customer_id"], "subject": "Hello"})
    assert (begun.status_code, begun.json()["address"]) == (201, "ada@example.com")
    assert admin("post", f"/channels/{pk}/check", {}).json()["result"].startswith("This mailbox is not asked")
    assert admin("delete", f"/channels/{pk}").status_code == 204
    assert Conversation.objects.count() == 2
