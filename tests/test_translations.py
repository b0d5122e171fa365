"""Every text of the product is there in five languages, whole: extracted from the source now, not when last collected.

The texts come from gettext's own extraction (`python -m cxm.web.extract_messages` does the same and writes the files).
"""

from __future__ import annotations

import html.parser
import re
import shutil
import subprocess
from pathlib import Path

import polib
import pytest
from babel import Locale
from babel.messages.plurals import get_plural
from django.template.base import Lexer, TokenType
from django.utils.translation import template as translation_template

from cxm.web.extract_messages import LANGUAGES, source_files

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "cxm"
KEYWORDS = [
    "gettext", "gettext_lazy", "gettext_noop", "ngettext:1,2", "ngettext_lazy:1,2", "pgettext:1c,2",
    "pgettext_lazy:1c,2", "npgettext:1c,2,3", "npgettext_lazy:1c,2,3", "_",
]  # fmt: skip
PLACEHOLDER = re.compile(r"%\(\w+\)[sdf]|%[sd]|\{\w*\}")
TAG = re.compile(r"</?\w+")

# Names and signs that are the same in every language.
UNTRANSLATED = {  # names and keys
    "Enter",
    "OpenCXM",
    "cxm",
    "PNG",
    "SVG",
    "CSV",
    "XLSX",
    "PO",
    "Ctrl",
    "Shift",
    "Alt",
    "Z",
    "p",
    "JSON",
    "JSONL",
    "YAML",
    "SQL",
    "API",
    "URL",
    "REST",
    "GET",
    "POST",
    "UTC",
    "ID",
    "id",
    "n",
    "NPS",
    "CSAT",
    "CES",
    "CLV",
    "TOTP",
}


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> polib.POFile:
    """All texts of the source, as xgettext finds them."""
    assert shutil.which("xgettext"), "xgettext is missing: run `sh bin/system-packages`"
    folder = tmp_path_factory.mktemp("texts")
    names = []
    for place, source in enumerate(source_files()):
        text = source.read_text(encoding="utf-8")
        if source.suffix != ".py":
            text = translation_template.templatize(text, origin=str(source))
        copy = folder / f"{place}.py"
        copy.write_text(text, encoding="utf-8")
        names.append(copy.name)
    target = folder / "all.pot"
    subprocess.run(
        ["xgettext", "-d", "django", "--language=Python", "--from-code=UTF-8", "--keyword", f"--output={target.name}",
         *(f"--keyword={keyword}" for keyword in KEYWORDS), *names],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return polib.pofile(str(target))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str, extracted: polib.POFile) -> None:
    path = PACKAGE / "locale" / language / "LC_MESSAGES" / "django.po"
    assert path.exists(), f"there is no {path.relative_to(ROOT)}: run `make messages`, then translate"
    catalog = polib.pofile(str(path))
    known = {(entry.msgctxt, entry.msgid): entry for entry in catalog if not entry.obsolete}
    forms = get_plural(Locale.parse(language)).num_plurals
    problems = []
    for source in extracted:
        entry = known.get((source.msgctxt, source.msgid))
        if entry is None:
            problems.append(f"missing: {source.msgid!r}")
        elif "fuzzy" in entry.flags:
            problems.append(f"fuzzy: {source.msgid!r}")
        else:
            problems += faults(source, entry, forms, language)
    assert not problems, f"{path.relative_to(ROOT)}: {len(problems)} problems\n" + "\n".join(problems[:40])


def faults(source: polib.POEntry, entry: polib.POEntry, forms: int, language: str) -> list[str]:
    """What is wrong with a translation that exists."""
    if source.msgid_plural:
        texts = [entry.msgstr_plural.get(form, "") for form in range(max(forms, len(entry.msgstr_plural)))]
    else:
        texts = [entry.msgstr]
    if not all(text.strip() for text in texts):
        return [f"not translated in all its forms: {source.msgid!r}"]
    found = []
    for form, text in enumerate(texts):
        allowed = [source.msgid_plural or source.msgid]
        if source.msgid_plural and form == 0 and language == "pl":
            # Only in Polish is the first form for 1 alone; in Russian and Ukrainian it also counts 21 and 31, so the
            # number must stand in it even where English writes "one customer".
            allowed.append(source.msgid)
        if all(sorted(PLACEHOLDER.findall(text)) != sorted(PLACEHOLDER.findall(one)) for one in allowed):
            found.append(f"other placeholders: {source.msgid!r} → {text!r}")
        if sorted(TAG.findall(text)) != sorted(TAG.findall(source.msgid_plural or source.msgid)):
            found.append(f"other tags: {source.msgid!r} → {text!r}")
    return found


class Visible(html.parser.HTMLParser):
    """The texts that a reader sees or hears, outside of script, style and code."""

    SPOKEN = ("aria-label", "placeholder", "title", "alt")

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in {"script", "style", "code", "kbd", "pre"}
        self.texts += [value for name, value in attrs if name in self.SPOKEN and value]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts += [value for name, value in attrs if name in self.SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in {"script", "style", "code", "kbd", "pre"}

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.texts.append(data)


def untranslated(template: str) -> list[str]:
    """Words in a template that no {% translate %} or {% blocktranslate %} holds."""
    kept, inside = [], ""
    for token in Lexer(template).tokenize():
        name = token.contents.split()[0] if token.token_type == TokenType.BLOCK and token.contents.split() else ""
        if inside:
            inside = "" if name == f"end{inside}" else inside
        elif name in {"blocktranslate", "blocktrans", "comment"}:
            inside = name
        elif token.token_type == TokenType.TEXT:
            kept.append(token.contents)
        # A tag or a variable leaves a mark, so that what stands around it stays apart; within < and > a space does.
        so_far = "".join(kept)
        kept.append(" " if so_far.rfind("<") > so_far.rfind(">") else "\x00")
    reader = Visible()
    reader.feed("".join(kept))
    words = []
    for text in reader.texts:
        for part in text.split("\x00"):
            if any(letter.isalpha() for letter in part):
                found = re.findall(r"[^\W\d_]{2,}", part)  # a letter alone is a key
                words += [word for word in found if word not in UNTRANSLATED]
    return words


def test_the_rule_about_templates_sees_what_it_should() -> None:
    assert untranslated('<p class="x">{% translate "Hello" %} {{ name }}, OpenCXM</p>') == []
    assert untranslated("<p>{% if a %}Hello{% endif %}</p>") == ["Hello"]
    assert untranslated('<p title="Help">{% blocktranslate %}Words{% endblocktranslate %}</p>') == ["Help"]
    assert untranslated("{% comment %}Words{% endcomment %}<script>let words;</script>{# more #}") == []


def test_no_template_has_text_of_its_own() -> None:
    problems = []
    for path in sorted(PACKAGE.glob("**/templates/**/*.html")):
        words = untranslated(path.read_text(encoding="utf-8"))
        if words:
            problems.append(f"{path.relative_to(ROOT)}: {' '.join(words[:12])}")
    assert not problems, "text outside of translation tags:\n" + "\n".join(problems)
