"""Static files under names that hold their digest, compressed, cached for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class CollectedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise ships no types
    """Plain names until `cxm collectstatic` has run, so that tests and a fresh clone need no such step."""

    def stored_name(self, name: str) -> str:
        if self.hash_key(self.clean_name(name)) not in self.hashed_files:
            return name  # a picture that is missing must not turn a page into an error
        stored: str = super().stored_name(name)
        return stored
