"""Themes beside TF-IDF with k-means: `python bench/themes.py [--small] [--data FOLDER] [--deep]`.

For each labelled multi-topic set: normalised mutual information of the labels with (a) scikit-learn's TfidfVectorizer
and KMeans (Chinese parted into words by jieba) and (b) ours, both told the true number of topics, the mean of some
seeds; and what ours finds without being told. `--deep` puts the encoder's vectors beside the words, on as many texts
as a run asks it about.

The sets: Banking77 and CLINC150 (en); comments made up from bench/themes.yaml (all five languages; honest only about
what they are: eight topics, with words shared between them); the sentences of this product's own pages in four
languages, by the area that they stand in (a hard set: areas overlap); and in the languages where labelled sets of one
domain each are at hand, those mixed, by domain.

Then the time and memory of a run over 200 000 texts (20 000 with --small), without the log.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import json
import random
import re
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cxm.understand.text.deep.encoder import encoder
from cxm.understand.text.themes import terms
from cxm.understand.text.themes.clustering import groups_of, least_similarity
from cxm.understand.text.themes.naming import names_of
from cxm.understand.text.themes.space import Centres, heaviest, space_of

HERE = Path(__file__).resolve().parent
Rows = list[tuple[str, str]]  # label, text
LANGUAGES = ("en", "pl", "ru", "uk", "zh")


def labelled(data: Path, name: str) -> Rows:
    path = data / f"{name}.train.jsonl.gz"
    if not path.is_file():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [
            (one["label"], one["text"]) for one in map(json.loads, file) if one["label"] not in ("oos", "out_of_scope")
        ]


def domains(data: Path, *names: str) -> Rows:
    """Texts of some sets mixed, as many of each, by the set."""
    sets = [[(name, text) for _label, text in labelled(data, name)] for name in names]
    least = min(map(len, sets))
    return [row for rows in sets for row in random.Random(3).sample(rows, min(least, 1500))]


def made_up(language: str, n: int, seed: int = 1) -> Rows:
    parts = yaml.safe_load((HERE / "themes.yaml").read_text("utf-8"))[language]
    topics = [name for name in parts if name not in ("openings", "closings")]
    draw = random.Random(seed)
    between = "，" if language == "zh" else ", "
    rows = []
    for _number in range(n):
        topic = draw.choice(topics)
        said = between.join(draw.sample(parts[topic], draw.choice((1, 1, 2))))
        end = "。" if language == "zh" else ". "
        rows.append((topic, draw.choice(parts["openings"]) + said + end + draw.choice(parts["closings"])))
    return rows


def pages(language: str) -> Rows:
    """Sentences of our pages by area, those that stand in one area only."""
    import polib

    rows = []
    folder = HERE.parent / "cxm" / "locale" / ("zh_Hant" if language == "zh" else language)
    for entry in polib.pofile(str(folder / "LC_MESSAGES" / "django.po")):
        areas = {tuple(place[0].split("/")[:2]) for place in entry.occurrences}
        if len(areas) == 1 and len(entry.msgid.split()) >= 4 and entry.msgstr and not entry.msgid_plural:
            rows.append(("/".join(next(iter(areas))), re.sub(r"%\(\w+\)s|%%|%s|<[^>]+>", " ", entry.msgstr)))
    return rows


def sets(data: Path, small: bool) -> Iterator[tuple[str, str, Rows]]:
    most = 1_500 if small else 5_000
    for name in ("en_banking77", "en_clinc150"):
        yield name, "en", labelled(data, name)[:most]
    for language in LANGUAGES:
        yield f"{language} made up", language, made_up(language, 600 if small else 2_000)
    for language in LANGUAGES[1:]:
        yield f"{language} own pages", language, pages(language)
    yield "pl domains", "pl", domains(data, "pl_hotels", "pl_medicine", "pl_xed")
    yield "ru domains", "ru", domains(data, "ru_brighter", "ru_rusentiment", "ru_xed")
    yield "zh domains", "zh", domains(data, "zh_snow", "zh_brighter", "zh_xedpol")


def baseline(language: str, texts: list[str], k: int, seed: int) -> Any:
    from sklearn.cluster import KMeans
    from sklearn.feature_extraction.text import TfidfVectorizer

    if language == "zh":
        import jieba

        jieba.setLogLevel(60)
        texts = [" ".join(jieba.cut(text)) for text in texts]
    return KMeans(k, n_init=3, random_state=seed).fit_predict(TfidfVectorizer().fit_transform(texts))


def compare(name: str, language: str, rows: Rows, *, deep: bool, seeds: int) -> None:
    from sklearn.metrics import normalized_mutual_info_score as nmi

    random.Random(7).shuffle(rows)
    least = 20 if len(rows) > 3_000 else 8
    common = {label for label, n in collections.Counter(label for label, _text in rows).items() if n >= least}
    rows = [row for row in rows if row[0] in common]
    if len(common) < 2:
        print(f"{name:<16} not here")
        return
    labels, texts = [row[0] for row in rows], [row[1] for row in rows]
    k = len(common)
    plain = [float(nmi(labels, baseline(language, texts, k, seed))) for seed in range(seeds)]
    documents = terms.all_terms(texts, [language] * len(texts))
    space = space_of(documents)
    points = space.rows(documents)
    ours = [float(nmi(labels, groups_of(points, k=k, seed=seed).labels)) for seed in range(seeds)]
    free = groups_of(points)
    times = float(np.mean(ours)) / max(float(np.mean(plain)), 1e-9)
    said = (f"{name:<16} {len(texts):>6} texts {k:>4} topics | TF-IDF + k-means {np.mean(plain):.3f} | ours"
            f" {np.mean(ours):.3f} (×{times:.2f}) | found by itself {free.n:>3} themes,"
            f" {float(nmi(labels, free.labels)):.3f}, {(free.labels >= 0).mean():.0%} themed")  # fmt: skip
    encode = encoder() if deep and len(common) > 3 and "pages" not in name else None
    if encode is not None:
        some = slice(0, 800)
        start = time.perf_counter()
        vectors = encode.encode(texts[some])
        rate = len(vectors) / (time.perf_counter() - start)
        deep_labels = groups_of(points[some], k=len(set(labels[some])), vectors=vectors).labels
        words = groups_of(points[some], k=len(set(labels[some]))).labels
        said += (f" | {encode.name} on {len(vectors)}: {float(nmi(labels[some], deep_labels)):.3f} (words alone"
                 f" {float(nmi(labels[some], words)):.3f}), {rate:.0f} texts/s")  # fmt: skip
    print(said, flush=True)


def large(n: int) -> None:
    """A run over n texts as discovering.py does it, without the log and the reader."""
    rows = [row for language in LANGUAGES for row in made_up(language, n // 5, seed=5)]
    languages = [language for language in LANGUAGES for _number in range(n // 5)]
    order = list(range(len(rows)))
    random.Random(1).shuffle(order)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    sample = order[:50_000]
    texts, spoken = [rows[one][1] for one in sample], [languages[one] for one in sample]
    documents = terms.all_terms(texts, spoken)
    space = space_of(documents)
    points = space.rows(documents)
    groups = groups_of(points)
    names = names_of(zip(texts, spoken, groups.labels.tolist(), strict=True), groups.n)
    least = least_similarity(points, groups.labels, groups.centres)
    centres = Centres(space, tuple(range(1, groups.n + 1)), heaviest(groups.centres), least)
    grouped = time.perf_counter() - start
    themed = 0
    for begin in range(0, len(order), 20_000):
        part = order[begin : begin + 20_000]
        found, _strength = centres.find(
            terms.all_terms([rows[one][1] for one in part], [languages[one] for one in part])
        )
        themed += int((found > 0).sum())
    took = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{n:,} texts: {took:.0f} s ({grouped:.0f} s to group {len(sample):,}), {groups.n} themes,"
          f" {themed / n:.0%} themed, peak {peak / 1024:.0f} MB"
          f" ({(peak - before) / 1024:.0f} MB more than before)")  # fmt: skip
    for one in names[:5]:
        print("   ", {language: name.text for language, name in one.items()})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--deep", action="store_true")
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data" / "text")
    given = parser.parse_args()
    for name, language, rows in sets(given.data, given.small):
        compare(name, language, rows, deep=given.deep, seeds=1 if given.small else 3)
    large(20_000 if given.small else 200_000)


if __name__ == "__main__":
    main()
