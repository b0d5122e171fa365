"""Learn the rules of lemmas.py from the dictionaries of simplemma, words weighted by how often they are used.

    python -m cxm.understand.text.words.distilling [language …]

Needs simplemma, wordfreq and OpenCC, which only developers install. Writes data/<language>.txt, and data/hant.txt of
folding.py; the same input gives the same file. Prints how many of a held-out tenth of the forms come out right, by form and by use.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from .lemmas import INFLECTED, LONGEST, Rules, plain

DATA = Path(__file__).parent / "data"
OTHERS = 250_000  # forms beyond the word lists, for the endings of rare words
LEAST_GAIN = {"en": 1.0, "ru": 1.5, "uk": 1.5, "pl": 1.5}  # the weight that a rule must bring
DEEPEST = 10  # characters of an ending; beyond, a rule is for a whole word
Form = tuple[str, str, float]  # form, lemma, weight


def read(language: str) -> list[Form]:
    """Forms that are one word in letters, with their lemmas. A form that is listed as itself too keeps its lemma."""
    from simplemma import lemmatize
    from simplemma.strategies.dictionaries.dictionary_factory import DefaultDictionaryFactory
    from wordfreq import get_frequency_dict

    used = {plain(word): often for word, often in get_frequency_dict(language, wordlist="best").items()}
    dictionary = DefaultDictionaryFactory().get_dictionary(language)
    found: dict[str, str] = {}
    for form in used:
        if usable(form):
            found[form] = plain(lemmatize(form, lang=language))
    rest = sorted({plain(form) for form in dictionary if usable(plain(form))} - found.keys())
    random.Random(6).shuffle(rest)
    for form in rest[:OTHERS]:
        lemma = dictionary.get(form)
        if lemma:
            found[form] = plain(lemma)
    return [
        (form, lemma, max(0.05, min(200.0, 2e6 * used.get(form, 0.0))))
        for form, lemma in sorted(found.items())
        if usable(lemma)
    ]


def usable(word: str) -> bool:
    return 1 < len(word) <= LONGEST and word.replace("'", "").isalpha()


def change(form: str, lemma: str) -> tuple[int, str]:
    """How many characters to take off the end of the form, and what to put there."""
    same = 0
    while same < min(len(form), len(lemma)) and form[same] == lemma[same]:
        same += 1
    return len(form) - same, lemma[same:]


def learn(forms: Sequence[Form], least: float) -> dict[str, tuple[int, str]]:
    """From the shortest ending to the longest: a rule where it brings at least so much more weight than the one above."""
    found: dict[str, tuple[int, str]] = {}
    items = [(form, change(form, lemma), weight) for form, lemma, weight in forms]

    def descend(ending: str, rows: list[tuple[str, tuple[int, str], float]], inherited: tuple[int, str]) -> None:
        weights: dict[tuple[int, str], float] = defaultdict(float)
        for _form, one, weight in rows:
            weights[one] += weight
        best = max(weights, key=lambda one: (weights[one], one))
        if weights[best] - weights.get(inherited, 0.0) >= least:
            found[ending] = inherited = best
        if sum(weights.values()) - weights.get(inherited, 0.0) < least:
            return
        below: dict[str, list[tuple[str, tuple[int, str], float]]] = defaultdict(list)
        depth = len(ending)
        for row in rows:
            below["" if len(row[0]) == depth or depth == DEEPEST else row[0][-depth - 1]].append(row)
        for letter, part in below.items():
            if letter:
                descend(letter + ending, part, inherited)
            else:
                found.update(
                    ("^" + form, one) for form, one, weight in part if one != inherited and weight >= least
                )

    descend("", items, (0, ""))
    return found


def right(rules: Rules, forms: Sequence[Form]) -> tuple[float, float]:
    """The share that comes out as in the dictionary: of forms, and of uses."""
    hits = [(weight, rules.lemma(form) == lemma) for form, lemma, weight in forms]
    return sum(hit for _w, hit in hits) / len(hits), sum(w * hit for w, hit in hits) / sum(w for w, _hit in hits)


def text_of(found: dict[str, tuple[int, str]]) -> str:
    return "".join(f"{ending} {cut} {put}\n" for ending, (cut, put) in sorted(found.items()))


def fold_table() -> str:
    """The characters of the main block that OpenCC simplifies one by one: two lines of the same length."""
    from opencc import OpenCC

    convert = OpenCC("t2s").convert
    pairs = [(one, convert(one)) for one in map(chr, range(0x4E00, 0xA000))]
    changed = [(one, other) for one, other in pairs if one != other and len(other) == 1]
    return "\n".join("".join(side) for side in zip(*changed, strict=True)) + "\n"


def main(languages: Sequence[str]) -> None:
    DATA.mkdir(exist_ok=True)
    (DATA / "hant.txt").write_text(fold_table(), encoding="utf-8")
    for language in languages or INFLECTED:
        forms = read(language)
        held = [one for number, one in enumerate(forms) if number % 10 == 0]
        train = [one for number, one in enumerate(forms) if number % 10]
        unseen = right(Rules(text_of(learn(train, LEAST_GAIN[language]))), held)
        whole = text_of(learn(forms, LEAST_GAIN[language]))
        (DATA / f"{language}.txt").write_text(whole, encoding="utf-8")
        seen = right(Rules(whole), forms)
        print(
            f"{language}: {len(forms)} forms, {whole.count(chr(10))} rules, {len(whole.encode()) // 1024} KB;"
            f" right of unseen forms {unseen[0]:.3f}, of all forms {seen[0]:.3f}, of uses {seen[1]:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
