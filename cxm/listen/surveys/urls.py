"""Addresses of surveys, under /w/<slug>/surveys/."""

from __future__ import annotations

from django.urls import path

from .distribution.urls import urlpatterns as distribution_urls
from .views import creating, editor, listing, logic, parts, translations, versions, widget

app_name = "surveys"
urlpatterns = [
    *distribution_urls,
    path("", listing.index, name="list"),
    path("new/", creating.new, name="new"),
    path("new/wizard/", creating.wizard, name="wizard"),
    path("new/import/", creating.import_file, name="import"),
    path("<int:survey_id>/", editor.edit, name="edit"),
    path("<int:survey_id>/when/<slug:part>/<str:part_id>/", parts.when, name="when"),
    path("<int:survey_id>/check/<str:question_id>/", parts.check_answer, name="new_check"),
    path("<int:survey_id>/check/<str:question_id>/<int:number>/", parts.check_answer, name="check"),
    path("<int:survey_id>/logic/", logic.logic, name="logic"),
    path("<int:survey_id>/logic/rule/", logic.rule, name="new_rule"),
    path("<int:survey_id>/logic/rule/<str:rule_id>/", logic.rule, name="rule"),
    path("<int:survey_id>/logic/quota/", logic.quota, name="new_quota"),
    path("<int:survey_id>/logic/quota/<str:quota_id>/", logic.quota, name="quota"),
    path("<int:survey_id>/look/", parts.look, name="look"),
    path("<int:survey_id>/settings/", parts.settings, name="settings"),
    path("<int:survey_id>/website/", widget.show, name="widget"),
    path("<int:survey_id>/website/identity/", widget.identity, name="identity"),
    path("<int:survey_id>/state/", listing.change_state, name="state"),
    path("<int:survey_id>/copy/", listing.duplicate, name="duplicate"),
    path("<int:survey_id>/delete/", listing.delete, name="delete"),
    path("<int:survey_id>/publish/", listing.publish, name="publish"),
    path("<int:survey_id>/preview/", listing.preview, name="preview"),
    path("<int:survey_id>/versions/", versions.versions, name="versions"),
    path("<int:survey_id>/translations/", translations.translations, name="translations"),
    path("<int:survey_id>/translations/<slug:form>/", translations.export, name="export_texts"),
    path("<int:survey_id>/export/<slug:form>/", translations.export_survey, name="export"),
]
