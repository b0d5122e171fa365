"""Pictures of choices that were uploaded: drawn anew, kept beside their survey, and shown under their own digest.

What is served was written by us: a file is decoded and encoded as WebP, so no hidden text, place or program of the
original is in it. The digest of these bytes is the name, so an address shows the same picture for ever.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.db.models.functions import Length
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor
from cxm.accounts.models import Role

from .definition import UPLOADED, Choice, Definition
from .interchange import Note
from .models import Picture, Survey

LARGEST: Final = 10 * 2**20  # bytes of what is uploaded
MOST_PIXELS: Final = 40_000_000  # of what is uploaded: a small file can hold a huge picture
EDGE: Final = 1_000  # pixels of the longer edge of what is kept: a choice is shown in a third of that
MOST: Final = 200  # pictures of one survey
MOST_IN_FILE: Final = 15_000_000  # characters of all pictures in one file of a survey
MOST_PIXELS_IN_FILE: Final = MOST * EDGE * EDGE  # of all pictures in such a file: what we write has no more
FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP")
KIND: Final = b"image/webp"
INLINE: Final = re.compile(r"data:image/(?:jpeg|png|gif|webp);base64,([A-Za-z0-9+/]+={0,2})", re.IGNORECASE)
# What decoders raise at a broken or hostile file, beside OSError and ValueError, which are what they should raise.
BROKEN: Final = (
    OSError, ValueError, SyntaxError, TypeError, LookupError, ArithmeticError, EOFError, MemoryError, RuntimeError,
    struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


class NoPicture(Exception):
    """The file cannot be taken; the message says why."""


def drawn(data: bytes, most_pixels: int = MOST_PIXELS) -> bytes:
    """The picture as we keep it. Raises NoPicture."""
    refused = NoPicture(_("This file is no picture that can be shown. Use a JPEG, PNG, GIF or WebP file."))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as found:
                if found.width * found.height > most_pixels:
                    raise refused
                found.draft("RGB", (EDGE, EDGE))  # a large JPEG is decoded small
                upright = ImageOps.exif_transpose(found)
                clear = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
                made = upright.convert("RGBA" if clear else "RGB")
        made.thumbnail((EDGE, EDGE), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        made.save(out, "WEBP", quality=82, method=4)
    except NoPicture:
        raise
    except BROKEN as error:
        raise refused from error
    return out.getvalue()


def add_picture(*, survey: Survey, file: UploadedFile[Any], by: Actor) -> str:
    """Keep a picture with its survey; returns what a choice names as its `image`. Raises NoPicture."""
    require_role(survey.workspace, by, Role.ANALYST)
    if file.size is None or file.size > LARGEST:
        raise NoPicture(_("A picture may have %(most)d MB at most.") % {"most": LARGEST // 2**20})
    body = drawn(file.read())
    digest = hashlib.sha256(body).hexdigest()
    pictures = Picture.objects.filter(survey=survey)
    if not pictures.filter(digest=digest).exists():
        if pictures.count() >= MOST:
            raise NoPicture(_("This survey has %(most)d pictures already.") % {"most": MOST})
        Picture.objects.create(survey=survey, digest=digest, body=body)
    return UPLOADED + digest


def _choices(definition: Definition) -> Iterator[tuple[str, Choice]]:
    """(its place in words, what may have a picture)."""
    for question in definition.questions():
        for one in (*question.choices, *question.rows):
            if one.image:
                yield f"{question.id} · {one.id}", one


def uploaded(definition: Definition) -> set[str]:
    """The digests of the pictures that a definition names."""
    return {one.image.removeprefix(UPLOADED) for _place, one in _choices(definition) if one.image.startswith(UPLOADED)}


def _data(given: str) -> bytes:
    """The bytes of a data URI; empty when it is none."""
    found = INLINE.fullmatch(given)
    try:
        return base64.b64decode(found[1], validate=True) if found else b""
    except binascii.Error:
        return b""


def inline(definition: Definition) -> set[str]:
    """The digests of the pictures that stand in a definition themselves, as they stand there."""
    found = (_data(one.image.strip()) for _place, one in _choices(definition) if one.image.strip()[:5] == "data:")
    return {hashlib.sha256(data).hexdigest() for data in found if data}


def for_file(definition: Definition) -> tuple[list[Choice], list[Note]]:
    """(what has a picture that fits into a file of the survey, what has one that does not)."""
    rows = Picture.objects.filter(digest__in=uploaded(definition)).annotate(size=Length("body"))
    sizes = dict(rows.values_list("digest", "size"))
    fitting, notes, left = [], [], MOST_IN_FILE
    for place, one in _choices(definition):
        if one.image.startswith(UPLOADED):
            size = sizes.get(one.image.removeprefix(UPLOADED))
            left -= 4 * ((size or 0) + 2) // 3
            if size is None or left < 0:
                notes.append(Note(place, "image", "absent" if size is None else "too_much"))
            else:
                fitting.append(one)
    return fitting, notes


def put_inline(definition: Definition) -> list[Note]:
    """Puts the pictures themselves where a definition names them, as far as they fit; returns what is left out."""
    fitting, notes = for_file(definition)
    bodies = dict(Picture.objects.filter(digest__in=uploaded(definition)).values_list("digest", "body"))
    written = {
        id(one): f"data:{KIND.decode()};base64,{base64.b64encode(bodies[one.image.removeprefix(UPLOADED)]).decode()}"
        for one in fitting
    }
    for _place, one in _choices(definition):
        if one.image.startswith(UPLOADED):
            one.image = written.get(id(one), "")
    return notes


def take_inline(definition: Definition, at_hand: Iterable[str]) -> tuple[dict[str, bytes], list[Note]]:
    """Takes pictures out of a definition that was read from a file, and names them as ours: (bodies by digest, notes).

    `at_hand`: digests of pictures that we have: they need not be in the file, and are not drawn anew if they are. Any
    other picture that is neither in the file nor at an address of the web is left out, and so is what is no picture.
    """
    bodies: dict[str, bytes] = {}
    known: dict[str, str] = {}  # what was written in the file -> our name
    notes, left, pixels = [], MOST_IN_FILE, MOST_PIXELS_IN_FILE
    at_hand = set(at_hand)
    for place, one in _choices(definition):
        given = one.image.strip()
        if given.startswith(("http://", "https://")) or given.removeprefix(UPLOADED) in at_hand:
            continue
        one.image = known.get(given, "")
        if one.image:
            continue
        if not given.lower().startswith("data:"):
            notes.append(Note(place, "image", "absent", value=given[:200]))
            continue
        left -= len(given)
        if left < 0 or len(bodies) >= MOST:
            notes.append(Note(place, "image", "too_much"))
            continue
        digest = hashlib.sha256(_data(given)).hexdigest()
        if digest in at_hand:
            one.image = known[given] = UPLOADED + digest
            continue
        try:
            body, used = _inline(given, pixels)
        except NoPicture:
            notes.append(Note(place, "image", "no_picture", value=given[:50]))
            continue
        pixels -= used
        digest = hashlib.sha256(body).hexdigest()
        bodies[digest], known[given] = body, UPLOADED + digest
        one.image = known[given]
    return bodies, notes


def _inline(given: str, pixels: int) -> tuple[bytes, int]:
    """(the picture of a data URI as we keep it, pixels that were decoded). Raises NoPicture."""
    data = _data(given)
    if not 0 < len(data) <= LARGEST:
        raise NoPicture
    body = drawn(data, min(pixels, MOST_PIXELS))
    with Image.open(io.BytesIO(data), formats=FORMATS) as picture:  # only its head: `drawn` has decoded it
        return body, picture.width * picture.height


def keep_pictures(survey: Survey, bodies: dict[str, bytes]) -> None:
    Picture.objects.bulk_create(
        [Picture(survey=survey, digest=digest, body=body) for digest, body in bodies.items()], ignore_conflicts=True
    )


def copy_pictures(definition: Definition, survey: Survey) -> None:
    """Keep the uploaded pictures that a definition names with that survey too: the other one may be deleted."""
    digests = uploaded(definition)
    there = Picture.objects.filter(survey__workspace=survey.workspace_id, digest__in=digests).exclude(survey=survey)
    bodies = {one.digest: bytes(one.body) for one in there}
    Picture.objects.bulk_create(
        [Picture(survey=survey, digest=digest, body=body) for digest, body in bodies.items()], ignore_conflicts=True
    )


def body_of(digest: str) -> bytes | None:
    """The bytes of a picture of any survey that is not deleted."""
    body = Picture.objects.filter(digest=digest).values_list("body", flat=True).first()
    return None if body is None else bytes(body)
