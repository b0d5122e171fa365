"""A map as one picture (SVG), drawn from the board alone: the same map gives the same picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from unicodedata import east_asian_width
from xml.sax.saxutils import escape, quoteattr

from django.utils.translation import gettext as _

from .board import EMOTION, Board, Card

# In pixels of the picture.
WIDTH: Final = 190  # of a touchpoint
GAP: Final = 8
MARGIN: Final = 24
SIDE: Final = 120  # of the names of the lanes
SIZE: Final = 12  # of letters
LINE: Final = 16
PAD: Final = 8
STAGE: Final = 34
CURVE: Final = 90
INK, FAINT, RULE, PAPER = "#1f2937", "#5b6675", "#d5dae1", "#ffffff"
HUES: Final = ("#dbe7fb", "#dcf3e6", "#fdeed3", "#f3e1f7", "#fbe0dd", "#dff1f5")
PARTNER: Final = "#fff6e0"
LINE_INK: Final = "#206bc4"


def svg_of(board: Board, title: str) -> str:
    """The whole map, 96 pixels to the inch; text is real text and is read by screen readers."""
    cards = board.cards
    width = 2 * MARGIN + SIDE + max(1, len(cards) + sum(not one.cards for one in board.columns)) * (WIDTH + GAP)
    parts: list[str] = []
    y = MARGIN + 8
    for text, size, ink in ((title, 20, INK), (board.persona, 13, FAINT), (board.goal, 13, FAINT)):
        if text:
            lines = wrap(text, width - 2 * MARGIN, size)
            parts.append(_text(lines, MARGIN, y + size, size, ink, weight=600 if size == 20 else 400))
            y += len(lines) * (size + 5) + 6
    y += 6
    tops = _rows(board, cards, y + STAGE + GAP)
    x = MARGIN + SIDE
    for number, column in enumerate(board.columns):
        span = max(1, len(column.cards)) * (WIDTH + GAP) - GAP
        parts.append(_box(x, y, span, STAGE, HUES[number % len(HUES)]))
        lines = wrap(column.stage.name, span - 2 * PAD, 14)[:1]
        parts.append(_text(lines, x + PAD, y + 22, 14, INK, weight=600))
        for card in column.cards:
            parts += _card(card, x, tops)
            x += WIDTH + GAP
        if not column.cards:
            x += WIDTH + GAP
    for lane, label in board.lanes:
        top, height = tops[lane]
        parts.append(_text(wrap(label, SIDE - PAD, SIZE), MARGIN, top + PAD + SIZE, SIZE, FAINT, weight=600))
        parts.append(f'<path d="M{MARGIN} {top - GAP // 2}H{width - MARGIN}" stroke="{RULE}"/>')
        if lane == EMOTION:
            parts += _curve(cards, top, height, _places(board))
    bottom = max((top + height for top, height in tops.values()), default=y + STAGE) + MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom}" viewBox="0 0 {width} {bottom}"'
        f' role="img" aria-label={quoteattr(_clean(title))}'
        ' font-family="system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, sans-serif">'
    )
    paper = f'<title>{escape(_clean(title))}</title><rect width="100%" height="100%" fill="{PAPER}"/>'
    return f"{head}{paper}{''.join(parts)}</svg>\n"


def wrap(text: str, width: float, size: float) -> list[str]:
    """Lines that fit into `width`, by the usual width of letters; a word that is longer than a line is cut."""
    room = max(1.0, width / (size * 0.56))
    lines: list[str] = []
    for paragraph in _clean(text).splitlines():
        line, used = "", 0.0
        for word in _words(paragraph):
            need = _room(word)
            if used and used + need > room:
                lines.append(line.rstrip())
                line, used = "", 0.0
                word = word.lstrip()
                need = _room(word)
            while need > room:
                head = _head(word, room)
                lines.append(head)
                word = word[len(head) :]
                need = _room(word)
            line, used = line + word, used + need
        if line.strip():
            lines.append(line.rstrip())
    return lines


def _words(text: str) -> Iterable[str]:
    """Pieces between which a line may end: behind blanks, and around each ideograph."""
    word = ""
    for letter in text:
        if _wide(letter):
            if word:
                yield word
            yield letter
            word = ""
            continue
        word += letter
        if letter == " ":
            yield word
            word = ""
    if word:
        yield word


def _head(word: str, room: float) -> str:
    used, head = 0.0, ""
    for letter in word:
        used += _room(letter)
        if used > room and head:
            break
        head += letter
    return head


def _room(text: str) -> float:
    return sum(1.8 if _wide(letter) else 1.0 for letter in text)


def _wide(letter: str) -> bool:
    return east_asian_width(letter) in ("W", "F")


def _clean(text: str) -> str:
    """Without letters that XML cannot hold."""
    return "".join(
        letter
        for letter in text
        if letter in "\n\t"
        or (ord(letter) >= 32 and not 0xD800 <= ord(letter) <= 0xDFFF and letter not in "\ufffe\uffff")
    )


def _marks(card: Card) -> list[str]:
    one = card.touchpoint
    found = [_("★ Moment of truth")] if one.moment_of_truth else []
    if one.partner:
        found.append(_("Partner: %(partner)s") % {"partner": one.partner})
    found += [text for text in (card.channel, card.owner) if text]
    return found


def _head_lines(card: Card) -> tuple[list[str], list[str]]:
    name = wrap(card.touchpoint.name, WIDTH - 2 * PAD, 13)
    more: list[str] = []
    for text in (card.touchpoint.text, *_marks(card), *card.promises):
        more += wrap(text, WIDTH - 2 * PAD, SIZE)
    return name, more


def _rows(board: Board, cards: list[Card], top: int) -> dict[str, tuple[int, int]]:
    """(top, height) of the row of touchpoints (the empty name) and of each lane."""
    tallest = max((len(name) + len(more) for name, more in map(_head_lines, cards)), default=1)
    found = {"": (top, tallest * LINE + 2 * PAD)}
    y = top + found[""][1] + GAP
    for place, (lane, _label) in enumerate(board.lanes):
        if lane == EMOTION:
            height = CURVE
        else:
            lines = (len(wrap(card.cells[place].text, WIDTH - 2 * PAD, SIZE)) for card in cards)
            height = max([1, *lines]) * LINE + 2 * PAD
        found[lane] = (y, height)
        y += height + GAP
    return found


def _card(card: Card, x: int, tops: dict[str, tuple[int, int]]) -> list[str]:
    top, height = tops[""]
    name, more = _head_lines(card)
    parts = [_box(x, top, WIDTH, height, PARTNER if card.touchpoint.partner else PAPER, edge=RULE)]
    parts.append(_text(name, x + PAD, top + PAD + SIZE, 13, INK, weight=600))
    parts.append(_text(more, x + PAD, top + PAD + SIZE + len(name) * LINE, SIZE, FAINT))
    for cell in card.cells:
        if cell.lane != EMOTION and cell.text:
            lines = wrap(cell.text, WIDTH - 2 * PAD, SIZE)
            parts.append(_text(lines, x + PAD, tops[cell.lane][0] + PAD + SIZE, SIZE, INK))
    return parts


def _places(board: Board) -> list[int]:
    """The left side of each touchpoint."""
    places, x = [], MARGIN + SIDE
    for column in board.columns:
        for _card_here in column.cards:
            places.append(x)
            x += WIDTH + GAP
        if not column.cards:
            x += WIDTH + GAP
    return places


def _curve(cards: list[Card], top: int, height: int, places: list[int]) -> list[str]:
    """The line of feelings, broken where one is missing, with each feeling in words at its point."""
    found: list[str] = []
    line: list[str] = []
    for card, x in zip(cards, places, strict=True):
        cell = next(one for one in card.cells if one.lane == EMOTION)
        if cell.feeling is None:
            found += _line(line)
            line = []
            continue
        middle, y = x + WIDTH // 2, top + cell.height * (height - 20) // 60 + 16
        line.append(f"{middle} {y}")
        found.append(f'<circle cx="{middle}" cy="{y}" r="4" fill="{LINE_INK}"/>')
        found.append(_text([cell.text], middle, y - 9, 11, FAINT, middle=True))
    return [*_line(line), *found]


def _line(points: list[str]) -> list[str]:
    drawn = "L".join(points)
    return [f'<path d="M{drawn}" fill="none" stroke="{LINE_INK}" stroke-width="2"/>'] if len(points) > 1 else []


def _box(x: int, y: int, width: int, height: int, fill: str, edge: str = "none") -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{fill}" stroke="{edge}"/>'


def _text(
    lines: list[str], x: int, y: int, size: int, ink: str, *, weight: int = 400, middle: bool = False
) -> str:  # fmt: skip
    step = LINE if size <= 13 else size + 5
    spans = "".join(f'<tspan x="{x}" y="{y + n * step}">{escape(line)}</tspan>' for n, line in enumerate(lines))
    anchor = ' text-anchor="middle"' if middle else ""
    return f'<text font-size="{size}" font-weight="{weight}" fill="{ink}"{anchor}>{spans}</text>' if spans else ""
