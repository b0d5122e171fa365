"""The tables of journeys, one file for each family of verbs."""

from .drivers import DriverModel
from .evidence import KeptMoments, MapEvidence
from .maps import JourneyMap, MapComment, MapEdit, MapShare, MapVersion
from .processes import Process

__all__ = [
    "DriverModel", "JourneyMap", "KeptMoments", "MapComment", "MapEdit", "MapEvidence", "MapShare", "MapVersion",
    "Process",
]  # fmt: skip
