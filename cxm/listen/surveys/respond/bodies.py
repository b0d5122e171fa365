"""From the bytes of a request to the fields of a form, uploaded files, or JSON. Bounded in every direction."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

import msgspec
from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload, UploadFileException
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.datastructures import MultiValueDict

from cxm.lib.request_body import Gone, Receive, TooLarge, TooSlow, check_length, whole_body

MOST_BODY = 1024 * 1024  # bytes of a page of answers without files
MOST_FIELDS = 3_000
MOST_FILES = 20  # in one request
PATIENCE = 30.0  # seconds that a page of answers may take to arrive
PATIENCE_FILES = 600.0
FOLDER = "surveys"  # in settings.MEDIA_ROOT
_STRANGE = re.compile(r"[^A-Za-z0-9._+-]+")


class Unreadable(Exception):
    """It is not what it says it is."""


@dataclass(slots=True)
class Form:
    """`files` by the name of their field: what an answer of kind `file` holds."""

    fields: dict[str, list[str]]
    files: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def first(self, name: str) -> str:
        return self.fields.get(name, [""])[0]


async def whole(headers: Mapping[bytes, bytes], receive: Receive, most: int = MOST_BODY) -> bytes:
    """Raises TooLarge, TooSlow, Gone."""
    return await whole_body(headers, receive, most, PATIENCE)


def form_of(body: bytes) -> Form:
    """The fields of an urlencoded form. Raises Unreadable."""
    try:
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="replace")
    except ValueError as error:
        raise Unreadable(str(error)) from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return Form(fields)


def pairs_of(query: str) -> dict[str, str]:
    """The fields of a query, the last of each name; empty for one that nobody writes by hand."""
    if not query:
        return {}
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=100, errors="replace"))
    except ValueError:
        return {}


def json_of(body: bytes, kind: type[Any]) -> Any:
    """Raises Unreadable, with what is wrong."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Unreadable(str(error)[:300]) from error


async def form_with_files(
    headers: Mapping[bytes, bytes], receive: Receive, accepted: Mapping[str, tuple[int, tuple[str, ...]]], place: str
) -> Form:
    """The fields and files of a multipart form; each file is on disk when this returns.

    `accepted`: field -> (most bytes, endings that are taken; none: all). A file that is larger, or of another ending,
    is named without a key, so that its question can complain. `place` is the folder of the response. Raises as `whole`.
    """
    import tempfile

    most = MOST_BODY + sum(size for size, _endings in accepted.values()) * MOST_FILES
    check_length(headers, most)
    loop = asyncio.get_running_loop()
    size = 0
    # Beside the data, so that a full /tmp is nobody's trouble.
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as spool:
        try:
            async with asyncio.timeout(PATIENCE_FILES):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    if part := message.get("body", b""):
                        size += len(part)
                        if size > most:
                            raise TooLarge
                        await loop.run_in_executor(None, spool.write, part)
                    if not message.get("more_body"):
                        break
        except TimeoutError as error:
            raise TooSlow from error
        spool.seek(0)
        return await loop.run_in_executor(None, _parsed, headers, spool, size, accepted, place)


def _parsed(
    headers: Mapping[bytes, bytes],
    body: BinaryIO,
    size: int,
    accepted: Mapping[str, tuple[int, tuple[str, ...]]],
    place: str,
) -> Form:
    keep = _Keep(accepted, place)
    meta = {"CONTENT_TYPE": headers.get(b"content-type", b"").decode("latin-1"), "CONTENT_LENGTH": size}
    try:
        parser = MultiPartParser(meta, body, [keep], "utf-8")  # type: ignore[arg-type]  # it only reads
        fields, _files = parser.parse()
    except (MultiPartParserError, UploadFileException, ValueError) as error:
        raise Unreadable(str(error)) from error
    except Exception as error:
        if type(error).__name__ in {"TooManyFieldsSent", "TooManyFilesSent", "RequestDataTooBig"}:
            raise TooLarge from error
        raise
    assert isinstance(fields, MultiValueDict)
    return Form({name: [str(one) for one in values] for name, values in fields.lists()}, keep.kept)


class _Keep(FileUploadHandler):
    """Writes each file that a question asked for to its place, under a name that nobody can guess."""

    chunk_size = 64 * 1024

    def __init__(self, accepted: Mapping[str, tuple[int, tuple[str, ...]]], place: str) -> None:
        super().__init__()
        self._accepted = accepted
        self._folder = Path(FOLDER) / place
        self.kept: dict[str, list[dict[str, Any]]] = {}
        self._file: BinaryIO | None = None
        self._key = ""
        self._size = 0
        self._most = 0
        self._n = 0

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        super().new_file(field_name, file_name, *args, **kwargs)
        self._file, self._key, self._size = None, "", 0
        self._n += 1
        if self._n > MOST_FILES:
            raise StopUpload(connection_reset=False)
        wanted = self._accepted.get(field_name)
        ending = Path(file_name).suffix.lower()
        if wanted is None or (wanted[1] and ending not in wanted[1]):
            return
        self._most = wanted[0]
        # Never under the name that it came with: an ending of ours says nothing to a web server or a person.
        self._key = str(self._folder / secrets.token_urlsafe(18))
        path = Path(settings.MEDIA_ROOT) / self._key
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("xb")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._size += len(raw_data)
        if self._file is not None and self._size > self._most:
            self._drop()
        if self._file is not None:
            self._file.write(raw_data)

    def _drop(self) -> None:
        assert self._file is not None
        self._file.close()
        self._file = None
        (Path(settings.MEDIA_ROOT) / self._key).unlink(missing_ok=True)
        self._key = ""

    def file_complete(self, file_size: int) -> Any:
        import os

        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
        name = str(self.file_name or "")[:200]
        if self._size and self.field_name in self._accepted:
            kind = _STRANGE.sub("", (self.content_type or "").replace("/", "+"))[:100].replace("+", "/", 1)
            self.kept.setdefault(str(self.field_name), []).append(
                {"name": name, "size": self._size, "type": kind, "key": self._key}
            )
        elif self._key:
            (Path(settings.MEDIA_ROOT) / self._key).unlink(missing_ok=True)
        # Anything but None ends the work of the handlers; the parser would keep what is returned in memory.
        from django.core.files.uploadedfile import SimpleUploadedFile

        return SimpleUploadedFile("kept", b"") if self.field_name else BytesIO()

    def upload_interrupted(self) -> None:
        if self._file is not None:
            self._drop()
