"""Addresses of automations, under /w/<slug>/automations/."""

from __future__ import annotations

from django.urls import path

from .views import editor, runs

app_name = "automations"
urlpatterns = [
    path("", editor.index, name="list"),
    path("new/", editor.new, name="new"),
    path("<int:workflow_id>/", editor.edit, name="edit"),
    path("<int:workflow_id>/trigger/", editor.trigger, name="trigger"),
    path("<int:workflow_id>/steps/<slug:step_id>/", editor.step, name="step"),
    path("<int:workflow_id>/state/", editor.change_state, name="state"),
    path("<int:workflow_id>/dry-run/", runs.dry_run, name="dry_run"),
    path("<int:workflow_id>/runs/", runs.runs, name="runs"),
    path("runs/<uuid:run_id>/", runs.run, name="run"),
    path("of/<uuid:customer_id>/", runs.of_customer, name="of_customer"),
]
