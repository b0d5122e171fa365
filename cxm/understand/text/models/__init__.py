"""The tables of text, one file for each family of verbs."""

from .endpoints import OpinionEndpoint
from .rereadings import Rereading

__all__ = ["OpinionEndpoint", "Rereading"]
