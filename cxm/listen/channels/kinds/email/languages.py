"""The language of a message, as far as its letters tell: enough to answer in it. Empty when they do not."""

from __future__ import annotations

import re

LOOKED_AT = 4000  # characters
# Letters, and short words, that only one of the product's languages has.
LETTERS = {"uk": "іїєґ", "ru": "ыэъё", "pl": "ąćęłńśźż"}
WORDS = {
    "en": frozenset({"the", "and", "is", "to", "of", "you", "it", "not", "my", "this", "with", "have", "for", "was"}),
    "pl": frozenset({"nie", "się", "jest", "na", "do", "że", "to", "jak", "mam", "dzień", "dobry", "proszę", "czy"}),
}
# Characters that simplified Chinese does not have.
TRADITIONAL = frozenset("們這個來說時會對過還沒問題請謝單貨訂後開關電話應該裡與為經買賣點")


def language_of(text: str, said: str = "") -> str:
    """A language code of the product, "zh" for simplified Chinese; `said`: what the message claims itself."""
    text = text[:LOOKED_AT].casefold()
    if re.search(r"[\u4e00-\u9fff]", text) and len(re.findall(r"[\u4e00-\u9fff]", text)) * 3 > len(text) / 3:
        return "zh-hant" if set(text) & TRADITIONAL else "zh"
    if len(re.findall(r"[\u0400-\u04ff]", text)) > len(text) / 4:
        ukrainian, russian = (sum(map(text.count, LETTERS[code])) for code in ("uk", "ru"))
        if ukrainian != russian:
            return "uk" if ukrainian > russian else "ru"
        return ""
    words = re.findall(r"[^\W\d_]+", text)
    polish = sum(map(text.count, LETTERS["pl"])) + sum(word in WORDS["pl"] for word in words)
    english = sum(word in WORDS["en"] for word in words)
    if max(polish, english) >= 2 and polish != english:
        return "pl" if polish > english else "en"
    code = said.split(",")[0].strip().casefold()[:10]
    return code if re.fullmatch(r"[a-z]{2}(-[a-z]{2,4})?", code) else ""
