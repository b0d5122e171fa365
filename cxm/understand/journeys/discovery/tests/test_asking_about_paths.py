"""Questions to the steps: times between, sessions, retention. All numbers are worked out by hand."""

from __future__ import annotations

import pytest

from cxm.record.eventlog.scope import Filter, Scope
from cxm.testing.cast import at, make_workspace
from cxm.understand.journeys.discovery.between import time_between
from cxm.understand.journeys.discovery.retention import retention
from cxm.understand.journeys.discovery.sessions import sessions
from cxm.understand.journeys.models import Process

from .planted import plant

DAY = 24 * 60


@pytest.mark.django_db
def test_times_sessions_and_retention_of_planted_journeys() -> None:
    workspace = make_workspace()
    process = Process.objects.create(workspace=workspace, name="Shop", definition={})
    other = Process.objects.create(workspace=workspace, name="Other", definition={})
    scope = Scope(workspace.pk)
    plant(process, "2026-01-05 10:00", [("look", 0), ("buy", 30), ("look", 40), ("buy", DAY)], channel="web")
    plant(process, "2026-01-06 10:00", [("look", 0), ("look", 5), ("buy", 10)], channel="web")
    plant(process, "2026-01-12 10:00", [("look", 0), ("look", 8 * DAY)], channel="app")
    plant(process, "2026-01-12 11:00", [("buy", 0), ("look", 1)], channel="app")
    plant(other, "2026-01-12 11:00", [("look", 0), ("buy", 1)])

    # first look → first buy after it: 30 min, 10 min, never, never (its buy came before)
    found = time_between(process, scope, "look", "buy")
    assert (found.begun, found.reached.n) == (4, 4)
    assert found.reached.value == 0.5
    assert (found.mean.value, found.median.value) == (1200, 1200)
    assert found.p90.value == pytest.approx(600 + 0.9 * 1200)
    assert [n for _low, _high, n in found.columns] == [0, 0, 1, 1, 0, 0, 0, 0, 0, 0]
    assert time_between(process, scope, "look", "look").median.value == pytest.approx(40 * 60)  # 40, 5, 11520 min
    assert time_between(process, scope.where(Filter("channel", "is", ("app",))), "look", "buy").reached.value == 0
    assert time_between(process, scope, "look", "nothing").columns == []
    assert time_between(process, scope, "nothing", "buy").begun == 0

    # gaps over 30 min (30 itself is none): [look buy look] [buy], [look look buy], [look] [look], [buy look]
    parted = sessions(process, scope, 30 * 60)
    assert (parted.sessions, parted.journeys) == (6, 4)
    assert parted.mean_steps == pytest.approx(11 / 6)
    assert parted.single.value == 0.5
    assert parted.columns == [(1, 1, 3), (2, 2, 1), (3, 3, 2), (4, 5, 0), (6, 10, 0), (11, None, 0)]
    assert parted.median_s == 600  # of 40, 10 and 1 minutes
    assert sessions(other, scope.during(at("2026-02-01 00:00"), None), 60).sessions == 0

    # weeks: cohort of Jan 5 has two customers, nobody back in a later week; of Jan 12 two, one back 8 days later
    weeks = retention(process, scope, at("2026-02-02 12:00"), unit="week")
    assert [day.isoformat() for day in weeks.cohorts] == ["2026-01-05", "2026-01-12"]
    first, second = weeks.cohorts.values()
    assert [(one.value, one.n) if one else None for one in first[:4]] == [(0, 2), (0, 2), (0, 1), None]  # the third is over for one
    assert [(one.value, one.n) if one else None for one in second[:3]] == [(0.5, 2), (0, 2), None]
    assert weeks.all[0] is not None and weeks.all[0].value == 0.25
    # of those who begin with look, who buys a day later: the first of two, then nobody else
    days = retention(process, scope, at("2026-02-02 12:00"), unit="day", first="look", then="buy")
    assert days.all[0] is not None and (days.all[0].value, days.all[0].n) == (0.25, 4)
