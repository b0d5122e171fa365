"""The dictionary form of a word, by rules of its ending: `задержками` → `задержка`, `opóźnieniami` → `opóźnienie`.

A rule says, for words with a certain ending, how many characters to take off and what to put in their place; the
longest ending that has a rule decides. A rule that begins with `^` is for one whole word. The rules were learnt from
dictionaries (see distilling.py), so that words that no dictionary holds are led back as their neighbours are. Of each
language they take some hundred kilobytes, where the dictionaries take hundreds of megabytes of memory.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

INFLECTED = ("en", "pl", "ru", "uk")
LONGEST = 40  # characters of a word; what is longer stays as it is
_FOLDED = str.maketrans({"ё": "е", "’": "'", "ʼ": "'", "`": "'", "ʹ": "'"})


def plain(word: str) -> str:
    """Small letters, ё as е, one apostrophe: how words are compared."""
    return word.lower().translate(_FOLDED)


class Rules:
    """The rules of one language."""

    def __init__(self, text: str) -> None:
        self.rules: dict[str, tuple[int, str]] = {}
        self.known: dict[str, str] = {}  # form → lemma, as they are met
        for line in text.splitlines():
            ending, cut, put = line.split(" ")
            self.rules[ending] = (int(cut), put)
        self.longest = max((len(one) for one in self.rules if one[:1] != "^"), default=0)

    def lemma(self, word: str) -> str:
        """Of a word that is `plain`."""
        found = self.known.get(word)
        if found is None:
            found = self._find(word)
            if len(self.known) < 200_000:
                self.known[word] = found
        return found

    def _find(self, word: str) -> str:
        if len(word) > LONGEST:
            return word
        rule = self.rules.get("^" + word)
        length = min(len(word), self.longest)
        while rule is None and length >= 0:
            rule = self.rules.get(word[len(word) - length :])
            length -= 1
        if rule is None or rule[0] >= len(word) + bool(rule[1]):
            return word
        return word[: len(word) - rule[0]] + rule[1]


@lru_cache(maxsize=8)
def rules(language: str) -> Rules:
    """Of en, pl, ru or uk; of another language they change nothing."""
    if language not in INFLECTED:
        return Rules("")
    return Rules((Path(__file__).parent / "data" / f"{language}.txt").read_text(encoding="utf-8"))


def lemma(word: str, language: str) -> str:
    return rules(language).lemma(plain(word))
