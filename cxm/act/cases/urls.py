"""Addresses under /w/<slug>/cases/."""

from __future__ import annotations

from django.urls import path

from .views import case, improving, recovery

app_name = "cases"
urlpatterns = [
    path("<int:number>/", case.show, name="show"),
]

_recovery = [
    path("", recovery.show_list, name="list"),
    path("new/", recovery.edit, name="new"),
    path("measures/", improving.show_list, name="measures"),
    path("measures/new/", improving.edit, name="new_measure"),
    path("measures/<uuid:measure_id>/", improving.show, name="measure"),
    path("measures/<uuid:measure_id>/edit/", improving.edit, name="edit_measure"),
    path("measures/<uuid:measure_id>/<slug:deed>/", improving.do, name="do_measure"),
    path("of/<uuid:case_id>/done/", recovery.carry_out, name="carry_out"),
    path("<uuid:play_id>/", recovery.show, name="play"),
    path("<uuid:play_id>/edit/", recovery.edit, name="edit"),
    path("<uuid:play_id>/<slug:deed>/", recovery.do, name="do"),
]
recovery_urls = (_recovery, "recovery")  # under /w/<slug>/recovery/
