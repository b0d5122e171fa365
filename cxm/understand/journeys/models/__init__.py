"""The tables of journeys, one file for each family of verbs."""

from .evidence import MapEvidence
from .maps import JourneyMap, MapComment, MapEdit, MapShare, MapVersion
from .processes import Process

__all__ = ["JourneyMap", "MapComment", "MapEdit", "MapEvidence", "MapShare", "MapVersion", "Process"]
