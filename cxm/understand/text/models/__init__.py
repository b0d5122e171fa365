"""The tables of text, one file for each family of verbs."""

from .corrections import Correction
from .own import ExperienceModel, OwnModel
from .endpoints import OpinionEndpoint
from .rereadings import Rereading
from .topics import Topic, TopicExample, TopicTree, TopicVersion

__all__ = [
    "Correction", "ExperienceModel", "OwnModel", "Rereading", "Topic", "TopicExample", "TopicTree", "TopicVersion",
]  # fmt: skip
__all__ = ["OpinionEndpoint", "Rereading"]
