"""What workers do with albums."""

from celery import shared_task


@shared_task
def fetch(import_id: str) -> None:
    """Does one import; see `imports.jobs.run`."""
    from albums.imports import jobs  # it imports what imports this

    jobs.run(import_id)


@shared_task
def sweep() -> None:
    """Has the work done that nobody does; beat asks for it every half minute."""
    from albums import sweeping

    sweeping.requeue()
