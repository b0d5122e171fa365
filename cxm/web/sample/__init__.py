"""The sample company: eighteen months of a seeded firm with stories planted in it, to look around before importing.

Written through the same doors as real data, marked as a sample, removable as a whole; it never touches another
workspace.
"""

from __future__ import annotations

BEGUN, LOADED = "sample_begun", "sample_loaded"  # verbs of the audit trail; the second says that nothing is missing
