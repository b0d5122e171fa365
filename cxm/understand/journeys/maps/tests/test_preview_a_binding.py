"""Which events the rules of a touchpoint fit, seen from the editor of a map."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cxm.accounts.models import Role, User
from cxm.testing.cast import event, given_events, make_customer, make_member, make_user, make_workspace
from cxm.understand.journeys.definition import Binding, EventRule, MapDefinition, Stage, Touchpoint
from cxm.understand.journeys.definition import Test as Where
from cxm.understand.journeys.maps.actions import create_map
from cxm.understand.journeys.maps.matching import matching

pytestmark = pytest.mark.django_db


def days_ago(days: float) -> str:
    return (timezone.now() - timedelta(days=days)).strftime("%Y-%m-%d %H:%M")


def test_the_events_of_a_binding_are_counted_and_shown(client: Client) -> None:
    workspace = make_workspace()
    owner = User.objects.get(email="olena@example.com")
    ada, ben = (make_customer(workspace, name) for name in ("Ada <b>", "Ben"))
    app = EventRule("visit", (Where("property.place", "is", ("app",)),))
    points = (
        Touchpoint("app", "The app", binding=Binding(events=(app,))),
        Touchpoint("any", "Anywhere", binding=Binding(events=(EventRule("visit"), EventRule("call")))),
        Touchpoint("none", "Nowhere"),
    )
    definition = MapDefinition(case="order_id", stages=(Stage("s", "S", points),))
    drawn = create_map(workspace=workspace, name="Kettle", definition=definition, by=owner)
    given_events([
        event(workspace, "visit", days_ago(1), customer_id=ada.pk, place="app", order_id="A"),
        *(event(workspace, "visit", days_ago(2 + n), customer_id=ben.pk, place="shop", order_id="B", n=n, tags=["x"],
                note="long " * 20) for n in range(6)),
        event(workspace, "call", days_ago(2.5), customer_id=ada.pk),  # names no order, so no journey
        event(workspace, "visit", days_ago(91), customer_id=ada.pk, place="shop", order_id="A"),  # long ago
        event(workspace, "noise", days_ago(1), customer_id=ada.pk, place="app", order_id="A"),
    ])  # fmt: skip

    found = matching(workspace, definition, "any")
    # Six visits of the shop and a call; the visit of the app is a step of the first touchpoint that it fits.
    assert (found.counted.n, found.counted.customers, found.counted.astray) == (7, 2, 1)
    assert [(one.name, one.customer) for one in found.examples] == [
        ("visit", ben), ("call", ada), ("visit", ben), ("visit", ben), ("visit", ben),
    ]  # fmt: skip
    assert dict(found.examples[0].says)["place"] == "shop"
    assert dict(found.examples[0].says)["note"] == ("long " * 20)[:39] + "…"
    assert matching(workspace, definition, "app").counted.n == 1
    assert matching(workspace, definition, "none").counted.n == 0

    def shown(key: str, **more: str) -> str:
        answer = client.get(reverse("journeys:matching", args=[workspace.slug, drawn.pk, key]), headers=more)
        assert answer.status_code == 200
        return answer.content.decode()

    client.force_login(owner)
    assert "7 events of the past 90 days are steps here. 2 customers." in shown("any")
    assert "<title>" in shown("any") and "<title>" not in shown("any", **{"HX-Request": "true"})
    assert "Ada &lt;b&gt;" in shown("app") and "No event of the past 90 days is a step here." in shown("none")
    edit = client.get(reverse("journeys:edit", args=[workspace.slug, drawn.pk]), {"at": "touchpoint:any"})
    assert reverse("journeys:matching", args=[workspace.slug, drawn.pk, "any"]) in edit.content.decode()
    address = reverse("journeys:matching", args=[workspace.slug, drawn.pk, "gone"])
    assert client.get(address).status_code == 404
    for role, status in ((Role.VIEWER, 403), (None, 404)):
        email = f"{status}@example.com"
        client.force_login(make_member(workspace, role, email) if role else make_user(email))
        assert client.get(address.replace("gone", "any")).status_code == status
