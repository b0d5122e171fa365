"""Collect every text for translation into cxm/locale: python -m cxm.web.extract_messages. Needs xgettext (gettext)."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

LANGUAGES = ("pl", "ru", "uk", "zh_Hant")
ROOT = Path(__file__).resolve().parent.parent
WITHOUT_TEXTS = {"tests", "testing", "static", "migrations", "locale"}  # folders


def source_files() -> list[Path]:
    """Every file whose texts are translated."""
    files = (path for suffix in ("py", "html", "txt") for path in ROOT.glob(f"**/*.{suffix}"))
    return sorted(path for path in files if not WITHOUT_TEXTS.intersection(path.relative_to(ROOT).parts[:-1]))


def extract_messages(languages: tuple[str, ...] = LANGUAGES) -> None:
    """Update cxm/locale/<language>/LC_MESSAGES/django.po of each language; texts that went away are dropped."""
    import django
    from django.core.management import call_command

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxm.settings")
    django.setup()
    (ROOT / "locale").mkdir(exist_ok=True)
    here = Path.cwd()
    os.chdir(ROOT)  # makemessages looks below the current directory
    try:
        call_command(
            "makemessages",
            locale=list(languages),
            extensions=["html", "txt", "py"],
            ignore_patterns=[pattern for name in sorted(WITHOUT_TEXTS) for pattern in (f"{name}/*", f"*/{name}/*")],
            no_obsolete=True,
            no_wrap=True,
            add_location="file",
            verbosity=0,
        )
    finally:
        os.chdir(here)


if __name__ == "__main__":
    if shutil.which("xgettext") is None:
        sys.exit("xgettext is missing: install the package gettext, or run `sh bin/system-packages`.")
    extract_messages()
