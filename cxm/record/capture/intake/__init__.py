"""The tracking API: a raw ASGI application that speaks Segment, RudderStack and PostHog, and writes to the log.

The way of a request: route (app) → body and key (bodies) → events in one form (segment, posthog) → what they mean
(meanings) → consent, plan, time and ids (app) → ids and times (arriving) → group commit → the answer. Nothing here asks
the operational database: what must be known of it is in memory (directory). What follows an event is in web/flow.py.
"""
