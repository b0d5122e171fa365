"""Personal data in a text: found, and masked for those who have no right to see it.

Found are e-mail addresses, phone numbers, cards (Luhn), bank accounts (IBAN, Polish NRB), numbers of people and of
taxpayers with their checksums (PESEL, NIP, РНОКПП, ИНН, СНИЛС, 身分證, 居民身份证, dowód osobisty), passports by the
words before them, and names by the words around them, in English, Russian, Ukrainian, Polish and Chinese. What has a
checksum is believed when it holds; what has none needs its usual form or a word beside it. Words of all five languages
count in every text, since people mix them; `language` only decides about bare numbers that could be anything.

Everything is in characters of the text as it came: full-width digits and odd spaces are read as the plain ones.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import msgspec
import regex

from cxm.lib import checksums
from cxm.lib.personal_keys import OF_PERSON, PERSON, PERSONAL, THING, meaning_of
from cxm.lib.personal_words import find_names

MASK = "•••"
# A text is read up to here: what follows is masked as a whole when someone without the right looks at it.
READ_CHARACTERS = 100_000
SHORT = 60  # characters of a text that may well come again

# One character for one character, so that places stay: full-width forms, Arabic digits, odd spaces and dashes.
_PLAIN = (
    {0xFF10 + i: 48 + i for i in range(10)}
    | {0x0660 + i: 48 + i for i in range(10)}
    | {0x06F0 + i: 48 + i for i in range(10)}
    | {0xFF21 + i: 65 + i for i in range(26)}
    | {0xFF41 + i: 97 + i for i in range(26)}
    | dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), 32)
    | dict.fromkeys((*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0xFF0D), 45)
    | {0xFF20: 64, 0xFF0B: 43, 0xFF0E: 46, 0xFF08: 40, 0xFF09: 41, 0xFF1A: 58}
)
_ODD = re.compile("[" + "".join(map(chr, _PLAIN)) + "]")


@dataclass(frozen=True, slots=True)
class Found:
    """Characters `start` to `end` (excluded) of the text, and what they are.

    `name` is email, phone, card, account, pesel, nip, rnokpp, inn, snils, taiwan_id, china_id, id_card, passport or
    name. `score` is how sure: 1 with a checksum, less by form and by words.
    """

    name: str
    start: int
    end: int
    score: float = 1.0

    @property
    def kind(self) -> str:
        return "personal"


_LETTER = r"A-Za-z\u00c0-\u024f\p{Cyrillic}\d"  # no Chinese: no space parts an address from the words around it
_EMAIL = regex.compile(
    rf"[{_LETTER}][{_LETTER}._%+'-]{{0,63}}+\s?(?:@|\[at\]|\(at\)|\(собака\)|\[собака\])\s?"
    rf"(?:[{_LETTER}](?:[{_LETTER}-]{{0,62}}[{_LETTER}])?\.)+[{_LETTER}]{{2,24}}",
    regex.I,
)
_AT_WORDS = ("[at]", "(at)", "(собака)", "[собака]")
_IBAN = regex.compile(r"(?<![\p{L}\d])[A-Z]{2}[ -]?\d{2}(?:[ -]?[A-Z\d]){11,30}", regex.I)
# Letter, letter or digit, eight digits (Taiwan); three letters and six digits (Poland).
_LETTERED = regex.compile(r"(?<![A-Za-z\d])(?:[A-Z][A-D\d] ?\d{8}|[A-Z]{3}[ -]?\d{6})(?![A-Za-z\d])", regex.I)
_GROUPS = re.compile("[0-9]+")
_DIGIT = re.compile("[0-9]")
_BETWEEN = regex.compile(r"[ ._\-\u200b\u200c\u200d\u2060]{1,3}|[ -]?[()/][ -]?")

_PASSPORT_WORD = (
    r"(?:паспорт\p{L}*|загранпаспорт\p{L}*|passports?|paszport\p{L}*|护照|護照|id[ -]?карт\p{L}+|dow[oó]d(?:u|em)?"
    r"(?: osobist\p{L}+)?|водительск\p{L}+ удостоверен\p{L}+|посвідчення водія|прав[ао] водительск\p{L}+)"
)
_PASSPORT = regex.compile(
    _PASSPORT_WORD + r"[\s:,#№=(]*+(?:\p{L}{1,14}\.?[\s:,#№(]*+){0,4}?"
    r"(?P<number>(?:[\p{Lu}\p{Ll}]{1,3}[ -]?\d{6,8}|\d{2} ?\d{2}[ ,№:-]*(?:номер|номером|number)?[ :№]*\d{6}|\d{9}))"
    r"(?![\p{L}\d])",
    regex.I,
)
# Two Cyrillic letters and six digits are a Ukrainian passport of the old kind, also without the word.
_BOOKLET = regex.compile(r"(?<![\p{L}\d])[АВЕІКМНОРСТХ]{2} ?(?:№ ?)?\d{6}(?![\p{L}\d])")

_PHONE_WORD = regex.compile(
    r"(?:phone|mobile|cell|tel|call(?:ed)? (?:me|us|back)(?: \p{L}+){0,3}|reach me|text me|contact(?: me)?|whats ?app"
    r"|viber|telegram|telefon\p{L}*|kom[oó]rk\p{L}+|numer(?:em|u)?(?: tel\p{L}*)?|zadzwo\p{L}+|dzwoń\p{L}*|oddzwo\p{L}+"
    r"|телефон\p{L}*|тел|моб|мобильн\p{L}+|мобільн\p{L}+|позвон\p{L}+|перезвон\p{L}+|подзвон\p{L}+|зателефон\p{L}+"
    r"|дзвон\p{L}+|звон\p{L}+|звяз\p{L}+|связ\p{L}+|зв['’ʼ]яж\p{L}+|电话|電話|手机|手機|致电|致電|聯絡|联系|專線|微信)"
    r"[^\d\n]{0,16}$",
    regex.I,
)
# Words that say that the bare number after them is about a thing.
_THING_WORD = regex.compile(
    r"(?:order|invoice|(?:bar|штрих-?)(?:code|код\p{L}*)|kod kreskowy"
    r"|tracking|ticket|case|booking|reservation|serial|article|item|product|parcel|shipment|reference|ref"
    r"|sku|imei|isbn|ean|barcode|model|version|flight|receipt|request|contract|policy"
    r"|заказ\p{L}*|замовлен\p{L}+|накладн\p{L}+|трек\p{L}*|посылк\p{L}+|посилк\p{L}+|ттн|чек\p{L}*|артикул\p{L}*|обращен\p{L}+"
    r"|зверненн?\p{L}+|заявк\p{L}+|договор\p{L}*|договір\p{L}*|счет\p{L}*|счёт\p{L}*|рахун\p{L}+|билет\p{L}*|квит\p{L}+"
    r"|zam[oó]wie\p{L}+|faktur\p{L}+|przesy[lł]k\p{L}+|paczk\p{L}+|zg[lł]osze\p{L}+|umow\p{L}+|rezerwacj\p{L}+|paragon\p{L}*"
    r"|订单\p{L}{0,2}|訂單\p{L}{0,2}|单号|單號|编号|編號|運單|运单|發票|发票|包裹|票号|票號)"
    r"(?:[ ,]*(?:number|no|nr|num|id|номер\p{L}*|numer\p{L}*|号|號|号码|號碼|是|为|為))?[\s.:#№=-]{0,4}$",
    regex.I,
)
_TAX_WORD = regex.compile(
    r"(?:nip|vat|tax|іпн|ипн|рнокпп|инн|снилс|pesel|pesel\p{L}*|ідентифікаційн\p{L}+|идентификационн\p{L}+|податков\p{L}+"
    r"|индивидуальн\p{L}+|id|身份证\p{L}*|身分證\p{L}*|统编|統編)[^\d\n]{0,20}$",
    regex.I,
)
# What follows an amount, a measure or an address of the net.
_AMOUNT = regex.compile(
    r"\s?(?:%|‰|€|\$|£|¥|₴|₽|zł|zl|pln|eur|usd|uah|rub|руб|грн|р\.|км|km|kg|кг|гр?\b|шт|元|块|塊|公里|公斤|mb|gb|мб|гб)",
    regex.I,
)
_MONEY_BEFORE = regex.compile(r"[€$£¥₴₽]\s?$")


class _Place:
    """Where a number stands: what is around it, looked at only when somebody asks."""

    def __init__(self, text: str, start: int, follows: bool) -> None:
        self.start = start
        self.before = text[max(0, start - 40) : start]
        self.lead = self.before[-3:]
        self.plus = "+" in self.lead
        self.bracket = self.lead.rstrip(" ").endswith("(")
        self.follows = follows  # there is a number right before it

    @cached_property
    def phone(self) -> bool:
        return _PHONE_WORD.search(self.before) is not None

    @cached_property
    def thing(self) -> bool:
        return _THING_WORD.search(self.before) is not None

    @cached_property
    def tax(self) -> bool:
        return _TAX_WORD.search(self.before) is not None

    @property
    def begin(self) -> int:
        """Where a phone number begins: with its plus or bracket."""
        signs = [self.lead.find(sign) for sign in "+(" if sign in self.lead]
        return self.start - len(self.lead) + min(signs) if signs and (self.plus or self.bracket) else self.start


@dataclass(frozen=True, slots=True)
class _Number:
    """Some neighbouring groups of digits, read as one number."""

    digits: str
    shape: tuple[int, ...]  # how many digits each group has
    end: int
    after: str
    place: _Place

    @property
    def bare(self) -> bool:
        return len(self.shape) == 1


def _numbers_at(text: str, groups: list[tuple[int, int]], first: int) -> list[_Number]:
    """The numbers that begin with this group, the longest first."""
    start, last = groups[first][0], first
    while last + 1 < len(groups) and last - first < 8 and groups[last + 1][1] - start <= 48:
        between = text[groups[last][1] : groups[last + 1][0]]
        if len(between) > 3 or not _BETWEEN.fullmatch(between):
            break
        last += 1
    place = _Place(text, start, first > 0 and start - groups[first - 1][1] == 1)
    numbers = []
    for upto in range(last, first - 1, -1):
        parts = groups[first : upto + 1]
        digits = "".join([text[a:b] for a, b in parts])
        if len(digits) < 6:
            break
        if len(digits) <= 26:
            end = parts[-1][1]
            numbers.append(_Number(digits, tuple(b - a for a, b in parts), end, text[end : end + 8], place))
    return numbers


def _is_phone(n: _Number, language: str) -> float:
    """How sure this is a phone number: 0 is not."""
    size, d, place = len(n.digits), n.digits, n.place
    if place.plus and 8 <= size <= 15:
        return 0.98
    if d.startswith("00") and d[2] != "0" and 11 <= size <= 16 and len(n.shape) > 1 and not place.follows:
        return 0.95
    if size > 15 or _AMOUNT.match(n.after) or _MONEY_BEFORE.search(place.before):
        return 0
    if place.phone:
        return 0.95 if size >= 7 else 0.8
    if place.follows or (n.bare and place.thing):
        return 0
    grouped = len(n.shape) > 1 or place.bracket
    usual = (
        size == 11 and d[0] in "78" and (d[1] == "9" or (d[1] in "34678" and grouped)),  # Russia
        size == 12 and d.startswith("380"),  # Ukraine
        size == 10 and d[0] == "0" and d[1] in "345679" and (grouped or language in ("uk", "ru", "")),
        size == 11 and d.startswith("48") and grouped and n.shape[0] == 2,  # Poland
        size == 9 and n.shape in ((3, 3, 3), (2, 3, 2, 2)) and d[0] in "45678" and language in ("pl", ""),
        size == 9 and n.bare and d[0] in "45678" and language == "pl",
        size == 10 and d.startswith("09"),  # Taiwan
        size in (9, 10) and d[0] == "0" and d[1] in "2345678" and grouped,
        size == 11 and d[0] == "1" and d[1] in "3456789" and n.shape in ((11,), (3, 4, 4)),  # China
        size == 10 and n.shape == (3, 3, 4) and d[0] not in "01",  # North America
        size == 11 and d[0] == "1" and n.shape == (1, 3, 3, 4),
        size == 11 and d[0] == "0" and d[1] in "1237" and (grouped or d[1] == "7"),  # the United Kingdom
    )
    return 0.9 if any(usual) else 0


_SHAPES = {
    "pesel": ((11,), (6, 5)),
    "nip": ((10,), (3, 3, 2, 2), (3, 2, 2, 3)),
    "rnokpp": ((10,),),
    "inn": ((12,), (4, 6, 2)),
    "snils": ((11,), (3, 3, 3, 2)),
    "china_id": ((18,), (6, 8, 4)),
    "nrb": ((26,), (2, 4, 4, 4, 4, 4, 4)),
}


def _is_card_shape(shape: tuple[int, ...]) -> bool:
    if len(shape) == 1 or shape in ((4, 6, 5), (4, 6, 4), (8, 8)):
        return True
    return all(size == 4 for size in shape[:-1]) and shape[-1] <= 4


def _certain(n: _Number, language: str) -> str:
    """The kind of a number whose checksum holds, or nothing."""
    size, d, shape, place = len(n.digits), n.digits, n.shape, n.place
    if size < 10:
        return ""
    if shape in _SHAPES["nrb"] and checksums.is_iban("PL" + d):
        return "account"
    if shape in _SHAPES["china_id"] and checksums.is_china_id(d):
        return "china_id"
    if shape == (17,) and n.after[:1] in ("x", "X") and checksums.is_china_id(d + "X"):
        return "china_id"
    if 13 <= size <= 19 and _is_card_shape(shape) and checksums.is_card(d):
        return "" if n.bare and place.thing else "card"
    if place.plus or size > 12:
        return ""
    if not place.tax and n.bare and (place.thing or place.phone):
        return ""
    if shape in _SHAPES["pesel"] and checksums.is_pesel(d):
        return "pesel"
    if shape in _SHAPES["snils"] and checksums.is_snils(d) and (place.tax or not n.bare or language in ("ru", "")):
        return "snils"
    if shape in _SHAPES["inn"] and checksums.is_inn(d):
        return "inn"
    if shape in _SHAPES["rnokpp"] and checksums.is_rnokpp(d) and (place.tax or language in ("uk", "ru", "")):
        return "rnokpp"
    if shape in _SHAPES["nip"] and checksums.is_nip(d):
        polish = place.before.upper().rstrip().endswith("PL") or language in ("pl", "")
        return "nip" if place.tax or not n.bare or polish else ""
    return ""


def _read(n: _Number, language: str) -> Found | None:
    if name := _certain(n, language):
        return Found(name, n.place.start, n.end + (n.shape == (17,) and name == "china_id"))
    return None


def _find_numbers(text: str, language: str) -> Iterator[Found]:
    groups = [(m.start(), m.end()) for m in _GROUPS.finditer(text)]
    upto = 0  # what is before this is part of a number that was found
    for first, (start, _end) in enumerate(groups):
        if start < upto:
            continue
        before = text[start - 1 : start] if start else ""
        if (before.isascii() and before.isalpha()) or text[max(0, start - 2) : start].rstrip(" ").endswith(("№", "#")):
            continue  # part of a code: V1234…
        numbers = _numbers_at(text, groups, first)
        found = next((f for n in numbers if (f := _read(n, language))), None)
        if found is None:
            found = next((Found("phone", n.place.begin, n.end, score)
                          for n in numbers if (score := _is_phone(n, language))), None)  # fmt: skip
        if found is not None:
            yield found
            upto = found.end


def _find_lettered(text: str) -> Iterator[Found]:
    for m in _IBAN.finditer(text):
        # What follows an account with one space may belong to the next word: the country says how long it is.
        bare = ""
        wanted = checksums.IBAN_LENGTHS.get(text[m.start() : m.start() + 2].upper(), 0)
        for place in range(m.start(), m.end()):
            if text[place] not in " -":
                bare += text[place]
            if len(bare) == wanted:
                following = text[place + 1 : place + 2]
                if checksums.is_iban(bare) and not following.isalnum():
                    yield Found("account", m.start(), place + 1)
                break
    for m in _LETTERED.finditer(text):
        bare = m.group().replace(" ", "").replace("-", "")
        if checksums.is_taiwan_id(bare) and (bare[1].isdigit() or bare[:2].isupper()):
            yield Found("taiwan_id", m.start(), m.end())
        elif checksums.is_polish_id_card(bare) and m.group()[:3].isupper():
            yield Found("id_card", m.start(), m.end())
    for m in _PASSPORT.finditer(text):
        yield Found("passport", *m.span("number"), 0.95)
    for m in _BOOKLET.finditer(text):
        yield Found("passport", m.start(), m.end(), 0.9)


def find(text: str, language: str = "") -> list[Found]:
    """What is personal in this text, in order and without overlaps; the surer and longer of two wins.

    `language` is en, ru, uk, pl, zh or empty (not known). A text longer than READ_CHARACTERS is read up to there.
    """
    text = text[:READ_CHARACTERS]
    if not text.isascii() and _ODD.search(text):
        text = text.translate(_PLAIN)
    found: list[Found] = []
    if "@" in text or any(word in text for word in _AT_WORDS):
        found += (Found("email", m.start(), m.end(), 0.99) for m in _EMAIL.finditer(text))
    if len(_DIGIT.findall(text)) >= 6:
        found += _find_lettered(text)
        found += _find_numbers(text, language)
    found += (Found("name", start, end, 0.9) for start, end in find_names(text))
    if len(found) < 2:
        return found
    kept: list[Found] = []
    for one in sorted(found, key=lambda f: (-f.score, f.start - f.end)):
        at = bisect_left(kept, one.start, key=lambda f: f.start)
        if (at == len(kept) or one.end <= kept[at].start) and (at == 0 or kept[at - 1].end <= one.start):
            kept.insert(at, one)
    return kept


def mask(text: str, language: str = "", *, marks: Mapping[str, str] | None = None) -> str:
    """The text with everything personal replaced by MASK, or by `marks[name]` (where the kind is to be told)."""
    pieces, at = [], 0
    for found in find(text, language):
        pieces += [text[at : found.start], (marks or {}).get(found.name, MASK)]
        at = found.end
    pieces.append(text[at:] if len(text) <= READ_CHARACTERS else text[at:READ_CHARACTERS] + MASK)
    return "".join(pieces)


_mask_short = lru_cache(maxsize=5_000)(mask)  # a table says the same names, places and codes again and again


def mask_texts(value: Any, language: str = "") -> Any:
    """A value as JSON has it, with every text in it masked, whatever the keys: for answers, by ids of questions."""
    if isinstance(value, str):
        return _mask_short(value, language) if len(value) <= SHORT else mask(value, language)
    if isinstance(value, dict):
        return {key: mask_texts(one, language) for key, one in value.items()}
    return [mask_texts(one, language) for one in value] if isinstance(value, (list, tuple)) else value


Keep = Callable[[str], bool]
_NESTED = frozenset("{[")


def mask_all(value: Any, language: str = "", *, under: str = "", keep: Keep | None = None) -> Any:
    """A value as JSON has it, masked: in every text what is found, and whole what stands under a key about a person.

    Which keys these are is told in `personal_keys`. `under` is the key of the value itself; what is under a key that
    `keep` accepts stays.
    """
    meaning = meaning_of(under)
    if meaning is PERSONAL:
        return _hidden(value, keep)
    return _masked(value, meaning is PERSON, language, keep)


def _masked(value: Any, person: bool, language: str, keep: Keep | None) -> Any:
    """`person` is whether the value is part of what describes a person."""
    if isinstance(value, str):
        if value[:1] in _NESTED:  # derived tables keep what is nested as text
            with suppress(msgspec.DecodeError, RecursionError):
                inner = _masked(msgspec.json.decode(value), person, language, keep)
                return msgspec.json.encode(inner).decode()
        return _mask_short(value, language) if len(value) <= SHORT else mask(value, language)
    if isinstance(value, dict):
        return _masked_object(value, person, language, keep)
    if isinstance(value, (list, tuple)):
        return [_masked(one, person, language, keep) for one in value]
    return value


def _masked_object(value: dict[Any, Any], person: bool, language: str, keep: Keep | None) -> dict[Any, Any]:
    meanings = [meaning_of(str(key)) for key in value]
    about = [one for one, meaning in zip(value.values(), meanings, strict=True) if meaning is PERSONAL]
    own = person or "role" in value or any(map(_tells, about))
    of_group = "group_id" in value
    masked = {}
    for (key, one), meaning in zip(value.items(), meanings, strict=True):
        if keep is not None and keep(key):
            masked[key] = one
        elif meaning is PERSONAL or (own and meaning is OF_PERSON):
            masked[key] = _hidden(one, keep)
        else:
            below = meaning is PERSON or (person and meaning is not THING)
            masked[key] = _masked(one, below and not (of_group and key == "traits"), language, keep)
    return masked


def _hidden(value: Any, keep: Keep | None) -> Any:
    """Every text and number masked whole."""
    if isinstance(value, dict):
        return {key: one if keep is not None and keep(key) else _hidden(one, keep) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden(one, keep) for one in value]
    return MASK if _tells(value) else value


def _tells(value: Any) -> bool:
    """Whether the value can be about somebody: yes, no, nothing and empty texts tell nothing."""
    return value is not None and value != "" and not isinstance(value, bool)
