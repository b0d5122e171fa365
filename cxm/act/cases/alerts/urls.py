"""Alerts of a workspace: w/<slug>/cases/alerts/."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "alerts"
urlpatterns = [
    path("", views.show_list, name="list"),
    path("see/", views.see, name="see"),
    path("bell/", views.bell, name="bell"),
    path("rules/", views.show_rules, name="rules"),
    path("rules/new/", views.new_rule, name="rule_new"),
    path("rules/<uuid:rule_id>/", views.edit_rule, name="rule"),
    path("rules/<uuid:rule_id>/switch/", views.switch_rule, name="rule_switch"),
    path("rules/<uuid:rule_id>/mute/", views.mute_rule, name="rule_mute"),
    path("rules/<uuid:rule_id>/delete/", views.delete_rule, name="rule_delete"),
    path("<uuid:alert_id>/", views.show, name="show"),
]
