"""Calls: the customer's words are feedback; recordings are kept, and told once when a program has transcribed them."""

from __future__ import annotations

import json
import shlex
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from cxm.accounts.models import Role
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.kinds.calls import transcribing
from cxm.listen.channels.kinds.calls.taking import Call, name_speakers, take
from cxm.listen.channels.kinds.calls.transcripts import read
from cxm.listen.channels.models import Attachment, Channel, Message, Transcription
from cxm.listen.channels.receiving import File, Incoming, receive
from cxm.record.customers.models import Customer
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_member, make_workspace

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "
SAID = {"language": "pl", "duration": 7.5, "segments": [
    {"start": 0, "end": 2, "text": "Dzień dobry.", "speaker": "A"},
    {"start": 2, "end": 7, "text": "Czajnik cieknie.", "speaker": "B"},
]}  # fmt: skip


@pytest.fixture
def channel(db: None) -> Channel:
    return Channel.objects.create(workspace=make_workspace(), kind="calls", name="Phone")


def program(folder: Path, body: str) -> str:
    path = folder / "engine.py"
    path.write_text(body)
    return f"{shlex.quote(sys.executable)} {path} {{language}} {{file}}"


def test_a_call_tells_the_customers_words(channel: Channel) -> None:
    agent = make_member(channel.workspace, Role.AGENT, "agent@example.com")
    words = read(json.dumps(SAID).encode())
    call = Call("c-1", AT, phone="+48 600 700 800", name="Ada", agents=["A"])
    message = take(channel=channel, call=call, transcript=words)
    assert take(channel=channel, call=call, transcript=words) == message
    assert message.text == "Czajnik cieknie."
    assert [turn["role"] for turn in message.properties["turns"]] == ["agent", "customer"]
    assert message.remarks == []
    assert message.conversation.language == "pl"
    fact = OutboxFact.objects.get(name="call_transcribed")
    told = {name: fact.properties[name] for name in ("channel", "metric", "comment", "duration_s", "language")}
    assert told == {"channel": "calls", "metric": "text", "comment": "Czajnik cieknie.", "duration_s": 7.5,
                    "language": "pl"}  # fmt: skip
    assert fact.customer_id == Customer.objects.get().pk
    # Nobody said who is who: everything is kept, marked, and a person can say it later.
    unknown = take(channel=channel, call=Call("c-2", AT), transcript=words)
    assert unknown.text == "Dzień dobry.\nCzajnik cieknie."
    assert unknown.remarks == ["speakers_unknown"]
    with pytest.raises(Refused):
        name_speakers(message=unknown, customer=["nobody"], by=agent)
    unknown = name_speakers(message=unknown, customer=["B"], by=agent)
    assert (unknown.text, unknown.remarks) == ("Czajnik cieknie.", [])
    with pytest.raises(Refused):
        take(channel=channel, call=Call("c-3", AT))
    # The same words without an id are one call.
    assert take(channel=channel, call=Call(at=AT), transcript=words) == take(
        channel=channel, call=Call(at=AT), transcript=words
    )


def test_recordings_are_transcribed_and_told_once(channel: Channel, settings: Any, tmp_path: Path) -> None:
    settings.TRANSCRIBER = ""
    recording = File("call.wav", "audio/wav", WAV)
    message = take(channel=channel, call=Call("c-1", AT, phone="+48600700800", agents=["1"]), recording=recording)
    mailbox = Channel.objects.create(workspace=channel.workspace, kind="email", name="Mail")
    mail = receive(channel=mailbox, incoming=Incoming(
        "<v@example.com>", AT, sender="ben@example.com", text="See attached.",
        attachments=[File("voicemail.mp3", "audio/mpeg", b"ID3"), File("x.pdf", "application/pdf", b"%PDF")],
    ))  # fmt: skip
    assert (message.text, message.attachments.get().size) == ("", len(WAV))
    assert not OutboxFact.objects.filter(name="call_transcribed").exists()
    assert transcribing.find() == []  # no program is set up: recordings are kept
    settings.TRANSCRIBER = program(tmp_path, (
        "import json, os, sys\n"
        "assert not [name for name in os.environ if name.startswith('CXM_')]\n"
        "assert open(sys.argv[2], 'rb').read(4) in (b'RIFF', b'ID3')\n"
        f"print({json.dumps(json.dumps(SAID))})\n"
    ))  # fmt: skip
    found = transcribing.find()
    assert sorted(row.attachment.type for row in found) == ["audio/mpeg", "audio/wav"]
    assert [transcribing.run(row.pk) for row in found] == ["done", "done"]
    assert [transcribing.run(row.pk) for row in found] == ["", ""]  # the same job again
    assert transcribing.find() == []
    message.refresh_from_db()
    assert (message.text, message.properties["known"]) == ("Czajnik cieknie.", True)
    mail.refresh_from_db()
    assert mail.text == "See attached."
    transcripts = mail.properties["transcripts"]
    assert list(transcripts) == [str(Attachment.objects.get(type="audio/mpeg").pk)]
    facts = OutboxFact.objects.filter(name="call_transcribed")
    assert sorted(fact.properties["comment"] for fact in facts) == [
        "Czajnik cieknie.",
        "Dzień dobry.\nCzajnik cieknie.",
    ]
    assert {fact.customer_id for fact in facts} == set(Customer.objects.values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("body", "why"),
    [("import sys; sys.exit('no model')", "no model"), ("pass", "wrote no transcript"),
     ("print('hello')", "something else"),
     ("open('recording.vtt', 'w').write('WEBVTT\\n\\n00:01.000 --> 00:02.000\\nhi\\n'); print('progress 100%')", "")],
)  # fmt: skip
def test_a_program_may_fail_or_write_files(
    channel: Channel, settings: Any, tmp_path: Path, body: str, why: str
) -> None:
    owner = channel.workspace.memberships.get().user
    settings.TRANSCRIBER = program(tmp_path, body)
    message = take(channel=channel, call=Call("c-1", AT), recording=File("../../etc/x.wav", "audio/wav", WAV))
    row = transcribing.find()[0]
    assert transcribing.run(row.pk) == ("failed" if why else "done")
    row.refresh_from_db()
    assert why in row.error
    if not why:
        assert Message.objects.get(pk=message.pk).text == "hi"
        return
    assert transcribing.find() == []
    transcribing.try_again(attachment=row.attachment, by=owner)
    with pytest.raises(Refused):
        transcribing.try_again(attachment=row.attachment, by=owner)
    assert [one.pk for one in transcribing.find()] == [row.pk]
    # Its process died in the middle: after a while somebody else takes it.
    Transcription.objects.update(state="running", started_at=timezone.now())
    assert transcribing.find() == []
    Transcription.objects.update(started_at=timezone.now() - transcribing.SILENT - timedelta(seconds=1))
    assert [one.pk for one in transcribing.find()] == [row.pk]
    settings.TRANSCRIBER = "/nowhere/engine"
    assert transcribing.run(row.pk) == "failed"
