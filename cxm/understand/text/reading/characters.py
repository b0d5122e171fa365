"""Many texts as one array of folded code points, cut into sentences and words.

Everything that follows is arithmetic on these arrays, so that no Python runs per character. Each text stands between
two guards (spaces), through which n-grams see its beginning and end. Folding makes letters small, Traditional Chinese
Simplified, digits 0, white space a space; it drops zero-width characters, direction marks and third repeats, and masks
addresses, mentions and HTML. `origin` leads from each kept character back to the text as it came.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

LONGEST = 100_000  # characters of a text that are read; what follows is left unread
SPACE, OTHER, LATIN, CYRILLIC, HAN, KANA, HANGUL, LETTER, DIGIT, EMOJI, STOP, WIDE_STOP, APOSTROPHE, CLOSING = range(14)
LINE = 10
ADDRESS, MENTION = 0xE000, 0xE001  # private characters that stand for a link or e-mail address, and for @somebody
LINK = re.compile(r"(?:https?://|www\.)\S+")
AT = re.compile(r"@[\w-]+(?:\.[\w-]+)*")
MARKUP = re.compile(r"<[/!]?[a-zA-Z][^<>\n]{0,400}>|<!--[^\n]{0,400}?-->")
ENTITY = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,6});")
MAILBOX = re.compile(r"[\w.+-]{1,64}$")
OF_WORDS = np.isin(np.arange(CLOSING + 1), (LATIN, CYRILLIC, LETTER, DIGIT, HANGUL))
POWERS = np.array([pow(0x01000193, n, 1 << 32) for n in range(33)], dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Tables:
    """For the 65,536 first code points: what each is folded to (0 to drop it), and its class."""

    fold: Array  # uint16
    kind: Array  # uint8


class Finder(Protocol):
    """Finds the numbers of known hashes, -1 for the others."""

    def find(self, hashes: Array) -> Array: ...


@dataclass(slots=True)
class Characters:
    """`codes` of all texts; `text_at` and `sentence_at` are where each begins (with one end more than there are);
    words are runs of letters and digits, and single emoji: `word_at`, `word_end`, `word_hash`, by `word_sentence`.
    """

    codes: Array  # uint32
    kind: Array  # uint8
    raw: Array  # code points of the joined texts as they came
    origin: Array  # positions in the joined texts
    offset: Array  # where each text begins in the joined texts
    text_at: Array
    sentence_at: Array
    sentence_text: Array  # the text of each sentence
    word_at: Array
    word_end: Array
    word_hash: Array  # uint32
    word_sentence: Array


def gather(texts: Sequence[str], tables: Tables, abbreviations: Finder | None = None) -> Characters:
    """The characters of texts; every text has at least one sentence."""
    lengths = np.array([min(len(text), LONGEST) for text in texts], dtype=np.int64)
    if len(texts) and int(lengths.max()) == LONGEST:
        texts = [text[:LONGEST] for text in texts]
    joined = "\n" + "\n\n".join(texts) + "\n"
    raw = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    offset = np.concatenate([[0], np.cumsum(lengths + 2)]) + 1
    high = (raw > 0xFFFF).nonzero()[0]
    codes = tables.fold.take(np.minimum(raw, 0xFFFF) if len(high) else raw).astype(np.uint32)
    if len(high):
        codes[high] = astral(raw[high])
    mask_noise(joined, codes)
    line = raw == LINE
    keep = codes != 0
    same = codes[1:] == codes[:-1]
    space = codes == 32
    keep[1:] &= ~(same & space[1:])
    keep[2:] &= ~(same[1:] & same[:-1] & (raw[2:] != 0x30))
    guards = np.concatenate([offset[:-1] - 1, offset[1:] - 2])
    keep[guards] = True
    compose(raw, codes)
    origin = keep.nonzero()[0]
    codes = codes[origin]
    kind = tables.kind.take(np.minimum(codes, 0xFFFF) if len(high) else codes)
    if len(high):
        kind = np.where(codes > 0xFFFF, np.where(codes >= 0x20000, HAN, EMOJI), kind).astype(np.uint8)
    text_at = origin.searchsorted(offset - 1)
    word_at, word_end, word_hash = words_of(codes, kind)
    breaks = sentence_breaks(codes, kind, line[origin], word_end, word_hash, abbreviations)
    sentence_at = sentences_of(breaks, kind, text_at)
    sentence_text = text_at.searchsorted(sentence_at[:-1], side="right") - 1
    word_sentence = sentence_at.searchsorted(word_at, side="right") - 1
    return Characters(
        codes,
        kind,
        raw,
        origin,
        offset,
        text_at,
        sentence_at,
        sentence_text,
        word_at,
        word_end,
        word_hash,
        word_sentence,
    )


def astral(raw: Array) -> Array:
    """Emoji and rare Chinese characters stay; styled letters (𝐛𝐨𝐥𝐝) become plain; the rest is a space."""
    out = np.where((raw >= 0x1F000) & (raw <= 0x1FAFF) | (raw >= 0x20000) & (raw < 0x32000), raw, 32)
    out[(raw >= 0x1F3FB) & (raw <= 0x1F3FF)] = 0  # skin tones
    out[(raw >= 0xE0000) & (raw < 0xE1000)] = 0  # tags and variation selectors
    for at in ((raw >= 0x1D400) & (raw <= 0x1D7FF)).nonzero()[0]:
        # letters of the alphabet in 13 styles, each A–Z then a–z, from U+1D400 on; digits from U+1D7CE
        code = int(raw[at]) - 0x1D400
        out[at] = 48 if raw[at] >= 0x1D7CE else 97 + code % 52 % 26 if code < 676 else 32
    return out


def mask_noise(joined: str, codes: Array) -> None:
    """Addresses and mentions become one private character, markup one space."""

    def mask(at: int, end: int, code: int) -> None:
        codes[at:end] = 0
        codes[at] = code

    if "@" in joined:
        for found in AT.finditer(joined):
            mailbox = MAILBOX.search(joined, max(0, found.start() - 64), found.start())
            mask(mailbox.start() if mailbox else found.start(), found.end(), ADDRESS if mailbox else MENTION)
    for sign, pattern, code in (("://", LINK, ADDRESS), ("www.", LINK, ADDRESS), ("<", MARKUP, 32), ("&", ENTITY, 32)):
        if sign in joined:
            for found in pattern.finditer(joined):
                mask(found.start(), found.end(), code)


COMPOSED = {
    (0x438, 0x306): 0x439, (0x435, 0x308): 0x435, (0x456, 0x308): 0x457, (0x61, 0x328): 0x105, (0x65, 0x328): 0x119,
    (0x63, 0x301): 0x107, (0x6E, 0x301): 0x144, (0x73, 0x301): 0x15B, (0x7A, 0x301): 0x17A, (0x6F, 0x301): 0xF3,
    (0x7A, 0x307): 0x17C,
}  # fmt: skip


def compose(raw: Array, codes: Array) -> None:
    """A letter followed by its mark becomes the letter of our five languages that the two make."""
    for at in (raw - np.uint32(0x300) <= 0x28).nonzero()[0]:
        made = COMPOSED.get((int(codes[at - 1]), int(raw[at])))
        if made:
            codes[at - 1] = made


def words_of(codes: Array, kind: Array) -> tuple[Array, Array, Array]:
    """Where words begin, where they end, and their hashes."""
    letter = OF_WORDS.take(kind)
    inner = (kind == APOSTROPHE).nonzero()[0]
    inner = inner[letter[inner - 1] & letter[np.minimum(inner + 1, len(letter) - 1)]] if len(inner) else inner
    letter[inner] = True
    emoji = kind == EMOJI
    begins = letter.copy()
    begins[1:] &= ~letter[:-1]
    ends = letter.copy()
    ends[:-1] &= ~letter[1:]
    at, end = (begins | emoji).nonzero()[0], (ends | emoji).nonzero()[0] + 1
    return at, end, hash_spans(codes, at, end)


def mixed(codes: Array) -> Array:
    """Code points spread over 32 bits."""
    spread = codes * np.uint32(0x9E3779B1)
    return spread ^ (spread >> np.uint32(15))


def hash_spans(codes: Array, at: Array, end: Array, most: int = 32) -> Array:
    """The hash of each run of characters, of its first `most` (which must not be over 32)."""
    if not len(at):
        return np.zeros(0, dtype=np.uint32)
    length = np.minimum(end - at, most)
    past = length.cumsum()
    first = past - length
    place = np.arange(past[-1])
    values = mixed(codes.take(place + (at - first).repeat(length))) * POWERS.take(place - first.repeat(length))
    return np.add.reduceat(values, first, dtype=np.uint32)


def sentence_breaks(
    codes: Array, kind: Array, line: Array, word_end: Array, word_hash: Array, abbreviations: Finder | None
) -> Array:
    """Positions where a sentence may begin."""
    stop = kind == STOP
    stop[1:] |= (kind[1:] == CLOSING) & stop[:-1]
    blank = kind == SPACE
    ends = np.zeros(len(codes), dtype=bool)
    ends[1:] = stop[:-1] & blank[1:]
    wide = kind == WIDE_STOP
    ends[1:] |= wide[:-1] & ~wide[1:] & (kind[1:] != CLOSING)
    ends |= line
    if abbreviations is not None and len(word_hash):
        short = word_end[abbreviations.find(word_hash) >= 0]
        short = short[short + 1 < len(codes)]
        ends[short[codes[short] == 46] + 1] = False
    return ends.nonzero()[0]


def sentences_of(breaks: Array, kind: Array, text_at: Array) -> Array:
    """Where sentences begin: breaks with words on both sides of them, and the beginnings of texts."""
    fixed = np.zeros(len(kind) + 1, dtype=bool)
    fixed[text_at] = True
    begins = fixed.copy()
    begins[breaks] = True
    at = begins.nonzero()[0]
    says = ((kind >= LATIN) & (kind <= EMOJI)).cumsum()
    before = says.take(at - 1)
    before[0] = 0  # the first text begins at nought
    empty = before[1:] == before[:-1]  # a piece without words
    first = fixed[at]
    keep = first.copy()
    keep[:-1] |= ~empty  # it belongs to the sentence before it, or at the beginning of a text to the one after
    keep[1:] &= ~(first[:-1] & empty) | first[1:]
    return np.asarray(at[keep])
