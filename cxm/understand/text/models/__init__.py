"""The tables of text, one file for each family of verbs."""

from .corrections import Correction
from .endpoints import OpinionEndpoint
from .own import ExperienceModel, OwnModel
from .rereadings import Rereading
from .themes import Theme, ThemeRun
from .topics import Topic, TopicExample, TopicTree, TopicVersion

__all__ = [
    "Correction",
    "ExperienceModel",
    "OpinionEndpoint",
    "OwnModel",
    "Rereading",
    "Theme",
    "ThemeRun",
    "Topic",
    "TopicExample",
    "TopicTree",
    "TopicVersion",
]
