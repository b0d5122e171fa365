"""Ready-made code for a new source: what to paste, language by language, with address and key filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .models import Source

NO_KEY = "YOUR_WRITE_KEY"
Kind = Source.Kind


@dataclass(frozen=True, slots=True)
class Snippet:
    """`code` is what to paste; `note` a sentence on where."""

    slug: str
    title: str
    code: str
    note: str = ""


TEXTS: Mapping[str, tuple[object, str]] = {
    "browser": (
        gettext_lazy("Web site"),
        """<script>window.cx=window.cx||function(){(cx.q=cx.q||[]).push(arguments)}</script>
<script async src="%(url)s/cx.js" data-key="%(key)s"></script>
<script>
  cx('identify', 'user-7', {email: 'ada@example.com'});
  cx('track', 'Order Completed', {order_id: 'A1', total: 12.5, currency: 'EUR'});
</script>""",
    ),
    "python": (
        "Python",
        """# pip install opencxm-client
from opencxm import Client

client = Client("%(key)s", "%(url)s")
client.identify("user-7", {"email": "ada@example.com"})
client.track("user-7", "Order Completed", {"order_id": "A1", "total": 12.5, "currency": "EUR"})
client.close()""",
    ),
    "curl": (
        "curl",
        """curl %(url)s/v1/track -u %(key)s: -d '{
  "userId": "user-7",
  "event": "Order Completed",
  "properties": {"order_id": "A1", "total": 12.5, "currency": "EUR"}
}'""",
    ),
    "segment-browser": (
        "Segment · analytics-next",
        """// npm install @segment/analytics-next
import { AnalyticsBrowser } from '@segment/analytics-next'

const analytics = AnalyticsBrowser.load(
  { writeKey: '%(key)s', cdnURL: '%(url)s' },
  { integrations: { 'Segment.io': { apiHost: '%(host)s/v1', protocol: '%(scheme)s' } } },
)
analytics.identify('user-7', { email: 'ada@example.com' })
analytics.track('Order Completed', { order_id: 'A1', total: 12.5, currency: 'EUR' })""",
    ),
    "segment-node": (
        "Segment · Node.js",
        """// npm install @segment/analytics-node
import { Analytics } from '@segment/analytics-node'

const analytics = new Analytics({ writeKey: '%(key)s', host: '%(url)s' })
analytics.identify({ userId: 'user-7', traits: { email: 'ada@example.com' } })
analytics.track({ userId: 'user-7', event: 'Order Completed', properties: { order_id: 'A1', total: 12.5 } })
await analytics.closeAndFlush()""",
    ),
    "segment-python": (
        "Segment · Python",
        """# pip install segment-analytics-python
import segment.analytics as analytics

analytics.write_key = "%(key)s"
analytics.host = "%(url)s"
analytics.identify("user-7", {"email": "ada@example.com"})
analytics.track("user-7", "Order Completed", {"order_id": "A1", "total": 12.5, "currency": "EUR"})
analytics.shutdown()""",
    ),
    "segment-kotlin": (
        "Segment · Android",
        """// implementation("com.segment.analytics.kotlin:android:1.+")
val analytics = Analytics("%(key)s", applicationContext) {
    apiHost = "%(host)s/v1"
    cdnHost = "%(host)s/v1"
}
analytics.identify("user-7", buildJsonObject { put("email", "ada@example.com") })
analytics.track("Order Completed", buildJsonObject { put("order_id", "A1"); put("total", 12.5) })""",
    ),
    "rudder-python": (
        "RudderStack · Python",
        """# pip install rudder-sdk-python
import rudderstack.analytics as rudder_analytics

rudder_analytics.write_key = "%(key)s"
rudder_analytics.dataPlaneUrl = "%(url)s"
rudder_analytics.identify("user-7", {"email": "ada@example.com"})
rudder_analytics.track("user-7", "Order Completed", {"order_id": "A1", "total": 12.5, "currency": "EUR"})
rudder_analytics.shutdown()""",
    ),
    "rudder-node": (
        "RudderStack · Node.js",
        """// npm install @rudderstack/rudder-sdk-node
const RudderAnalytics = require('@rudderstack/rudder-sdk-node')

const client = new RudderAnalytics('%(key)s', { dataPlaneUrl: '%(url)s' })
client.identify({ userId: 'user-7', traits: { email: 'ada@example.com' } })
client.track({ userId: 'user-7', event: 'Order Completed', properties: { order_id: 'A1', total: 12.5 } })
client.flush()""",
    ),
    "posthog-python": (
        "PostHog · Python",
        """# pip install posthog
from posthog import Posthog

posthog = Posthog("%(key)s", host="%(url)s")
posthog.capture("Order Completed", distinct_id="user-7", properties={"order_id": "A1", "total": 12.5})
posthog.shutdown()""",
    ),
    "pixel": (
        gettext_lazy("E-mail (picture)"),
        """<img alt="" width="1" height="1"
  src="%(url)s/v1/pixel/track?userId=user-7&amp;event=Email%%20Opened&amp;writeKey=%(key)s">""",
    ),
}
# What a developer of that kind of source wants first; the others follow.
FIRST: Mapping[str, tuple[str, ...]] = {
    Kind.WEBSITE: ("browser", "segment-browser"),
    Kind.MOBILE: ("segment-kotlin",),
    Kind.SERVER: ("python", "curl", "segment-node", "segment-python"),
    Kind.OTHER: ("curl", "python"),
}


def snippets(kind: str, key: str = "") -> list[Snippet]:
    """The snippets for a source of that kind, the most likely first; without a key, a word stands for it."""
    parts = urlsplit(settings.BASE_URL)
    words = {"url": settings.BASE_URL, "host": parts.netloc, "scheme": parts.scheme, "key": key or NO_KEY}
    order = [*FIRST.get(kind, ()), *(slug for slug in TEXTS if slug not in FIRST.get(kind, ()))]
    notes = {
        "browser": _("Put the first two lines into the head of every page; views of pages are sent by themselves."),
        "segment-kotlin": _("The Android library sends by https only."),
        "pixel": _("Put it into the e-mail; it counts when pictures are shown."),
    }
    return [Snippet(slug, str(TEXTS[slug][0]), TEXTS[slug][1] % words, notes.get(slug, "")) for slug in order]
