"""Personal data in texts: numbers with checksums on a generated set in five languages, names and passports by words."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from cxm.lib.personal import MASK, READ_CHARACTERS, find, mask, mask_all
from cxm.lib.personal_words import _WORDS

pytestmark = pytest.mark.once


# Numbers as their offices give them out, worked out here in another way than in checksums.py: a check digit is added
# to random digits, where there it is tested.
def a_card(r: random.Random) -> str:
    body = r.choice(["4", "51", "55", "2202", "62", "2221", "6011", "3528"])
    body += "".join(r.choices("0123456789", k=15 - len(body)))
    doubled = "0246813579"
    total = sum(int(doubled[int(c)]) if i % 2 == 0 else int(c) for i, c in enumerate(body))
    d = body + str(-total % 10)
    return r.choice([d, f"{d[:4]} {d[4:8]} {d[8:12]} {d[12:]}", f"{d[:4]}-{d[4:8]}-{d[8:12]}-{d[12:]}"])


def an_iban(r: random.Random) -> str:
    country, length = r.choice([("UA", 25), ("PL", 24), ("DE", 18), ("GB", 18)])
    body = "".join(r.choices("0123456789", k=length))
    if country == "GB":
        body = "WEST" + body[4:]
    value = 0
    for c in body + country + "00":
        value = (value * (100 if c.isalpha() else 10) + (ord(c) - 55 if c.isalpha() else int(c))) % 97
    d = f"{country}{98 - value:02d}{body}"
    return r.choice([d, " ".join(d[i : i + 4] for i in range(0, len(d), 4))])


def a_pesel(r: random.Random) -> str:
    year, month, day = r.randint(1930, 2015), r.randint(1, 12), r.randint(1, 28)
    body = f"{year % 100:02d}{month + (20 if year >= 2000 else 0):02d}{day:02d}{r.randint(0, 9999):04d}"
    return body + str((10 - sum(int(c) * w for c, w in zip(body, [1, 3, 7, 9] * 3, strict=False)) % 10) % 10)


def a_nip(r: random.Random) -> str:
    while True:
        body = str(r.randint(101, 998)) + f"{r.randint(0, 999999):06d}"
        check = sum(int(c) * w for c, w in zip(body, [6, 5, 7, 2, 3, 4, 5, 6, 7], strict=True)) % 11
        if check < 10:
            d = body + str(check)
            return r.choice([d, f"{d[:3]}-{d[3:6]}-{d[6:8]}-{d[8:]}"])


def a_rnokpp(r: random.Random) -> str:
    body = f"{r.randint(12000, 40000):05d}{r.randint(0, 9999):04d}"
    total = sum(int(c) * w for c, w in zip(body, [-1, 5, 7, 9, 4, 6, 10, 5, 7], strict=True))
    return body + str((total % 11) % 10)


def a_taiwan_id(r: random.Random) -> str:
    letter = r.choice("ABCDEFGHJKLMNPQRSTUVXYWZIO")
    value = 10 + "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(letter)
    body = r.choice("1289") + "".join(r.choices("0123456789", k=7))
    digits = [value // 10, value % 10, *map(int, body)]
    return letter + body + str(-sum(d * w for d, w in zip(digits, [1, 9, 8, 7, 6, 5, 4, 3, 2, 1], strict=True)) % 10)


def a_china_id(r: random.Random) -> str:
    body = (
        f"{r.choice(['110105', '310115', '440305'])}{r.randint(1950, 2010)}{r.randint(1, 12):02d}{r.randint(1, 28):02d}"
    )
    body += f"{r.randint(0, 999):03d}"
    rest = sum(int(c) * (2 ** (17 - i) % 11) for i, c in enumerate(body)) % 11
    return body + "10X98765432"[rest]


def an_inn(r: random.Random) -> str:
    d = [int(c) for c in f"{r.randint(1, 92):02d}{r.randint(0, 99999999):08d}"]
    d.append(sum(a * b for a, b in zip(d, [7, 2, 4, 10, 3, 5, 9, 4, 6, 8], strict=True)) % 11 % 10)
    d.append(sum(a * b for a, b in zip(d, [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8], strict=True)) % 11 % 10)
    return "".join(map(str, d))


# How people write such a number in each language, with the word and without it.
WITH = {
    "en": {
        "card": ["my card {} was charged twice", "You took money from {} again."],
        "account": ["Please refund to {} this week.", "IBAN: {}, thank you."],
    },
    "ru": {
        "card": ["деньги списали с карты {} дважды", "Верните на {}, пожалуйста."],
        "account": ["Переведите на счет {} до пятницы."],
        "inn": ["мой ИНН {} указан неверно", "Я написал: {}, а вы не приняли."],
    },
    "uk": {
        "card": ["з картки {} зняли гроші двічі", "Поверніть на {}, будь ласка."],
        "account": ["Перекажіть на рахунок {} до п’ятниці."],
        "rnokpp": ["мій ІПН {} вказано невірно", "РНОКПП: {}.", "Я написала {} у формі."],
    },
    "pl": {
        "card": ["z karty {} pobrano dwa razy", "Proszę o zwrot na {}."],
        "account": ["Proszę o przelew na konto {} do piątku."],
        "pesel": ["mój PESEL {} jest błędny", "Podałam {} w formularzu."],
        "nip": ["faktura na NIP {} nie przyszła", "NIP: {}."],
    },
    "zh": {
        "card": ["我的信用卡{}被重複扣款", "請退款到 {} ，謝謝。"],
        "taiwan_id": ["我的身分證字號是{}，資料寫錯了", "我填的是 {} 。"],
        "china_id": ["身份证号{}登记错误", "我填的是 {} 。"],
    },
}
MAKERS: dict[str, Callable[[random.Random], str]] = {
    "card": a_card, "account": an_iban, "pesel": a_pesel, "nip": a_nip, "rnokpp": a_rnokpp, "taiwan_id": a_taiwan_id,
    "china_id": a_china_id, "inn": an_inn,
}  # fmt: skip
PHONES = {
    "en": ["call me on +44 7700 900{3}", "my number (212) 555-0{3} is wrong", "Phone: 07700 900{3}"],
    "ru": ["позвоните 8 (916) 555-{2}-{2}", "мой телефон +7916555{2}{2}", "8 916 555 {2} {2} это мой"],
    "uk": ["подзвоніть (067) 555-{2}-{2}", "мій телефон +38067555{2}{2}", "095 555 {2} {2} це мій"],
    "pl": ["proszę dzwonić 601 555 {3}", "mój telefon: +48601555{3}", "tel. 22 555 {2} {2}"],
    "zh": ["我的手機0912-345-{3}", "請打(02)2345-6{3}", "电话13812345{3}"],
}
# What looks alike and is nobody's.
OTHERS = {
    "en": ["order {10} of 2024-0{1}-1{1}", "invoice no. {10}", "tracking {16} shows nothing", "it cost $ 1 {3} 000",
        "ip 10.{2}.1.{2}",
           "version 2.{1}.{2}.{3}", "the flight at 1{1}:30 on 12.0{1}.2024",
               "waited {2} minutes and {3} seconds, {4} euros", "part A{8}"],
    "ru": ["заказ {10} от 1{1}.0{1}.2024", "накладная {11} не найдена", "трек-номер {14}", "стоит 1 {3} 000 руб",
        "артикул {9}",
           "обращение № {10}", "ждал {2} минут, {3} рублей"],
    "uk": ["замовлення {10} від 1{1}.0{1}.2024", "накладна {14} не знайдена", "ТТН {14}", "коштує 1 {3} 000 грн",
        "артикул {9}",
           "звернення № {10}", "чекав {2} хвилин, {3} гривень"],
    "pl": ["zamówienie {10} z 1{1}.0{1}.2024", "faktura {10}", "przesyłka {13}", "kosztuje 1 {3} 000 zł",
        "zgłoszenie nr {9}",
           "czekałam {2} minut, {3} złotych"],
    "zh": ["訂單編號{10}", "订单号 {12}", "運單 {14}", "花了1{3}000元", "等了{2}分鐘，{4}塊", "2024-0{1}-1{1} 1{1}:30"],
}  # fmt: skip


def filled(template: str, r: random.Random) -> str:
    for size in range(1, 17):
        while f"{{{size}}}" in template:
            template = template.replace(f"{{{size}}}", "".join(r.choices("123456789", k=size)), 1)
    return template


def test_numbers_with_a_checksum_are_found_in_five_languages_and_little_else() -> None:
    """Bounds: recall ≥ 0.98 on numbers with a checksum, precision ≥ 0.95 over all that is found."""
    r = random.Random(6)
    planted, missed, right, wrong = Counter[str](), Counter[str](), 0, Counter[str]()
    for language, kinds in WITH.items():
        for _ in range(60):
            for kind, templates in kinds.items():
                for template in templates:
                    number = MAKERS[kind](r)
                    text = f"{filled(r.choice(OTHERS[language]), r)}. {template.replace('{}', number)}"
                    start = text.rindex(number)
                    planted[kind] += 1
                    hits = find(text, r.choice([language, ""]))
                    missed[kind] += not any(f.start <= start and f.end >= start + len(number) for f in hits)
                    for f in hits:
                        inside = f.start < start + len(number) and f.end > start
                        right += inside
                        if not inside:
                            wrong[language] += 1
            for template in PHONES[language]:
                phone = filled(template, r)
                right += len(find(phone, language)) == 1
                missed["phone"] += len(find(phone, language)) != 1
                planted["phone"] += 1
            wrong[language] += sum(len(find(filled(other, r), language)) for other in OTHERS[language])
    proven = [kind for kind in planted if kind != "phone"]
    recall = 1 - sum(missed[k] for k in proven) / sum(planted[k] for k in proven)
    precision = right / (right + wrong.total())
    print(f"recall {recall:.4f} of {sum(planted[k] for k in proven):,} numbers with a checksum, phones "
          f"{1 - missed['phone'] / planted['phone']:.4f}, precision {precision:.4f}; missed {dict(missed)}, "
          f"wrong {dict(wrong)}")  # fmt: skip
    assert recall >= 0.98
    assert precision >= 0.95
    assert missed["phone"] / planted["phone"] <= 0.02


def test_a_number_with_a_wrong_check_digit_is_no_number_of_a_person() -> None:
    r = random.Random(7)
    for kind in ("card", "account", "pesel", "taiwan_id", "china_id"):
        for _ in range(40):
            number = MAKERS[kind](r)
            last = number[-1]
            broken = number[:-1] + ("1" if last in "0X" else str((int(last) + 1) % 10))
            assert not [f for f in find(f"x {broken} y", "en") if f.name == kind], (kind, broken)


@pytest.mark.parametrize(
    ("language", "text", "masked"),
    [
        ("en", "My name is John Smith, Mr O'Neil and Dr. Anna Lee were kind. It rained in May.",
         "My name is •••, Mr ••• and Dr. ••• were kind. It rained in May."),
        ("en", "My name is not important. Mail j.smith@example.co.uk or ann [at] mail.com.\nKind regards,\nAnna",
         "My name is not important. Mail ••• or •••.\nKind regards,\n•••"),
        ("ru", "Меня зовут иван. Спасибо доктору Марии Ивановне Сидоровой и менеджеру Ольге! Паспорт 4509 "
         "123456, выдан ОВД",
         "Меня зовут •••. Спасибо доктору ••• и менеджеру •••! Паспорт •••, выдан ОВД"),
        ("ru", "СНИЛС 112-233-445 95, рейс SU 1234. С уважением, Пётр Ильич", "СНИЛС •••, рейс SU 1234. С "
         "уважением, •••"),
        ("uk", "Мене звати Олена Петренко, паспорт серія АВ № 123456. Пані Марія з рецепції і кур'єр Андрій "
         "запізнились.",
         "Мене звати •••, паспорт серія •••. Пані ••• з рецепції і кур'єр ••• запізнились."),
        ("uk", "Документ МЕ123456, закордонний паспорт FA123456. Дякую, Ірина", "Документ •••, закордонний "
         "паспорт •••. Дякую, •••"),
        ("pl", "Nazywam się Jan Kowalski, dowód ABA300000. Dziękuję Pani Annie, pan Nowak był niemiły. Pozdrawiam, Jan",
         "Nazywam się •••, dowód •••. Dziękuję Pani •••, pan ••• był niemiły. Pozdrawiam, •••"),
        ("pl", "Pani w recepcji była miła, panie kelnerki też.", "Pani w recepcji była miła, panie kelnerki też."),
        ("zh", "我叫王小明，陳小姐很親切，护照号码E12345678。上周老师没来。",
         "我叫•••，•••小姐很親切，护照号码•••。上周老师没来。"),
        ("zh", "卡號４１１１　１１１１　１１１１　１１１１，統編沒錯", "卡號•••，統編沒錯"),
    ],
)  # fmt: skip
def test_names_and_papers_are_masked_by_the_words_around_them(language: str, text: str, masked: str) -> None:
    assert mask(text, language) == masked
    assert mask(text) == masked, "the same when nobody knows the language"
    assert mask(masked, language) == masked, "masking twice changes nothing"


def test_values_of_json_are_masked_all_the_way_down_and_long_texts_end_in_a_mask() -> None:
    value = {"note": ["call +44 7700 900123", 7, None, {"email": "a@b.example"}], "id": "a@b.example"}
    assert mask_all(value, keep=lambda key: key == "id") == {
        "note": [f"call {MASK}", 7, None, {"email": MASK}],
        "id": "a@b.example",
    }
    assert mask("x " * READ_CHARACTERS).endswith("x " + MASK)
    assert mask("") == ""
    assert mask("card {}", marks={"card": "[card]"}) == "card {}"
    assert mask("4111 1111 1111 1111 a@b.example", marks={"card": "[card]"}) == f"[card] {MASK}"
    assert all(isinstance(word, str) for words in _WORDS.values() for word in words), (
        "YAML reads some words as yes or no"
    )
