"""The flow misses nothing after deletions and a restart.

Emptied parts go, and with them the highest numbers of blocks. The engine does not give these out again, because each
deletion is a mutation that has a number too, and the last of them is kept.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cxm.testing.site import Site

pytestmark = [pytest.mark.once, pytest.mark.slow]
GIVEN = """
import json, time
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.follow import follow
from cxm.record.eventlog.forget import forget_events
from cxm.testing.captured import Captured, given_captured
from cxm.testing.cast import make_user, make_workspace
workspace = make_workspace("Deletions", owner=make_user())
ids = [given_captured(workspace, Captured(user_id="u", when=f"{year}-03-01 12:00")) for year in range(2015, 2025)]
follow("f", lambda events: None, holder="p")
forget_events(workspace.pk, [one for some in ids[1:] for one in some])
with engine().client() as client:
    client.command("OPTIMIZE TABLE events FINAL")
    highest = "SELECT max(max_block_number) FROM system.parts WHERE table = 'events' AND active"
    for _try in range(40):
        left = client.query(highest).result_rows[0][0]
        if left == 1:
            break
        time.sleep(1)
print(json.dumps(left))
"""
MORE = """
import json
from cxm.accounts.models import Workspace
from cxm.record.eventlog.engine import engine
from cxm.record.eventlog.follow import follow
from cxm.testing.captured import Captured, given_captured
workspace, seen = Workspace.objects.get(), []
calls = [Captured(user_id="u", when=f"{year}-05-01 12:00") for year in range(2015, 2031)]
new = [one for call in calls for one in given_captured(workspace, call)]
follow("f", lambda events: seen.extend(one.event_id for one in events), holder="p")
print(json.dumps([len(new), len(set(new) & set(seen))]))
"""


def test_events_after_a_restart_are_followed_although_the_newest_before_it_were_erased(tmp_path: Path) -> None:
    site = Site(tmp_path / "data", servers=False)
    site.install()
    assert site.ask(GIVEN) == 1  # of the blocks 1 to 10; the cursor stands at 10
    assert site.ask(MORE) == [16, 16]
