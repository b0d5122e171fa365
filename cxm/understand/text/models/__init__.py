"""The tables of text, one file for each family of verbs."""

from .corrections import Correction
from .endpoints import OpinionEndpoint
from .own import ExperienceModel, OwnModel
from .rereadings import Rereading
from .themes import Theme, ThemeRun
from .topics import Topic, TopicExample, TopicTree, TopicVersion

__all__ = ["Rereading", "Theme", "ThemeRun", "Topic", "TopicExample", "TopicTree", "TopicVersion"]
from .topics import Topic, TopicExample, TopicTree, TopicVersion

__all__ = ["OpinionEndpoint", "Rereading"]
__all__ = ["Rereading", "Topic", "TopicExample", "TopicTree", "TopicVersion"]
__all__ = ["Correction", "OpinionEndpoint", "Rereading", "Topic", "TopicExample", "TopicTree", "TopicVersion"]
from .own import ExperienceModel, OwnModel
from .rereadings import Rereading
from .topics import Topic, TopicExample, TopicTree, TopicVersion

__all__ = [
    "Correction", "ExperienceModel", "OpinionEndpoint", "OwnModel", "Rereading", "Topic", "TopicExample", "TopicTree",
    "TopicVersion",
]  # fmt: skip
