"""Faces and thumbs as drawings: they look the same everywhere, also where no font has such letters."""

from __future__ import annotations

_SVG = (
    '<svg width="28" height="28" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6"'
    ' stroke-linecap="round" stroke-linejoin="round">'
)
_THUMB = "M7 10.5v9H3.5v-9zM7 11l4-8c1.7 0 2.6 1.1 2.4 2.7L13 9.5h5.6c1.3 0 2.2 1.2 1.8 2.5l-1.7 6c-.3.9-1 1.5-2 1.5H7"


def face(mood: float) -> str:
    """From 0, very sad, to 1, very happy."""
    ends, bend = 15.5 - (mood - 0.5) * 3, 15.5 + (mood - 0.5) * 7
    mouth = f"M7.5 {ends:.4g}Q12 {bend:.4g} 16.5 {ends:.4g}"
    return f'{_SVG}<circle cx="12" cy="12" r="10"/><path d="M8.5 9.5v.01M15.5 9.5v.01{mouth}"/></svg>'


def faces(n: int) -> list[str]:
    """So many, from the unhappiest to the happiest."""
    return [face(place / max(n - 1, 1)) for place in range(n)]


def thumb(up: bool) -> str:
    turned = "" if up else ' transform="rotate(180 12 12)"'
    return f'{_SVG}<path d="{_THUMB}"{turned}/></svg>'
