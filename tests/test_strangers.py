"""A user who is not a member gets nothing: every address and every API operation is walked, and new ones come along.

A page that should be open to everybody is named in PUBLIC; everything else is protected or fails here. Each view of a
workspace starts with `membership_for(request.user, slug, Role.X)`; a view that only shows something says so with
`@require_safe`, so that a viewer's POST is refused.
"""

from __future__ import annotations

import logging
import re
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.contrib.auth.decorators import login_not_required
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path
from django.urls.resolvers import RegexPattern
from django.utils import timezone
from django.utils.regex_helper import normalize

from cxm.accounts.access import membership_for
from cxm.accounts.actions import create_api_key, revoke_api_key
from cxm.accounts.invitations import invite
from cxm.accounts.models import ApiKey, Role, User, Workspace
from cxm.act.automations.models import Run, Workflow
from cxm.act.cases.models import Measure, Play
from cxm.listen.channels.models import Delivery
from cxm.listen.channels.models import Suppression as NotWritten
from cxm.listen.channels.webhooks.actions import create_endpoint, send_test
from cxm.listen.surveys.definition import Question
from cxm.listen.surveys.models import Contact, ContactRule, Invitation, Mailing, Picture
from cxm.record.capture.models import Import, Mapping, PropertySeen, Regulation, SourceKey, Suppression, TrackingPlan
from cxm.record.capture.models import Source as CaptureSource
from cxm.record.customers.models import Consent, Group, Identity, IdentityLink, Note, Segment, Tag
from cxm.record.eventlog.models import DeadLetter
from cxm.steer.dashboards.models import ResultsExport
from cxm.testing.answered import answered, make_survey
from cxm.testing.cast import answer, given_events, make_customer, make_member, make_user, make_workspace
from cxm.testing.effort import full_or
from cxm.understand.journeys.maps.actions import create_map
from cxm.understand.journeys.maps.starter import starter_maps
from cxm.understand.journeys.models import DriverModel, KeptMoments, Process
from cxm.web.api import api

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.slow]

CANARY = "Zanzibar"  # stands in every text of the foreign workspace, and must never be seen outside
PUBLIC = {
    "account_login", "account_logout", "account_signup", "account_inactive", "account_reset_password",
    "account_reset_password_done", "account_reset_password_from_key", "account_reset_password_from_key_done",
    "mfa_authenticate",  # the second step of a login; without the first it leads back to it
    "accounts:home", "accounts:setup", "accounts:join",
    "public_results", "shared_map",  # what somebody shared, by a secret address
    "widget:offered", "widget:opened",  # what sites ask for their visitors, by a write key
    "automation_called",  # begins a workflow, by its secret key
    "contact_form", "webhook_in",  # forms of sites, and what other systems tell us, signed
    "health", "set_language", "unsubscribe", "api_docs", "api:openapi-json",
}  # fmt: skip
CHANGING = ("post", "put", "patch", "delete")
MOST_COMBINATIONS = full_or(60, 6)  # of ids, for one address


@dataclass(frozen=True)
class Address:
    """One address of the resolver; `route` still holds `<converter:name>`."""

    name: str
    route: str
    parameters: tuple[tuple[str, str], ...]  # (name, converter)

    @property
    def of_workspace(self) -> bool:
        return self.route.startswith("w/<")


@dataclass
class World:
    """A foreign workspace full of things, and everybody who may knock at its door."""

    workspace: Workspace
    viewer: User
    stranger: User
    keys: dict[str, str]
    ids: dict[str, list[str]] = field(default_factory=dict)  # "uuid", or "uuid customer" → what exists there
    rows: dict[tuple[type[models.Model], Any], dict[str, Any]] = field(default_factory=dict)
    counts: dict[type[models.Model], int] = field(default_factory=dict)

    def values(self, name: str, converter: str) -> list[str]:
        """What to fill in for a parameter: a `note_id` is the id of a note; where the name says nothing, every id."""
        if name == "slug":
            return [self.workspace.slug]
        thing = name.removesuffix("_id")
        of_model = [
            ids for place, ids in self.ids.items() if place.startswith(f"{converter} ") and place.endswith(thing)
        ]
        return list(dict.fromkeys(of_model[0] if of_model else self.ids.get(converter, ["nps"])))


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model.__module__.startswith("cxm.") and model._meta.managed]


def values_of(row: models.Model) -> dict[str, Any]:
    volatile = {"last_used_at", "last_login"}
    return {one.attname: getattr(row, one.attname) for one in row._meta.concrete_fields if one.name not in volatile}


def counts_of(workspace: Workspace) -> dict[type[models.Model], int]:
    return {
        model: model._default_manager.filter(workspace_id=workspace.pk).count()
        for model in our_models()
        if model is not KeptMoments  # what the log answered to whoever looked, a viewer included
        and any(one.name in {"workspace", "workspace_id"} for one in model._meta.concrete_fields)
    }


@pytest.fixture
def world() -> Iterator[World]:
    logging.disable(logging.ERROR)  # hundreds of refusals are meant so
    yield build_world()
    logging.disable(logging.NOTSET)


def build_world() -> World:
    owner = make_user("owner@zanzibar.example", f"{CANARY} Owner")
    workspace = make_workspace(f"{CANARY} Teas", owner=owner)
    viewer = make_member(workspace, Role.VIEWER, "viewer@zanzibar.example")
    customer = make_customer(workspace, f"{CANARY} Ada", email="ada@zanzibar.example", traits={"plan": CANARY})
    Identity.objects.create(workspace=workspace, customer=customer, kind="user_id", value=CANARY)
    IdentityLink.objects.create(
        workspace=workspace, from_kind="anonymous_id", from_value=CANARY, to_kind="user_id", to_value=CANARY,
        at=timezone.now(), event_id=uuid4(),
    )  # fmt: skip
    Group.objects.create(workspace=workspace, key=CANARY).members.create(customer=customer)
    DeadLetter.objects.create(
        step="customers.update", workspace_id=workspace.pk, event_id=uuid4(), customer_id=customer.pk, name=CANARY,
        error=CANARY,
    )  # fmt: skip
    Consent.objects.create(customer=customer, purpose="surveys", granted=True, by=owner)
    Tag.objects.create(workspace=workspace, name=CANARY).customers.add(customer)
    Note.objects.create(customer=customer, text=CANARY, by=owner)
    Segment.objects.create(workspace=workspace, name=CANARY, condition={"field": "tag", "values": [CANARY]})
    Mapping.objects.create(workspace=workspace, name=CANARY, yaml="columns: {}", created_by=owner)
    Import.objects.create(workspace=workspace, file_name=f"{CANARY}.csv", file_path="", created_by=owner)
    workflow = Workflow.objects.create(
        workspace=workspace, name=CANARY, is_on=True, trigger="webhook",
        draft={"trigger": {"kind": "webhook"}, "steps": [{"id": "tag", "kind": "tag", "name": CANARY}]},
    )  # fmt: skip
    Run.objects.create(
        workspace=workspace, workflow=workflow, version=1, key=CANARY, customer=customer, cause=uuid4(), error=CANARY,
        context={"properties": {"comment": CANARY}},
    )  # fmt: skip
    endpoint, _secret = create_endpoint(workspace=workspace, url=f"https://example.com/{CANARY}", by=owner)
    send_test(endpoint=endpoint, by=owner)
    source = CaptureSource.objects.create(workspace=workspace, name=CANARY, created_by=owner)
    TrackingPlan.objects.create(workspace=workspace, yaml=f"events: {{{CANARY}: {{}}}}", created_by=owner)
    now = timezone.now()
    PropertySeen.objects.create(source=source, event=CANARY, property=CANARY, type="string", first_at=now, last_at=now)
    Suppression.objects.create(workspace=workspace, user_id=CANARY)
    Regulation.objects.create(workspace=workspace, type="DELETE_ONLY", subject_ids=[CANARY], subjects=1)
    invite(workspace=workspace, email="friend@zanzibar.example", role=Role.VIEWER, by=owner)
    survey = make_survey(workspace, Question(id="nps", kind="nps", title={"en": CANARY}), name=CANARY)
    answered(survey, {"nps": 9}, customer=customer, tags=[CANARY], assigned_to=owner)
    ResultsExport.objects.create(workspace=workspace, survey=survey, form="csv", language="en", created_by=owner)
    ContactRule.objects.create(workspace=workspace, name=CANARY, most=1, days=30)
    mailing = Mailing.objects.create(survey=survey, name=CANARY, text={"en": CANARY}, created_by=owner)
    Invitation.objects.create(
        workspace=workspace, survey=survey, mailing=mailing, customer=customer, token=CANARY * 4, channel="email",
        address="ada@zanzibar.example",
    )  # fmt: skip
    Contact.objects.create(workspace=workspace, person=customer.pk, survey=survey, channel="email")
    Picture.objects.create(survey=survey, digest=CANARY, body=CANARY.encode())
    Delivery.objects.create(
        workspace=workspace, cause=CANARY, to="ada@zanzibar.example", customer=customer, message={"text": CANARY},
        error=CANARY, state="uncertain",
    )  # fmt: skip
    NotWritten.objects.create(workspace=workspace, address="ada@zanzibar.example", reason="unsubscribed")
    Play.objects.create(workspace=workspace, name=CANARY, text=CANARY, state="running")
    Measure.objects.create(workspace=workspace, name=CANARY, text=CANARY, owner=owner)
    Process.objects.create(workspace=workspace, name=CANARY, built_at=now, created_by=owner)
    create_map(workspace=workspace, name=CANARY, definition=starter_maps()["clinic"].definition, by=owner)
    DriverModel.objects.create(workspace=workspace, name=CANARY, problem={"text": CANARY})
    given_events([answer(workspace, 9, customer_id=customer.pk, comment=CANARY, question="nps")])
    keys = {}
    for name, kind, role in [
        ("admin", ApiKey.Kind.SECRET, Role.ADMIN),
        ("viewer", ApiKey.Kind.SECRET, Role.VIEWER),
        ("write", ApiKey.Kind.WRITE, Role.ANALYST),
        ("revoked", ApiKey.Kind.SECRET, Role.ADMIN),
    ]:
        key, keys[name] = create_api_key(workspace=workspace, kind=kind, name=CANARY, role=role, by=owner)
        if name == "write":
            SourceKey.objects.create(source=source, key=key)
        if name == "revoked":
            revoke_api_key(key=key, by=owner)

    ids: dict[str, list[str]] = {}
    rows = {}
    for model in our_models():
        for row in model._default_manager.all()[:20]:
            rows[model, row.pk] = values_of(row)
            if row == viewer:  # everybody may leave, so the viewer is not sent to remove itself
                continue
            for value in (row.pk, getattr(row, "uuid", None)):
                if isinstance(value, UUID | int):
                    converter = "uuid" if isinstance(value, UUID) else "int"
                    for place in (converter, f"{converter} {model._meta.model_name}"):
                        ids.setdefault(place, []).append(str(value))

    stranger = make_user("stranger@example.com", "Stranger")
    own = make_workspace("Own Shop", owner=stranger)
    _row, keys["stranger"] = create_api_key(
        workspace=own, kind=ApiKey.Kind.SECRET, name="own", role=Role.ADMIN, by=stranger
    )
    return World(workspace, viewer, stranger, keys, ids, rows, counts_of(workspace))


def addresses() -> list[Address]:
    return list(_walk(get_resolver(), "", ""))


def _walk(resolver: URLResolver, prefix: str, namespace: str) -> Iterator[Address]:
    for entry in resolver.url_patterns:
        route = prefix + _route(entry)
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _walk(entry, route, inner)
        elif isinstance(entry, URLPattern):
            parameters = tuple((two, one or "str") for one, two in re.findall(r"<(?:(\w+):)?(\w+)>", route))
            yield Address(namespace + (entry.name or route), route, parameters)


def _route(entry: URLPattern | URLResolver) -> str:
    if isinstance(entry.pattern, RegexPattern):
        text, names = normalize(str(entry.pattern))[0]
        return str(text % {name: f"<str:{name}>" for name in names})
    return str(entry.pattern)


def filled(address: Address, world: World) -> Iterator[str]:
    """The addresses of what exists in the foreign workspace, as far as ids can be guessed from converters."""
    choices = [world.values(name, converter) for name, converter in address.parameters]
    for values in islice(product(*choices), MOST_COMBINATIONS):
        route = address.route
        for value in values:
            route = re.sub(r"<[^>]*>", lambda _match, value=value: value, route, count=1)  # type: ignore[misc]  # a default binds it
        yield "/" + route


def visit(client: Client, method: str, url: str, **headers: str) -> HttpResponse:
    client.raise_request_exception = False
    response: HttpResponse = getattr(client, method)(url, headers=headers)
    return response


def body(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return str(content.decode("utf-8", "replace"))


def to_login(response: Any) -> bool:
    return bool(response.status_code == 302 and response["Location"].startswith("/account/login/"))


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def changes(world: World) -> list[str]:
    """What is no longer as it was in the foreign workspace."""
    found = []
    for (model, pk), before in world.rows.items():
        row = model._default_manager.filter(pk=pk).first()
        if row is None or values_of(row) != before:
            found.append(f"{model.__name__} {pk} changed")
    found += [f"{model.__name__} added" for model, n in counts_of(world.workspace).items() if n != world.counts[model]]
    return found


def faults_anonymous(world: World, walked: list[Address]) -> list[str]:
    faults = []
    for address in walked:
        for url in filled(address, world):
            for method in ("get", "post"):
                response = visit(Client(), method, url)
                # "regulations:" is the API too, at the address that Segment's has.
                public = address.name in PUBLIC or url.startswith("/api/") or address.name.startswith("regulations:")
                if CANARY in body(response) or response.status_code >= 500:
                    faults.append(f"anonymous {method} {url} [{address.name}]: {response.status_code}")
                elif not public and not to_login(response) and response.status_code not in {401, 404}:
                    faults.append(f"anonymous {method} {url} [{address.name}]: {response.status_code}, no login")
    return faults


def faults_stranger(world: World, walked: list[Address]) -> list[str]:
    faults = []
    client = logged_in(world.stranger)
    for address in walked:
        for url in filled(address, world):
            for method in ("get", "post"):
                if not address.of_workspace:  # it may be the one that logs out
                    client = logged_in(world.stranger)
                response = visit(client, method, url)
                leaks = CANARY in body(response) or response.status_code >= 500
                if leaks or (address.of_workspace and response.status_code not in {404, 405}):
                    faults.append(f"stranger {method} {url} [{address.name}]: {response.status_code}")
    return faults


def faults_viewer(world: World, walked: list[Address]) -> list[str]:
    faults = []
    client = logged_in(world.viewer)
    for address in walked:
        if address.of_workspace:
            for url in filled(address, world):
                shown = visit(client, "get", url).status_code
                posted = visit(client, "post", url).status_code
                if shown >= 500:
                    faults.append(f"viewer get {url} [{address.name}]: {shown}")
                if posted not in {403, 404, 405}:
                    faults.append(f"viewer post {url} [{address.name}]: {posted}; check the role, or @require_safe")
    return faults


def operations(world: World) -> Iterator[tuple[str, str, bool]]:
    """(method, address, whether it names a thing of the foreign workspace) of every API operation."""
    for route, methods in api.get_openapi_schema()["paths"].items():
        names = re.findall(r"\{(\w+)\}", route)
        for method, operation in methods.items():
            formats = {one["name"]: converter_of(one["schema"]) for one in operation.get("parameters", [])}
            choices = [world.values(name, formats.get(name, "str")) for name in names]
            for values in islice(product(*choices), MOST_COMBINATIONS):
                url = route
                for name, value in zip(names, values, strict=True):
                    url = url.replace(f"{{{name}}}", value)
                yield method, url, any(formats.get(name) == "uuid" for name in names)


def converter_of(schema: dict[str, Any]) -> str:
    return "int" if schema.get("type") == "integer" else str(schema.get("format", "str"))


def test_the_walk_reaches_every_part(world: World) -> None:
    walked = {address.name for address in addresses()}
    assert {"accounts:members", "accounts:role", "accounts:delete_workspace", "mfa_index", "api:openapi-json"} <= walked
    urls = [url for address in addresses() for url in filled(address, world)]
    assert f"/w/{world.workspace.slug}/settings/members/" in urls
    assert not [url for url in urls if "<" in url]
    for model, where in [(ContactRule, "surveys/contact-budget/"), (Mailing, "mailings/"), (Delivery, "messages/")]:
        assert [url for url in urls if f"/{where}{model._default_manager.get().pk}/" in url], model
    assert not PUBLIC - walked, "PUBLIC names an address that is gone"


def test_nobody_sees_anything_without_logging_in(world: World) -> None:
    assert faults_anonymous(world, addresses()) == []
    assert changes(world) == []


def test_a_stranger_finds_nothing_and_changes_nothing(world: World) -> None:
    assert faults_stranger(world, addresses()) == []
    assert changes(world) == []


def test_what_exists_looks_to_a_stranger_like_what_does_not(world: World) -> None:
    client = logged_in(world.stranger)
    for address in addresses():
        if address.of_workspace:
            there = next(filled(address, world))
            nowhere = there.replace(f"/w/{world.workspace.slug}/", "/w/no-such-workspace/")
            assert [visit(client, method, there).status_code for method in ("get", "post")] == [
                visit(client, method, nowhere).status_code for method in ("get", "post")
            ], there


def test_a_viewer_changes_nothing(world: World) -> None:
    assert faults_viewer(world, addresses()) == []
    assert changes(world) == []


def test_the_api_wants_a_living_secret_key(world: World) -> None:
    session = logged_in(world.viewer)
    for method, url, _named in operations(world):
        assert visit(session, method, url).status_code == 401, f"{method} {url} takes a session for a key"
        for name in ("write", "revoked"):
            answer = visit(Client(), method, url, authorization=f"Bearer {world.keys[name]}")
            assert answer.status_code == 401, f"{method} {url} with a {name} key"
            assert answer["Content-Type"] == "application/problem+json"
    assert changes(world) == []


def test_a_strangers_key_finds_nothing_and_changes_nothing(world: World) -> None:
    for method, url, named in operations(world):
        response = visit(Client(), method, url, authorization=f"Bearer {world.keys['stranger']}")
        assert CANARY not in body(response), f"{method} {url}"
        assert response.status_code < 500, f"{method} {url}"
        if named:
            assert response.status_code in {400, 404, 422}, f"{method} {url}: {response.status_code}"
    assert changes(world) == []


def test_a_viewers_key_changes_nothing(world: World) -> None:
    for method, url, _named in operations(world):
        if method in CHANGING:
            response = visit(Client(), method, url, authorization=f"Bearer {world.keys['viewer']}")
            # 400 and 422: an empty body is refused before the handler runs
            assert response.status_code in {400, 403, 404, 422}, f"{method} {url}: {response.status_code}"
    assert changes(world) == []


# What somebody could add by mistake, and the word by which the walk reports it.
def open_view(request: HttpRequest, slug: str) -> HttpResponse:
    return HttpResponse("hello")


@login_not_required
def public_view(request: HttpRequest, slug: str) -> HttpResponse:
    return HttpResponse("hello")


def revealing_view(request: HttpRequest, slug: str) -> HttpResponse:
    status = 403 if Workspace.objects.filter(slug=slug).exists() else 404
    return HttpResponse(status=status)


def careless_view(request: HttpRequest, slug: str) -> HttpResponse:
    workspace = membership_for(request.user, slug).workspace
    if request.method == "POST":
        Tag.objects.create(workspace=workspace, name=uuid4().hex[:8])
    return HttpResponse("hello")


def broken_view(request: HttpRequest, slug: str) -> HttpResponse:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("view", "walk"),
    [
        (open_view, faults_stranger),
        (public_view, faults_anonymous),
        (revealing_view, faults_stranger),
        (careless_view, faults_viewer),
        (broken_view, faults_stranger),
    ],
)
def test_the_walk_catches_a_view_without_protection(
    world: World,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    view: Callable[..., HttpResponse],
    walk: Callable[[World, list[Address]], list[str]],
) -> None:
    from cxm.web import urls

    bad = types.ModuleType("bad_urls")
    bad.urlpatterns = [*urls.urlpatterns, path("w/<slug:slug>/bad/", view, name="bad")]  # type: ignore[attr-defined]  # a module
    monkeypatch.setitem(sys.modules, "bad_urls", bad)
    settings.ROOT_URLCONF = "bad_urls"
    walked = [address for address in addresses() if address.name in {"bad", "accounts:members"}]
    assert len(walked) == 2
    faults = walk(world, walked)
    assert faults and all("[bad]" in fault for fault in faults)
    assert bool(changes(world)) == (view is careless_view)
