"""The tables of text, one file for each family of verbs."""

from .rereadings import Rereading

__all__ = ["Rereading"]
from .topics import Topic, TopicExample, TopicTree, TopicVersion

__all__ = ["Topic", "TopicExample", "TopicTree", "TopicVersion"]
