"""Addresses under /w/<slug>/channels/."""

from __future__ import annotations

from django.urls import path

from .views import channels, conversations

app_name = "channels"
urlpatterns = [
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
]
