"""What a text feels about each of its topics. Pure but for the reader."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from cxm.understand.text.reading.reader import reader
from cxm.understand.text.reading.reading import Reading, Span, Tag

# Words that turn a sentence: what stands before and behind feels differently, so each side is read alone.
TURN = re.compile(
    r"[\s,;.]+(?:but|however|although|though|yet|whereas|но|однако|зато|хотя|але|проте|однак|зате|хоча|ale|jednak|"
    r"lecz|natomiast|choć|chociaż)\b|但是|但|不過|不过|可是|然而|只是",
    re.IGNORECASE,
)


def sentiments(texts: Sequence[str], readings: Sequence[Reading], tags: Sequence[Sequence[Tag]]) -> list[list[float]]:
    """One list for each text: the sentiment in [-1, 1] of each of its tags, in their order.

    It is the mean over the sentences in which the words of the tag stand; where a sentence turns (“quick, but rude”),
    over its side. A tag without a place, or a text without sentences, has the sentiment of the text.
    """
    wanted: dict[tuple[int, int, int], float | None] = {}  # of pieces: text, start, end; None: to be read
    pieces_of: list[list[list[tuple[int, int, int]]]] = []
    for number, (text, reading, found) in enumerate(zip(texts, readings, tags, strict=True)):
        pieces: dict[tuple[int, int, int], float | None] = {}
        if found:
            for sentence in reading.sentences:
                sides = _sides(text, sentence.start, sentence.end)
                for start, end in sides:
                    pieces[number, start, end] = sentence.score if len(sides) == 1 else None
        of_tags = [[one for one in pieces if any(_meet(span, one) for span in tag.spans)] for tag in found]
        pieces_of.append(of_tags)
        wanted.update({one: pieces[one] for places in of_tags for one in places})
    unread = [one for one, score in wanted.items() if score is None]
    if unread:
        read = reader().read([texts[number][start:end] for number, start, end in unread])
        wanted.update({one: reading.score for one, reading in zip(unread, read, strict=True)})
    return [
        [_mean([wanted[one] or 0.0 for one in places], reading.score) for places in of_tags]
        for reading, of_tags in zip(readings, pieces_of, strict=True)
    ]


def _sides(text: str, start: int, end: int) -> list[tuple[int, int]]:
    turns = [match.start() for match in TURN.finditer(text, start, end) if match.start() > start]
    edges = [start, *turns, end]
    return list(pairwise(edges))


def _meet(span: Span, piece: tuple[int, int, int]) -> bool:
    return span.start < piece[2] and piece[1] < span.end


def _mean(scores: Sequence[float], otherwise: float) -> float:
    return sum(scores) / len(scores) if scores else otherwise
