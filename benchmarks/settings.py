"""The shipped settings with the other contenders' routes beside our own."""

from sharinpix.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
