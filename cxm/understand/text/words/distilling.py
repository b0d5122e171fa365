"""Learn the rules of lemmas.py from the dictionaries of simplemma, words weighted by how often they are used.

    python -m cxm.understand.text.words.distilling [language …]

Needs simplemma, pymorphy3, wordfreq and OpenCC, which only developers install. Writes data/<language>.txt, and
data/hant.txt of folding.py; the same input gives the same file. Prints how many of a held-out tenth of the forms come
out right, by form and by use.
"""

from __future__ import annotations

import random
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import yaml

from .lemmas import INFLECTED, LONGEST, Rules, plain

DATA = Path(__file__).parent / "data"
OTHERS = 250_000  # forms beyond the word lists, for the endings of rare words
LEAST_GAIN = {"en": 1.0, "ru": 1.0, "uk": 0.8, "pl": 1.0}  # the weight that a rule must bring
OURS = 5.0  # weight of the forms of words that starter trees look for
# Polish nouns made of verbs (opóźnienie), which the lists take now for a noun, now for the verb.
GERUND = re.compile(r"(.+[ae]ni)(?:e|a|u|em|ami|ach|om)")
STARTERS = Path(__file__).parents[1] / "topics" / "starters" / "topics.yaml"
# Where the lists of simplemma are at odds with what customers mean.
MEANT = {
    "pl": {"paczek": "paczka", "kurierzy": "kurier", "opóźnień": "opóźnienie", "opóźnieniami": "opóźnienie"},
}
DEEPEST = 10  # characters of an ending; beyond, a rule is for a whole word
Form = tuple[str, str, float]  # form, lemma, weight


def read(language: str) -> list[Form]:
    """Forms that are one word in letters, with their lemmas: those in use, and some of the others of the dictionary.

    A form that the dictionary does not hold teaches nothing: it is led back as its neighbours are.
    """
    from wordfreq import get_frequency_dict

    used: dict[str, float] = {}
    for word, often in get_frequency_dict(language, wordlist="best").items():
        used[plain(word)] = used.get(plain(word), 0.0) + often
    look, every, forms_of = russian() if language == "ru" else listed(language)
    rest = sorted({plain(form) for form in every if usable(plain(form))} - used.keys())
    random.Random(6).shuffle(rest)
    found = {form: look(form) for form in [*used, *rest[:OTHERS]] if usable(form)}
    wanted = {look(form) for form in vocabulary(language)} - {""}
    found |= {form: lemma for lemma in sorted(wanted) for form in forms_of(lemma) if look(form) == lemma}
    meant = MEANT.get(language, {})
    found |= meant
    return [
        (form, lemma, max(OURS if lemma in wanted or form in meant else 0.05, min(200.0, 2e6 * used.get(form, 0.0))))
        for form, lemma in sorted(found.items())
        if lemma and usable(lemma)
    ]


def vocabulary(language: str) -> set[str]:
    """The words of the starter trees."""
    lines = [topic[language] for topic in yaml.safe_load(STARTERS.read_text(encoding="utf-8")).values()]
    return {plain(word) for line in lines for word in re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", line.partition("=")[2])}


Dictionary = tuple[Callable[[str], str], Iterable[str], Callable[[str], Iterable[str]]]


def listed(language: str) -> Dictionary:
    """The lemma of a form by the lists of simplemma, or nothing; all forms; the forms of a lemma."""
    from simplemma.strategies.dictionaries.dictionary_factory import DefaultDictionaryFactory

    dictionary = DefaultDictionaryFactory().get_dictionary(language)
    by_lemma: dict[str, list[str]] = defaultdict(list)
    for form, lemma in dictionary.items():
        by_lemma[plain(lemma)].append(plain(form))

    def look(form: str) -> str:
        found = plain(dictionary.get(form) or "")
        noun = GERUND.fullmatch(form) if language == "pl" and found.endswith("ć") else None
        return noun[1] + "e" if noun else found

    return look, dictionary, lambda lemma: by_lemma.get(lemma, ())


def russian() -> Dictionary:
    """As `listed`, of OpenCorpora, which keeps the forms of an adjective together, where the lists do not."""
    from pymorphy3 import MorphAnalyzer

    morph = MorphAnalyzer(lang="ru")
    every = {word for word, *_rest in morph.dictionary.iter_known_words()}

    def look(form: str) -> str:
        return plain(morph.parse(form)[0].normal_form) if morph.word_is_known(form) else ""

    return look, every, lambda lemma: [plain(one.word) for one in morph.parse(lemma)[0].lexeme]


def usable(word: str) -> bool:
    return 1 < len(word) <= LONGEST and word.replace("'", "").isalpha()


def change(form: str, lemma: str) -> tuple[int, str]:
    """How many characters to take off the end of the form, and what to put there."""
    same = 0
    while same < min(len(form), len(lemma)) and form[same] == lemma[same]:
        same += 1
    return len(form) - same, lemma[same:]


def learn(forms: Sequence[Form], least: float) -> dict[str, tuple[int, str]]:
    """From the shortest ending to the longest: a rule where it brings so much more weight than the one above."""
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
                found.update(("^" + form, one) for form, one, weight in part if one != inherited and weight >= least)

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
