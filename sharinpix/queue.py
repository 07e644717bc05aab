"""Jobs after commit. The table is the queue: what is lost on the way here is found by the sweep."""

import logging
from functools import partial
from typing import Any

from amqp.exceptions import AMQPError
from celery import Task
from django.conf import settings
from django.db import transaction
from kombu.exceptions import KombuError

from sharinpix import faults
from sharinpix.celery import app

logger = logging.getLogger(__name__)
MOST = 1_000
"""Jobs in the broker's queue beyond which a sweep adds none: they would be those that wait in it already."""


def later(task: "Task[Any, Any]", *arguments: str) -> None:
    """Has the job done once this transaction has committed: by a worker where there is a broker, else here.

    What the caller has acknowledged does not depend on it: trouble is noted, and the sweep comes back to it.
    """
    transaction.on_commit(partial(send, task, *arguments))


def send(task: "Task[Any, Any]", *arguments: str) -> None:
    faults.point("after_commit")
    if settings.CELERY_BROKER_URL:
        try:
            task.apply_async(arguments, retry=False)
        except (KombuError, AMQPError, OSError) as error:
            logger.warning("The broker does not answer (%s): a sweep will find what is to do.", type(error).__name__)
        return
    try:
        task(*arguments)
    except Exception:  # the loop of a worker, which here is a request that has its answer already
        logger.exception("%s%r failed; a sweep will try again.", task.name, arguments)


def room() -> int | None:
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
