"""Addresses of sharing, mailings and the contact budget; cxm/listen/surveys/urls.py takes them over."""

from __future__ import annotations

from django.urls import path

from .views import budget, mailings, sharing

urlpatterns = [
    path("<int:survey_id>/share/", sharing.share, name="share"),
    path("<int:survey_id>/share/qr.<slug:form>", sharing.qr, name="qr"),
    path("<int:survey_id>/share/invite/", sharing.invite, name="invite"),
    path("<int:survey_id>/mailings/", mailings.show_list, name="mailings"),
    path("<int:survey_id>/mailings/new/", mailings.edit, name="new_mailing"),
    path("<int:survey_id>/mailings/<int:mailing_id>/", mailings.show, name="mailing"),
    path("<int:survey_id>/mailings/<int:mailing_id>/edit/", mailings.edit, name="edit_mailing"),
    path("<int:survey_id>/mailings/<int:mailing_id>/start/", mailings.start, name="start_mailing"),
    path("<int:survey_id>/mailings/<int:mailing_id>/stop/", mailings.stop, name="stop_mailing"),
    path("<int:survey_id>/mailings/<int:mailing_id>/pause/", mailings.pause, name="pause_mailing"),
    path("<int:survey_id>/mailings/<int:mailing_id>/people/", mailings.people, name="mailing_people"),
    path("<int:survey_id>/mailings/<int:mailing_id>/non-response/", mailings.non_response, name="non_response"),
    path("contact-budget/", budget.show, name="budget"),
    path("contact-budget/new/", budget.rule, name="new_budget_rule"),
    path("contact-budget/<int:contactrule_id>/", budget.rule, name="budget_rule"),
    path("contact-budget/<int:contactrule_id>/remove/", budget.remove, name="remove_budget_rule"),
    path("contact-budget/of/<uuid:customer_id>/", budget.person, name="budget_of"),
    path("panels/<uuid:segment_id>/", budget.panel, name="panel"),
]
