"""Addresses under /w/<slug>/cases/."""

from __future__ import annotations

from django.urls import path

from .views import case, deeds, desk, keeping

app_name = "cases"
urlpatterns = [
    path("", desk.show_list, name="list"),
    path("new/", desk.new, name="new"),
    path("bulk/", desk.bulk, name="bulk"),
    path("tasks/", desk.show_tasks, name="tasks"),
    path("for-me/", desk.show_notices, name="notices"),
    path("for-me/read/", desk.read_all, name="read_all"),
    path("views/save/", desk.save_view, name="save_view"),
    path("views/<int:view_id>/remove/", desk.remove_view, name="remove_view"),
    path("replies/", keeping.replies, name="replies"),
    path("replies/new/", keeping.edit_reply, name="reply_new"),
    path("replies/<int:reply_id>/", keeping.edit_reply, name="reply"),
    path("replies/<int:reply_id>/remove/", keeping.remove_reply, name="reply_remove"),
    path("macros/", keeping.macros, name="macros"),
    path("macros/new/", keeping.edit_macro, name="macro_new"),
    path("macros/<int:macro_id>/", keeping.edit_macro, name="macro"),
    path("macros/<int:macro_id>/remove/", keeping.remove_macro, name="macro_remove"),
    path("causes/", keeping.causes, name="causes"),
    path("<int:number>/", case.show, name="show"),
    path("<int:number>/story/", case.story, name="story"),
    path("<int:number>/look/", case.look, name="look"),
    path("<int:number>/next/", case.beside_it, {"way": "next"}, name="next"),
    path("<int:number>/previous/", case.beside_it, {"way": "previous"}, name="previous"),
    path("<int:number>/write/", deeds.write, name="write"),
    path("<int:number>/<slug:deed>/", deeds.do, name="do"),
]
