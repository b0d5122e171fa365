"""The tables of cases, one file for each family of verbs."""

from .alerts import Alert, AlertHit, AlertNotice, AlertRule
from .calendars import Calendar
from .cases import NEVER, Case, CaseEntry, Cause, Resolution
from .feedback import FeedbackDeed, FeedbackMark, FeedbackView
from .levels import CaseClock, PolicyVersion, ServicePolicy
from .measures import Measure
from .recovery import Aftercare, CaseSurvey, Play, PlayAssignment
from .routing import Acknowledgement, RoutingRule
from .teams import Team, TeamMember
from .teamwork import Link, Macro, Notice, Presence, SavedReply, Task, View, Watcher

__all__ = [
    "NEVER",
    "Acknowledgement",
    "Aftercare",
    "Alert",
    "AlertHit",
    "AlertNotice",
    "AlertRule",
    "Calendar",
    "Case",
    "CaseClock",
    "CaseEntry",
    "CaseSurvey",
    "Cause",
    "FeedbackDeed",
    "FeedbackMark",
    "FeedbackView",
    "Link",
    "Macro",
    "Measure",
    "Notice",
    "Play",
    "PlayAssignment",
    "PolicyVersion",
    "Presence",
    "Resolution",
    "RoutingRule",
    "SavedReply",
    "ServicePolicy",
    "Task",
    "Team",
    "TeamMember",
    "View",
    "Watcher",
]  # fmt: skip
