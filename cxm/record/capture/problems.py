"""What can be wrong with a file."""

from __future__ import annotations


class FileProblem(Exception):
    """The file cannot be imported; the message says why, in the user's language."""
