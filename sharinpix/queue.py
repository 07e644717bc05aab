"""Sends Celery jobs after commit. The rows are the queue: `sweep` sends a job again whose message was lost."""

import logging
from functools import partial
from typing import Any

from amqp.exceptions import AMQPError
from celery import Task
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string
from kombu.exceptions import KombuError

from sharinpix.celery import app
from sharinpix.crash_points import crash_point

logger = logging.getLogger(__name__)
MOST = 1_000
"""Jobs in the broker's queue beyond which a sweep adds none: it would add the same jobs again."""


def later(task: str, *arguments: str) -> None:
    """Runs the job once this transaction has committed: in a worker where there is a broker, else in this process.

    `task` is the dotted path of a Celery task, "images.tasks.process_image". Nothing is raised: the answer to a request
    does not depend on its jobs. A failure is logged, and the sweep sends the job again.
    """
    transaction.on_commit(partial(send, task, *arguments))


def later_by_worker(task: str, *arguments: str) -> None:
    """As `later`, for a job that a request must not wait for: without a broker it is left to the sweep."""
    if settings.CELERY_BROKER_URL:
        later(task, *arguments)


def send(task: str, *arguments: str) -> None:
    """Sends the job to the broker, or without one runs it here. Failures are logged."""
    crash_point("after_commit")
    job: Task[Any, Any] = import_string(task)
    if settings.CELERY_BROKER_URL:
        try:
            job.apply_async(arguments, retry=False)
        except (KombuError, AMQPError, OSError) as error:
            logger.warning("The broker does not answer (%s): a sweep will find what is to do.", type(error).__name__)
        return
    try:
        job(*arguments)
    except Exception:  # whatever a job raises: the request that sent it has committed its own work
        logger.exception("%s%r failed; a sweep will try again.", task, arguments)


def room_in_queue() -> int | None:
    """How many jobs a sweep may send; None without a broker, where there is no such limit."""
    if not settings.CELERY_BROKER_URL:
        return None
    with app.connection_for_write() as connection:
        try:
            channel: Any = connection.channel()
            waiting = channel.queue_declare(queue=settings.CELERY_TASK_DEFAULT_QUEUE, passive=True).message_count
        except connection.channel_errors:  # there is no queue yet
            waiting = 0
        except connection.connection_errors as error:
            logger.warning("The broker does not answer (%s).", type(error).__name__)
            return 0
    return max(0, MOST - int(waiting))
