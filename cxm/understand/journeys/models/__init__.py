"""The tables of journeys, one file for each family of verbs."""

from .drivers import DriverModel
from .maps import JourneyMap, MapVersion
from .processes import Process

__all__ = ["DriverModel", "JourneyMap", "MapVersion", "Process"]
