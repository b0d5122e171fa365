"""The tables of cases, one file for each family of verbs."""

from .cases import NEVER, Case, CaseEntry, Cause, Resolution
from .teams import Team, TeamMember
from .teamwork import Link, Macro, Notice, Presence, SavedReply, Task, View, Watcher

__all__ = [
    "NEVER", "Case", "CaseEntry", "Cause", "Link", "Macro", "Notice", "Presence", "Resolution", "SavedReply", "Task",
    "Team", "TeamMember", "View", "Watcher",
]  # fmt: skip
