"""The words that make a text read as it does.

Log-odds are a sum over n-grams and known words. Each n-gram's part is shared by the characters it covers, each pair's
by its two words; the units shown are words, and single Chinese characters. A denied word takes its denial with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .characters import HAN, Array, Characters
from .grams import ORDERS, WordGrams
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
    grams: Array,
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

    `grams` are of `gram_values`; `head` is the column of them and of `table` by text, `scale` its factor (0 leaves a
    text out); `worth` is what each item adds (its vector's and its valence's part), `turned` the factor by text of it;
    `known` are known words by text.
    """
    count = len(characters.codes)
    length = characters.text_at[1:] - characters.text_at[:-1]
    which = grams[:, np.arange(count), head.repeat(length)] if head.any() else grams[:, :, 0]
    found = which / ORDERS_EACH
    padded = np.zeros(count + len(grams) + 1)
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


def chosen(part: list[float]) -> list[int]:
    """Of a text's units (by what each adds) those that are shown, in order: the strongest few that add to the tag."""
    best = max(part)
    if best <= 0:
        return []
    least = LEAST * best
    strong = [at for at, value in enumerate(part) if value >= least]
    return strong if len(strong) <= MOST else sorted(sorted(strong, key=lambda at: -part[at])[:MOST])


def with_denials(shown: list[int], word: list[int], denied: Array, negator: Array) -> list[int]:
    """Adds the denial (and what stands between) to each shown word that it turns. `word` is by unit of the text."""
    out = set(shown)
    for at in shown:
        if word[at] >= 0 and denied[word[at]]:
            for before in range(at - 1, max(at - 4, -1), -1):
                if word[before] < 0:
                    break
                if negator[word[before]]:
                    out.update(range(before, at))
                    break
    return sorted(out)


def shown_spans(
    part: Array, units: Units, characters: Characters, wanted: Array,
    denied: Array | None = None, negator: Array | None = None,
) -> dict[int, tuple[Span, ...]]:  # fmt: skip
    """Spans of the strongest units of wanted texts; with `denied` and `negator`, of their denials too.

    Neighbours are joined; in characters of the texts as they came.
    """
    values, words = part.tolist(), units.word.tolist()
    begins = units.text.searchsorted(np.arange(len(wanted) + 1)).tolist()
    denials = denied is not None and negator is not None and negator.any()
    at, end, origin = units.at.item, units.end.item, characters.origin.item
    out = {}
    for number in wanted.nonzero()[0].tolist():
        begin, to = begins[number], begins[number + 1]
        shown = chosen(values[begin:to]) if begin < to else []
        if not shown:
            continue
        if denials:
            shown = with_denials(shown, words[begin:to], denied, negator)  # type: ignore[arg-type]  # there, if denials
        offset, runs = characters.offset.item(number), [[shown[0], shown[0]]]
        for unit in shown[1:]:
            if unit == runs[-1][1] + 1:
                runs[-1][1] = unit
            else:
                runs.append([unit, unit])
        out[number] = tuple(
            Span(origin(at(begin + first)) - offset, origin(end(begin + last) - 1) + 1 - offset) for first, last in runs
        )
    return out
