"""What can be done to a survey: create it, edit its draft and take edits back, publish, pause, close, copy, archive.

Edits of a draft are kept as revisions, with who and when; the audit trail tells what others can see: publishing, states
and settings. What was published is never changed: answers stay under the version, and the wording, that was asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cxm.accounts.audit import Actor, audit, user_behind
from cxm.accounts.models import Workspace

from .checking import Problem, Taken, check, faults
from .definition import Definition, Question
from .editing import align_rows, part_tables
from .models import QuestionVersion, Revision, Survey, Version
from .pictures import copy_pictures
from .queries import differs, draft_of, taken_by, wordings_now
from .respond.directory import directory
from .respond.quotas import forget_counts
from .wording import asked, scale_changed

MOST_REVISIONS: Final = 200
LARGEST: Final = 2_000_000  # bytes of a definition as JSON
RESERVED: Final = {"i", "r", "w", "u", "q", "api", "admin", "static", "health"}


class SurveyRefused(ValueError):
    """The change was not made; the message says why and what to do. `problems` names the places, if there are any."""

    def __init__(self, message: str, problems: list[Problem] | None = None) -> None:
        super().__init__(message)
        self.problems = problems or []


def read_definition(data: object) -> Definition:
    """A definition from JSON values that anybody may have written; SurveyRefused with a sentence if it is none."""
    try:
        return msgspec.convert(data, Definition)
    except msgspec.ValidationError as error:
        message = _("This is not a questionnaire that OpenCXM understands: %(error)s") % {"error": error}
        raise SurveyRefused(message) from error
    except RecursionError as error:
        raise SurveyRefused(_("The conditions of this questionnaire are nested too deeply.")) from error


@transaction.atomic
def create_survey(*, workspace: Workspace, name: str, definition: Definition, by: Actor) -> Survey:
    """A draft. The key is made from the name, once: the log knows the survey by it for ever."""
    name = name.replace("\x00", "").encode("utf-8", "ignore").decode().strip()
    if not name:
        raise SurveyRefused(_("Give the survey a name."))
    survey = Survey(workspace=workspace, name=name[:200], key=_free_key(workspace, name), created_by=user_behind(by))
    survey.draft = _storable(definition, Taken())
    survey.save()
    audit("created", survey, workspace=workspace, by=by)
    return survey


def _free_key(workspace: Workspace, name: str) -> str:
    base = slugify(name)[:50].strip("-") or "survey"
    taken = set(Survey.objects.filter(workspace=workspace, key__startswith=base).values_list("key", flat=True))
    number = 1
    while (key := base if number == 1 else f"{base}-{number}") in taken:
        number += 1
    return key


def _storable(definition: Definition, taken: Taken) -> dict[str, Any]:
    """The JSON of a definition that may be stored: whatever the state of the work, it is no danger and no riddle."""
    align_rows(definition)
    found = faults(definition, taken)
    if found:
        raise SurveyRefused(" ".join(dict.fromkeys(one.message for one in found[:5])), found)
    data: dict[str, Any] = msgspec.to_builtins(definition)
    try:
        written = msgspec.json.encode(data)
    except UnicodeEncodeError as error:
        raise SurveyRefused(_("A text holds half a character. Copy it again from where it came.")) from error
    if b"\\u0000" in written:
        raise SurveyRefused(_("A text holds a character, or a language code, that cannot be stored."))
    if len(written) > LARGEST:
        raise SurveyRefused(_("The questionnaire is larger than 2 MB. Make it shorter, or divide it into two surveys."))
    return data


def locked(survey: Survey) -> Survey:
    """The survey as it is now, with its row held until the end of the transaction; then respondents get the new one."""
    found = Survey.objects.select_for_update().select_related("workspace").get(pk=survey.pk)
    before = found.address
    transaction.on_commit(lambda: directory().forget(found.pk, found.public_id, found.address, before))
    return found


@transaction.atomic
def edit_draft(*, survey: Survey, change: Callable[[Definition, Taken], None], by: Actor) -> Survey:
    """Apply `change` to the draft as it is now. It may raise SurveyRefused: then nothing has happened.

    `change` gets the ids that published versions hold beside the definition: no new thing may take one of them.
    """
    survey = locked(survey)
    before, definition, taken = draft_of(survey), draft_of(survey), taken_by(survey)
    change(definition, taken)
    part_tables(before, definition)
    after = _storable(definition, taken)
    if definition == before:  # not the JSON: 1 and 1.0, a default written down or left out, are the same
        return survey
    _keep(survey, by)
    Revision.objects.filter(survey=survey, number__gt=survey.revision).delete()  # what was undone is gone now
    Revision.objects.filter(survey=survey, number__lt=survey.revision - MOST_REVISIONS).delete()
    survey.draft, survey.revision = after, survey.revision + 1
    survey.updated_at = timezone.now()
    survey.save(update_fields=["draft", "revision", "updated_at"])
    return survey


def put_definition(*, survey: Survey, definition: Definition, by: Actor) -> Survey:
    """Replace the whole draft; one step back undoes it."""

    def replace(draft: Definition, _taken: Taken) -> None:
        for name in Definition.__struct_fields__:
            setattr(draft, name, getattr(definition, name))

    return edit_draft(survey=survey, change=replace, by=by)


def restore_version(*, survey: Survey, number: int, by: Actor) -> Survey:
    """Make a published version the draft again."""
    version = Version.objects.filter(survey=survey, number=number).first()
    if version is None:
        raise SurveyRefused(_("There is no version %(number)s of this survey.") % {"number": number})
    return put_definition(survey=survey, definition=read_definition(version.definition), by=by)


def _keep(survey: Survey, by: Actor) -> None:
    Revision.objects.update_or_create(
        survey=survey, number=survey.revision,
        defaults={"draft": survey.draft, "made_by": user_behind(by), "made_at": timezone.now()},
    )  # fmt: skip


def undo(*, survey: Survey, by: Actor) -> Survey:
    """Take the last edit back, whoever made it; as often as there are revisions."""
    return _step(survey, -1, _("There is nothing to undo."), by)


def redo(*, survey: Survey, by: Actor) -> Survey:
    """Make an undone edit again."""
    return _step(survey, 1, _("There is nothing to redo."), by)


@transaction.atomic
def _step(survey: Survey, step: int, nothing: str, by: Actor) -> Survey:
    survey = locked(survey)
    wanted = Revision.objects.filter(survey=survey, number=survey.revision + step).first()
    if wanted is None:
        raise SurveyRefused(nothing)
    _keep(survey, by)
    survey.draft, survey.revision, survey.updated_at = wanted.draft, wanted.number, timezone.now()
    survey.save(update_fields=["draft", "revision", "updated_at"])
    return survey


@transaction.atomic
def publish(*, survey: Survey, by: Actor) -> Version:
    """Make the draft the version that people answer from now on. Those who have begun finish with theirs.

    A question keeps the number of its wording as long as nothing that people see of it changes.
    """
    survey = locked(survey)
    if survey.archived_at:
        raise SurveyRefused(_("The survey is archived. Take it out of the archive first."))
    definition = draft_of(survey)
    problems = [one for one in check(definition, taken_by(survey)) if one.level != "warning"]
    if problems:
        count = len(problems)
        raise SurveyRefused(
            ngettext(
                "The survey cannot be published yet: %(count)s thing has to be put right.",
                "The survey cannot be published yet: %(count)s things have to be put right.",
                count,
            ) % {"count": count},
            problems,
        )  # fmt: skip
    newest = Version.objects.filter(survey=survey, number=survey.version).first()
    if newest and not differs(survey, definition):
        raise SurveyRefused(_("Nothing has changed since version %(number)s.") % {"number": newest.number})
    now, wordings = timezone.now(), wordings_now(survey)
    version = Version.objects.create(
        survey=survey, number=survey.version + 1, definition=survey.draft, published_by=user_behind(by),
        published_at=now,
        question_versions={
            one.id: _wording_number(survey, one, wordings.get(one.id), now) for one in definition.questions()
        },
    )  # fmt: skip
    if newest and newest.definition.get("quotas") != survey.draft.get("quotas"):
        forget_counts(survey.pk)
    before = survey.state
    survey.version, survey.state, survey.updated_at = version.number, Survey.State.LIVE, now
    survey.save(update_fields=["version", "state", "updated_at"])
    changes = {"version": [version.number - 1 or None, version.number], "state": [before, survey.state]}
    audit("published", survey, workspace=survey.workspace, by=by, changes=changes)
    return version


def _wording_number(survey: Survey, question: Question, newest: QuestionVersion | None, now: datetime) -> int:
    """The number of this wording: that of the newest one if nothing of it has changed, else a new one."""
    if newest:
        before = msgspec.convert(newest.body, Question)
        if asked(before) == asked(question):
            return newest.number
    wording = QuestionVersion.objects.create(
        survey=survey, question=question.id, number=newest.number + 1 if newest else 1,
        body=msgspec.to_builtins(question), published_at=now,
        scale_changed=bool(newest and scale_changed(before, question)),
    )  # fmt: skip
    return wording.number


def pause(*, survey: Survey, by: Actor) -> Survey:
    """Nobody can begin until it is opened again; who has begun may finish."""
    return _state(survey, Survey.State.PAUSED, "paused", by, {Survey.State.LIVE})


def close(*, survey: Survey, by: Actor) -> Survey:
    return _state(survey, Survey.State.CLOSED, "closed", by, {Survey.State.LIVE, Survey.State.PAUSED})


def reopen(*, survey: Survey, by: Actor) -> Survey:
    """People can answer the published version again."""
    return _state(survey, Survey.State.LIVE, "opened", by, {Survey.State.PAUSED, Survey.State.CLOSED})


@transaction.atomic
def _state(survey: Survey, state: Survey.State, verb: str, by: Actor, allowed: set[Survey.State]) -> Survey:
    survey = locked(survey)
    if survey.state not in allowed or (survey.archived_at and state == Survey.State.LIVE):
        raise SurveyRefused(
            _("The survey is “%(state)s” now. Load the page again to see what can be done with it.")
            % {"state": Survey.State(survey.state).label}
        )
    before, survey.state, survey.updated_at = survey.state, state, timezone.now()
    survey.save(update_fields=["state", "updated_at"])
    audit(verb, survey, workspace=survey.workspace, by=by, changes={"state": [before, survey.state]})
    return survey


@transaction.atomic
def duplicate(*, survey: Survey, by: Actor) -> Survey:
    """A new draft with the same questions; answers, address and PIN stay with the original."""
    definition = draft_of(survey)
    copied = create_survey(
        workspace=survey.workspace, name=_("Copy of %(name)s") % {"name": survey.name}, definition=definition, by=by
    )
    copy_pictures(definition, copied)
    return copied


@transaction.atomic
def archive(*, survey: Survey, by: Actor) -> Survey:
    """Out of the list. It takes no more answers; those that there are stay where they are."""
    survey = locked(survey)
    if survey.archived_at is None:
        before = survey.state
        survey.archived_at = survey.updated_at = timezone.now()
        if survey.state != Survey.State.DRAFT:
            survey.state = Survey.State.CLOSED
        survey.save(update_fields=["archived_at", "state", "updated_at"])
        audit("archived", survey, workspace=survey.workspace, by=by, changes={"state": [before, survey.state]})
    return survey


@transaction.atomic
def unarchive(*, survey: Survey, by: Actor) -> Survey:
    survey = locked(survey)
    if survey.archived_at is not None:
        survey.archived_at, survey.updated_at = None, timezone.now()
        survey.save(update_fields=["archived_at", "updated_at"])
        audit("restored", survey, workspace=survey.workspace, by=by)
    return survey


@transaction.atomic
def delete_survey(*, survey: Survey, by: Actor) -> None:
    """For good; only while nobody has answered it. What people said is archived, never deleted with a survey."""
    survey = locked(survey)
    if survey.responses.filter(test=False).exists() or survey.invitations.exists():
        raise SurveyRefused(_("People have answered this survey, or were invited to it. Archive it instead."))
    audit("removed", survey, workspace=survey.workspace, by=by)
    survey.delete()


SETTINGS: Final = (
    "name", "address", "pin", "verify_email", "opens_at", "closes_at", "most_responses", "partial_after_minutes",
    "priority",
)  # fmt: skip


@transaction.atomic
def change_settings(*, survey: Survey, by: Actor, **changed: Any) -> Survey:
    """Set any of SETTINGS. The address is unique over all workspaces, because it stands in public links."""
    survey = locked(survey)
    unknown = changed.keys() - set(SETTINGS)
    if unknown:
        raise TypeError(f"A survey has no setting {', '.join(sorted(unknown))}.")
    before = {name: getattr(survey, name) for name in SETTINGS}
    after = before | changed
    if not str(after["name"]).strip():
        raise SurveyRefused(_("Give the survey a name."))
    if address := after["address"]:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{2,59}", address) or address in RESERVED:
            raise SurveyRefused(_("The address has 3 to 60 characters: small Latin letters, digits and hyphens."))
        if Survey.objects.exclude(pk=survey.pk).filter(address=address).exists():
            raise SurveyRefused(_("The address “%(address)s” is taken. Choose another one.") % {"address": address})
    if after["opens_at"] and after["closes_at"] and after["opens_at"] >= after["closes_at"]:
        raise SurveyRefused(_("The survey would close before it opens. Change one of the two times."))
    changes = {name: [_plain(before[name]), _plain(after[name])] for name in SETTINGS if before[name] != after[name]}
    if "pin" in changes:
        changes["pin"] = ["…" if one else "" for one in changes["pin"]]  # a secret is no part of the trail
    for name, value in after.items():
        setattr(survey, name, value)
    survey.updated_at = timezone.now()
    survey.save(update_fields=[*SETTINGS, "updated_at"])
    if changes:
        audit("changed", survey, workspace=survey.workspace, by=by, changes=changes)
    return survey


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
