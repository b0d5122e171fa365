"""Train heads on labels, and tell how right they are beside the shipped ones, on texts that they have not seen.

Pure: no database. Both are asked about the same texts. The shipped heads have seen none of them; the own ones are made
anew for each fifth of the texts, from the other four. The intervals, also that of the difference, come from drawing the
texts anew (bootstrap), so they say what another such set of texts would have given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxm.understand.text.reading.heads import Head, Heads
from cxm.understand.text.reading.reader import Reader, reader
from cxm.understand.text.reading.reading import Reading

from .fitting import Names, train_head
from .labels import SENTIMENT, Label

FOLDS: Final = 5
LEAST: Final = 200  # texts of a kind
LEAST_OF_A_CLASS: Final = 30
DRAWS: Final = 2_000
BATCH: Final = 2_000  # texts read at once
Progress = Callable[[float], None]  # 0 to 100
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A macro-F1, or a difference of two, with its 95 % interval; n texts."""

    value: float
    low: float
    high: float
    n: int

    def kept(self) -> dict[str, float]:
        """As the table of versions keeps it."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


@dataclass(frozen=True, slots=True)
class Compared:
    """Macro-F1 of the shipped heads, of the own ones, and own minus shipped."""

    before: Figure
    after: Figure
    difference: Figure

    @property
    def better(self) -> bool:
        """The own heads are better, by more than chance would give."""
        return self.difference.low > 0

    def kept(self) -> dict[str, Any]:
        return {
            "before": self.before.kept(), "after": self.after.kept(), "difference": self.difference.kept(),
            "better": self.better,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trained:
    """A head of one kind: `classes` counts the texts of each label. `sides`: of sentiment only, positive or negative
    among texts that are one of the two."""

    head: Head
    classes: dict[str, int]
    all_classes: Compared
    sides: Compared | None

    def kept(self) -> dict[str, Any]:
        more = {"sides": self.sides.kept()} if self.sides else {}
        return {"classes": self.classes, "all": self.all_classes.kept(), **more}


@dataclass(frozen=True, slots=True)
class TooFew:
    """Why a kind cannot be trained: it has so many texts in all and of its rarest needed label."""

    texts: int
    rarest: str
    of_rarest: int


def too_few(kind: str, names: Sequence[str]) -> TooFew | None:
    """None where there is enough to learn from. Of sentiment, both negative and positive are needed."""
    counted = Counter(names)
    if kind == SENTIMENT:
        rarest = min(("negative", "positive"), key=lambda name: counted[name])
    else:
        second = counted.most_common(2)
        rarest = second[-1][0] if len(second) == 2 else ""
    if len(names) >= LEAST and counted[rarest] >= LEAST_OF_A_CLASS:
        return None
    return TooFew(len(names), rarest, counted[rarest])


def train_heads(labels: Sequence[Label], *, version: str, progress: Progress = lambda _percent: None) -> Heads:
    """Heads of every kind that has labels enough, without a comparison."""
    return Heads(version, {kind: one.head for kind, one in study(labels, progress=progress, folds=0).items()})


def study(
    labels: Sequence[Label], *, progress: Progress = lambda _percent: None, folds: int = FOLDS
) -> dict[str, Trained]:
    """A trained and compared head for each kind that has labels enough; the others are left out."""
    kinds: dict[str, list[Label]] = {}
    for label in labels:
        kinds.setdefault(label.kind, []).append(label)
    able = {kind: rows for kind, rows in kinds.items() if not too_few(kind, [row.name for row in rows])}
    done = 0

    def step(percent: float) -> None:
        progress((done + percent / 100) / len(able) * 100)

    found = {}
    for kind, rows in able.items():
        found[kind] = _one(kind, rows, reader(), folds, step)
        done += 1
    return found


def _one(kind: str, rows: Sequence[Label], reads: Reader, folds: int, progress: Progress) -> Trained:
    rows = _common(rows)
    texts, names = [row.text for row in rows], np.array([row.name for row in rows])
    features = reads.features(texts)
    progress(10)
    chosen, side = np.full(len(rows), "", dtype=names.dtype), np.zeros(len(rows))
    fold = folds_of(names, folds) if folds else np.zeros(len(rows), dtype=np.intp)
    for number in range(folds):
        seen = np.flatnonzero(fold != number)
        unseen = np.flatnonzero(fold == number)
        head = train_head(features[seen], names[seen])
        chances = head.probabilities(features[unseen])
        chosen[unseen] = np.array(head.classes)[chances.argmax(axis=1)]
        if kind == SENTIMENT:
            where = {name: at for at, name in enumerate(head.classes)}
            side[unseen] = chances[:, where["positive"]] - chances[:, where["negative"]]
        progress(10 + 60 * (number + 1) / folds)
    head = train_head(features, names)
    progress(85)
    readings = [one for at in range(0, len(texts), BATCH) for one in reads.read(texts[at : at + BATCH])]
    shipped = np.array([_said(kind, one) for one in readings])
    progress(95)
    sides = None
    if kind == SENTIMENT:
        clear = names != "neutral"
        before = np.where(np.array([one.score for one in readings]) >= 0, "positive", "negative")
        after = np.where(side >= 0, "positive", "negative")
        sides = compare(names[clear], before[clear], after[clear])
    return Trained(head, dict(Counter(names.tolist())), compare(names, shipped, chosen), sides)


def _common(rows: Sequence[Label]) -> list[Label]:
    """Without labels too rare to be told apart."""
    counted = Counter(row.name for row in rows)
    return [row for row in rows if counted[row.name] >= LEAST_OF_A_CLASS]


def _said(kind: str, reading: Reading) -> str:
    """What the shipped model says; scores know no "mixed", which lies in the middle as they see it."""
    if kind in ("effort", "urgency"):
        return "yes" if (reading.effort if kind == "effort" else reading.urgent) else "no"
    said = str(getattr(reading, kind))
    return "neutral" if kind == SENTIMENT and said in ("mixed", "") else said


def folds_of(names: Names, folds: int) -> NDArray[np.intp]:
    """The fold of each text; every label is dealt out evenly. The same texts get the same folds."""
    rng = np.random.default_rng(20)
    fold = np.zeros(len(names), dtype=np.intp)
    for name in np.unique(names):
        places = rng.permutation(np.flatnonzero(names == name))
        fold[places] = (np.arange(len(places)) + rng.integers(folds)) % folds
    return fold


def compare(truth: Names, before: Names, after: Names) -> Compared:
    """Both macro-F1 over the labels that occur in `truth`, and their difference, each with its interval.

    Texts are drawn anew by drawing how many fall into each cell of (true label, said before, said after): the same
    thing, and 2 000 draws of 20 000 texts take a blink.
    """
    classes = np.unique(truth)
    if not len(classes):
        nothing = Figure(0.0, 0.0, 0.0, 0)
        return Compared(nothing, nothing, nothing)
    known = {name: place for place, name in enumerate(classes)}
    k = len(classes)
    places = [np.array([known.get(name, k) for name in said]) for said in (truth, before, after)]
    n = len(truth)
    cells = np.bincount((places[0] * (k + 1) + places[1]) * (k + 1) + places[2], minlength=k * (k + 1) ** 2)
    draws = np.random.default_rng(7).multinomial(n, cells / n, size=DRAWS)
    drawn = np.concatenate([cells[None, :], draws]).reshape(-1, k, k + 1, k + 1)
    first, second = macro_f1(drawn.sum(axis=3)), macro_f1(drawn.sum(axis=2))
    return Compared(*(_figure(one, n) for one in (first, second, second - first)))


def macro_f1(tables: NDArray[np.int64]) -> Floats:
    """The mean over labels of F1 = 2 hits / (true + said), for tables of shape (draws, true k, said k + 1)."""
    k = tables.shape[1]
    hits = tables[:, range(k), range(k)]
    all_said = tables[:, :, :k].sum(axis=1) + tables.sum(axis=2)
    found: Floats = (2 * hits / np.maximum(all_said, 1)).mean(axis=1)
    return found


def _figure(values: Floats, n: int) -> Figure:
    low, high = np.quantile(values[1:], [0.025, 0.975])
    value = float(values[0])
    return Figure(value, min(float(low), value), max(float(high), value), n)


def packed(heads: Mapping[str, Head]) -> bytes:
    """Heads as bytes: for each kind its name and length in a line, then its content."""
    parts = []
    for kind, head in heads.items():
        content = head.to_bytes()
        parts.append(f"{kind} {len(content)}\n".encode() + content)
    return b"".join(parts)


def unpacked(content: bytes) -> dict[str, Head]:
    """The inverse of `packed`."""
    found = {}
    while content:
        line, _end, content = content.partition(b"\n")
        kind, length = line.decode().split()
        found[kind], content = Head.from_bytes(content[: int(length)]), content[int(length) :]
    return found
