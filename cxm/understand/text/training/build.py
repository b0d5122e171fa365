"""Builds the file of shipped weights from the sets whose licences allow it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..reading.characters import Array, Tables
from .deep import Quick, train_deep
from .heads import gathered, train_heads
from .language import train_language
from .material import ATTRIBUTIONS
from .tables import tables, variants
from .teacher import taught_words
from .thresholds import train_thresholds

WORDS = 54_000
MOST_BYTES = 3_000_000
LEAST, LEAST_FELT = 1, 5  # eight-bit weights below are nought


def build(
    data: Path, out: Path, *, work: Path, tell: Callable[[str], None], words: int = WORDS, processes: int = 1
) -> str:
    """Trains everything and writes `out`, and `deep.npz` beside it; returns the version.

    Parts that `work` holds already are not made again. Sums of parallel threads would differ in their last digits, so
    each multiplication is one thread's work, however many processors there are; `processes` heads at a time are none.
    Raises FileNotFoundError where a set is missing, RuntimeError where the teacher cannot run, ValueError where the
    file would be over 3 MB.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return made(data, out, work, tell, words, processes)


def made(data: Path, out: Path, work: Path, tell: Callable[[str], None], words: int, processes: int) -> str:
    work.mkdir(parents=True, exist_ok=True)
    folding = tables()
    language = part(work / "language.npz", lambda: train_language(data, folding), tell, "language")
    names, vectors = taught_words(data, work, tell)
    heads = part(
        work / "heads.npz",
        lambda: train_heads(data, folding, names, vectors, words, tell, processes=processes),
        tell,
        "heads",
    )
    cuts = part(
        work / "thresholds.npz",
        lambda: train_thresholds(gathered(data, folding, names, vectors, words)[0], heads, tell),
        tell,
        "thresholds",
    )
    quick = Quick(heads.pop("held")[:, :2], cuts.pop("left_out"), cuts.pop("remaining"))
    deep = part(work / "deep.npz", lambda: train_deep(data, work, quick, tell), tell, "deep tier")
    version = write(out, folding, language | pruned(heads) | cuts)
    np.savez_compressed(out.with_name("deep.npz"), **deep)
    return version


def pruned(arrays: dict[str, Array]) -> dict[str, Array]:
    """Small weights become nought, and of emotions only the columns that say something are kept."""
    sentiment, emotion = arrays["sentiment_grams"].copy(), arrays["emotion_grams"].copy()
    sentiment[np.abs(sentiment) < LEAST] = 0
    emotion[np.abs(emotion) < LEAST_FELT] = 0
    kept = np.flatnonzero(emotion.any(axis=1))
    return arrays | {
        "sentiment_grams": sentiment, "emotion_kept": kept.astype(np.uint32), "emotion_grams": emotion[kept]
    }  # fmt: skip


def part(file: Path, make: Callable[[], dict[str, Any]], tell: Callable[[str], None], name: str) -> dict[str, Any]:
    if file.exists():
        with np.load(file) as found:
            return {key: found[key] for key in found.files}
    tell(name)
    made = make()
    np.savez(file, **made)
    return made


def write(out: Path, folding: Tables, arrays: dict[str, Array]) -> str:
    held = {"fold": folding.fold, "kind": folding.kind, "variant": variants(), **arrays}
    digest = hashlib.sha256()
    for name in sorted(held):
        digest.update(name.encode() + np.ascontiguousarray(held[name]).tobytes())
    version = digest.hexdigest()[:8]
    np.savez_compressed(out, version=np.array(version), **held)  # type: ignore[arg-type] # its stub takes no other names
    if out.stat().st_size > MOST_BYTES:
        raise ValueError(f"{out.stat().st_size} bytes of weights are over 3 MB")
    return version


def attributions() -> str:
    """The lines for NOTICE."""
    makers: dict[tuple[str, str], list[str]] = {}
    for name, maker in ATTRIBUTIONS.items():
        makers.setdefault(maker, []).append(name)
    return "\n".join(f"- {who} ({licence})" for who, licence in makers)
