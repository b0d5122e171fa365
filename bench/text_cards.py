"""Model cards and the reliability curve, written from the figures of `bench.text`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cxm.understand.text.reading.weights import FILE
from cxm.understand.text.training.material import ATTRIBUTIONS

ROOT = Path(__file__).resolve().parents[1]
NAMES = {"en": "English", "ru": "Russian", "uk": "Ukrainian", "pl": "Polish", "zh": "Chinese"}
UNSEEN = ("en_airline", "ru_rusentiment")
FAILS = {
    "en": "Irony reads as it is spelled. Trained mostly on Reddit: of a firm's own domain it knows little until it has "
    'labels of the firm. Short factual complaints without a word of feeling ("bag lost") often read as neutral.',
    "ru": "Trained on little more than 6,000 short social texts: reviews and letters are a new domain to it. Obscene "
    "words in praise read as anger. Russian with Ukrainian letters or names may read as Ukrainian in one or two words.",
    "uk": "The smallest training set of the five (2,715 texts). Surzhyk is called Russian or Ukrainian by its letters; "
    "emotions other than joy and sadness are rarely found.",
    "pl": "Trained on reviews of hotels and doctors, which it reads well, and on subtitles; of other domains it is "
    'less sure. Sentences that state a fact with a consequence ("waited 3 hours") may read as neutral.',
    "zh": "Traditional text is folded to Simplified first; words that only Taiwan or Hong Kong use are known less. "
    "Cantonese is called Chinese. Emotions are learnt from 2,829 texts.",
}


def interval(value: Any) -> str:
    return f"{value[0]:.3f} ({value[1]:.3f} to {value[2]:.3f})"


def write_cards(found: dict[str, Any]) -> None:
    """Writes docs/reference/models/*.md and the figures that the pages show."""
    folder = ROOT / "docs" / "reference" / "models"
    folder.mkdir(parents=True, exist_ok=True)
    shown = []
    for language, name in NAMES.items():
        lines = [
            f"# Model card: {name}",
            "",
            f"Weights `{found['model']}`. How it works: [how texts are read](../text-model.md).",
        ]
        lines += [
            "Written by `python -m bench.text --cards`; macro-F1 with 95 % bootstrap intervals.",
            "",
            "## Data",
            "",
        ]
        for source, (maker, licence) in ATTRIBUTIONS.items():
            if source.startswith(language):
                lines.append(f"- `{source}`: {maker} ({licence})")
        lines += ["", "## Sentiment", "", "| test set | n | seen in training | positive/negative | three classes |"]
        lines.append("|---|---|---|---|---|")
        for key, row in found.items():
            if isinstance(row, dict) and "two" in row and key.startswith(language):
                seen = "no" if key in UNSEEN else "other texts of it"
                lines.append(f"| {key} | {row['n']:,} | {seen} | {interval(row['two'])} | {interval(row['three'])} |")
                for peer, other in row.items():
                    if isinstance(other, dict):
                        lines.append(f"| · {peer} | | | {interval(other['two'])} | {interval(other['three'])} |")
                shown.append({
                    "language": language, "set": key, "n": row["n"], "sides": list(row["two"]),
                    "classes": list(row["three"]), "seen": key not in UNSEEN,
                })  # fmt: skip
            if key.startswith(f"deep {language}"):
                lines.append(
                    f"| {key[5:]}, with the deep tier | | no | {interval(row['two'])} | {interval(row['three'])} |"
                )
            if key.startswith(f"own {language}"):
                lines.append(
                    f"| {key[4:]}, trained on its own labels | | yes |"
                    f" {interval(row['two'])} | {interval(row['three'])} |"
                )
        felt = [(key[8:], row) for key, row in found.items() if key.startswith(f"emotion {language}")]
        if felt:
            lines += [
                "",
                "## Emotion",
                "",
                "| test set | n | six emotions, several per text | texts of one emotion |",
                "|---|---|---|---|",
            ]
            lines += [
                f"| {key} | {row['n']:,} | {interval(row['macro_f1'])} | {interval(row['one_label'])} |"
                for key, row in felt
            ]
        if "language full texts" in found:
            lines += ["", "## Language", "", "Among the five and other, all languages together:", ""]
            for key in ("full texts", "three words", "one word"):
                lines.append(f"- {key}: {interval(found['language ' + key]['macro_f1'])}")
        lines += ["", "## Where it fails", "", FAILS[language], ""]
        (folder / f"{language}.md").write_text("\n".join(lines), encoding="utf-8")
    (FILE.parent / "cards.json").write_text(json.dumps(shown, indent=1) + "\n", encoding="utf-8")
    if "reliability" in found:
        (folder / "reliability.md").write_text(reliability(found["reliability"]), encoding="utf-8")


def reliability(rows: list[dict[str, Any]]) -> str:
    """The curve as a table and a picture in characters."""
    lines = ["# Is the score calibrated?", "", "Test texts of all sets by their score: a score of 0.6 should mean that"]
    lines += ["positive texts outnumber negative ones by 60 in 100. Written by `python -m bench.text --cards`.", ""]
    lines += ["| score | texts | mean score | positive − negative | |", "|---|---|---|---|---|"]
    for row in rows:
        bar = "█" * round(abs(row["actual"]) * 20)
        lines.append(
            f"| {row['low']:+.1f} to {row['high']:+.1f} | {row['n']:,} | {row['score']:+.2f}"
            f" | {row['actual']:+.2f} | {bar} |"
        )
    return "\n".join(lines) + "\n"
