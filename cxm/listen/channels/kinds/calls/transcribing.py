"""Recordings are transcribed by a program of yours, CXM_TRANSCRIBER: nothing leaves the machine, nothing is bundled.

The command gets the path of the recording and writes a transcript, to its standard output or into a file beside the
recording, in any form that transcripts.py reads.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.access import require_role
from cxm.accounts.audit import Actor, audit
from cxm.accounts.models import Role
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.files import path_of
from cxm.listen.channels.models import Attachment, Message, Transcription

from . import transcripts
from .taking import RECORDINGS, tell_recording
from .transcripts import Transcript, Unreadable

State = Transcription.State
LONGEST_S = 2 * 3600  # seconds that one recording may take
AT_ONCE = 20  # recordings that one look gives to the job threads
SILENT = timedelta(seconds=LONGEST_S + 600)  # after that, whoever ran it is gone
ENDINGS = {type_: ending for ending, type_ in reversed(RECORDINGS.items())}


class Failed(Exception):
    """The program did not give a transcript; the message is for people."""


def is_recording(attachment: Attachment) -> bool:
    return attachment.type.startswith("audio/")


def find() -> list[Transcription]:
    """Recordings that nobody has taken yet, or that were left in the middle; each has a row when this returns."""
    if not settings.TRANSCRIBER:
        return []
    recordings = Attachment.objects.filter(
        type__startswith="audio/", transcription=None, message__direction=Message.Direction.IN
    )
    for one in recordings.select_related("message")[:AT_ONCE]:
        if not one.message.properties.get("turns"):
            Transcription.objects.get_or_create(attachment=one)
        else:
            Transcription.objects.get_or_create(attachment=one, defaults={"state": State.DONE})
    return list(Transcription.objects.filter(_free()).order_by("pk")[:AT_ONCE])


def _free() -> Q:
    return Q(state=State.WAITING) | Q(state=State.RUNNING, started_at__lt=timezone.now() - SILENT)


def run(transcription_id: int) -> str:
    """Transcribe one recording; returns its state then. It is told once, however often this runs."""
    one = Transcription.objects.filter(pk=transcription_id)
    if not settings.TRANSCRIBER or not one.filter(_free()).update(state=State.RUNNING, started_at=timezone.now()):
        return ""
    rows = one.filter(state=State.RUNNING)
    row = Transcription.objects.select_related("attachment__message__conversation").get(pk=transcription_id)
    language = row.attachment.message.conversation.language
    try:
        transcript = transcribed(path_of(row.attachment.key), row.attachment, language)
    except Failed as problem:
        rows.update(state=State.FAILED, error=str(problem)[:2000], done_at=timezone.now())
        return State.FAILED
    with transaction.atomic():
        if not rows.update(state=State.DONE, error="", done_at=timezone.now()):
            return State.DONE  # somebody else was faster
        tell_recording(row.attachment.message, transcript, row.attachment_id)
    return State.DONE


@transaction.atomic
def try_again(*, attachment: Attachment, by: Actor) -> None:
    """Give a recording to the program once more. Raises Refused."""
    message = attachment.message
    require_role(message.workspace, by, Role.AGENT)
    if not Transcription.objects.filter(attachment=attachment, state=State.FAILED).update(
        state=State.WAITING, error=""
    ):
        raise Refused(_("Only a recording that could not be transcribed can be tried again."))
    audit("retried", message, workspace=message.workspace, by=by)


def transcribed(path: Path, attachment: Attachment, language: str = "") -> Transcript:
    """What the program makes of a recording. Raises Failed."""
    ending = ENDINGS.get(attachment.type, "") or Path(attachment.name).suffix.lower()
    ending = ending if ending in RECORDINGS else ".bin"  # the name that it came with decides nothing else
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR, prefix="recording-") as folder:
        recording = Path(folder) / f"recording{ending}"
        try:
            shutil.copyfile(path, recording)
        except OSError as error:
            raise Failed(_("The recording is not there any more.")) from error
        output = _output(command_for(recording, language), Path(folder))
    if not output.strip():
        raise Failed(_("The program wrote no transcript."))
    try:
        return transcripts.read(output)
    except Unreadable as problem:
        raise Failed(
            _("The program wrote something else than a transcript: %(problem)s") % {"problem": problem}
        ) from problem


def command_for(recording: Path, language: str) -> list[str]:
    """The words of CXM_TRANSCRIBER, {file} and {language} filled in; without {file} it stands at the end."""
    words = shlex.split(settings.TRANSCRIBER)
    named = any("{file}" in word for word in words)
    filled = [word.replace("{file}", str(recording)).replace("{language}", language or "auto") for word in words]
    return filled if named else [*filled, str(recording)]


def _output(command: list[str], folder: Path) -> bytes:
    """Run it in `folder`; its standard output, or the transcript that it left there."""
    # What this process knows as settings (keys, passwords of databases) is none of its business.
    around = {name: value for name, value in os.environ.items() if not name.startswith("CXM_")}
    with tempfile.TemporaryFile(dir=folder) as said, tempfile.TemporaryFile(dir=folder) as problems:
        try:
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=problems, env=around,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise Failed(_("The program cannot be started: %(problem)s") % {"problem": error}) from error
        try:
            code = process.wait(timeout=LONGEST_S)
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise Failed(_("The program did not come to an end.")) from error
        if code:
            problems.seek(max(0, problems.tell() - 500))
            last = problems.read().decode("utf-8", "replace").strip()
            raise Failed(_("The program ended with %(code)d: %(last)s") % {"code": code, "last": last})
        said.seek(0)
        output = said.read(transcripts.MOST_BYTES + 1)
    written = sorted(one for ending in ("json", "vtt", "srt") for one in folder.glob(f"*.{ending}"))
    if written and not output.lstrip().startswith((b"WEBVTT", b"{", b"\xef\xbb\xbfWEBVTT")):
        with written[0].open("rb") as file:
            return file.read(transcripts.MOST_BYTES + 1)
    return output
