"""Finding the topics of all starter trees at once: texts a second, beside a regular expression of their words.

All 98 topics (3,462 words and phrases in five languages) are looked for in texts of about 100 characters in each
language, made of their own words and of words that mean nothing to them. The baseline finds the same entries as plain
strings, without inflection, by one alternation of `re` for each language: what one would write first. Also how many
texts a second are lemmatised and counted for the page of words.
"""

from __future__ import annotations

import os
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

FILLER = {
    "en": "yesterday we came home with three friends because it was raining and nobody had an umbrella at hand",
    "pl": "wczoraj wróciliśmy do domu z trzema znajomymi bo padało i nikt nie miał przy sobie parasola na drogę",
    "ru": "вчера мы вернулись домой с тремя друзьями потому что шел дождь и никто не взял с собой зонта в путь",
    "uk": "учора ми повернулися додому з трьома друзями бо йшов дощ і ніхто не взяв із собою парасольки в дорогу",
    "zh": "昨天我们和三个朋友一起回家因为外面一直下着大雨而且谁也没有带雨伞出来走了很远的路",
}  # fmt: skip


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxm.settings")
    import django

    django.setup()
    from bench.report import Report, arguments
    from cxm.understand.text.reading.reading import Reading, Sentence
    from cxm.understand.text.topics.patterns import Matcher, TopicWords
    from cxm.understand.text.topics.starter import starter_topics
    from cxm.understand.text.words.counting import Said, count_terms

    options = arguments(__doc__)
    report = Report("topics", small=options.small)
    n = 500 if options.small else 20_000
    draw = random.Random(options.seed)
    topics = starter_topics().values()
    started = time.process_time()
    matcher = Matcher([TopicWords(one.key, one.words, one.exclusions) for one in topics])
    report.line("compile", time.process_time() - started, bound=0.5)
    for language, filler in FILLER.items():
        entries = [entry for one in topics for entry in one.words[language] if not re.search(r'[*+"]', entry)]
        texts = [made(draw, filler, entries, language) for _one in range(n)]
        readings = [
            Reading(language=language, supported=True, sentences=(Sentence(0, len(text), language, "neutral", 0.0),))
            for text in texts
        ]
        plain = re.compile("|".join(map(re.escape, sorted(entries, key=len, reverse=True))))
        pairs: list[tuple[str, Any]] = list(zip(texts, readings, strict=True))
        ours, theirs = in_turn(
            [lambda pairs=pairs: [matcher.find(*one) for one in pairs],  # type: ignore[misc]  # bound as it is now
             lambda texts=texts, plain=plain: [list(plain.finditer(text.lower())) for text in texts]],  # type: ignore[misc]  # bound as it is now
        )  # fmt: skip
        report.line(f"{language}.against_re", ours, theirs, bound=2)
        report.line(f"{language}.rate", n / ours, bound=10_000, at_least=True, unit=" texts/s")
        said = [Said(text, language) for text in texts]
        [counting] = in_turn([partial(count_terms, said, language)])
        report.line(f"{language}.words", n / counting, bound=2_000, at_least=True, unit=" texts/s")
    return report.exit_code


def in_turn(runs: Sequence[Callable[[], object]]) -> list[float]:
    """Seconds of the processor that each run takes, the second time: by then words have been met, as in a server."""
    taken = [0.0] * len(runs)
    for _round in range(2):
        for number, run in enumerate(runs):
            started = time.process_time()
            run()
            taken[number] = time.process_time() - started
    return taken


def made(draw: random.Random, filler: str, entries: list[str], language: str) -> str:
    """About 100 characters (30 of Chinese): two texts of three have an entry of a topic, one has none."""
    if language == "zh":
        at = draw.randrange(len(filler) - 30)
        return filler[at : at + 24] + (draw.choice(entries) if draw.random() < 2 / 3 else "走路")
    words = filler.split()
    draw.shuffle(words)
    if draw.random() < 2 / 3:
        words[draw.randrange(len(words))] = draw.choice(entries)
    return " ".join(words)


if __name__ == "__main__":
    sys.exit(main())
