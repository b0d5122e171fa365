"""The same short call as each service writes it: who said what and when must come out the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm.listen.channels.kinds.calls.speaking import roles, turns, words_of
from cxm.listen.channels.kinds.calls.transcripts import MOST_BYTES, Unreadable, language_code, read
from cxm.testing.effort import full_or

# The call: one second of agent, then two of the customer. (start, end, who, what)
CALL = [(0.5, 1.5, "Hello, kettle support."), (2.0, 4.0, "It leaks & hisses.")]
WORDS = [
    (0.5, 0.9, 0, "Hello,"), (0.9, 1.2, 0, "kettle"), (1.2, 1.5, 0, "support."),
    (2.0, 2.2, 1, "It"), (2.2, 2.6, 1, "leaks"), (2.6, 2.8, 1, "&"), (2.8, 4.0, 1, "hisses."),
]  # fmt: skip

VTT = """\ufeffWEBVTT - call 7

NOTE made by hand

STYLE
::cue { color: red }

intro
00:00.500 --> 00:01.500 align:start
<v Agent Anna>Hello, <b>kettle</b> support.</v>

00:00:02.000 --> 00:00:04.000
<v.loud Ada>It leaks &amp; hisses.
"""
SRT = """1
00:00:00,500 --> 00:00:01,500
Agent Anna: Hello, kettle support.

2
00:00:02,000 --> 00:00:04,000
Ada: It leaks & <i>hisses.</i>
"""


def deepgram(**more: Any) -> dict[str, Any]:
    words = [{"word": w.lower(), "punctuated_word": w, "start": a, "end": b, "speaker": who} for a, b, who, w in WORDS]
    spoken = {"alternatives": [{"transcript": "…", "words": words}], "detected_language": "en"}
    return {"metadata": {"duration": 4.2}, "results": {"channels": [spoken], **more}}


def aws() -> dict[str, Any]:
    items: list[dict[str, Any]] = []
    labels = []
    for a, b, who, w in WORDS:
        bare = w.rstrip(".,")
        labels.append({"start_time": f"{a}", "end_time": f"{b}", "speaker_label": f"spk_{who}"})
        items.append({"type": "pronunciation", "start_time": f"{a}", "end_time": f"{b}",
                      "alternatives": [{"confidence": "0.99", "content": bare}]})  # fmt: skip
        if bare != w:
            items.append({"type": "punctuation", "alternatives": [{"confidence": "0.0", "content": w[-1]}]})
    return {"jobName": "7", "results": {"language_code": "en-US", "transcripts": [{"transcript": "…"}],
            "speaker_labels": {"speakers": 2, "segments": [{"items": labels}]}, "items": items}}  # fmt: skip


def google() -> dict[str, Any]:
    def words(tagged: bool, some: list[Any]) -> list[dict[str, Any]]:
        return [{"word": w, "startTime": f"{a}s", "endTime": f"{b}s", **({"speakerTag": who + 1} if tagged else {})}
                for a, b, who, w in some]  # fmt: skip

    return {"results": [
        {"alternatives": [{"transcript": "Hello, kettle support.", "words": words(False, WORDS[:3])}],
         "languageCode": "en-us"},
        {"alternatives": [{"transcript": "It leaks", "words": words(False, WORDS[3:])}]},
        {"alternatives": [{"words": words(True, WORDS)}]},
    ]}  # fmt: skip


SERVICES: dict[str, tuple[Any, list[str]]] = {
    "WebVTT": (VTT, ["Agent Anna", "Ada"]),
    "SRT": (SRT, ["Agent Anna", "Ada"]),
    "Deepgram": (deepgram(), ["speaker 0", "speaker 1"]),
    "Deepgram, utterances": (
        deepgram(utterances=[{"start": a, "end": b, "channel": 0, "speaker": n, "transcript": text}
                             for n, (a, b, text) in enumerate(CALL)]), ["speaker 0", "speaker 1"]),
    "AWS Transcribe": (aws(), ["spk_0", "spk_1"]),
    "AWS Transcribe, segments": (
        {"results": {"transcripts": [{"transcript": "…"}], "language_code": "en-US", "audio_segments": [
            {"id": n, "transcript": text, "start_time": str(a), "end_time": str(b), "speaker_label": f"spk_{n}"}
            for n, (a, b, text) in enumerate(CALL)]}}, ["spk_0", "spk_1"]),
    "Contact Lens": (
        {"LanguageCode": "en-US", "Transcript": [
            {"ParticipantId": ["AGENT", "CUSTOMER"][n], "Content": text, "BeginOffsetMillis": int(a * 1000),
             "EndOffsetMillis": int(b * 1000)} for n, (a, b, text) in enumerate(CALL)]}, ["AGENT", "CUSTOMER"]),
    "Google Speech-to-Text": (google(), ["speaker 1", "speaker 2"]),
    "Google Speech-to-Text, v2": (
        {"results": [{"languageCode": "en-US", "alternatives": [{"transcript": "…", "words": [
            {"word": w, "startOffset": f"{a}s", "endOffset": f"{b}s", "speakerLabel": str(who + 1)}
            for a, b, who, w in WORDS]}]}]}, ["speaker 1", "speaker 2"]),
    "Whisper": (
        {"task": "transcribe", "language": "english", "duration": 4.2, "text": "…", "segments": [
            {"id": n, "start": a, "end": b, "text": f" {text}", "speaker": f"SPEAKER_0{n}"}
            for n, (a, b, text) in enumerate(CALL)]}, ["SPEAKER_00", "SPEAKER_01"]),
    "whisper.cpp": (
        {"result": {"language": "en"}, "transcription": [
            {"offsets": {"from": int(a * 1000), "to": int(b * 1000)}, "text": f" {text}"}
            for a, b, text in CALL]}, [""]),
    "AssemblyAI": (
        {"id": "7", "status": "completed", "text": "…", "audio_duration": 4, "language_code": "en_us", "utterances": [
            {"speaker": "AB"[n], "start": int(a * 1000), "end": int(b * 1000), "text": text}
            for n, (a, b, text) in enumerate(CALL)]}, ["speaker A", "speaker B"]),
    "Azure Speech": (
        {"durationInTicks": 42000000, "recognizedPhrases": [
            {"channel": 0, "speaker": n + 1, "locale": "en-US", "offsetInTicks": a * 1e7,
             "durationInTicks": (b - a) * 1e7, "nBest": [{"display": text}]} for n, (a, b, text) in enumerate(CALL)]},
        ["speaker 1", "speaker 2"]),
    "Rev AI": (
        {"monologues": [{"speaker": who, "elements": [
            element for a, b, one, w in WORDS if one == who
            for element in ({"type": "text", "value": w, "ts": a, "end_ts": b}, {"type": "punct", "value": " "})]}
            for who in (0, 1)]}, ["speaker 0", "speaker 1"]),
}  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_tells_the_same_call(service: str) -> None:
    said, speakers = SERVICES[service]
    found = read((said if isinstance(said, str) else json.dumps(said)).encode())
    assert found.format == service.partition(",")[0]
    assert [(one.start_s, one.end_s, one.text) for one in found.segments] == CALL
    assert found.speakers == speakers
    assert found.language in ("en", "")
    assert found.duration_s in (4.0, 4.2)


def test_words_are_parted_by_pauses_channels_and_scripts() -> None:
    said = {"results": {"channels": [
        {"alternatives": [{"words": [
            {"word": "wait", "start": 1, "end": 2}, {"word": "thanks", "start": 9, "end": 10}]}]},
        {"alternatives": [{"words": [{"word": "水壺", "start": 3, "end": 4}, {"word": "漏水", "start": 4, "end": 5}]}],
         "detected_language": "zh-TW"},
    ]}}  # fmt: skip
    found = read(json.dumps(said).encode())
    assert [(one.speaker, one.text) for one in found.segments] == [
        ("channel 0", "wait"), ("channel 1", "水壺漏水"), ("channel 0", "thanks"),
    ]  # fmt: skip
    assert found.language == "zh-hant"
    codes = {code: language_code(code) for code in ("en_US", "Polish", "zh", "zh-CN", "uk", "?? drop")}
    assert codes == {"en_US": "en", "Polish": "pl", "zh": "zh", "zh-CN": "zh-hans", "uk": "uk", "?? drop": ""}


def test_colons_alone_make_no_speakers() -> None:
    lines = ["It is 10:30 now", "One thing: the lid", "and the cord", "broke off"]
    srt = "\n\n".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{text}" for n, text in enumerate(lines, 1))
    found = read(srt.encode("cp1252"))
    assert [one.text for one in found.segments] == lines
    assert found.speakers == [""]


def test_who_the_customer_is() -> None:
    named, numbered = read(VTT.encode()), read(json.dumps(deepgram()).encode())
    assert roles(named) == {"Agent Anna": "agent", "Ada": "customer"}  # her side follows from the other
    assert words_of(named, roles(named)) == "It leaks & hisses."
    nobody = roles(numbered)
    assert nobody == {"speaker 0": "", "speaker 1": ""}
    assert words_of(numbered, nobody) == "Hello, kettle support.\nIt leaks & hisses."
    assert roles(numbered, agents=["1"]) == {"speaker 0": "agent", "speaker 1": "customer"}
    assert roles(numbered, customer=["Speaker 0"]) == {"speaker 0": "customer", "speaker 1": "agent"}
    voicemail = read(b"WEBVTT\n\n00:01.000 --> 00:02.000\nCall me back\n\n00:02.500 --> 00:03.000\nplease\n")
    assert roles(voicemail) == {"": "customer"}
    assert turns(voicemail, roles(voicemail)) == [
        {"speaker": "", "role": "customer", "start_s": 1.0, "end_s": 3.0, "text": "Call me back please"}
    ]


@pytest.mark.parametrize(
    "hostile",
    [
        b"", b"{}", b"[]", b"[1, 2]", b"\xff\xfe\x00", b"WEBVTT", b"WEBVTT\n\n99:99 --> nothing\nx", b"{" * 100_000,
        b'{"segments": "many"}', b'{"results": {"channels": [[[]]]}}', b'{"results": {"transcripts": 7}}',
        b'{"segments": [{"start": 1e999, "end": "x", "text": null}]}', b"PK\x03\x04 a spreadsheet",
        b"x" * (MOST_BYTES + 1), b'{"segments": [' + b'{"text": "x"},' * 20_001 + b'{"text": "x"}]}',
        b"WEBVTT\n\n" + b"x" * 1_000_001,
        b"1\n00:00:01,000 --> 00:00:02,000\n" + b"<i" * 600_000,
    ],
)  # fmt: skip
def test_what_is_no_transcript_is_refused_with_a_sentence(hostile: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        read(hostile)
    assert str(refused.value).endswith(".") or ":" in str(refused.value)


def test_markup_stays_text() -> None:
    found = read(b"WEBVTT\n\n00:01.000 --> 00:02.000\n<v <script>>x</v> &lt;script&gt;alert(1)&lt;/script&gt;\x00\n")
    assert all("\x00" not in one.text and "\x00" not in one.speaker for one in found.segments)
    assert "alert(1)" in found.text  # pages escape it: it is what was said


NAMES = st.sampled_from([
    "results", "channels", "alternatives", "words", "word", "start", "end", "speaker", "transcripts", "items", "type",
    "speaker_labels", "segments", "audio_segments", "channel_labels", "channel", "utterances", "transcript", "text",
    "content", "speakerTag", "channelTag", "startTime", "language", "languageCode", "transcription", "offsets", "from",
    "recognizedPhrases", "nBest", "offsetInTicks", "durationInTicks", "monologues", "elements", "value", "ts",
    "audio_duration", "Transcript", "Content", "response", "metadata", "duration", "start_time", "speaker_label",
])  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("1.5s")
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=25
)


@settings(max_examples=full_or(5_000, 100))
@given(st.dictionaries(NAMES, JSON, max_size=4))
def test_whatever_a_document_holds_it_is_read_or_refused(said: dict[str, Any]) -> None:
    try:
        found = read(json.dumps(said).encode())
    except Unreadable:
        return
    assert found.text
    words_of(found, roles(found))
    assert json.dumps(turns(found, roles(found)), allow_nan=False)
