"""The tables of text, one file for each family of verbs."""

from .own import ExperienceModel, OwnModel
from .rereadings import Rereading

__all__ = ["ExperienceModel", "OwnModel", "Rereading"]
