"""Celery tasks for imports and sweeps."""

from celery import shared_task

from albums import sweeping
from albums.imports import jobs


@shared_task
def fetch_import(import_id: str) -> None:
    """Runs one import; see `imports.jobs.run`."""
    jobs.run(import_id)


@shared_task
def sweep() -> None:
    """Sends jobs for due images and imports again; Celery beat runs it every half minute."""
    sweeping.requeue()
