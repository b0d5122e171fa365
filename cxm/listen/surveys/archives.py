"""A workbook is an archive, and an archive can hold far more than its size says: look before anything is unpacked."""

from __future__ import annotations

import io
import zipfile
import zlib

LARGEST = 100 * 2**20  # bytes of all that a workbook of a questionnaire or its texts may hold
PIECE = 2**20


def is_too_large(data: bytes) -> bool:
    """Whether an archive unpacks to more than LARGEST. Counts what comes out, not what its table of contents says.

    Raises zipfile.BadZipFile and zlib.error for what is no sound archive.
    """
    total = 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                while piece := file.read(PIECE):
                    total += len(piece)
                    if total > LARGEST:
                        return True
    return False


Broken = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)  # what an unsound archive raises
