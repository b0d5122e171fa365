"""Names of people, found by the words around them: "my name is …", "с уважением, …", "pan …", "…先生".

A word that begins with a capital letter is only a name where such a word says so: names have no checksum, and a list of
first names would mask cities, flowers and months.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import regex
import yaml

with (Path(__file__).parent / "personal_words.yaml").open(encoding="utf-8") as _file:
    _WORDS: dict[str, list[str]] = yaml.load(_file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
_INTRODUCED = frozenset(_WORDS["introductions"])
_WITH_COLON = frozenset(_WORDS["introductions_with_colon"])
_TITLES = frozenset(_WORDS["titles"])
_TITLE_STEMS = tuple(_WORDS["title_stems"])
_TITLE_PAIRS = frozenset(_WORDS["title_pairs"])
_FAREWELLS = frozenset(_WORDS["farewells"])
_NOT_A_NAME = frozenset(_WORDS["not_a_name"])
_SMALL_NOT = frozenset(_WORDS["small_not_a_name"])
_LAST_WORDS = frozenset(phrase.rsplit(" ", 1)[-1] for phrase in _INTRODUCED)
# Nothing of the above is near where no word is one of these or begins like one of those.
_LAST_OF_ANY = _LAST_WORDS | _TITLES | frozenset(p.rsplit(" ", 1)[-1] for p in (*_TITLE_PAIRS, *_FAREWELLS))
_BEGINNINGS = frozenset(stem[:3] for stem in _TITLE_STEMS)
_SLAVIC_HINT = re.compile("вич|овн|евн|івн|ївн|ичн")
_INITIALS_HINT = re.compile(r"[A-ZА-ЯІЇЄҐŁŚŻŹĆ]\. ?[A-ZА-ЯІЇЄҐŁŚŻŹĆ]\.")
_PATRONYMIC = re.compile(r".{2,}(?:[оеєё]вич|[йь]ович|ьич|овн|евн|івн|ївн|ичн)(?:а|у|е|ы|ой|ем|ом|і|ою|и)?$")

# The commonest surnames, one and two characters, in both scripts; without those that mostly are other words before a
# title (于, 和, 向, 时, 都, 从, 任, 方, 常).
_SURNAMES = (
    "王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡郭何高林罗羅郑鄭梁谢謝宋唐许許韩韓冯馮邓鄧曹彭曾肖蕭田董袁潘蔣蒋蔡余杜叶葉程苏蘇魏吕呂"
    "丁沈姚卢盧姜崔钟鍾谭譚陆陸汪范石廖贾賈夏韦韋付傅邹鄒孟熊秦邱江尹薛闫段雷侯龙龍史陶黎贺賀顾顧毛郝龚龔邵万萬钱錢严嚴覃武戴莫孔汤湯简簡詹游"
)
_SURNAME = rf"(?:歐陽|欧阳|司馬|司马|上官|諸葛|诸葛|[{_SURNAMES}])"
_GIVEN = r"(?:(?![的地得了着著是在我你他她们們和与與就都也不有会會给給问問])\p{Han})"  # no word of grammar
_CHINESE = (
    regex.compile(
        rf"(?:我叫|我的名字(?:是|叫)|本人(?:叫|是)?|姓名\s?(?:是|[:：])?|名字(?:是|叫|[:：])|(?:联系|聯絡)人[:：]?|"
        rf"(?:客服|店員|店员|服务员|服務員|專員|专员|业务员|業務員|快递员|快遞員|員工|员工)(?:[:：]|是)?)"
        rf"\s?(?P<name>{_SURNAME}(?!上会){_GIVEN}{{1,2}}?)(?=$|[^\p{{Han}}]|[的是在也很都和说說帮幫对對给給先小女])"
    ),
    regex.compile(
        rf"(?P<name>(?<![上下本每一这這]){_SURNAME}{_GIVEN}{{0,2}}?)"
        r"(?=先生|小姐|女士|太太|老师|老師|經理|经理|医生|醫生|医师|醫師|师傅|師傅|主任|店長|店长|護士|护士|大夫|教授|律師|律师)"
    ),
    regex.compile(rf"我姓(?P<name>{_SURNAME})"),
)
_CHINESE_HINT = re.compile("[先小女太老經经医醫师師主店護护大教律我本姓名客員员专專业快联聯]")

_SHORTENED = frozenset(("mr", "mrs", "ms", "mx", "dr", "prof", "rep", "г-н", "г-жа"))  # a full stop may follow
_WORD = re.compile(r"[^\W\d_]+(?:['’ʼ-][^\W\d_]+)*")
_GAP = re.compile(r"(?:['’]s)?\.?[ ,:—-]{1,3}$")
_END = re.compile(r"[ .,!)]*(?:$|\n|\+|\d|тел|tel|<)")


def _is_title(words: list[str], i: int) -> bool:
    last = words[i - 1]
    return last in _TITLES or last.startswith(_TITLE_STEMS) or (i > 1 and f"{words[i - 2]} {last}" in _TITLE_PAIRS)


def _phrase(words: list[str], i: int, phrases: frozenset[str]) -> str:
    """The longest of the phrases, up to four words, that ends right before word i."""
    for size in range(min(4, i), 0, -1):
        if (phrase := " ".join(words[i - size : i])) in phrases:
            return phrase
    return ""


def _by_words(text: str) -> Iterator[tuple[int, int]]:
    places = [(m.start(), m.end()) for m in _WORD.finditer(text)]
    words = [text[a:b].casefold() for a, b in places]

    def is_name(k: int) -> bool:
        return k < len(places) and text[places[k][0]].isupper() and words[k] not in _NOT_A_NAME and (
            words[k][-2:-1] not in ("'", "’") or words[k][:-2] not in _NOT_A_NAME) and (
            places[k][1] - places[k][0] > 1 or text[places[k][1] : places[k][1] + 1] == "."
        )  # fmt: skip

    def upto(k: int) -> int:
        """The word after the last of a name that begins with word k: up to three words and initials."""
        end = k + 1
        while end < k + 3 and is_name(end) and text[places[end - 1][1] : places[end][0]] in (" ", ". ", "."):
            if text[places[end - 1][1]] == "." and places[end - 1][1] - places[end - 1][0] > 1:
                break  # a full stop after a whole word ends the sentence
            end += 1
        return end

    for i in range(len(places)):
        start = places[i][0]
        upper = text[start].isupper()
        gap = text[places[i - 1][1] : start] if i else ""
        introduced = words[i - 1] in _LAST_WORDS and _phrase(words, i, _INTRODUCED) if i else ""
        if introduced and _GAP.match(gap) and (introduced not in _WITH_COLON or ":" in gap):
            if is_name(i):
                yield start, places[upto(i) - 1][1]
            elif not upper and words[i] not in _SMALL_NOT and len(words[i]) > 1:
                yield start, places[i][1]
            continue
        if not upper or not is_name(i):
            continue
        if i and _GAP.match(gap) and _is_title(words, i) and ("." not in gap or words[i - 1] in _SHORTENED):
            yield start, places[upto(i) - 1][1]
        elif i and len(gap) <= 6 and _phrase(words, i, _FAREWELLS) and ("\n" in gap or "," in gap or gap == " "):
            last = places[upto(i) - 1][1]
            if _END.match(text, last):
                yield start, last
        elif is_name(i + 1) and text[places[i][1] : places[i + 1][0]] == " " and _PATRONYMIC.match(words[i + 1]):
            # The surname stands before or after.
            first = i - 1 if i and gap == " " and is_name(i - 1) and len(words[i - 1]) > 3 else i
            after = i + 3 if is_name(i + 2) and text[places[i + 1][1] : places[i + 2][0]] == " " else i + 2
            yield places[first][0], places[after - 1][1]
        elif (
            i + 2 < len(places)
            and len(words[i]) > 2
            and len(words[i + 1]) == len(words[i + 2]) == 1
            and is_name(i + 1)
            and is_name(i + 2)
            and text[places[i][1] : places[i + 2][0]].strip(" .") == text[places[i + 1][0]]
            and text.startswith(".", places[i + 2][1])
        ):
            yield start, places[i + 2][1] + 1  # Петренко І. В.


def find_names(text: str) -> Iterator[tuple[int, int]]:
    """Places of names (start, end); they may overlap."""
    words = _WORD.findall(text.casefold())
    if (
        not _LAST_OF_ANY.isdisjoint(words)
        or not _BEGINNINGS.isdisjoint([word[:3] for word in words])
        or _INITIALS_HINT.search(text)
        or (not text.isascii() and _SLAVIC_HINT.search(text))
    ):
        yield from _by_words(text)
    if _CHINESE_HINT.search(text):
        for pattern in _CHINESE:
            for m in pattern.finditer(text):
                yield m.span("name")
