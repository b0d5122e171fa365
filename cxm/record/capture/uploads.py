"""Uploads stream to disk; one that is larger than the limit stops early."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

TOO_LARGE = "cxm.upload_too_large"


class Limit(FileUploadHandler):
    """Counts the bytes of all files of a request, and ends it beyond UPLOAD_MAX_BYTES."""

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self.size = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.size += len(raw_data)
        if self.size > settings.UPLOAD_MAX_BYTES:
            if self.request is not None:
                self.request.META[TOO_LARGE] = True
            raise StopUpload(connection_reset=True)
        return raw_data

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        return None


def too_large(request: HttpRequest) -> bool:
    return bool(request.META.get(TOO_LARGE))
