"""Jobs whose process died run again, but not for ever; a failing job keeps its error where people look."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from cxm.testing.sample_jobs import fail, sleep
from cxm.web import workers

pytestmark = pytest.mark.django_db


def claimed(*worker_ids: str) -> DBTaskResult[..., object]:
    """A job that these workers have taken, one after the other, and not ended."""
    job = DBTaskResult.objects.get(pk=sleep.enqueue(0).id)
    for worker_id in worker_ids:
        job.claim(worker_id)
    return job


def test_a_job_of_a_dead_process_goes_back_into_the_queue() -> None:
    living, dead = claimed("a-1/1"), claimed("b-2/1")
    workers.say_alive("a-1")
    assert workers.requeue_interrupted(alone=False) == 1
    living.refresh_from_db()
    dead.refresh_from_db()
    assert (living.status, dead.status) == (TaskResultStatus.RUNNING, TaskResultStatus.READY)
    workers.say_goodbye("a-1")
    assert workers.requeue_interrupted(alone=False) == 1


def test_a_process_that_is_alone_takes_every_running_job_for_dead() -> None:
    job = claimed("a-1/1")
    workers.say_alive("a-1")
    assert workers.requeue_interrupted(alone=True) == 1
    job.refresh_from_db()
    assert job.status == TaskResultStatus.READY


def test_a_job_that_ends_its_process_again_and_again_is_given_up_with_a_reason() -> None:
    job = claimed(*(f"a-{number}/1" for number in range(workers.MOST_ATTEMPTS)))
    workers.requeue_interrupted(alone=True)
    job.refresh_from_db()
    assert job.status == TaskResultStatus.FAILED
    assert "ended 5 times in the middle" in job.traceback


@pytest.mark.django_db(transaction=True)
def test_a_failing_job_keeps_its_error_and_doctor_tells_it(capsys: pytest.CaptureFixture[str]) -> None:
    job_id = fail.enqueue("the bank is closed").id
    thread = workers.JobThread("test-1", 1)
    thread._worker.batch = True  # until the queue is empty
    thread._worker.run()
    job = DBTaskResult.objects.get(pk=job_id)
    assert job.status == TaskResultStatus.FAILED
    assert "ValueError: the bank is closed" in job.traceback
    call_command("doctor")
    assert "1 failed, the last one cxm.testing.sample_jobs.fail" in capsys.readouterr().out
