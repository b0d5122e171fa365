from __future__ import annotations

import secrets
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.db import transaction
from django.utils.translation import gettext as _

from cxm.accounts.actions import add_member, create_user
from cxm.accounts.models import Role, Workspace
from cxm.web.data_directory import Refused
from cxm.web.terminal import Command as Base


class Command(Base):
    help = "Make a user, with a place in a workspace if one is named; prints a password once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="", help="how people call the user")
        parser.add_argument("--workspace", metavar="SLUG", help="the workspace to join (its name in addresses)")
        parser.add_argument("--role", choices=list(Role.values), default=Role.OWNER.value, help="default: owner")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    def work(
        self, *, email: str, name: str, workspace: str | None, role: str, password_stdin: bool, **options: Any
    ) -> None:
        place = None
        if workspace and (place := Workspace.objects.filter(slug=workspace).first()) is None:
            known = ", ".join(Workspace.objects.values_list("slug", flat=True)) or "—"
            raise Refused(
                _("There is no workspace %(slug)s. There are: %(known)s.") % {"slug": workspace, "known": known}
            )
        password = sys.stdin.readline().rstrip("\r\n") if password_stdin else secrets.token_urlsafe(12)
        try:
            with transaction.atomic():
                user = create_user(email=email, name=name, password=password, by=None)
                if place:
                    add_member(workspace=place, user=user, role=Role(role), by=None)
        except ValidationError as error:
            raise Refused(" ".join(error.messages)) from error
        self.say(_("Made the user %(email)s.") % {"email": user.email})
        if place:
            self.say(_("Role in %(workspace)s: %(role)s") % {"workspace": place, "role": Role(role).label})
        if not password_stdin:
            self.say(_("Password, shown only now: %(password)s") % {"password": password})
