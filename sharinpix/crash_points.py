"""Marked points at which crash tests kill the process: FAULT_AT=<point>, or FAULT_AT=<point>:<id> for one id alone.
Without FAULT_AT nothing happens."""

import os
import signal

POINTS = ("after_put", "before_commit", "after_commit", "mid_thumbnails")


def crash_point(name: str, which: str = "") -> None:
    """Kills the process by SIGKILL if FAULT_AT names this point, and no other id than `which`."""
    wanted, _, only = os.environ.get("FAULT_AT", "").partition(":")
    if wanted == name and only in ("", which):
        os.kill(os.getpid(), signal.SIGKILL)
