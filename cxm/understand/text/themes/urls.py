"""Themes of a workspace: w/<slug>/themes/."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "themes"
urlpatterns = [
    path("", views.show_list, name="list"),
    path("find/", views.find, name="find"),
    path("stop/", views.stop, name="stop"),
    path("progress/", views.progress, name="progress"),
    path("none/", views.show_rest, name="rest"),
    path("similar/<uuid:event_id>/", views.show_similar, name="similar"),
    path("<int:number>/", views.show, name="show"),
    path("<int:number>/name/", views.rename, name="rename"),
    path("<int:number>/adopt/", views.adopt, name="adopt"),
    path("<int:number>/dismiss/", views.dismiss, name="dismiss"),
    path("<int:number>/back/", views.bring_back, name="back"),
    path("<int:number>/merge/", views.merge, name="merge"),
]
