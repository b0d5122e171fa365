"""The `cxm` command."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxm.settings")
    # Threads of linear algebra wait for each other by spinning: beside other work that takes many times as long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # A start is mostly imports, in which the collector would look again and again through what stays.
    gc.disable()
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import BaseCommand, ManagementUtility, get_commands

    class Utility(ManagementUtility):
        def fetch_command(self, subcommand: str) -> BaseCommand:
            command = super().fetch_command(subcommand)
            gc.enable()
            return command

        def main_help_text(self, commands_only: bool = False) -> str:
            """Our commands first, each with its line; Django's own by name."""
            names = get_commands()
            ours = sorted(name for name, app in names.items() if str(app).startswith("cxm."))
            if commands_only:
                return "\n".join([*ours, *sorted(set(names) - set(ours))])
            width = max(map(len, ours), default=0)
            lines = [f"  {name:<{width}}  {self.fetch_command(name).help}" for name in ours]
            return "\n".join(
                [
                    "OpenCXM: customer experience management on your own machine.",
                    "",
                    "usage: cxm COMMAND [options]        cxm COMMAND --help explains one",
                    "",
                    *lines,
                    "",
                    "Of Django's own commands you may need: migrate, shell, changepassword, check.",
                    "Settings are environment variables: see docs/reference/settings.md.",
                ]
            )

    if sys.argv[1:] in (["--version"], ["version"]):
        from cxm import __version__

        print(f"OpenCXM {__version__}")
        return
    try:
        Utility(["cxm", *sys.argv[1:]]).execute()
    except ImproperlyConfigured as error:
        sys.exit(f"cxm: {error}")


if __name__ == "__main__":
    main()
