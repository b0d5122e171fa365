"""Words and phrases as people write them into a topic, and where they stand in a text. Pure: no Django.

An entry is
- a word or a phrase: `late delivery` is found in every inflection of its words, which stand side by side;
- `"late delivery"` in quotes: in this form only;
- `deliver*`: every word that begins so;
- `card + blocked`: both, in any order, anywhere in one sentence.
Chinese is found wherever its characters stand, traditional and simplified taken as one.

A sentence is looked at with the entries of its language; Latin words within another script with the English ones;
and a sentence too short to tell its language with those of all languages of its script.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cxm.understand.text.reading.reading import Reading, Span
from cxm.understand.text.words.folding import folded, has_han
from cxm.understand.text.words.lemmas import plain, rules

LANGUAGES = ("en", "pl", "ru", "uk", "zh")
LONGEST_ENTRY = 100  # characters
SHORT = 24  # characters of a sentence whose language cannot be told surely, as Russian and Ukrainian in three words
WORD = re.compile(
    r"[^\W\u3400-\u9fff]+(?:['’ʼ`][^\W\u3400-\u9fff]+)*"
)  # Chinese characters are looked at by themselves
CYRILLIC = re.compile(r"[\u0400-\u04ff]")
MOST_FORMS = 100_000  # remembered; then anew
SCRIPTS = {"latin": ("en", "pl"), "cyrillic": ("ru", "uk")}


class Unreadable(ValueError):
    """The entry cannot be looked for: it holds no word, or is too long."""


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens side by side. Each is a lemma, an exact form (`is_form`) or a beginning (`is_start`)."""

    tokens: tuple[str, ...]
    kinds: tuple[str, ...]  # lemma, form or start, one for each token

    @property
    def anchor(self) -> int:
        """The token that is looked for first: the longest is the rarest."""
        return max(range(len(self.tokens)), key=lambda number: len(self.tokens[number]))


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """One entry of one topic: all its parts in one sentence."""

    owner: int  # number of the topic
    excludes: bool
    parts: tuple[Part, ...]  # of words
    strings: tuple[str, ...]  # of Chinese: folded, anywhere
    is_word: bool  # one word: finding it is enough


def read_entry(entry: str, language: str) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """The parts and the Chinese strings of an entry. Raises Unreadable."""
    if not entry.strip() or len(entry) > LONGEST_ENTRY:
        raise Unreadable(entry)
    parts, strings = [], []
    for piece in entry.split("+"):
        piece = piece.strip()
        if language == "zh" and has_han(piece):
            strings.append(folded("".join(piece.strip("\"“”„'*").split())))
        elif found := _part(piece, language):
            parts.append(found)
        else:
            raise Unreadable(entry)
    return tuple(parts), tuple(strings)


def _part(piece: str, language: str) -> Part | None:
    exact = len(piece) > 1 and piece[0] in '"“„«' and piece[-1] in '"”“»'
    known = rules(language)
    tokens, kinds = [], []
    for match in WORD.finditer(piece):
        form = plain(match[0])
        if exact:
            tokens.append(form)
            kinds.append("form")
        elif piece[match.end() : match.end() + 1] == "*":
            tokens.append(form)
            kinds.append("start")
        else:
            tokens.append(known.lemma(form))
            kinds.append("lemma")
    return Part(tuple(tokens), tuple(kinds)) if tokens else None


@dataclass(frozen=True, slots=True)
class TopicWords:
    """What a topic is known by: entries by language."""

    key: str
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    exclusions: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Language:
    """The patterns of one language by what they are looked for first."""

    lemmas: dict[str, list[Pattern]] = field(default_factory=dict)
    forms: dict[str, list[Pattern]] = field(default_factory=dict)
    starts: dict[str, list[Pattern]] = field(default_factory=dict)
    beginnings: frozenset[int] = frozenset()  # lengths of `starts`

    def add(self, pattern: Pattern) -> None:
        part = pattern.parts[0]
        kind, token = part.kinds[part.anchor], part.tokens[part.anchor]
        found = {"lemma": self.lemmas, "form": self.forms, "start": self.starts}[kind]
        found.setdefault(token, []).append(pattern)
        if kind == "start":
            self.beginnings |= {len(token)}

    def of(self, form: str, lemma: str) -> list[Pattern]:
        found = [*self.lemmas.get(lemma, ()), *self.forms.get(form, ())]
        for length in self.beginnings:
            if length <= len(form):
                found += self.starts.get(form[:length], ())
        return found


class _Seen(dict[str, tuple[tuple[str, Pattern], ...]]):
    """From a token as it stands in texts to the (language, pattern) that it may begin; filled as tokens are met."""

    def __init__(self, languages: Sequence[str], patterns: Mapping[str, _Language]) -> None:
        self.languages, self.patterns = languages, patterns

    def __missing__(self, token: str) -> tuple[tuple[str, Pattern], ...]:
        form = plain(token)
        languages = self.languages
        if form.isascii() and "en" not in languages and "pl" not in languages:
            languages = ("en", *(("zh",) if "zh" in languages else ()))
        found = tuple(
            (language, one)
            for language in languages
            for one in self.patterns[language].of(form, rules(language).lemma(form))
        )
        if len(self) >= MOST_FORMS:
            self.clear()
        self[token] = found
        return found


class Matcher:
    """All topics of a workspace, ready to be found. Safe to share between threads: what it remembers is only speed."""

    def __init__(self, topics: Iterable[TopicWords]) -> None:
        self.keys: list[str] = []
        self._by_language = {language: _Language() for language in LANGUAGES}
        self._strings: dict[str, list[Pattern]] = {}  # by their first two characters
        for owner, topic in enumerate(topics):
            self.keys.append(topic.key)
            for excludes, entries in ((False, topic.words), (True, topic.exclusions)):
                for language, found in entries.items():
                    for entry in found:
                        self._add(owner, excludes, entry, language)
        self._seen: dict[tuple[str, ...], _Seen] = {
            languages: _Seen(languages, self._by_language)
            for languages in (("en",), ("pl",), ("ru",), ("uk",), ("zh",), ("en", "pl"), ("ru", "uk"))
        }

    def _add(self, owner: int, excludes: bool, entry: str, language: str) -> None:
        try:
            parts, strings = read_entry(entry, language)
        except Unreadable:
            return
        is_word = not strings and len(parts) == 1 and len(parts[0].tokens) == 1
        pattern = Pattern(owner, excludes, parts, strings, is_word)
        if strings:
            self._strings.setdefault(strings[0][:2], []).append(pattern)
        else:
            self._by_language[language].add(pattern)

    def find(self, text: str, reading: Reading) -> dict[str, list[Span]]:
        """The topics by key, each with the places of the words that tell of it, in the order of the text."""
        if reading.language == "other" and not reading.supported:
            return {}
        found: dict[str, list[Span]] = {}
        for start, end, language in _sentences(text, reading):
            places = self._in_sentence(text, start, end, language)
            if places:
                for key, spans in places.items():
                    found.setdefault(key, []).extend(spans)
        return {key: _apart(spans) for key, spans in found.items()}

    def _in_sentence(self, text: str, start: int, end: int, language: str) -> dict[str, list[Span]]:
        seen = self._seen[_languages(text, start, end, language)]
        hits: dict[int, list[Span]] = {}
        excluded: set[int] = set()
        longer: dict[tuple[str, Pattern], None] = {}  # what needs more words than the one that was found
        if any(map(seen.__getitem__, WORD.findall(text, start, end))):  # most sentences have none
            for match in WORD.finditer(text, start, end):
                for one in seen[match[0]]:
                    pattern = one[1]
                    if not pattern.is_word:
                        longer[one] = None
                    elif pattern.excludes:
                        excluded.add(pattern.owner)
                    else:
                        hits.setdefault(pattern.owner, []).append(Span(match.start(), match.end()))
            for language_of, places in _each_language(longer):
                words = Words(text, start, end, language_of)
                for pattern in places:
                    spans = words.all_of(pattern.parts)
                    if spans and pattern.excludes:
                        excluded.add(pattern.owner)
                    elif spans:
                        hits.setdefault(pattern.owner, []).extend(spans)
        if self._strings and (language == "zh" or has_han(text[start:end])):
            for pattern, spans in self._chinese(text, start, end):
                if pattern.excludes:
                    excluded.add(pattern.owner)
                else:
                    hits.setdefault(pattern.owner, []).extend(spans)
        return {self.keys[owner]: spans for owner, spans in hits.items() if owner not in excluded}

    def _chinese(self, text: str, start: int, end: int) -> list[tuple[Pattern, list[Span]]]:
        part = folded(text[start:end])
        heads = self._strings
        begun = [pair for pair in map(str.__add__, part, part[1:]) if pair in heads]
        begun += [one for one in part if one in heads]  # entries of one character
        hits = []
        for pattern in dict.fromkeys(one for pair in begun for one in heads[pair]):
            places: list[Span] = []
            for string in pattern.strings:
                at = _everywhere(part, string, start)
                if not at:
                    break
                places += at
            else:
                more = Words(text, start, end, "zh").all_of(pattern.parts) if pattern.parts else []
                if more or not pattern.parts:
                    hits.append((pattern, places + more))
        return hits


class Words:
    """The words of a sentence, with their forms and lemmas in one language."""

    def __init__(self, text: str, start: int, end: int, language: str) -> None:
        found = list(WORD.finditer(text, start, end))
        self.places = [match.span() for match in found]
        self.forms = [plain(match[0]) for match in found]
        lemma = rules(language).lemma
        self.lemmas = [lemma(form) for form in self.forms]

    def all_of(self, parts: Sequence[Part]) -> list[Span]:
        """Where the parts stand; nothing if one is missing."""
        found: list[Span] = []
        for part in parts:
            length = len(part.tokens)
            at = [
                Span(self.places[number][0], self.places[number + length - 1][1])
                for number in range(len(self.forms) - length + 1)
                if all(self._is(number + step, part, step) for step in range(length))
            ]
            if not at:
                return []
            found += at
        return found

    def _is(self, number: int, part: Part, step: int) -> bool:
        kind, token = part.kinds[step], part.tokens[step]
        if kind == "lemma":
            return self.lemmas[number] == token
        return self.forms[number].startswith(token) if kind == "start" else self.forms[number] == token


def _each_language(found: Iterable[tuple[str, Pattern]]) -> Iterable[tuple[str, list[Pattern]]]:
    by: dict[str, list[Pattern]] = {}
    for language, pattern in found:
        by.setdefault(language, []).append(pattern)
    return by.items()


def _sentences(text: str, reading: Reading) -> Iterable[tuple[int, int, str]]:
    if not reading.sentences:
        return ((0, len(text), reading.language),)
    return ((one.start, one.end, one.language) for one in reading.sentences)


def _languages(text: str, start: int, end: int, language: str) -> tuple[str, ...]:
    """Whose entries the sentence is looked at with."""
    if language == "zh" or (language in LANGUAGES and end - start > SHORT):
        return (language,)
    part = text[start:end]
    if CYRILLIC.search(part):
        return SCRIPTS["cyrillic"]
    return ("zh",) if has_han(part) else SCRIPTS["latin"]


def _everywhere(part: str, string: str, offset: int) -> list[Span]:
    found, at = [], part.find(string)
    while at >= 0:
        found.append(Span(offset + at, offset + at + len(string)))
        at = part.find(string, at + len(string))
    return found


def _apart(spans: Sequence[Span]) -> list[Span]:
    """In order, what overlaps made one."""
    found: list[Span] = []
    for one in sorted(spans, key=lambda span: (span.start, span.end)):
        if found and one.start < found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, one.end))
        else:
            found.append(one)
    return found
