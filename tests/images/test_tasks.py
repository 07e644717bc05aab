"""The jobs of workers."""

import pytest
from celery.app.task import Task
from django.conf import settings

from accounts.models import Organization
from albums import tasks as jobs
from images import tasks
from images.models import Image
from images.querysets import abandoned_after
from sharinpix.celery import app
from tests.factories import make_album, make_waiting_image


@pytest.mark.django_db
def test_an_image_is_processed_once_however_often_its_job_comes(organization: Organization) -> None:
    image = make_waiting_image(make_album(organization))
    for _ in range(3):
        tasks.process_image(str(image.pk))
    row = Image.objects.get(pk=image.pk)
    assert (row.processed, row.processing_error, row.processing_attempts) == (True, None, 1)


@pytest.mark.django_db
def test_a_job_whose_image_is_gone_is_none() -> None:
    tasks.process_image("00000000-0000-4000-8000-000000000000")


@pytest.mark.django_db
def test_a_notification_of_an_upload_that_is_gone_is_none() -> None:
    tasks.notify("http://example.com/", "nothing", "0")


@pytest.mark.parametrize("task", [tasks.process_image, tasks.notify, jobs.fetch_import, jobs.sweep])
def test_a_job_of_a_killed_worker_goes_back_to_the_queue(task: "Task[..., object]") -> None:
    assert (task.acks_late, task.reject_on_worker_lost) == (True, True)
    assert app.tasks[str(task.name)].name == task.name


def test_no_job_outlives_its_claim_nor_its_turn_at_the_broker() -> None:
    assert app.conf.task_soft_time_limit < app.conf.task_time_limit
    assert app.conf.task_time_limit < abandoned_after().total_seconds()
    assert app.conf.worker_max_memory_per_child == 1_000_000
    assert app.conf.beat_schedule["sweep"]["schedule"] == settings.SWEEP_EVERY == 30
