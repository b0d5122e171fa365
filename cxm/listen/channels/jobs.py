"""Background work of channels: recordings are transcribed, files of reviews are read."""

from __future__ import annotations

from django_tasks import task

from .kinds.calls import transcribing
from .kinds.reviews import importing
from .models import Channel


@task()
def transcribe(transcription_id: str) -> None:
    transcribing.run(int(transcription_id))


@task()
def import_reviews(channel_id: str) -> None:
    importing.run(int(channel_id))


@task()
def undo_reviews(channel_id: str) -> None:
    importing.run_undo(int(channel_id))


def look_for_recordings() -> int:
    """Give recordings that nobody has taken yet to the job threads; returns how many. A clock."""
    found = transcribing.find()
    for one in found:
        transcribe.enqueue(str(one.pk))
    return len(found)


def resume_reviews() -> int:
    """Give files of reviews that were being read when their process ended to the job threads again; how many."""
    running = Channel.objects.filter(kind="reviews", state__import__state="running")
    found = [one for one in running.only("pk", "state") if importing.is_silent(one)]
    for one in found:
        import_reviews.enqueue(str(one.pk))
    for one in Channel.objects.filter(kind="reviews", state__undoing__isnull=False).only("pk"):
        undo_reviews.enqueue(str(one.pk))
    return len(found)
