"""Addresses under /w/<slug>/imports/ and, of `source_urls`, under /w/<slug>/sources/."""

from __future__ import annotations

from django.urls import path

from .views import debugger, imports, plan, privacy, sources

app_name = "imports"
urlpatterns = [
    path("", imports.show_list, name="list"),
    path("new/", imports.new, name="new"),
    path("<uuid:import_id>/", imports.show, name="show"),
    path("<uuid:import_id>/mapping/", imports.mapping, name="mapping"),
    path("<uuid:import_id>/rejected.csv", imports.rejected, name="rejected"),
    path("<uuid:import_id>/mapping.yaml", imports.mapping_file, name="mapping_file"),
    path("<uuid:import_id>/resume/", imports.resume, name="resume"),
    path("<uuid:import_id>/undo/", imports.undo, name="undo"),
    path("<uuid:import_id>/discard/", imports.discard, name="discard"),
]
source_urls = (
    [
        path("", sources.show_list, name="list"),
        path("new/", sources.new, name="new"),
        path("plan/", plan.plan, name="plan"),
        path("plan/<int:version>/", plan.plan_version, name="plan_version"),
        path("privacy/", privacy.regulations, name="regulations"),
        path("privacy/<uuid:regulation_id>/", privacy.regulation, name="regulation"),
        path("<uuid:source_id>/", sources.show, name="show"),
        path("<uuid:source_id>/change/", sources.change, name="change"),
        path("<uuid:source_id>/switch/", sources.switch, name="switch"),
        path("<uuid:source_id>/delete/", sources.delete, name="delete"),
        path("<uuid:source_id>/plan-mode/", sources.plan_mode, name="plan_mode"),
        path("<uuid:source_id>/keys/", sources.make_key, name="make_key"),
        path("<uuid:source_id>/keys/<uuid:apikey_id>/disable/", sources.disable_key, name="disable_key"),
        path("<uuid:source_id>/schema/", plan.schema, name="schema"),
        path("<uuid:source_id>/debugger/", debugger.show, name="debugger"),
        path("<uuid:source_id>/debugger/event/<uuid:event_id>/", debugger.event, name="event"),
        path("<uuid:source_id>/debugger/refused/<int:ms>/<int:digest>/", debugger.rejection, name="rejection"),
    ],
    "sources",
)
