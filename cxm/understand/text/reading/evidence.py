"""The words that make a text read as it does.

Log-odds are a sum over n-grams and known words. Each n-gram's part is shared by the characters it covers, each pair's
by its two words; the units shown are words, and single Chinese characters. A denied word takes its denial with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .characters import HAN, Array, Characters
from .grams import ORDERS, WordGrams, over_ends
from .lexical import Items
from .reading import Span

MOST = 4  # units of a text that are shown
LEAST = 0.35  # of the strongest unit's part
ORDERS_EACH = np.arange(1.0, ORDERS + 1)[:, None]


@dataclass(slots=True)
class Units:
    """Words and Chinese characters in order; `word` is the number of the word, or -1."""

    at: Array
    end: Array
    text: Array
    word: Array


def units_of(characters: Characters) -> Units:
    han = (characters.kind == HAN).nonzero()[0]
    at = np.concatenate([characters.word_at, han])
    end = np.concatenate([characters.word_end, han + 1])
    word = np.concatenate([np.arange(len(characters.word_at)), np.full(len(han), -1)])
    if len(han):
        order = np.argsort(at, kind="stable")
        at, end, word = at[order], end[order], word[order]
    text = characters.text_at.searchsorted(at, side="right") - 1
    return Units(at, end, text, word)


def parts(
    characters: Characters,
    columns: Array,
    words: WordGrams,
    items: Items,
    units: Units,
    table: Array,
    head: Array,
    worth: Array,
    turned: Array,
    scale: Array,
    known: Array,
) -> Array:
    """What each unit adds to the log-odds of its text's head.

    `head` is the column of `table` by text, `scale` its factor (0 leaves a text out); `worth` is what each item adds
    (its vector's and its valence's part), `turned` the factor by text of it; `known` are known words by text.
    """
    count = len(characters.codes)
    length = characters.text_at[1:] - characters.text_at[:-1]
    heads = table.shape[1]
    cell = columns * heads
    if head.any():
        cell += head.repeat(length)
    found = table.ravel().take(cell) / ORDERS_EACH
    found[over_ends(characters.text_at)] = 0
    padded = np.zeros(count + len(columns) + 1)
    padded[1 : count + 1] = found.sum(axis=0)
    for order, values in enumerate(found, start=1):
        padded[order + 1 : order + 1 + count] -= values
    added = padded.cumsum().cumsum()
    part = added[units.end] - added[units.at]
    if len(characters.word_at):
        word_text = characters.sentence_text[characters.word_sentence]
        of_word = table[words.single, head[word_text]].astype(np.float64)
        pair = table[words.pair, head[word_text[words.pair_word]]] / 2
        of_word[words.pair_word] += pair
        of_word[words.pair_word + 1] += pair
        of_word[words.denied_word] += table[words.denied, head[word_text[words.denied_word]]]
        own = units.word >= 0
        part[own] += of_word[units.word[own]]
    part *= (scale / np.sqrt(np.maximum(length, 1)))[units.text]
    if len(items.number):
        text = characters.sentence_text[items.sentence]
        unit = units.at.searchsorted(items.at)
        share = worth * turned[text] / np.maximum(known[text], 1)
        part += np.bincount(unit, weights=share, minlength=len(part))
    return np.asarray(part)


def chosen(part: Array, units: Units, count: int, wanted: Array) -> Array:
    """Whether each unit is shown: of wanted texts, the strongest few that add to the tag."""
    order = np.lexsort((-part, units.text))
    text = units.text[order]
    first = text.searchsorted(np.arange(count))
    rank = np.arange(len(order)) - first[text]
    best = part[order][first[text]]
    shown = np.zeros(len(order), dtype=bool)
    shown[order] = (rank < MOST) & (part[order] > 0) & (part[order] >= LEAST * best) & wanted[text]
    return shown


def with_denials(shown: Array, units: Units, denied: Array, negator: Array) -> Array:
    """Adds the denial (and what stands between) to each shown word that it turns."""
    out = shown.copy()
    own = units.word >= 0
    hit = (shown & own).nonzero()[0]
    hit = hit[denied[units.word[hit]]]
    for at in hit:
        for back in range(1, 4):
            before = at - back
            if before < 0 or units.text[before] != units.text[at] or units.word[before] < 0:
                break
            if negator[units.word[before]]:
                out[before:at] = True
                break
    return out


def shown_spans(
    part: Array, units: Units, characters: Characters, wanted: Array,
    denied: Array | None = None, negator: Array | None = None,
) -> dict[int, tuple[Span, ...]]:  # fmt: skip
    """Spans of the strongest units of wanted texts; with `denied` and `negator`, of their denials too."""
    shown = chosen(part, units, len(wanted), wanted)
    if denied is not None and negator is not None and negator.any():
        shown = with_denials(shown, units, denied, negator)
    return spans_of(shown, units, characters)


def spans_of(shown: Array, units: Units, characters: Characters) -> dict[int, tuple[Span, ...]]:
    """Spans by text, neighbours joined, in characters of the texts as they came."""
    hit = shown.nonzero()[0]
    if not len(hit):
        return {}
    text = units.text[hit]
    joins = np.zeros(len(hit), dtype=bool)
    joins[1:] = (hit[1:] - hit[:-1] == 1) & (text[1:] == text[:-1])
    begins = (~joins).nonzero()[0]
    ends = np.append(begins[1:], len(hit)) - 1
    offset = characters.offset[text[begins]]
    first = characters.origin[units.at[hit[begins]]] - offset
    last = characters.origin[units.end[hit[ends]] - 1] + 1 - offset
    out: dict[int, list[Span]] = {}
    for number, at, end in zip(text[begins].tolist(), first.tolist(), last.tolist(), strict=True):
        out.setdefault(number, []).append(Span(at, end))
    return {number: tuple(spans) for number, spans in out.items()}
