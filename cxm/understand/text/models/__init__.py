"""The tables of text, one file for each family of verbs."""

from .rereadings import Rereading
from .themes import Theme, ThemeRun
from .topics import Topic, TopicExample, TopicTree, TopicVersion

__all__ = ["Rereading", "Theme", "ThemeRun", "Topic", "TopicExample", "TopicTree", "TopicVersion"]
from .topics import Topic, TopicExample, TopicTree, TopicVersion

__all__ = ["Rereading", "Topic", "TopicExample", "TopicTree", "TopicVersion"]
