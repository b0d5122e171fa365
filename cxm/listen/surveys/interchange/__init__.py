"""Surveys of others, and ours for others: SurveyJS JSON and XLSForm; from Qualtrics (QSF) and LimeSurvey (LSS) as well.

Every element is either mapped or named in the notes; nothing falls silently. Files of strangers are only read: nothing
in them is run, fetched or trusted.
"""

from .lss_reading import read_lss
from .qsf_reading import is_qsf, read_qsf
from .report import REASONS, Exported, Imported, ImportRefused, Note
from .surveyjs_reading import read_surveyjs
from .surveyjs_writing import write_surveyjs
from .xlsform_reading import read_xlsform
from .xlsform_writing import write_xlsform

__all__ = [
    "REASONS",
    "Exported",
    "ImportRefused",
    "Imported",
    "Note",
    "is_qsf",
    "read_lss",
    "read_qsf",
    "read_surveyjs",
    "read_xlsform",
    "write_surveyjs",
    "write_xlsform",
]
