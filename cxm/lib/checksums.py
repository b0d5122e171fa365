"""Numbers that carry their own proof: cards, bank accounts, numbers of people and of taxpayers.

Each function takes the bare characters (no spaces, no dashes) and says whether the number could have been given out.
"""

from __future__ import annotations

from datetime import date

# Lengths of IBANs by country, from the registry of SWIFT (ISO 13616), countries of a few million people and more.
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23,
    "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27,
    "MD": 24, "ME": 22, "MK": 19, "MT": 31, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29,
    "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29, "XK": 20,
}  # fmt: skip

# What cards begin with: Visa, Mastercard (both ranges), Maestro and Discover, UnionPay, American Express, Diners, JCB,
# Мир (2200–2204), Простір (9804).
CARD_BEGINNINGS = ("4", "5", "6", "22", "23", "24", "25", "26", "27", "30", "34", "35", "36", "37", "38", "39", "9804")


def digits_of(number: str) -> list[int]:
    return [ord(c) - 48 for c in number]


def is_luhn(number: str) -> bool:
    """The check of card numbers (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits_of(number))):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def is_card(number: str) -> bool:
    """13 to 19 digits of a known scheme with Luhn's check."""
    return 13 <= len(number) <= 19 and number.startswith(CARD_BEGINNINGS) and is_luhn(number)


def is_iban(number: str) -> bool:
    """An account number of ISO 13616: its country's length, and 1 modulo 97."""
    number = number.upper()
    if IBAN_LENGTHS.get(number[:2]) != len(number) or not number[2:4].isdigit():
        return False
    try:
        return int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1
    except ValueError:
        return False


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def is_pesel(number: str) -> bool:
    """A Polish personal number: date of birth (the century is in the month), and a check digit by 1-3-7-9."""
    if len(number) != 11:
        return False
    d = digits_of(number)
    century, month = divmod(d[2] * 10 + d[3], 20)
    year = {4: 1800, 0: 1900, 1: 2000, 2: 2100, 3: 2200}[century] + d[0] * 10 + d[1]
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
    return _is_date(year, month, d[4] * 10 + d[5]) and sum(w * x for w, x in zip(weights, d, strict=True)) % 10 == 0


def is_nip(number: str) -> bool:
    """A Polish tax number: ten digits, the last is the rest modulo 11."""
    if len(number) != 10 or number[:3] == "000":
        return False
    d = digits_of(number)
    return sum(w * x for w, x in zip((6, 5, 7, 2, 3, 4, 5, 6, 7), d, strict=False)) % 11 == d[9]


def is_rnokpp(number: str) -> bool:
    """A Ukrainian tax number of a person (РНОКПП, once ІПН): days since 31 December 1899, and a check digit."""
    if len(number) != 10:
        return False
    d = digits_of(number)
    weights = (-1, 5, 7, 9, 4, 6, 10, 5, 7)
    return sum(w * x for w, x in zip(weights, d, strict=False)) % 11 % 10 == d[9] and 3_000 <= int(number[:5]) <= 47_500


def is_inn(number: str) -> bool:
    """A Russian tax number of a person: twelve digits with two check digits."""
    if len(number) != 12:
        return False
    d = digits_of(number)
    eleventh = sum(w * x for w, x in zip((7, 2, 4, 10, 3, 5, 9, 4, 6, 8), d, strict=False)) % 11 % 10
    twelfth = sum(w * x for w, x in zip((3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8), d, strict=False)) % 11 % 10
    return (eleventh, twelfth) == (d[10], d[11]) and len(set(number)) > 2


def is_snils(number: str) -> bool:
    """A Russian insurance number (СНИЛС): the last two digits are a weighted sum modulo 101."""
    if len(number) != 11 or number[:3] == "000":
        return False
    d = digits_of(number)
    return sum((9 - i) * d[i] for i in range(9)) % 101 % 100 == d[9] * 10 + d[10]


def is_taiwan_id(number: str) -> bool:
    """身分證 (letter and 1 or 2) and 居留證, both the one of 2021 (8 or 9) and the older (a second letter A to D)."""
    number = number.upper()
    if len(number) != 10 or not (number[0].isascii() and number[0].isalpha()) or not number[2:].isdigit():
        return False
    values = dict(zip("ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36), strict=True))
    if number[1] in "1289":
        second = int(number[1])
    elif number[1] in "ABCD":
        second = values[number[1]] % 10
    else:
        return False
    tens, units = divmod(values[number[0]], 10)
    total = tens + units * 9 + second * 8 + sum((7 - i) * int(c) for i, c in enumerate(number[2:9]))
    return (total + int(number[9])) % 10 == 0


def is_china_id(number: str) -> bool:
    """居民身份证: 17 digits with the date of birth, and a check character by ISO 7064 modulo 11-2."""
    if len(number) != 18 or not number[:17].isdigit():
        return False
    if not (_is_date(int(number[6:10]), int(number[10:12]), int(number[12:14])) and "18" <= number[6:8] <= "20"):
        return False
    total = sum(w * x for w, x in zip((7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), digits_of(number[:17]),
                                      strict=True))  # fmt: skip
    return "10X98765432"[total % 11] == number[17].upper()


def is_polish_id_card(number: str) -> bool:
    """Dowód osobisty: three letters, a check digit, five digits; 0 modulo 10 by 7-3-1."""
    number = number.upper()
    if len(number) != 9 or not (number[:3].isascii() and number[:3].isalpha()) or not number[3:].isdigit():
        return False
    weights = (7, 3, 1, 9, 7, 3, 1, 7, 3)
    return sum(w * int(c, 36) for w, c in zip(weights, number, strict=True)) % 10 == 0
