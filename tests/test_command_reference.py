"""Each command of ours has an entry in the reference, and a line of help that a user can read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.commands.migrate import Command as Migrate

REFERENCE = Path(__file__).parent.parent / "docs" / "reference" / "commands.md"
OURS = sorted(name for name, app in get_commands().items() if str(app).startswith("cxm."))


@pytest.mark.parametrize("name", OURS)
def test_the_command_is_in_the_reference_with_all_its_options(name: str) -> None:
    found = re.search(rf"^### cxm {name}\n(.*?)(?=^##|\Z)", REFERENCE.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"docs/reference/commands.md has no entry for cxm {name}"
    command = load_command_class("cxm.web", name)
    assert command.help.endswith("."), "the help is one sentence"
    generic = {
        "help",
        "version",
        "verbosity",
        "settings",
        "pythonpath",
        "traceback",
        "no_color",
        "force_color",
        "build",
    }
    options = {action.dest for action in command.create_parser("cxm", name)._actions} - generic
    if issubclass(type(command), Migrate):  # whose own options Django explains
        options -= {action.dest for action in Migrate().create_parser("cxm", name)._actions}
    missing = [one for one in options if one.replace("_", "-").upper() not in found[1].upper()]
    assert not missing, f"the entry of cxm {name} does not mention {missing}"
