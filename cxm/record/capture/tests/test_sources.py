"""Sources and their keys: made, rotated, disabled, limited to origins; and what the intake is told of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.utils import timezone

from cxm.accounts.access import hash_key
from cxm.accounts.actions import close_workspace, create_api_key
from cxm.accounts.models import ApiKey, AuditEntry, Role
from cxm.record.capture import source_actions as actions
from cxm.record.capture import sources
from cxm.record.capture.actions import Refused
from cxm.record.capture.models import Source, SourceKey, Suppression, TrackingPlan
from cxm.record.capture.origins import origin_allowed, read_origins
from cxm.record.capture.plan import PlanError
from cxm.record.customers.versions import directory_version
from cxm.testing.cast import make_member, make_user, make_workspace

from .given import owner_of

pytestmark = pytest.mark.django_db
PLAN = "events: {Order Completed: {properties: {total: number}}}"


def test_a_new_source_opens_with_its_first_key() -> None:
    workspace = make_workspace()
    before = directory_version()
    source, clear = actions.create_source(
        workspace=workspace, name="Shop", kind=Source.Kind.WEBSITE, by=owner_of(workspace),
        origins=["https://shop.example"],
    )  # fmt: skip
    assert clear.startswith("cxm_write_")
    assert directory_version() > before
    key = ApiKey.objects.get()
    assert sources.sources_by_key_hash() == {
        hash_key(clear): sources.SourceEntry(source.pk, workspace.pk, True, ("https://shop.example",), "off", key.pk)
    }
    assert 0 < source.pk < 2**32  # the log keeps it as UInt32
    assert list(AuditEntry.objects.order_by("id").values_list("verb", "subject"))[-2:] == [
        ("created", "source"), ("created", "apikey")
    ]  # fmt: skip
    assert clear not in str(AuditEntry.objects.values())


def test_two_keys_are_valid_while_one_is_rolled_out() -> None:
    workspace = make_workspace()
    owner = owner_of(workspace)
    source, first = actions.create_source(workspace=workspace, name="Shop", kind=Source.Kind.WEBSITE, by=owner)
    _key, second = actions.create_key(source=source, name="Shop 2", by=owner)
    assert set(sources.sources_by_key_hash()) == {hash_key(first), hash_key(second)}
    old = SourceKey.objects.get(key__key_hash=hash_key(first))
    before = directory_version()
    for _twice in range(2):
        actions.disable_key(key=old, by=owner)
    assert directory_version() > before
    assert set(sources.sources_by_key_hash()) == {hash_key(second)}
    assert AuditEntry.objects.filter(verb="revoked").count() == 1


def test_a_source_has_no_more_keys_than_anybody_can_watch() -> None:
    workspace = make_workspace()
    owner = owner_of(workspace)
    source, _clear = actions.create_source(workspace=workspace, name="Shop", kind=Source.Kind.WEBSITE, by=owner)
    for number in range(actions.MOST_KEYS - 1):
        actions.create_key(source=source, name=str(number), by=owner)
    with pytest.raises(Refused):
        actions.create_key(source=source, name="one more", by=owner)
    assert SourceKey.objects.count() == actions.MOST_KEYS


def test_only_administrators_say_who_may_send() -> None:
    workspace = make_workspace()
    analyst = make_member(workspace, Role.ANALYST, "analyst@example.com")
    stranger = make_user("stranger@example.com", "Stranger")
    source, _clear = actions.create_source(
        workspace=workspace, name="Shop", kind=Source.Kind.WEBSITE, by=owner_of(workspace)
    )
    program, _secret = create_api_key(
        workspace=workspace, kind=ApiKey.Kind.SECRET, name="p", by=None, role=Role.ANALYST
    )
    before = directory_version(), AuditEntry.objects.count()
    for by, error in ((analyst, PermissionDenied), (stranger, Http404), (program, PermissionDenied)):
        with pytest.raises(error):
            actions.create_source(workspace=workspace, name="x", kind=Source.Kind.SERVER, by=by)
        with pytest.raises(error):
            actions.create_key(source=source, name="x", by=by)
        with pytest.raises(error):
            actions.disable_key(key=source.keys.get(), by=by)
        with pytest.raises(error):
            actions.switch_source(source=source, enabled=False, by=by)
        with pytest.raises(error):
            actions.change_source(source=source, name="x", kind=Source.Kind.SERVER, origins=[], by=by)
    assert (directory_version(), AuditEntry.objects.count()) == before
    source.refresh_from_db()
    assert (source.name, source.enabled, Source.objects.count(), SourceKey.objects.count()) == ("Shop", True, 1, 1)


def test_switching_off_and_changing_reach_the_intake() -> None:
    workspace = make_workspace()
    owner = owner_of(workspace)
    source, _clear = actions.create_source(workspace=workspace, name="Shop", kind=Source.Kind.WEBSITE, by=owner)
    version = directory_version()
    actions.switch_source(source=source, enabled=False, by=owner)
    actions.change_source(
        source=source, name="Web shop", kind=Source.Kind.WEBSITE, origins=["https://*.shop.example"], by=owner
    )
    actions.set_plan_mode(source=source, mode=Source.PlanMode.BLOCK, by=owner)
    assert directory_version() == version + 3
    actions.set_plan_mode(source=source, mode=Source.PlanMode.BLOCK, by=owner)  # nothing changes
    assert directory_version() == version + 3
    (entry,) = sources.sources_by_key_hash().values()
    assert (entry.enabled, entry.origins, entry.plan_mode) == (False, ("https://*.shop.example",), "block")
    changes = (
        AuditEntry.objects.filter(subject="source", verb="changed").order_by("id").values_list("changes", flat=True)
    )
    assert list(changes) == [
        {"enabled": [True, False]},
        {"name": ["Shop", "Web shop"], "origins": [[], ["https://*.shop.example"]]},
        {"plan_mode": ["off", "block"]},
    ]


def test_a_closed_workspace_has_no_keys() -> None:
    workspace = make_workspace()
    actions.create_source(workspace=workspace, name="Shop", kind=Source.Kind.WEBSITE, by=owner_of(workspace))
    close_workspace(workspace=workspace, by=None)
    assert sources.sources_by_key_hash() == {}


def test_the_plan_in_force_is_the_newest_of_a_workspace_that_asks_for_one() -> None:
    workspace = make_workspace()
    owner = owner_of(workspace)
    source, _clear = actions.create_source(workspace=workspace, name="Shop", kind=Source.Kind.WEBSITE, by=owner)
    actions.save_plan(workspace=workspace, yaml="events: {Old: {}}", by=owner)
    version = directory_version()
    actions.save_plan(workspace=workspace, yaml=PLAN, by=owner)
    assert directory_version() == version + 1
    actions.save_plan(workspace=workspace, yaml=PLAN, by=owner)  # the same: no new version
    assert list(TrackingPlan.objects.values_list("version", flat=True)) == [2, 1]
    assert sources.plans() == {}  # no source asks
    actions.set_plan_mode(source=source, mode=Source.PlanMode.WARN, by=owner)
    assert set(sources.plans()[workspace.pk].events) == {"Order Completed"}
    with pytest.raises(PlanError):
        actions.save_plan(workspace=workspace, yaml="events: [", by=owner)
    with pytest.raises(PermissionDenied):
        actions.save_plan(
            workspace=workspace, yaml="events: {}", by=make_member(workspace, Role.AGENT, "agent@example.com")
        )
    assert TrackingPlan.objects.count() == 2


def test_the_intake_hears_of_suppressed_people_and_tells_of_used_keys() -> None:
    workspace = make_workspace()
    actions.create_source(workspace=workspace, name="Shop", kind=Source.Kind.WEBSITE, by=owner_of(workspace))
    Suppression.objects.create(workspace=workspace, user_id="u1")
    assert list(sources.suppressed()) == [(workspace.pk, "u1")]
    key = ApiKey.objects.get()
    now = timezone.now()
    sources.keys_used({key.pk: now})
    sources.keys_used({key.pk: now - timedelta(hours=1)})
    key.refresh_from_db()
    assert key.last_used_at == now


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("shop.example", ["https://shop.example"]),
        ("https://Shop.example/path?x=1\nhttp://localhost:3000", ["https://shop.example", "http://localhost:3000"]),
        ("https://shop.example:443, https://shop.example", ["https://shop.example"]),
        ("*.shop.example", ["https://*.shop.example"]),
        ("https://магазин.укр", ["https://xn--80aairftm.xn--j1amh"]),
        ("http://[::1]:8000", ["http://[::1]:8000"]),
        ("", []),
    ],
)
def test_origins_are_kept_as_browsers_say_them(typed: str, kept: list[str]) -> None:
    assert read_origins(typed) == kept


@pytest.mark.parametrize(
    "typed", ["ftp://shop.example", "https://", "https://a..b", "*", "https://shop.example:x", "_"]
)
def test_what_is_no_origin_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        read_origins(f"https://good.example\n{typed}")


def test_which_pages_may_send() -> None:
    origins = ["https://shop.example", "https://*.shop.example", "http://localhost:3000"]
    for good in (
        "https://shop.example",
        "https://www.shop.example",
        "https://a.b.shop.example",
        "http://localhost:3000",
    ):
        assert origin_allowed(origins, good), good
    for bad in (
        "http://shop.example", "https://evilshop.example", "https://shop.example.evil.example", "https://shop.example:8443",
        "http://localhost", "null", "",
    ):  # fmt: skip
        assert not origin_allowed(origins, bad), bad
    assert origin_allowed([], "https://anything.example")
