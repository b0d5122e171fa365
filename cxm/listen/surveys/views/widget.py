"""Where a survey shows on web sites and in apps, and how these vouch for their visitors."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from cxm.accounts.models import Role
from cxm.lib.conditions_form import ConditionForm
from cxm.listen.surveys.models import IdentityKey
from cxm.listen.surveys.queries import draft_of
from cxm.listen.surveys.widget import actions
from cxm.listen.surveys.widget.forms import WidgetForm, person_fields
from cxm.listen.surveys.widget.opening import settings_of
from cxm.record.capture.models import Source

from . import context_for, person, survey_for


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    """The settings, which hold at once, and the code for the site."""
    membership, survey = survey_for(request, slug, survey_id)
    workspace, definition, widget = membership.workspace, draft_of(survey), settings_of(survey)
    fields = person_fields(workspace, definition)
    posted = request.method == "POST"
    form = WidgetForm(request.POST if posted else None, widget=widget, definition=definition, workspace=workspace)
    when = ConditionForm.read(request.POST, fields) if posted else ConditionForm(fields, widget.when)
    when.nothing = _("No condition: this is for everybody.")
    wrong = False
    if posted and not when.changed:
        wrong = not (form.is_valid() & when.is_valid())
        if not wrong:
            try:
                actions.set_widget(survey=survey, widget=form.widget(when.condition), by=person(request))
            except actions.WidgetRefused as refused:
                form.refuse(refused.codes)
                wrong = True
            else:
                messages.success(request, _("The settings are saved and hold from now on."))
                return redirect("surveys:widget", slug, survey_id)
    context = context_for(
        membership, survey, "widget", definition=definition, form=form, when=when, base=settings.BASE_URL,
        sources=Source.objects.filter(workspace=workspace).order_by("name"),
        identity=IdentityKey.objects.filter(workspace=workspace).first(),
        may_admin=Role(membership.role).includes(Role.ADMIN),
    )  # fmt: skip
    return render(request, "surveys/widget.html", context, status=422 if wrong else 200)


@require_POST
def identity(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    """Make a new secret, or say whether user ids are believed without their proof."""
    _membership, survey = survey_for(request, slug, survey_id, Role.ADMIN)
    if request.POST.get("do") == "make":
        actions.make_identity_key(workspace=survey.workspace, by=person(request))
        messages.success(request, _("There is a new secret. Put it on the server of your site."))
    else:
        required = request.POST.get("required") == "yes"
        actions.require_identity(workspace=survey.workspace, required=required, by=person(request))
        messages.success(request, _("Saved."))
    return redirect("surveys:widget", slug, survey_id)
