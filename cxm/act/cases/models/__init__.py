"""The tables of cases, one file for each family of verbs."""

from .cases import Case, CaseEntry, Cause, Resolution
from .teams import Team, TeamMember

__all__ = ["Case", "CaseEntry", "Cause", "Resolution", "Team", "TeamMember"]
