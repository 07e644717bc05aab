"""`manage.py sweep`: runs or sends jobs that dead processes left, and removes files that they left."""

import logging
import os
import signal
import sys
import threading
import time
from argparse import ArgumentParser
from datetime import timedelta
from multiprocessing import get_context
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections

from albums import sweeping
from sharinpix.locks import FileLock

logger = logging.getLogger(__name__)
FORK = get_context("fork")


class Command(BaseCommand):
    help = "Does waiting work, tries imports again, removes uploads that were never claimed and files without a row."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--grace", type=float, default=24.0, metavar="HOURS", help="age at which a file is removed")
        parser.add_argument(
            "--every", type=float, metavar="SECONDS", help="go on, and look for what waits at least every half minute"
        )
        parser.add_argument("--parent", type=int, metavar="PID", help="end with this process, whose child this is")

    def handle(self, *args: Any, grace: float, every: float | None, parent: int | None, **options: Any) -> None:
        if parent is not None:
            end_with(parent)
        if every is None:
            self.sweep(timedelta(hours=grace))
        else:
            self.go_on(timedelta(hours=grace), every)

    def go_on(self, grace: timedelta, every: float) -> None:
        """Sweeps for ever, each time in a child process: a file may kill it, or the database may not answer."""
        due = 0.0
        while True:
            whole = time.monotonic() >= due
            due = time.monotonic() + every if whole else due
            connections.close_all()
            child = FORK.Process(target=self.sweep, args=[grace if whole else None], daemon=True)
            child.start()
            child.join()
            if child.exitcode:
                logger.error("A sweep failed (%s); the next one will try again.", child.exitcode)
            time.sleep(settings.SWEEP_EVERY)

    def sweep(self, grace: timedelta | None) -> None:
        """One sweep, unless another one runs on this host. Without a grace nothing is removed."""
        with FileLock("sweep", wait=0) as held:
            if not held:
                self.stderr.write("Another sweep is at work.")
                return
            found, removed = sweeping.requeue(), 0
            if grace is not None:
                sweeping.forget_dropped()
                removed = sweeping.remove_unclaimed() + sweeping.remove_files(grace)
        if found or removed:
            self.stdout.write(f"{found} images and imports taken up, {removed} files removed.")


def end_with(parent: int) -> None:
    """Ends this process by SIGTERM, which releases claims, once the process `parent` has ended in whatever way."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    threading.Thread(target=watch, daemon=True).start()
