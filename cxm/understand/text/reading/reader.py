"""The one door: texts in, readings out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy  # `scipy.sparse` loads at its first use: a seventh of the start of the server

from . import evidence
from .characters import Array, Characters, gather
from .features import gram_rows
from .grams import WordGrams, character_grams, denied_words, word_grams
from .heads import Heads
from .language import ELSE, LANGUAGES, NONE, ZH, languages_of, letters_of, scripts_of_chinese
from .lexical import TURNED, Items, dense, items_of, marks_of
from .phrases import PhraseBook, words_named
from .reading import Reading, Sentence, Span, Tag
from .scoring import gram_values, sums_of, word_worth
from .weights import EMOTIONS, Weights, weights

BATCH = 512  # texts that are read at once: arrays stay in the processor's cache
BATCH_CHARACTERS = 200_000
NEUTRAL, POSITIVE, NEGATIVE, MIXED = "neutral", "positive", "negative", "mixed"
CLEAR = 0.4  # from this score on a sentence counts for a mixed text
FRAMED = 0.6  # what a question that asks for the good or the bad adds to the log-odds of a short answer
EMOTION_HEADS = slice(2, 8)
EMOTION_SIGNS = np.array([-1, -1, -1, 1, -1, 0])  # of EMOTIONS; surprise is good or bad


@dataclass(slots=True)
class Batch:
    """All that was found out about some texts, as arrays; by sentence or by text."""

    characters: Characters
    grams: Array  # what each n-gram of characters is worth: orders × positions × heads
    words: WordGrams
    items: Items
    negator: Array
    denied: Array
    language: Array  # numbers of LANGUAGES, by text
    sentence_language: Array
    traditional: Array
    logits: Array  # texts × heads
    sentence_logits: Array
    known: Array  # known words by text


@dataclass(frozen=True, slots=True)
class Judged:
    """What a second tier says of some texts. `odds`: log-odds of polarity and neutrality before the bias of a language,
    shape (texts, 2), NaN for texts that it was not asked about. `bias` and `thresholds`, shape (languages, 2): the
    latter of what both tiers say together, the mean of their log-odds.
    """

    odds: Array
    bias: Array
    thresholds: Array

    def part(self, begin: int, end: int) -> Judged:
        return Judged(self.odds[begin:end], self.bias, self.thresholds)


class Reader:
    """Reads texts with the shipped weights; one serves all threads."""

    def __init__(self, found: Weights | None = None) -> None:
        self.weights = found or weights()
        self.version = self.weights.version
        tables = self.weights.tables
        self.negators = words_named("negator", tables)
        self.abbreviations = words_named("abbreviation", tables)
        self.worth = word_worth(self.weights)
        self.sentiment_worth = np.ascontiguousarray(self.worth[:, :2])
        self.book = PhraseBook(tables, ("effort", "urgency", "intent", "touchpoint"))
        self.framings = PhraseBook(tables, ("framing",))

    # -- what is asked -------------------------------------------------------------------------------------------

    def read(
        self, texts: Sequence[str], *, questions: Sequence[str] = (), heads: Heads | None = None,
        judged: Judged | None = None,
    ) -> list[Reading]:  # fmt: skip
        """One reading per text, in order. `questions` are as many as texts, or none; so is what is `judged`.

        Of a text over 100,000 characters the beginning is read. Raises ValueError where questions do not fit texts.
        """
        if questions and len(questions) != len(texts):
            raise ValueError("as many questions as texts, or none")
        out: list[Reading] = []
        for begin, end in batches(texts):
            some = judged.part(begin, end) if judged is not None else None
            out += self.read_batch(texts[begin:end], questions[begin:end], heads, some)
        return out

    def sentiments(self, texts: Sequence[str]) -> list[tuple[str, str, str, float]]:
        """Language, script, sentiment and score of each text: the quick way, without sentences and tags."""
        out: list[tuple[str, str, str, float]] = []
        for begin, end in batches(texts):
            batch = self.measure(texts[begin:end], emotions=False)
            score, label = self.sentiment_of(self.calibrated(batch.logits), batch.language)
            names = np.array([NEGATIVE, NEUTRAL, POSITIVE])[label + 1].tolist()
            for language, traditional, name, value in zip(
                batch.language.tolist(), batch.traditional.tolist(), names, score.tolist(), strict=True
            ):
                if language < ELSE:
                    script = ("Hant" if traditional else "Hans") if language == ZH else ""
                    out.append((LANGUAGES[language], script, name, value))
                else:
                    out.append((LANGUAGES[language], "", "", 0.0))
        return out

    def polarity(self, texts: Sequence[str]) -> Array:
        """How good or bad each text is in [-1, 1], were it not neutral; also of languages that are not supported."""
        out = []
        for begin, end in batches(texts):
            batch = self.measure(texts[begin:end], emotions=False)
            at = self.weights.thresholds[np.minimum(batch.language, 4), 0]
            out.append(self.calibrated(batch.logits)[:, 0] - at)
        return np.concatenate(out) if out else np.zeros(0)

    def log_odds(self, texts: Sequence[str]) -> tuple[Array, Array]:
        """Calibrated log-odds of polarity and of neutrality, shape (texts, 2), and numbers of LANGUAGES."""
        odds, language = [np.zeros((0, 2))], [np.zeros(0, dtype=np.intp)]
        slope, shift = self.weights.calibration[:2].T
        for begin, end in batches(texts):
            batch = self.measure(texts[begin:end], emotions=False)
            odds.append(batch.logits * slope + shift)
            language.append(batch.language)
        return np.concatenate(odds), np.concatenate(language)

    def emotions(self, texts: Sequence[str]) -> Array:
        """Whether each text shows each of EMOTIONS, shape (texts, 6)."""
        out = []
        for begin, end in batches(texts):
            batch = self.measure(texts[begin:end])
            at = self.weights.thresholds[np.minimum(batch.language, 4), EMOTION_HEADS]
            out.append(self.calibrated(batch.logits)[:, EMOTION_HEADS] >= at)
        return np.concatenate(out) if out else np.zeros((0, 6), dtype=bool)

    def features(self, texts: Sequence[str]) -> scipy.sparse.csr_matrix:
        """Rows of shape (texts, 2^18 + 47) that heads are trained on and answer from.

        Hashed n-grams; then the mean vector of known words (32), marks (7) and the shipped heads' log-odds (8).
        """
        out = []
        for begin, end in batches(texts):
            batch = self.measure(texts[begin:end])
            grams = gram_rows(batch.characters, batch.denied)
            out.append(scipy.sparse.hstack([grams, scipy.sparse.csr_matrix(self.dense_features(batch))], format="csr"))
        if not out:
            return scipy.sparse.csr_matrix(np.zeros((0, (1 << 18) + 47), dtype=np.float32))
        return scipy.sparse.csr_matrix(out[0] if len(out) == 1 else _stack(out))

    def vectors(self, texts: Sequence[str]) -> Array:
        """Mean vectors of known words, of unit length, shape (texts, 32): for similarity where no encoder is there."""
        out = []
        for begin, end in batches(texts):
            found = self.characters_of(texts[begin:end])
            denied = denied_words(found, self.negators.find(found.word_hash) >= 0)
            items = items_of(found, self.weights.slots, denied)
            mean = self.mean_vectors(found, items)
            out.append(mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-6))
        return np.concatenate(out) if out else np.zeros((0, 32), dtype=np.float32)

    # -- arrays --------------------------------------------------------------------------------------------------

    def characters_of(self, texts: Sequence[str]) -> Characters:
        return gather(texts, self.weights.tables, self.abbreviations)

    def mean_vectors(self, characters: Characters, items: Items) -> Array:
        count = len(characters.text_at) - 1
        text = characters.sentence_text[items.sentence]
        chosen = scipy.sparse.csr_matrix(
            (np.ones(len(text), np.float32), (text, items.number)), (count, len(self.weights.hashes))
        )
        known = np.maximum(np.asarray(chosen.sum(axis=1)), 1)
        mean: Array = (chosen @ self.weights.vectors.astype(np.float32)) * self.weights.vector_scale / known
        return np.asarray(mean, dtype=np.float32)

    def dense_features(self, batch: Batch) -> Array:
        found = batch.characters
        count = len(found.text_at) - 1
        marks = marks_of(found, batch.items, self.weights.valence).over(found.sentence_text, count)
        return np.hstack([
            0.5 * self.mean_vectors(found, batch.items), dense(marks), np.clip(batch.logits, -8, 8) / 2
        ]).astype(np.float32)  # fmt: skip

    def measure(self, texts: Sequence[str], *, emotions: bool = True) -> Batch:
        found = self.characters_of(texts)
        count = len(texts)
        columns = character_grams(found.codes)
        letters = letters_of(found, columns, self.weights.language_grams, self.weights.language_scale)
        sentences = len(found.sentence_text)
        first = found.sentence_text.searchsorted(np.arange(count))
        languages, lead = languages_of(np.concatenate([letters, np.add.reduceat(letters, first, axis=0)]))
        language, whole = languages[sentences:], languages[sentences:][found.sentence_text]
        unsure = (languages[:sentences] == NONE) | (lead[:sentences] < 1.0) & (whole < ELSE)
        languages[:sentences] = np.where(unsure, whole, languages[:sentences])
        negator = self.negators.find(found.word_hash) >= 0
        denied = denied_words(found, negator)
        items = items_of(found, self.weights.slots, denied)
        marks = marks_of(found, items, self.weights.valence)
        words = word_grams(found, denied)
        scale = self.weights.gram_scale
        heads = 8 if emotions else 2
        table = self.weights.grams if emotions else self.weights.sentiment_grams
        grams, values = gram_values(found, columns, words, table)
        sums = sums_of(found, items, marks, values, scale[:heads], self.worth if emotions else self.sentiment_worth)
        by_mark, bias, share = (
            table[:, :heads] for table in (self.weights.by_mark, self.weights.bias, self.weights.vector_share)
        )
        both, known = sums.over(found.sentence_text, count), np.minimum(languages, 4)
        logits = both.logits(by_mark, share[known], bias[known])
        traditional = np.zeros(count, dtype=bool)
        if (language == ZH).any():
            text = np.repeat(np.arange(count), np.diff(found.text_at))
            traditional = scripts_of_chinese(found.raw[found.origin[: len(text)]], text, count, self.weights.variant)
        return Batch(
            found, grams, words, items, negator, denied, language, languages[:sentences], traditional,
            logits[sentences:], logits[:sentences], both.marks.known[sentences:],
        )  # fmt: skip

    def calibrated(self, logits: Array) -> Array:
        """Probabilities by head."""
        heads = logits.shape[1]
        slope, shift = self.weights.calibration[:heads].T
        return chances_of(logits * slope + shift)

    def sentiment_of(self, chance: Array, language: Array) -> tuple[Array, Array]:
        """Score in [-1, 1] and -1, 0 or 1, from `calibrated`."""
        good, none = chance[:, 0], chance[:, 1]
        at = self.weights.thresholds[np.minimum(language, 4)]
        label = np.where(none > at[:, 1], 0, np.where(good > at[:, 0], 1, -1))
        return (1 - none) * (2 * good - 1), label

    # -- readings ------------------------------------------------------------------------------------------------

    def read_batch(
        self, texts: Sequence[str], questions: Sequence[str], heads: Heads | None, judged: Judged | None = None
    ) -> list[Reading]:
        batch = self.measure(texts)
        count = len(texts)
        unframed = batch.logits[:, :2].copy() if judged is not None else batch.logits
        if questions:
            self.frame(batch, questions)
        every = self.calibrated(np.concatenate([batch.logits, batch.sentence_logits]))
        scores, labels = self.sentiment_of(every, np.concatenate([batch.language, batch.sentence_language]))
        if judged is not None:
            self.judge(batch, unframed, judged, scores, labels)
        score, label, sentence_score, sentence_label = scores[:count], labels[:count], scores[count:], labels[count:]
        emotion_chance = every[:count, EMOTION_HEADS]
        own = self.own_answers(texts, heads) if heads is not None and heads.heads else {}
        if "sentiment" in own:
            names, chances = own["sentiment"]
            share = {name: chances[:, names.index(name)] if name in names else 0.0 for name in (POSITIVE, NEGATIVE)}
            score = np.asarray(share[POSITIVE] - share[NEGATIVE])
            best = chances.argmax(axis=1)
            label = np.array([{POSITIVE: 1, NEGATIVE: -1}.get(name, 0) for name in names])[best]
        emotion = self.emotions_of(emotion_chance, batch.language, label)
        if "emotion" in own:
            names, chances = own["emotion"]
            emotion = [names[best] for best in chances.argmax(axis=1)]
        mixed = self.mixed_texts(batch, sentence_score, sentence_label, label)
        spans = self.sentiment_spans(batch, label, mixed, emotion)
        phrases = self.phrases(batch)
        sentences = self.sentences(batch, sentence_score, sentence_label)
        intents = own.get("intent")
        # How likely the own heads think that a text speaks of effort, or is urgent: they go before the phrases.
        shown_by_own = {
            kind: chances[:, names.index("yes")]
            for kind, (names, chances) in own.items() if kind in ("effort", "urgency") and "yes" in names
        }  # fmt: skip
        out = []
        languages, rounded = batch.language.tolist(), score.round(4).tolist()
        signs, felt_chances = label.tolist(), emotion_chance.round(3).tolist()
        for number in range(count):
            language = languages[number]
            if language >= ELSE:
                out.append(Reading(language=LANGUAGES[language], model=self.version))
                continue
            sentiment = MIXED if mixed[number] else (NEGATIVE, NEUTRAL, POSITIVE)[signs[number] + 1]
            tags = sentiment_tags(sentiment, rounded[number], [found.get(number, ()) for found in spans[:2]])
            felt = emotion[number]
            if felt not in ("none", ""):
                chance = felt_chances[number][EMOTIONS.index(felt)] if felt in EMOTIONS else 1.0
                tags.append(Tag("emotion", felt, chance, spans[2].get(number, ())))
            hits = phrases.get(number, ())
            if intents is not None:
                names, chances = intents
                best = int(chances[number].argmax())
                intent, sure = names[best], float(chances[number, best])
                intent_spans: tuple[Span, ...] = ()
            else:
                intent, intent_spans = intent_of(sentiment, rounded[number], hits, tags, texts[number])
                sure = abs(rounded[number]) if intent in ("complaint", "praise") else 1.0
            if intent:
                tags.append(Tag("intent", intent, sure, intent_spans))
            shows = {kind: 1.0 for kind, _name, _at in hits if kind in ("effort", "urgency")}
            shows |= {kind: float(likely[number]) for kind, likely in shown_by_own.items()}
            shows = {kind: likely for kind, likely in shows.items() if likely >= 0.5}
            for kind, name, at in hits:
                if kind in shows or kind == "touchpoint":
                    tags.append(Tag(kind, name, shows.get(kind, 1.0), at))
            found_kinds = {tag.kind for tag in tags}
            tags += [Tag(kind, kind, likely) for kind, likely in shows.items() if kind not in found_kinds]
            out.append(
                Reading(
                    LANGUAGES[language],
                    ("Hant" if batch.traditional[number] else "Hans") if language == ZH else "",
                    True,
                    sentiment,
                    rounded[number],
                    felt,
                    intent,
                    "effort" in shows,
                    "urgency" in shows,
                    sentences[number],
                    tuple(tags),
                    self.version,
                    dict(zip(EMOTIONS, felt_chances[number], strict=True)),
                )
            )
        return out

    def own_answers(self, texts: Sequence[str], heads: Heads) -> dict[str, tuple[tuple[str, ...], Array]]:
        rows = self.features(texts)
        return {kind: (head.classes, head.probabilities(rows)) for kind, head in heads.heads.items()}

    def emotions_of(self, chances: Array, language: Array, label: Array) -> list[str]:
        """The emotion that is over its threshold by the widest factor, or none; nothing against the sentiment."""
        relative = chances / self.weights.thresholds[np.minimum(language, 4), EMOTION_HEADS]
        relative = np.where(label[:, None] * EMOTION_SIGNS < 0, 0, relative)
        best = relative.argmax(axis=1)
        over = relative.max(axis=1) >= 1
        return [EMOTIONS[at] if sure else "none" for at, sure in zip(best.tolist(), over.tolist(), strict=True)]

    def mixed_texts(self, batch: Batch, score: Array, sentence_label: Array, label: Array) -> Array:
        """Texts in which one sentence is clearly good and another clearly bad."""
        text, count = batch.characters.sentence_text, len(label)
        good = np.bincount(text, (score > CLEAR) & (sentence_label > 0), count) > 0
        bad = np.bincount(text, (score < -CLEAR) & (sentence_label < 0), count) > 0
        return good & bad

    def judge(self, batch: Batch, unframed: Array, judged: Judged, scores: Array, labels: Array) -> None:
        """Put what both tiers say together into `scores` and `labels`, which have the texts and then their sentences.

        The second tier knows whole texts only: where a text is one sentence, the sentence says what the text says.
        """
        count = len(unframed)
        slope, shift = self.weights.calibration[:2].T
        known = np.minimum(batch.language, ELSE - 1)
        # What was asked counts beside both tiers as it does beside one.
        asked = (batch.logits[:, :2] - unframed) * slope
        odds = (unframed * slope + shift + judged.odds + judged.bias[known]) / 2 + asked
        over = odds - judged.thresholds[known]
        chance = chances_of(odds)
        told = ~np.isnan(odds[:, 0])
        scores[:count] = np.where(told, (1 - chance[:, 1]) * (2 * chance[:, 0] - 1), scores[:count])
        label = np.where(over[:, 1] > 0, 0, np.where(over[:, 0] > 0, 1, -1))
        labels[:count] = np.where(told, label, labels[:count])
        text = batch.characters.sentence_text
        alone = (told & (np.bincount(text, minlength=count) == 1))[text]
        scores[count:] = np.where(alone, scores[text], scores[count:])
        labels[count:] = np.where(alone, labels[text], labels[count:])

    def frame(self, batch: Batch, questions: Sequence[str]) -> None:
        """A question that asks for the bad makes a neutral-looking answer a likelier complaint, and the other way."""
        asked = list(dict.fromkeys(questions))
        found = self.characters_of(asked)
        hits = self.framings.find(found)
        tone = np.zeros(len(asked))
        text = found.text_at.searchsorted(hits.at, side="right") - 1
        for entry, number in zip(hits.entry.tolist(), text.tolist(), strict=True):
            tone[number] += {"good": 1, "bad": -1}[self.framings.entries[entry][1]]
        framed = dict(zip(asked, np.clip(tone, -1, 1).tolist(), strict=True))
        shift = np.array([framed[question] for question in questions])
        short = np.minimum(1, 60 / np.maximum(np.diff(batch.characters.text_at), 1))
        # "nothing" in answer to what could be better is no complaint
        words = np.bincount(
            batch.characters.sentence_text[batch.characters.word_sentence], minlength=len(shift)
        ) if len(batch.characters.word_at) else np.zeros(len(shift))  # fmt: skip
        denies = np.zeros(len(shift), dtype=bool)
        if len(batch.characters.word_at):
            text_of_word = batch.characters.sentence_text[batch.characters.word_sentence]
            denies = np.bincount(text_of_word, batch.negator, len(shift)) > 0
        nothing = denies & (words <= 3)
        shift = np.where(nothing, -shift * 2, shift)
        batch.logits[:, 0] += FRAMED * shift * short
        batch.logits[:, 1] -= np.where(nothing, -1.5, 0.3) * np.abs(shift) * short

    def sentiment_spans(
        self, batch: Batch, label: Array, mixed: Array, emotion: list[str]
    ) -> tuple[dict[int, tuple[Span, ...]], dict[int, tuple[Span, ...]], dict[int, tuple[Span, ...]]]:
        """By text: what is good, what is bad, and what shows the emotion."""
        found = batch.characters
        units = evidence.units_of(found)
        if not len(units.at):
            return {}, {}, {}
        supported = batch.language < ELSE
        sign = np.where(supported, label, 0)
        first = np.where(mixed & supported, 1, sign)
        felt = np.array([EMOTIONS.index(name) if name in EMOTIONS else -1 for name in emotion])

        share = self.weights.vector_share[np.minimum(batch.language, 4)]
        text = found.sentence_text[batch.items.sentence]

        turned = np.where(batch.items.denied, TURNED, 1)
        value = self.weights.valence[batch.items.number] * turned * self.weights.by_mark[0, 0] / 4
        worth = self.worth[batch.items.number, 0] * share[text, 0] + value
        good, bad, none = {}, {}, np.zeros(len(first), dtype=np.intp)
        if first.any():
            part = evidence.parts(
                found, batch.grams, batch.words, batch.items, units, self.weights.sentiment_grams, none, worth,
                first, first * self.weights.gram_scale[0], batch.known,
            )  # fmt: skip
            spans = evidence.shown_spans(part, units, found, first != 0, batch.denied, batch.negator)
            good = {number: at for number, at in spans.items() if first[number] > 0}
            bad = {number: at for number, at in spans.items() if first[number] < 0}
            if mixed.any():
                bad |= evidence.shown_spans(-part, units, found, mixed & supported, batch.denied, batch.negator)
        feels = (felt >= 0) & supported
        if not feels.any():
            return good, bad, {}
        head = 2 + np.maximum(felt, 0)
        worth = self.worth[batch.items.number, head[text]] * share[text, head[text]]
        part = evidence.parts(
            found, batch.grams, batch.words, batch.items, units, self.weights.grams, head, worth,
            feels.astype(float), feels * self.weights.gram_scale[head], batch.known,
        )  # fmt: skip
        return good, bad, evidence.shown_spans(part, units, found, feels)

    def phrases(self, batch: Batch) -> dict[int, list[tuple[str, str, tuple[Span, ...]]]]:
        """Kind, name and spans of the phrases by text; of nested phrases of one name the longest."""
        found = batch.characters
        hits = self.book.find(found)
        if not len(hits.entry):
            return {}
        text = found.text_at.searchsorted(hits.at, side="right") - 1
        offset = found.offset[text]
        begin, end = found.origin[hits.at] - offset, found.origin[hits.end - 1] + 1 - offset
        out: dict[int, dict[int, list[tuple[int, int]]]] = {}
        for number, entry, at, to in zip(text.tolist(), hits.entry.tolist(), begin.tolist(), end.tolist(), strict=True):
            out.setdefault(number, {}).setdefault(entry, []).append((at, to))
        return {
            number: [(*self.book.entries[entry], outermost(spans)) for entry, spans in entries.items()]
            for number, entries in out.items()
        }

    def sentences(self, batch: Batch, score: Array, label: Array) -> list[tuple[Sentence, ...]]:
        """Sentences by text, in characters of the texts as they came, without the spaces around them."""
        found = batch.characters
        text = found.sentence_text
        at, end = found.sentence_at[:-1], found.sentence_at[1:]
        begin = np.minimum(at + (found.codes[at] == 32), end - 1)
        last = end - 1
        last = np.maximum(last - (found.codes[last] == 32), begin)
        offset = found.offset[text]
        begins, ends = found.origin[begin] - offset, found.origin[last] + 1 - offset
        names = np.where(batch.sentence_language >= ELSE, 3, label + 1).tolist()
        out: list[list[Sentence]] = [[] for _ in range(len(found.text_at) - 1)]
        for number, first, to, language, name, value in zip(
            text.tolist(), begins.tolist(), ends.tolist(), batch.sentence_language.tolist(), names,
            score.round(4).tolist(), strict=True,
        ):  # fmt: skip
            sentiment = (NEGATIVE, NEUTRAL, POSITIVE, "")[name]
            out[number].append(Sentence(first, to, LANGUAGES[language], sentiment, value if sentiment else 0.0))
        return [tuple(sentences) for sentences in out]


def _stack(parts: list[scipy.sparse.csr_matrix]) -> scipy.sparse.csr_matrix:
    return scipy.sparse.csr_matrix(scipy.sparse.vstack(parts, format="csr"))


def batches(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Slices of at most 512 texts and about 200,000 characters."""
    out, begin, size = [], 0, 0
    for number, text in enumerate(texts):
        if number > begin and (number - begin >= BATCH or size + len(text) > BATCH_CHARACTERS):
            out.append((begin, number))
            begin, size = number, 0
        size += len(text)
    if begin < len(texts):
        out.append((begin, len(texts)))
    return out


def chances_of(odds: Array) -> Array:
    """Probabilities of log-odds."""
    out: Array = 1 / (1 + np.exp(np.minimum(np.maximum(-odds, -30), 30)))
    return out


def outermost(spans: list[tuple[int, int]]) -> tuple[Span, ...]:
    """Spans without those inside others."""
    kept: list[tuple[int, int]] = []
    for at, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or end > kept[-1][1]:
            kept.append((at, end))
    return tuple(Span(at, end) for at, end in kept)


def sentiment_tags(sentiment: str, score: float, spans: list[tuple[Span, ...]]) -> list[Tag]:
    if sentiment == MIXED:
        return [Tag("sentiment", POSITIVE, abs(score), spans[0]), Tag("sentiment", NEGATIVE, -abs(score), spans[1])]
    if sentiment in (POSITIVE, NEGATIVE):
        return [Tag("sentiment", sentiment, score, spans[0] if sentiment == POSITIVE else spans[1])]
    return []


def intent_of(
    sentiment: str,
    score: float,
    hits: Sequence[tuple[str, str, tuple[Span, ...]]],
    tags: Sequence[Tag],
    text: str,
) -> tuple[str, tuple[Span, ...]]:
    """Threats to leave, suggestions and requests by their phrases; questions by their mark; then what is felt."""
    said = {name: spans for kind, name, spans in hits if kind == "intent"}
    for name in ("leaving", "suggestion", "request"):
        if name in said and (name != "leaving" or score < 0.3):
            return name, said[name]
    mark = max(text.rfind("?"), text.rfind("？"))
    if mark >= 0 and ("question" in said or score > -0.5):
        return "question", said.get("question", (Span(mark, mark + 1),))
    spans = tuple(span for tag in tags if tag.kind == "sentiment" for span in tag.spans)
    if sentiment in (NEGATIVE, MIXED):
        return "complaint", spans
    if sentiment == POSITIVE:
        return "praise", spans
    return ("question", said["question"]) if "question" in said and mark >= 0 else ("", ())


@cache
def reader() -> Reader:
    """The reader with the shipped weights, loaded at the first call."""
    return Reader()
