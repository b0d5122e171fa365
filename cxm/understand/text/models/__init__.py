"""The tables of text, one file for each family of verbs."""

from .rereadings import Rereading

__all__ = ["Rereading"]
