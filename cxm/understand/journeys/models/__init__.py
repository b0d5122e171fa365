"""The tables of journeys, one file for each family of verbs."""

from .evidence import MapEvidence
from .maps import JourneyMap, MapVersion
from .processes import Process

__all__ = ["JourneyMap", "MapEvidence", "MapVersion", "Process"]
