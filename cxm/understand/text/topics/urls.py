"""Topics: w/<slug>/topics/."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "topics"
urlpatterns = [
    path("", views.show_list, name="list"),
    path("starter/", views.plant_starter, name="starter"),
    path("check/", views.check, name="check"),
    path("again/", views.again, name="again"),
    path("new/", views.new, name="new"),
    path("new/try/", views.try_new, name="try_new"),
    path("<uuid:topic_id>/", views.edit, name="topic"),
    path("<uuid:topic_id>/try/", views.try_draft, name="try"),
    path("<uuid:topic_id>/examples/", views.mark, name="mark"),
    path("<uuid:topic_id>/examples/<uuid:example_id>/delete/", views.unmark, name="unmark"),
    path("<uuid:topic_id>/merge/", views.merge, name="merge"),
    path("<uuid:topic_id>/split/", views.split, name="split"),
    path("<uuid:topic_id>/switch/", views.switch, name="switch"),
    path("<uuid:topic_id>/restore/", views.restore, name="restore"),
]
