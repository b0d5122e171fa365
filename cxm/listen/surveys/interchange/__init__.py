"""Surveys of others, and ours for others: SurveyJS JSON and XLSForm.

Every element is either mapped or named in the notes; nothing falls silently. Files of strangers are only read: nothing
in them is run, fetched or trusted.
"""

from .report import REASONS, Exported, Imported, ImportRefused, Note
from .surveyjs_reading import read_surveyjs
from .surveyjs_writing import write_surveyjs

__all__ = ["REASONS", "Exported", "ImportRefused", "Imported", "Note", "read_surveyjs", "write_surveyjs"]
