"""Personal data by the key that it stands under: a name in JSON has no words around it that tell what it is.

Some keys are about a person wherever they stand (`email`, `firstName`, `billing_phone`, `customer_name`). Others are
only where a person is described: `name` and `address` are those of a person in `traits`, in an object called after
one (`customer`, `recipient`, PostHog's `$set`), beside a key that is always about a person, as in a form with `name`
and `email`, and beside `role`, as the log has what a survey was told of who answers. Elsewhere `name` is that of a
page, a product or a campaign, and stays. What is below an object that describes a person describes them as well,
unless its key says that it is a thing (`company`, `products`); `traits` beside `group_id` are those of a group.

Case and separators do not count: `firstName`, `First-Name` and `first_name` are the same key, and in `trait.email`
the part before the dot is as an object. The keys are the reserved traits of Segment's identify call
(https://segment.com/docs/connections/spec/identify/#traits) that name somebody or say where they live, what people
commonly call the same, and its words in the product's languages. City, country, age, gender and language stand for
many people; they stay, except in an address.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST = 100  # characters of a key that are read

_WORD = re.compile(r"[^\W\d_]*?[^\W\d_A-Z](?=[A-Z])|[^\W\d_]+")

# Read without separators. With a word before them as well, where they end the key: `billing_email`, `work phone`.
_ALWAYS = frozenset((
    "firstname", "lastname", "middlename", "fullname", "givenname", "familyname", "maidenname", "surname", "forename",
    "patronymic", "email", "mail", "emailaddress", "phone", "phonenumber", "telephone", "tel", "mobile",
    "mobilephone", "cellphone", "whatsapp", "viber", "birthday", "birthdate", "dateofbirth", "dob", "username",
    "login", "streetaddress", "homeaddress", "postaladdress", "mailingaddress", "deliveryaddress", "shippingaddress",
    "billingaddress", "street", "passport", "passportnumber", "pesel", "iban", "ssn", "cardholder", "имя", "фамилия",
    "отчество", "фио", "телефон", "почта", "емейл", "логин", "улица", "паспорт", "датарождения", "деньрождения",
    "імя", "прізвище", "побатькові", "піб", "пошта", "вулиця", "датанародження", "деньнародження", "imię", "imie",
    "nazwisko", "imięinazwisko", "imieinazwisko", "telefon", "ulica", "dataurodzenia", "姓名", "姓氏", "电话", "電話",
    "手机", "手機", "邮箱", "郵箱", "電子郵件", "电子邮件", "生日", "出生日期", "街道",
))  # fmt: skip
_OF_PERSONS = frozenset((
    "name", "displayname", "nickname", "address", "address1", "address2", "addressline", "postalcode", "postcode",
    "zip", "zipcode", "house", "apartment", "avatar", "photo", "адрес", "индекс", "адреса", "індекс", "adres",
    "kodpocztowy", "地址", "邮编", "郵遞區號",
))  # fmt: skip
_PERSONS = frozenset((
    "traits", "traitsonce", "trait", "set", "setonce", "person", "persons", "people", "user", "customer", "client",
    "contact", "contacts", "profile", "member", "subscriber", "recipient", "sender", "author", "buyer", "payer",
    "guest", "guests", "passenger", "passengers", "patient", "consumer", "userdata", "userinfo", "userproperties",
    "customerdata", "hidden", "changes", "клиент", "клієнт", "klient", "客户", "客戶",
))  # fmt: skip
_THINGS = frozenset((
    "company", "organization", "organisation", "account", "employer", "group", "plan", "product", "products", "item",
    "items", "order", "orders", "cart", "subscription", "device", "devices", "app", "page", "screen", "campaign",
    "library", "browser", "os", "store", "shop", "brand", "channel", "segment", "segments", "tag", "tags", "team",
    "touchpoint", "survey",
))  # fmt: skip


# What a key says about the value below it.
PERSONAL, OF_PERSON, PERSON, THING, NOTHING = "personal", "of a person", "person", "thing", "nothing"


@lru_cache(maxsize=10_000)  # senders use the same keys again and again
def meaning_of(key: str) -> str:
    """What a key says about the value below it: PERSONAL, always about a person; OF_PERSON, where one is described;
    PERSON or THING, that it describes one; or NOTHING. Of a key with dots the last part, as what is before it says."""
    *before, last = key[:LONGEST].split(".")
    own = _meaning(last)
    around = next((found for part in reversed(before) if (found := _meaning(part)) is not NOTHING), None)
    if own is OF_PERSON and around is not None:
        return PERSONAL if around in (PERSON, PERSONAL) else NOTHING
    return own


def is_about_person(key: str) -> bool:
    """Whether the value below a key may say who somebody is."""
    return meaning_of(key) in (PERSONAL, PERSON)


def _meaning(key: str) -> str:
    words = [word.lower() for word in _WORD.findall(key)]
    whole = "".join(words)
    ends = {whole, *words[-1:], "".join(words[-2:])}
    if not ends.isdisjoint(_ALWAYS) or (words[-1:] == ["name"] and not _PERSONS.isdisjoint(words[:-1])):
        return PERSONAL
    for names, meaning in ((_OF_PERSONS, OF_PERSON), (_PERSONS, PERSON), (_THINGS, THING)):
        if whole in names:
            return meaning
    return NOTHING
