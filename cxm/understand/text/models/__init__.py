"""The tables of text, one file for each family of verbs."""

from .own import ExperienceModel, OwnModel
from .corrections import Correction
from .rereadings import Rereading
from .topics import Topic, TopicExample, TopicTree, TopicVersion

__all__ = ["ExperienceModel", "OwnModel", "Rereading"]
__all__ = ["Correction", "Rereading", "Topic", "TopicExample", "TopicTree", "TopicVersion"]
