"""`cxm train --workspace`: says what own labels bring, and uses them only where they are better."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from cxm.testing.cast import make_workspace
from cxm.understand.text import own
from cxm.understand.text.learning.tests.test_own_labels import given_labels
from cxm.understand.text.models import OwnModel
from cxm.web import training

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_engine_stays_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(training, "close_engine", lambda: None)
    own.forget_loaded()
    yield
    own.forget_loaded()


def test_a_version_is_trained_and_used_from_the_command_line() -> None:
    workspace = make_workspace()
    with pytest.raises(CommandError, match="There is no workspace"):
        call_command("train", "--workspace", "nobody")
    with pytest.raises(CommandError, match="0 labelled texts"):
        call_command("train", "--workspace", workspace.slug)
    given_labels(workspace, 70)
    out = StringIO()
    call_command("train", "--workspace", workspace.slug, stdout=out)
    said = out.getvalue()
    assert "Sentiment: built-in" in said and "n = 210. Better." in said and "Version 2 is ready." in said
    assert not OwnModel.objects.filter(is_used=True).exists()
    call_command("train", "--workspace", workspace.slug, "--use", stdout=out)
    assert "Version 3 is used from now on." in out.getvalue()
    assert OwnModel.objects.get(is_used=True).number == 3
