"""Django's `migrate`, in a third of the time where the database is empty.

Django keeps, for each step, a picture of all models at that moment. With each new table it draws anew every model that
is related to it, and as everything belongs to a workspace, that was everything, a hundred times over. On an empty
database only the new model has to be drawn: what it points to gets the way back to it, and nothing looks further.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands.migrate import Command as Base
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ModelState, ProjectState


class Command(Base):
    help = "Bring the database up to this version. It does nothing where there is nothing to do."
    requires_system_checks = []  # as Django names it; they load every page, and are for developers

    def handle(self, *args: Any, **options: Any) -> None:
        applied = MigrationRecorder(connections[options["database"]]).applied_migrations()
        if applied or options["app_label"]:
            super().handle(*args, **options)
            return
        with only_new_models_are_drawn():
            super().handle(*args, **options)


@contextmanager
def only_new_models_are_drawn() -> Iterator[None]:
    before = ProjectState.add_model

    def add_model(self: ProjectState, model_state: ModelState) -> None:
        apps = self.__dict__.pop("apps", None)  # without it, Django only notes the model
        before(self, model_state)
        if apps is not None:
            self.__dict__["apps"] = apps
            apps.render_multiple([model_state])

    ProjectState.add_model = add_model  # type: ignore[method-assign]  # of this process, until the tables are there
    try:
        yield
    finally:
        ProjectState.add_model = before  # type: ignore[method-assign]  # as it was
