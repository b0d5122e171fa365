"""Addresses under /w/<slug>/customers/."""

from __future__ import annotations

from django.urls import path

from .views import deeds, lists, page, segments

app_name = "customers"
urlpatterns = [
    path("", lists.show_list, name="list"),
    path("new/", page.new, name="new"),
    path("export.csv", lists.export, name="export"),
    path("tag/", lists.tag_many, name="tag_many"),
    path("segments/", segments.show_list, name="segments"),
    path("segments/new/", segments.new, name="segment_new"),
    path("segments/<uuid:segment_id>/", segments.show, name="segment"),
    path("segments/<uuid:segment_id>/edit/", segments.edit, name="segment_edit"),
    path("segments/<uuid:segment_id>/delete/", segments.delete, name="segment_delete"),
    path("<uuid:customer_id>/", page.show, name="show"),
    path("<uuid:customer_id>/edit/", page.edit, name="edit"),
    path("<uuid:customer_id>/export.json", page.export_person, name="export_person"),
    path("<uuid:customer_id>/merge/", deeds.merge, name="merge"),
    path("<uuid:customer_id>/separate/", deeds.separate, name="separate"),
    path("<uuid:customer_id>/consent/", deeds.put_consent, name="consent"),
    path("<uuid:customer_id>/tag/", deeds.put_tag, name="tag"),
    path("<uuid:customer_id>/untag/", deeds.drop_tag, name="untag"),
    path("<uuid:customer_id>/notes/", deeds.put_note, name="note"),
    path("<uuid:customer_id>/notes/<uuid:note_id>/remove/", deeds.drop_note, name="note_remove"),
    path("<uuid:customer_id>/notes/<uuid:note_id>/restore/", deeds.bring_note_back, name="note_restore"),
    path("<uuid:customer_id>/identities/", deeds.put_identity, name="identity"),
    path("<uuid:customer_id>/identities/<int:identity_id>/remove/", deeds.drop_identity, name="identity_remove"),
    path("<uuid:customer_id>/links/<int:link_id>/undo/", deeds.undo_a_link, name="link_undo"),
    path("<uuid:customer_id>/remove/", deeds.remove, name="remove"),
]
