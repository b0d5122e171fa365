"""Addresses under /w/<slug>/messages/ and /w/<slug>/channels/."""

from __future__ import annotations

from django.urls import path

from .views import calls, channels, conversations, messages, reviews, webhook_secret

app_name = "messages"
urlpatterns = [
    path("", messages.show_list, name="list"),
    path("<uuid:delivery_id>/", messages.show, name="show"),
    path("<uuid:delivery_id>/cancel/", messages.cancel, name="cancel"),
    path("<uuid:delivery_id>/again/", messages.again, name="again"),
    path("suppressions/", messages.suppressions, name="suppressions"),
    path("suppressions/<int:suppression_id>/release/", messages.release, name="release"),
]

channel_urls = (
    [
        path("", channels.show_list, name="list"),
        path("new/", channels.new, name="new"),
        path("new/<slug:kind>/", channels.create, name="create"),
        path("<int:channel_id>/", channels.show, name="show"),
        path("<int:channel_id>/change/", channels.change, name="change"),
        path("<int:channel_id>/check/", channels.check, name="check"),
        path("<int:channel_id>/pause/", channels.pause, name="pause"),
        path("<int:channel_id>/remove/", channels.remove, name="remove"),
        path("conversations/", conversations.show_list, name="conversations"),
        path("conversations/<uuid:conversation_id>/", conversations.show, name="conversation"),
        path("attachments/<uuid:attachment_id>/", conversations.attachment, name="attachment"),
    ],
    "channels",
)

# Addresses under /w/<slug>/channels/, for kinds whose messages have pages of their own.
voice_urls = (
    [
        path("<int:channel_id>/reviews/", reviews.show_list, name="reviews"),
        path("<int:channel_id>/reviews/file/", reviews.read_file, name="review_file"),
        path("<int:channel_id>/reviews/<uuid:message_id>/answer/", reviews.answer, name="review_answer"),
        path("<int:channel_id>/calls/", calls.show_list, name="calls"),
        path("calls/<uuid:message_id>/", calls.show, name="call"),
        path("calls/<uuid:message_id>/speakers/", calls.speakers, name="speakers"),
        path("calls/<uuid:message_id>/<uuid:attachment_id>/", calls.recording, name="recording"),
        path("calls/<uuid:message_id>/<uuid:attachment_id>/again/", calls.again, name="transcribe_again"),
        path("<int:channel_id>/secret/", webhook_secret.change, name="webhook_secret"),
    ],
    "voices",
)
