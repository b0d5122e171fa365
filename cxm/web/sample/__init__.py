"""The sample company: eighteen months of a seeded firm with stories planted in it, to look around before importing.

Written through the same doors as real data, marked as a sample, removable as a whole; it never touches another
workspace.
"""

from __future__ import annotations

from .load import Loaded, load
from .remove import NotSample, remove

__all__ = ["Loaded", "NotSample", "load", "remove"]
