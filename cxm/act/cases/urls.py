"""Addresses under /w/<slug>/cases/."""

from __future__ import annotations

from django.urls import path

from .views import case, deeds, desk, experience, improving, keeping, levels, recovery, teams

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
    path("teams/", teams.show_teams, name="teams"),
    path("teams/new/", teams.edit_team, name="team_new"),
    path("teams/<int:team_id>/", teams.edit_team, name="team"),
    path("teams/<int:team_id>/delete/", teams.delete_team, name="team_delete"),
    path("teams/<int:team_id>/members/new/", teams.edit_member, name="member_new"),
    path("teams/<int:team_id>/members/<int:member_id>/", teams.edit_member, name="member"),
    path("teams/<int:team_id>/members/<int:member_id>/remove/", teams.remove_member, name="member_remove"),
    path("routing/", teams.show_rules, name="routing"),
    path("routing/new/", teams.edit_rule, name="rule_new"),
    path("routing/<int:rule_id>/", teams.edit_rule, name="rule"),
    path("routing/<int:rule_id>/move/", teams.move_rule, name="rule_move"),
    path("routing/<int:rule_id>/delete/", teams.delete_rule, name="rule_delete"),
    path("levels/", levels.show_policies, name="levels"),
    path("levels/new/", levels.edit_policy, name="level_new"),
    path("levels/<int:policy_id>/", levels.edit_policy, name="level"),
    path("levels/<int:policy_id>/move/", levels.move_policy, name="level_move"),
    path("levels/<int:policy_id>/delete/", levels.delete_policy, name="level_delete"),
    path("calendars/", levels.show_calendars, name="calendars"),
    path("calendars/new/", levels.edit_calendar, name="calendar_new"),
    path("calendars/<int:calendar_id>/", levels.edit_calendar, name="calendar"),
    path("calendars/<int:calendar_id>/delete/", levels.delete_calendar, name="calendar_delete"),
    path("acknowledgement/", levels.acknowledgement, name="acknowledgement"),
    path("<int:number>/", case.show, name="show"),
    path("<int:number>/story/", case.story, name="story"),
    path("<int:number>/experience/", experience.show, name="experience"),
    path("<int:number>/look/", case.look, name="look"),
    path("<int:number>/next/", case.beside_it, {"way": "next"}, name="next"),
    path("<int:number>/previous/", case.beside_it, {"way": "previous"}, name="previous"),
    path("<int:number>/write/", deeds.write, name="write"),
    path("<int:number>/<slug:deed>/", deeds.do, name="do"),
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
