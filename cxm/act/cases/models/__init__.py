"""The tables of cases, one file for each family of verbs."""

from .alerts import Alert, AlertHit, AlertNotice, AlertRule
from .cases import Case, CaseEntry, Cause, Resolution
from .teams import Team, TeamMember

__all__ = ["Alert", "AlertHit", "AlertNotice", "AlertRule", "Case", "CaseEntry", "Cause", "Resolution", "Team", "TeamMember"]
