"""Compile the translations: python -m cxm.web.compile_messages. Needs neither gettext nor Django's settings."""

from __future__ import annotations

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE = Path(__file__).resolve().parent.parent / "locale"


def compile_messages(locale_dir: Path = LOCALE) -> list[Path]:
    """Write a .mo beside each .po that is newer than it; returns the files written. Fuzzy entries are left out."""
    written = []
    for source in sorted(locale_dir.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as file:
            catalog = read_po(file, locale=source.parent.parent.name, domain=source.stem)
        with target.open("wb") as file:
            write_mo(file, catalog)
        written.append(target)
    return written


if __name__ == "__main__":
    for path in compile_messages():
        print(f"Compiled {path.relative_to(LOCALE.parent)}")
