"""Static files under names that hold their digest, compressed, cached for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class CollectedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise ships no types
    """Plain names until `cxm collectstatic` has run, so that tests and a fresh clone need no such step."""

    manifest_strict = False  # a picture that is missing must not turn a page into an error

    def stored_name(self, name: str) -> str:
        stored: str = super().stored_name(name) if self.hashed_files else name
        return stored
