"""The tables of text, one file for each family of verbs."""

from .themes import Theme, ThemeRun
from .topics import Topic, TopicExample, TopicTree, TopicVersion

__all__ = ["Theme", "ThemeRun", "Topic", "TopicExample", "TopicTree", "TopicVersion"]
from .rereadings import Rereading

__all__ = ["Rereading"]
