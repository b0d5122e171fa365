"""The public questions of this package. Everything raises `Refused` (a sentence for the person who asked), or
`UnknownField` for a filter or breakdown that does not exist."""

from .behind import Bar, Page, Record, Why, answers_behind, distribution, scope_of, why
from .comparison import Trend, answers_needed, compare, compare_groups, judge, trend
from .fields import AskedQuestion, Field, Fields, fields, questions
from .figure import Change, Figure
from .measuring import measure, question_of
from .refusals import Refused
from .registry import METRICS, metric_called

__all__ = [
    "METRICS",
    "AskedQuestion",
    "Bar",
    "Change",
    "Field",
    "Fields",
    "Figure",
    "Page",
    "Record",
    "Refused",
    "Trend",
    "Why",
    "answers_behind",
    "answers_needed",
    "compare",
    "compare_groups",
    "distribution",
    "fields",
    "judge",
    "measure",
    "metric_called",
    "question_of",
    "questions",
    "scope_of",
    "trend",
    "why",
]
