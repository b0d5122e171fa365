"""What is new in the text of a mail, apart from what it quotes and how it is signed; in five languages and some more.

Works line by line with expressions that look at one short line at a time, so its time grows with the length of the
text and with nothing else.
"""

from __future__ import annotations

import regex

LONGEST_LINE = 400  # characters of a line that an expression looks at
# "On Fri, Nov 20, 2026 at 10:00 AM Ada <a@b> wrote:" and what mail programs write instead of it.
WROTE = regex.compile(
    r"(wrote|writes|napisał\(a\)|napisała?|nadesłał\(a\)|nadesłał|pisze|пишет|писал\(а\)|написала?|написал\(а\)"
    r"|написав"
    r"|написав\(-ла\)|написав\(ла\)|пише|寫道|写道|寫了|schrieb|a écrit|escribió|ha scritto|schreef|skrev)"
    r"[^\n\p{L}]{0,3}[:：]$",
    regex.IGNORECASE,
)
# It names a time or an address, or it is a sentence that somebody happens to end with "wrote:".
TIME_OR_ADDRESS = regex.compile(r"\d{1,2}[:.]\d{2}|\d{4}|<?[^\s<>@]{1,64}@[^\s<>@]{1,200}>?")
ORIGINAL = regex.compile(
    r"^[\s>]*[-_=]{2,} ?(original message|forwarded message|wiadomość oryginalna"
    r"|oryginalna wiadomość"
    r"|исходное сообщение|пересылаемое сообщение|оригинальное сообщение|вихідне повідомлення|оригінальне повідомлення"
    r"|пересланное сообщение|переслане повідомлення|原始郵件|原始邮件|原始訊息|轉寄的郵件"
    r"|ursprüngliche nachricht|message d'origine|mensaje original|messaggio originale) ?[-_=]{2,}[\s>]*$",
    regex.IGNORECASE,
)
HEADER = regex.compile(
    r"^[\s>*]*(from|sent|date|to|cc|subject|od|wysłano|wysłane|data|do|dw|temat|от|отправлено|дата|кому|копия|тема|від|"
    r"надіслано|копія|寄件者|寄件人|寄件日期|日期|收件者|收件人|副本|主旨|主題|发件人|发送时间|抄送|主题|von|gesendet|an|betreff)"
    r"\*?\s?[:：]",
    regex.IGNORECASE,
)
HEADERS_IN_A_ROW = 3
LINE = regex.compile(r"^[\s>]*[_-]{20,}\s*$")
QUOTED = regex.compile(r"^\s{0,3}>")
SIGNATURE = regex.compile(r"^(--|—|__)\s*$|^-- $")
SENT_FROM = regex.compile(
    r"^\s*(sent from my |sent from |get outlook for |wysłano z |wysłane z |отправлено с |отправлено из "
    r"|отправлено через |надіслано з |надіслано через |відправлено з |從我的.{1,30}(傳送|寄出)|傳送自 ?我?的?"
    r"|从我的.{1,30}发送|发自我的)",
    regex.IGNORECASE,
)
CLOSING = regex.compile(
    r"^\s*((best|kind|warm|many) )?(regards|wishes)[,.!]?\s*$|^\s*(yours (sincerely|faithfully|truly)"
    r"|sincerely|cheers)[,.!]?\s*$"
    r"|^\s*(z (poważaniem|wyrazami szacunku)|pozdrawiam( serdecznie)?|(serdecznie )?pozdrawiam)[,.!]?\s*$"
    r"|^\s*(с уважением|с наилучшими пожеланиями)[,.!]?\s*$"
    r"|^\s*(з повагою|з найкращими побажаннями|щиро ваш[аі]?)[,.!]?\s*$"
    r"|^\s*(此致|敬上|敬祝商祺|順頌商祺|祝好|謹上)[,，。!！]?\s*$",
    regex.IGNORECASE,
)
LONGEST_SIGNATURE = 8  # lines after a closing
SHORT = 80  # characters of a line of a signature


def split(text: str) -> tuple[str, str]:
    """(what is new, what is quoted or signature). What is new is empty only if the text is.

    Answers between the quoted lines, and below them, are new; a forwarded message is what its sender wants to show, and
    stays with the new text if they wrote nothing else.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    cut, marked = _first_quote(lines)
    above, below = lines[:cut], lines[cut:]
    answers: list[str] = []
    if marked:  # quoted line by line: what has no mark is an answer
        first = next((n for n, line in enumerate(below) if QUOTED.match(line)), len(below))
        rest_of_it = below[first:]
        if any(line.strip() and not QUOTED.match(line) for line in rest_of_it):
            answers = [line for line in rest_of_it if not QUOTED.match(line)]
            below = [*below[:first], *(line for line in rest_of_it if QUOTED.match(line))]
    above, signature = _signed([*above, *answers])
    new, rest = "\n".join(above).strip(), "\n".join([*signature, *below]).strip("\n")
    if not new:
        return text.strip(), ""
    return new, rest


def _first_quote(lines: list[str]) -> tuple[int, bool]:
    """Where the quoted part begins, and whether its lines are marked by ">"."""
    last_block = _last_block(lines)
    for number, line in enumerate(lines):
        short = line[:LONGEST_LINE]
        if ORIGINAL.match(short) or _is_header_block(lines, number):
            return number, False
        if LINE.match(short) and _is_header_block(lines, _next_filled(lines, number + 1)):
            return number, False
        if start := _attribution(lines, number):
            follows = _next_filled(lines, number + 1)
            marked = follows < len(lines) and bool(QUOTED.match(lines[follows]))
            return number - start + 1, marked
        if number == last_block and number:
            return number, True
    return len(lines), False


def _attribution(lines: list[str], number: int) -> int:
    """How many lines up to this one say who wrote when; 0: it does not."""
    line = lines[number].strip()
    if not line or len(line) > LONGEST_LINE or line[-1] not in ":：" or not WROTE.search(line):
        return 0
    for count in (1, 2, 3):  # programs break it
        some = " ".join(one.strip() for one in lines[max(0, number - count + 1) : number + 1])
        if len(some) > LONGEST_LINE:
            return 0
        if TIME_OR_ADDRESS.search(some):
            # The line above may be the beginning of the same sentence.
            above = lines[number - count].strip() if number >= count else ""
            return count + 1 if regex.match(r"(On|W dniu|Dnia|Em|Am|Le) ", above) and len(above) < SHORT * 2 else count
    return 0


def _is_header_block(lines: list[str], number: int) -> bool:
    """Three lines like From:, Sent:, Subject: in a row (Outlook)."""
    if number >= len(lines) or not HEADER.match(lines[number][:LONGEST_LINE]):
        return False
    some = [line for line in lines[number : number + 8] if line.strip()][: HEADERS_IN_A_ROW + 2]
    return sum(bool(HEADER.match(line[:LONGEST_LINE])) for line in some) >= HEADERS_IN_A_ROW


def _next_filled(lines: list[str], number: int) -> int:
    for further in range(number, min(number + 4, len(lines))):
        if lines[further].strip():
            return further
    return len(lines)


def _last_block(lines: list[str]) -> int:
    """Where the block of quoted lines begins that the text ends with; beyond the end if there is none."""
    number, first = len(lines), len(lines) + 1
    while number and (not lines[number - 1].strip() or QUOTED.match(lines[number - 1])):
        number -= 1
        if lines[number].strip():
            first = number
    return first


def _signed(lines: list[str]) -> tuple[list[str], list[str]]:
    """Text and signature."""
    for number, line in enumerate(lines):
        if number and SIGNATURE.match(line[:10]) and len(lines) - number <= 40:
            return lines[:number], lines[number:]
    filled = [number for number, line in enumerate(lines) if line.strip()]
    for number in filled[-LONGEST_SIGNATURE:]:
        after = [one for one in filled if one > number]
        line = lines[number][:LONGEST_LINE]
        if number and (
            (SENT_FROM.match(line) and len(after) <= 1)
            or (CLOSING.match(line) and all(len(lines[one]) <= SHORT for one in after))
        ):
            return lines[:number], lines[number:]
    return lines, []
