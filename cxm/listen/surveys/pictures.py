"""Pictures of choices that were uploaded: drawn anew, kept beside their survey, and shown under their own digest.

What is served was written by us: a file is decoded and encoded as WebP, so no hidden text, place or program of the
original is in it. The digest of these bytes is the name, so an address shows the same picture for ever.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor
from cxm.accounts.models import Role

from .definition import UPLOADED, Definition
from .models import Picture, Survey

LARGEST: Final = 10 * 2**20  # bytes of what is uploaded
MOST_PIXELS: Final = 40_000_000  # of what is uploaded: a small file can hold a huge picture
EDGE: Final = 1_000  # pixels of the longer edge of what is kept: a choice is shown in a third of that
MOST: Final = 200  # pictures of one survey
FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP")
KIND: Final = b"image/webp"
# What decoders raise at a broken or hostile file, beside OSError and ValueError, which are what they should raise.
BROKEN: Final = (
    OSError, ValueError, SyntaxError, TypeError, LookupError, ArithmeticError, EOFError, MemoryError, RuntimeError,
    struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


class NoPicture(Exception):
    """The file cannot be taken; the message says why."""


def drawn(data: bytes) -> bytes:
    """The picture as we keep it. Raises NoPicture."""
    refused = NoPicture(_("This file is no picture that can be shown. Use a JPEG, PNG, GIF or WebP file."))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as found:
                if found.width * found.height > MOST_PIXELS:
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


def copy_pictures(definition: Definition, survey: Survey) -> None:
    """Keep the uploaded pictures that a definition names with that survey too: the other one may be deleted."""
    named = {one.image for question in definition.questions() for one in (*question.choices, *question.rows)}
    digests = {one.removeprefix(UPLOADED) for one in named if one.startswith(UPLOADED)}
    there = Picture.objects.filter(survey__workspace=survey.workspace_id, digest__in=digests).exclude(survey=survey)
    bodies = {one.digest: bytes(one.body) for one in there}
    Picture.objects.bulk_create(
        [Picture(survey=survey, digest=digest, body=body) for digest, body in bodies.items()], ignore_conflicts=True
    )


def body_of(digest: str) -> bytes | None:
    """The bytes of a picture of any survey that is not deleted."""
    body = Picture.objects.filter(digest=digest).values_list("body", flat=True).first()
    return None if body is None else bytes(body)
