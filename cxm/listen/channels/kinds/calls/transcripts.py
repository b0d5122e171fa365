"""From the file of a speech service to who said what and when. Nothing here knows of channels or tables.

Read are WebVTT and SRT (by webvtt-py), and the JSON of Deepgram, AWS Transcribe and Contact Lens, Google
Speech-to-Text, Whisper (OpenAI's, whisper.cpp and WhisperX), AssemblyAI, Azure and Rev AI. Times are seconds from the
start of the call.
"""

from __future__ import annotations

import html
import io
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.utils.translation import gettext as _
from webvtt import WebVTT
from webvtt.errors import MalformedCaptionError, MalformedFileError

MOST_BYTES = 20 * 2**20
MOST_SEGMENTS = 20_000
MOST_TEXT = 1_000_000  # characters of all segments together
MOST_NAME = 80  # characters of a speaker's name
PAUSE = 3.0  # seconds of silence after which the words of one speaker begin a new segment
LINE = 1_000_000  # characters: no file that people made has longer ones


class Unreadable(ValueError):
    """It is no transcript that we know, or a damaged one; the message is for people."""


@dataclass(frozen=True, slots=True)
class Segment:
    speaker: str  # as the service calls it; empty: it does not tell
    start_s: float | None
    end_s: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Transcript:
    format: str
    segments: tuple[Segment, ...]
    language: str = ""  # a code such as "pl" or "zh-hant"; empty: the file does not tell
    duration_s: float | None = None

    @property
    def speakers(self) -> list[str]:
        """In the order in which they begin to speak."""
        return list(dict.fromkeys(one.speaker for one in self.segments))

    @property
    def text(self) -> str:
        return "\n".join(one.text for one in self.segments)


def read(data: bytes) -> Transcript:
    """Raises Unreadable with a sentence that says what is wrong."""
    if len(data) > MOST_BYTES:
        raise Unreadable(_("The transcript is larger than %(most)s MB.") % {"most": MOST_BYTES // 2**20})
    text = _decoded(data).lstrip("\ufeff \t\r\n")
    try:
        if text[:1] in ("{", "["):
            found = _from_json(text)
        elif text.startswith("WEBVTT"):
            found = Transcript("WebVTT", tuple(_cues(text, "vtt")))
        elif re.match(r"\d+[ \t]*\r?\n\s*\d+:\d\d:\d\d[,.]\d+[ \t]*-->", text):
            found = Transcript("SRT", tuple(_cues(text, "srt")))
        else:
            raise Unreadable(_("This is neither WebVTT nor SRT nor the JSON of a speech service that we know."))
    except RecursionError as error:
        raise Unreadable(_("The transcript is nested too deeply.")) from error
    return _checked(found)


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")  # what old captioning programs write


def _checked(found: Transcript) -> Transcript:
    """Tidy, bounded and in the order of time."""
    segments: list[Segment] = []
    size = 0
    for one in found.segments:
        words = " ".join(one.text.replace("\x00", "").split())
        if not words:
            continue
        size += len(words)
        if size > MOST_TEXT or len(segments) >= MOST_SEGMENTS:
            raise Unreadable(_("The transcript is longer than a call can be."))
        speaker = " ".join(one.speaker.replace("\x00", "").split())[:MOST_NAME]
        segments.append(Segment(speaker, one.start_s, one.end_s, words))
    if not segments:
        raise Unreadable(_("There is no spoken word in this transcript."))
    if all(one.start_s is not None for one in segments):
        segments.sort(key=lambda one: one.start_s or 0.0)
    ends = [moment for one in segments for moment in (one.end_s, one.start_s) if moment is not None]
    duration = found.duration_s if found.duration_s is not None else max(ends, default=None)
    return Transcript(found.format, tuple(segments), language_code(found.language), duration)


# Captions

_VOICE = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^>\n]{1,200})>")
_TAG = re.compile(r"</?(?:[bicuv]|ruby|rt|lang|font|\d\d:\d\d)[^<>\n]{0,200}>", re.IGNORECASE)
_NAMED = re.compile(r"(?:>>\s*)?\[?([^\W\d_][^:\[\]\n<>.?!]{0,38})\]?\s?:\s+")


def _cues(text: str, form: str) -> list[Segment]:
    if max((len(line) for line in text.splitlines()), default=0) > LINE:
        raise Unreadable(_("The transcript has a line without an end."))
    try:
        captions = WebVTT.from_string(text) if form == "vtt" else WebVTT.from_buffer(io.StringIO(text), format="srt")
    except (MalformedFileError, MalformedCaptionError) as error:
        raise Unreadable(_("The captions are damaged: %(problem)s") % {"problem": str(error)[:200]}) from error
    made: list[Segment] = []
    for caption in captions.captions:
        start, end = caption.start_time.in_milliseconds() / 1000, caption.end_time.in_milliseconds() / 1000
        parts = _VOICE.split(caption.raw_text)  # what stands before a voice, then voice and words by turns
        for speaker, words in [("", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]:
            if plain := html.unescape(_TAG.sub("", words)).strip():
                made.append(Segment(html.unescape(speaker), start, end, plain))
    return made if any(one.speaker for one in made) else _by_prefix(made)


def _by_prefix(segments: list[Segment]) -> list[Segment]:
    """Names such as “Agent: hello” are speakers if half of the captions begin so: a colon alone is no speaker."""
    named = [_NAMED.match(one.text) for one in segments]
    found = [match[1].strip() for match in named if match]
    if len(found) * 2 < len(segments) or len(set(found)) > max(6, len(found) // 3):
        return segments
    made, speaker = [], ""
    for one, match in zip(segments, named, strict=True):
        if match:
            speaker = match[1].strip()
        text = one.text[match.end() :] if match else one.text
        made.append(Segment(speaker, one.start_s, one.end_s, text))
    return made


# The JSON of services. Each reader gets the whole document and is asked only if its own mark is there.


def _from_json(text: str) -> Transcript:
    try:
        said = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Unreadable(_("The JSON is damaged: %(problem)s") % {"problem": str(error)[:200]}) from error
    if isinstance(said, list):
        said = {"segments": said}
    if isinstance(said.get("response"), dict) and "results" in said["response"]:  # a long-running operation of Google
        said = said["response"]
    for is_it, reader in READERS:
        if is_it(said):
            return reader(said)
    raise Unreadable(_("This JSON is not of a speech service that we know."))


def dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def part(value: Any, *names: str) -> dict[str, Any]:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def first(value: Any) -> dict[str, Any]:
    return next(iter(dicts(value)), {})


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, (int, float)) else ""


def seconds(value: Any, per_second: float = 1.0) -> float | None:
    """A number, "1.5", "1.5s", "PT1.5S", or Google's {"seconds": "1", "nanos": 500000000}."""
    if isinstance(value, dict):
        whole, nanos = seconds(value.get("seconds", 0)), seconds(value.get("nanos", 0))
        return None if whole is None or nanos is None else whole + nanos / 1e9
    if isinstance(value, str):
        value = value.strip().upper().removeprefix("PT").removesuffix("S")
    if value is None or isinstance(value, (bool, list)):
        return None
    try:
        found = float(value) / per_second
    except ValueError:
        return None
    return round(found, 3) if math.isfinite(found) and 0 <= found < 10_000_000 else None


@dataclass(frozen=True, slots=True)
class Word:
    speaker: str
    start_s: float | None
    end_s: float | None
    text: str
    glued: bool = False  # a full stop that belongs to the word before


def _joined(words: Iterable[Word]) -> list[Segment]:
    """Words of one speaker in a row, without a long pause in between, are a segment."""
    made: list[Segment] = []
    run: list[Word] = []

    def close() -> None:
        if run:
            ends = [word.end_s for word in run if word.end_s is not None]
            text = ""
            for word in run:
                tight = word.glued or not text or (_ideograph(text[-1]) and _ideograph(word.text[:1]))
                text += word.text if tight else f" {word.text}"
            made.append(Segment(run[0].speaker, run[0].start_s, max(ends, default=None), text))
            run.clear()

    for word in words:
        if run and not word.glued:
            before, now = run[-1].end_s, word.start_s
            if word.speaker != run[0].speaker or (before is not None and now is not None and now - before >= PAUSE):
                close()
        run.append(word)
    close()
    return made


def _ideograph(letter: str) -> bool:
    return bool(letter) and "\u2e80" <= letter <= "\u9fff"


def _deepgram(said: dict[str, Any]) -> Transcript:
    results = part(said, "results")
    channels = dicts(results.get("channels"))
    several = len(channels) > 1

    def name(channel: Any, speaker: Any) -> str:
        return f"channel {channel}" if several else f"speaker {speaker}" if speaker is not None else ""

    segments = [
        Segment(
            name(one.get("channel"), one.get("speaker")), seconds(one.get("start")), seconds(one.get("end")),
            text_of(one.get("transcript")),
        )
        for one in dicts(results.get("utterances"))
    ]  # fmt: skip
    language = ""
    for number, channel in enumerate(channels):
        best = first(channel.get("alternatives"))
        language = language or text_of(channel.get("detected_language")) or text_of(first(best.get("languages")))
        if results.get("utterances"):
            continue
        words = [
            Word(
                name(number, one.get("speaker")), seconds(one.get("start")), seconds(one.get("end")),
                text_of(one.get("punctuated_word") or one.get("word")),
            )
            for one in dicts(best.get("words"))
        ]  # fmt: skip
        segments += _joined(words) or [Segment(name(number, None), None, None, text_of(best.get("transcript")))]
    return Transcript("Deepgram", tuple(segments), language, seconds(part(said, "metadata").get("duration")))


def _aws(said: dict[str, Any]) -> Transcript:
    results = part(said, "results")
    language = text_of(results.get("language_code"))
    audio = dicts(results.get("audio_segments"))
    if audio and all("speaker_label" in one or "channel_label" in one for one in audio):
        return Transcript("AWS Transcribe", tuple(
            Segment(
                text_of(one.get("speaker_label") or one.get("channel_label")), seconds(one.get("start_time")),
                seconds(one.get("end_time")), text_of(one.get("transcript")),
            )
            for one in audio
        ), language)  # fmt: skip
    channels = dicts(part(results, "channel_labels").get("channels"))
    if channels:
        segments = [
            one
            for channel in channels
            for one in _joined(_aws_words(dicts(channel.get("items")), {}, text_of(channel.get("channel_label"))))
        ]
    else:
        labels = {
            text_of(item.get("start_time")): text_of(item.get("speaker_label"))
            for segment in dicts(part(results, "speaker_labels").get("segments"))
            for item in dicts(segment.get("items"))
        }
        segments = _joined(_aws_words(dicts(results.get("items")), labels, ""))
    if not segments:
        segments = [Segment("", None, None, text_of(first(results.get("transcripts")).get("transcript")))]
    return Transcript("AWS Transcribe", tuple(segments), language)


def _aws_words(items: Sequence[dict[str, Any]], labels: dict[str, str], channel: str) -> list[Word]:
    made: list[Word] = []
    for item in items:
        mark = item.get("type") == "punctuation"
        speaker = channel or text_of(item.get("speaker_label")) or labels.get(text_of(item.get("start_time")), "")
        if mark and made:
            speaker = made[-1].speaker
        text = text_of(first(item.get("alternatives")).get("content"))
        made.append(Word(speaker, seconds(item.get("start_time")), seconds(item.get("end_time")), text, mark))
    return made


def _contact_lens(said: dict[str, Any]) -> Transcript:
    return Transcript("Contact Lens", tuple(
        Segment(
            text_of(one.get("ParticipantId") or one.get("ParticipantRole")),
            seconds(one.get("BeginOffsetMillis"), 1000), seconds(one.get("EndOffsetMillis"), 1000),
            text_of(one.get("Content")),
        )
        for one in dicts(said.get("Transcript"))
    ), text_of(said.get("LanguageCode")))  # fmt: skip


def _google(said: dict[str, Any]) -> Transcript:
    """TRICKY: with speakers, the last result of v1 repeats the words of all others, and only it has the speakers."""
    results = dicts(said.get("results"))
    language = next((text_of(one.get("languageCode")) for one in results if one.get("languageCode")), "")
    channels = {text_of(one.get("channelTag")) for one in results} - {""}
    worded = [dicts(first(one.get("alternatives")).get("words")) for one in results]
    tagged = [any(word.get("speakerTag") or word.get("speakerLabel") for word in words) for words in worded]
    if len(tagged) > 1 and tagged[-1] and not any(tagged[:-1]):
        results, worded = results[-1:], worded[-1:]
    segments: list[Segment] = []
    for result, words in zip(results, worded, strict=True):
        tag = text_of(result.get("channelTag"))
        channel = f"channel {tag}" if len(channels) > 1 and tag else ""
        found = _joined(
            Word(
                channel or _google_speaker(word), seconds(word.get("startTime", word.get("startOffset"))),
                seconds(word.get("endTime", word.get("endOffset"))), text_of(word.get("word")),
            )
            for word in words
        )  # fmt: skip
        end = seconds(result.get("resultEndTime", result.get("resultEndOffset")))
        segments += found or [Segment(channel, None, end, text_of(first(result.get("alternatives")).get("transcript")))]
    return Transcript("Google Speech-to-Text", tuple(segments), language)


def _google_speaker(word: dict[str, Any]) -> str:
    tag = word.get("speakerLabel") or word.get("speakerTag")
    return f"speaker {tag}" if tag else ""


def _segments(said: dict[str, Any]) -> Transcript:
    """Whisper's own JSON, WhisperX, OpenAI's with speakers, and whoever writes the same four fields."""
    return Transcript("Whisper", tuple(
        Segment(
            text_of(one.get("speaker")), seconds(one.get("start")), seconds(one.get("end")), text_of(one.get("text"))
        )
        for one in dicts(said.get("segments"))
    ), text_of(said.get("language")), seconds(said.get("duration")))  # fmt: skip


def _whisper_cpp(said: dict[str, Any]) -> Transcript:
    return Transcript("whisper.cpp", tuple(
        Segment(
            text_of(one.get("speaker")), seconds(part(one, "offsets").get("from"), 1000),
            seconds(part(one, "offsets").get("to"), 1000), text_of(one.get("text")),
        )
        for one in dicts(said.get("transcription"))
    ), text_of(part(said, "result").get("language")))  # fmt: skip


def _assembly(said: dict[str, Any]) -> Transcript:
    segments = [
        Segment(
            f"speaker {one['speaker']}" if one.get("speaker") else "", seconds(one.get("start"), 1000),
            seconds(one.get("end"), 1000), text_of(one.get("text")),
        )
        for one in dicts(said.get("utterances"))
    ] or _joined(
        Word("", seconds(one.get("start"), 1000), seconds(one.get("end"), 1000), text_of(one.get("text")))
        for one in dicts(said.get("words"))
    ) or [Segment("", None, None, text_of(said.get("text")))]  # fmt: skip
    return Transcript(
        "AssemblyAI", tuple(segments), text_of(said.get("language_code")), seconds(said.get("audio_duration"))
    )


def _azure(said: dict[str, Any]) -> Transcript:
    def name(one: dict[str, Any]) -> str:
        if one.get("speaker") is not None:
            return f"speaker {one['speaker']}"
        return f"channel {one['channel']}" if several and one.get("channel") is not None else ""

    phrases = dicts(said.get("recognizedPhrases"))
    several = len({text_of(one.get("channel")) for one in phrases}) > 1
    made = []
    for one in phrases:
        start, lasts = seconds(one.get("offsetInTicks"), 1e7), seconds(one.get("durationInTicks"), 1e7)
        end = start + lasts if start is not None and lasts is not None else None
        made.append(Segment(name(one), start, end, text_of(first(one.get("nBest")).get("display"))))
    language = text_of(next((one.get("locale") for one in phrases if one.get("locale")), ""))
    return Transcript("Azure Speech", tuple(made), language, seconds(said.get("durationInTicks"), 1e7))


def _rev(said: dict[str, Any]) -> Transcript:
    made = []
    for one in dicts(said.get("monologues")):
        elements = dicts(one.get("elements"))
        starts = [found for element in elements if (found := seconds(element.get("ts"))) is not None]
        ends = [found for element in elements if (found := seconds(element.get("end_ts"))) is not None]
        speaker = f"speaker {one['speaker']}" if one.get("speaker") is not None else ""
        text = "".join(text_of(element.get("value")) for element in elements)
        made.append(Segment(speaker, min(starts, default=None), max(ends, default=None), text))
    return Transcript("Rev AI", tuple(made), text_of(said.get("language")))


def _has(*names: str, kind: type = list) -> Callable[[dict[str, Any]], bool]:
    def has(said: dict[str, Any]) -> bool:
        value: Any = said
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return isinstance(value, kind)

    return has


READERS: list[tuple[Callable[[dict[str, Any]], bool], Callable[[dict[str, Any]], Transcript]]] = [
    (_has("results", "channels"), _deepgram),
    (_has("results", "transcripts"), _aws),
    (_has("Transcript"), _contact_lens),
    (_has("results"), _google),
    (_has("transcription"), _whisper_cpp),
    (_has("segments"), _segments),
    (_has("recognizedPhrases"), _azure),
    (_has("monologues"), _rev),
    (_has("utterances"), _assembly),
    (lambda said: "audio_duration" in said and isinstance(said.get("text"), str), _assembly),
]

# Whisper says the name of a language in English.
NAMES = {
    "arabic": "ar", "chinese": "zh", "czech": "cs", "dutch": "nl", "english": "en", "french": "fr", "german": "de",
    "hindi": "hi", "italian": "it", "japanese": "ja", "korean": "ko", "polish": "pl", "portuguese": "pt",
    "romanian": "ro", "russian": "ru", "spanish": "es", "swedish": "sv", "turkish": "tr", "ukrainian": "uk",
    "vietnamese": "vi",
}  # fmt: skip


def language_code(said: str) -> str:
    """The code that the product uses: "en_US" → "en", "zh-TW" → "zh-hant"; empty for what is no code."""
    code = said.strip().lower().replace("_", "-")
    code = NAMES.get(code, code)
    if not re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{1,8})*", code):
        return ""
    if code.startswith(("zh", "cmn", "yue")):
        return "zh-hant" if re.search(r"hant|tw|hk|mo|yue", code) else "zh-hans" if "-" in code else "zh"
    return code.partition("-")[0]
