"""Addresses of accounts. `cxm.web.urls` adds the ones that cross shelves to the same namespace."""

from __future__ import annotations

from django.urls import path

from .views import entrance, keys, own, trail, workspace

app_name = "accounts"
SETTINGS = "w/<slug:slug>/settings/"

urlpatterns = [
    path("", entrance.home, name="home"),
    path("setup/", entrance.setup, name="setup"),
    path("workspaces/", entrance.workspaces, name="workspaces"),
    path("workspaces/new/", entrance.new_workspace, name="new_workspace"),
    path("join/<str:token>/", entrance.join, name="join"),
    path("account/profile/", own.profile, name="profile"),
    path("account/sessions/<int:session_id>/end/", own.end_session, name="end_session"),
    path(SETTINGS, workspace.settings, name="settings"),
    path(SETTINGS + "members/", workspace.members, name="members"),
    path(SETTINGS + "members/invite/", workspace.invite, name="invite"),
    path(SETTINGS + "members/<uuid:user_id>/role/", workspace.role, name="role"),
    path(SETTINGS + "members/<uuid:user_id>/remove/", workspace.remove, name="remove_member"),
    path(SETTINGS + "invitations/<uuid:invitation_id>/revoke/", workspace.revoke, name="revoke_invitation"),
    path(SETTINGS + "keys/", keys.keys, name="keys"),
    path(SETTINGS + "keys/<uuid:key_id>/revoke/", keys.revoke, name="revoke_key"),
    path(SETTINGS + "audit/", trail.audit, name="audit"),
    path(SETTINGS + "audit.csv", trail.audit_csv, name="audit_csv"),
]
