"""The tables of cases, one file for each family of verbs."""

from .calendars import Calendar
from .cases import Case, CaseEntry, Cause, Resolution
from .levels import CaseClock, PolicyVersion, ServicePolicy
from .routing import Acknowledgement, RoutingRule
from .teams import Team, TeamMember

__all__ = [
    "Acknowledgement",
    "Calendar",
    "Case",
    "CaseClock",
    "CaseEntry",
    "Cause",
    "PolicyVersion",
    "Resolution",
    "RoutingRule",
    "ServicePolicy",
    "Team",
    "TeamMember",
]
