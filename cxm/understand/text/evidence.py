"""A text with the words that each tag was read from, ready to be shown. Pure: needs a reading, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from django.utils.translation import gettext as _

from .naming import EMOTIONS, INTENTS, KINDS, LANGUAGES, SENTIMENTS, TOUCHPOINTS
from .reading.reading import Reading, Span, Tag

FEELING = 0.05  # from which strength on a topic is shown as good or bad
TONES = {"positive": "good", "negative": "bad", "mixed": "mixed", "neutral": "plain"}
ORDER = (
    "language",
    "sentiment",
    "opinion",
    "emotion",
    "intent",
    "urgency",
    "effort",
    "topic",
    "touchpoint",
    "personal",
)


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that the text says. `tone`: good, bad, mixed or plain; `marked`: words of the text show it."""

    kind: str
    name: str  # as the reading has it
    label: str
    tone: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the text. `label` says what it shows; nothing for words between. `hidden`: a kind of personal data."""

    text: str
    label: str = ""
    tone: str = ""
    hidden: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    pieces: list[Piece]
    chips: list[Chip]
    language: str  # for the attribute `lang`
    supported: bool
    is_deep: bool = False  # both tiers have read the sentiment

    @property
    def is_marked(self) -> bool:
        return any(one.label for one in self.pieces)


def evidence_of(
    text: str, reading: Reading, *, topics: Mapping[str, str] | None = None,
    feelings: Mapping[str, float] | None = None, masked: bool = False,
) -> Evidence:  # fmt: skip
    """`topics`: their names by key; `feelings`: the sentiment of each topic. `masked` hides personal data."""
    named = _tags(reading)
    chips = [_chip(tag, reading, topics or {}, feelings or {}) for tag in named]
    return Evidence(
        pieces=_pieces(text, list(zip(named, chips, strict=True)), _personal(reading) if masked else {}),
        chips=chips, language=_lang(reading), supported=reading.supported, is_deep=reading.is_deep,
    )  # fmt: skip


def _lang(reading: Reading) -> str:
    if reading.language == "zh":
        return f"zh-{reading.script}" if reading.script else "zh"
    return reading.language if reading.supported else ""


def _tags(reading: Reading) -> list[Tag]:
    """What holds for the text as a whole, with the words for it, and the tags that have no such whole."""
    whole = {"sentiment": reading.sentiment, "emotion": reading.emotion, "intent": reading.intent}
    found = []
    for kind, name in whole.items():
        if name and name != "none":
            # Mixed is what both sides say together.
            spans = [span for tag in reading.tags if tag.kind == kind and (tag.name == name or name == "mixed")
                     for span in tag.spans]  # fmt: skip
            found.append(Tag(kind, name, reading.score if kind == "sentiment" else 1.0, tuple(spans)))
    for kind, holds in (("urgency", reading.urgent), ("effort", reading.effort)):
        if holds:
            spans = [span for tag in reading.tags if tag.kind == kind for span in tag.spans]
            found.append(Tag(kind, kind, 1.0, tuple(spans)))
    found += [tag for tag in reading.tags if tag.kind == "opinion"]
    if reading.language == "other":
        found.append(Tag("language", "other", 1.0))
    merged: dict[tuple[str, str], list[Span]] = {}
    for tag in reading.tags:
        if tag.kind in ("topic", "touchpoint"):
            merged.setdefault((tag.kind, tag.name), []).extend(tag.spans)
    found += [Tag(kind, name, 1.0, tuple(spans)) for (kind, name), spans in merged.items()]
    return sorted(found, key=lambda tag: ORDER.index(tag.kind))


def _chip(tag: Tag, reading: Reading, topics: Mapping[str, str], feelings: Mapping[str, float]) -> Chip:
    tone, label = "plain", ""
    match tag.kind:
        case "sentiment":
            tone, label = TONES.get(tag.name, "plain"), str(SENTIMENTS.get(tag.name, tag.name))
        case "emotion":
            label = str(EMOTIONS.get(tag.name, tag.name))
            tone = "good" if tag.name == "joy" else "plain" if tag.name == "surprise" else "bad"
        case "intent":
            label = str(INTENTS.get(tag.name, tag.name))
            tone = {"praise": "good", "complaint": "bad", "leaving": "bad"}.get(tag.name, "plain")
        case "language":
            label = _("Language not supported")
        case "opinion":
            label = _("By a third opinion")
        case "topic":
            label = topics.get(tag.name, tag.name)
            feeling = feelings.get(tag.name, 0.0)
            tone = "good" if feeling > FEELING else "bad" if feeling < -FEELING else "plain"
        case "urgency" | "effort":
            tone, label = "bad", str(KINDS[tag.kind])
        case _:
            label = _("Mentions: %(touchpoint)s") % {"touchpoint": TOUCHPOINTS.get(tag.name, tag.name)}
    return Chip(tag.kind, tag.name, label, tone, bool(tag.spans))


def _personal(reading: Reading) -> dict[tuple[int, int], str]:
    return {(span.start, span.end): tag.name for tag in reading.tags if tag.kind == "personal" for span in tag.spans}


def _pieces(text: str, tags: list[tuple[Tag, Chip]], hidden: Mapping[tuple[int, int], str]) -> list[Piece]:
    """The text cut wherever a mark begins or ends; what lies within personal data becomes its kind."""
    size = len(text)
    spans = [(max(0, span.start), min(size, span.end), chip) for tag, chip in tags for span in tag.spans]
    cuts = {0, size} | {edge for start, end, _chip in spans for edge in (start, end)}
    cuts = {cut for cut in cuts if 0 <= cut <= size and not any(start < cut < end for start, end in hidden)}
    cuts |= {min(edge, size) for pair in hidden for edge in pair}
    found: list[Piece] = []
    edges = sorted(cuts)
    for start, end in pairwise(edges):
        kind = next((name for (first, last), name in hidden.items() if first <= start and end <= last), "")
        chips = list(dict.fromkeys(chip for first, last, chip in spans if first < end and start < last))
        label = " · ".join(chip.label for chip in chips)
        tones = {chip.tone for chip in chips} - {"plain"}
        tone = "" if not chips else tones.pop() if len(tones) == 1 else "mixed" if tones else "plain"
        piece = Piece("" if kind else text[start:end], label, tone, kind)
        if found and not kind and not found[-1].hidden and (found[-1].label, found[-1].tone) == (label, tone):
            piece = Piece(found.pop().text + piece.text, label, tone)
        found.append(piece)
    return found


def language_name(code: str) -> str:
    return str(LANGUAGES.get(code, code))
