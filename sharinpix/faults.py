"""Marked points at which crash tests kill the process: FAULT_AT=<point>, or FAULT_AT=<point>:<id> for one thing alone.
Nothing happens where it is not set."""

import os
import signal

POINTS = ("after_put", "before_commit", "after_commit", "mid_thumbnails")


def point(name: str, which: str = "") -> None:
    wanted, _, only = os.environ.get("FAULT_AT", "").partition(":")
    if wanted == name and only in ("", which):
        os.kill(os.getpid(), signal.SIGKILL)
