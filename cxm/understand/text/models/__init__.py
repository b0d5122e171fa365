"""The tables of text, one file for each family of verbs."""

from .corrections import Correction
from .endpoints import OpinionEndpoint
from .own import ExperienceModel, OwnModel
from .rereadings import Rereading
from .topics import Topic, TopicExample, TopicTree, TopicVersion

__all__ = [
    "Correction", "ExperienceModel", "OpinionEndpoint", "OwnModel", "Rereading", "Topic", "TopicExample", "TopicTree",
    "TopicVersion",
]  # fmt: skip
