"""The production server: `make serve`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sharinpix import env, patches

# Who listens to the world is nginx; the server believes what a proxy says of the client.
bind = f"{env.host('HOST', '127.0.0.1')}:{env.number('PORT', 8000)}"
workers = env.number("WEB_CONCURRENCY", os.cpu_count() or 1, most=1024)
# Threads, so that a slow reader of a long answer holds one of them and not a process, and that pictures which wait
# for their turn to be rendered leave room for everything else.
worker_class = "sharinpix.serving.worker.DeadlineWorker"
threads = env.THREADS_PER_PROCESS
preload_app = False
timeout = 60
graceful_timeout = 30
keepalive = 5

limit_request_line = patches.longer_request_lines()  # a resync of 10,000 ids is a request line of 470 KB
limit_request_field_size = 16_384  # a token has up to 8 KiB, and gunicorn's default would refuse it in its own words

control_socket_disable = True
accesslog = "-"
logger_class = "sharinpix.serving.access_log.AccessLog"


def when_ready(server: Any) -> None:
    """Where no broker and its workers look after what a killed process left undone, a child process does."""
    if env.text("CELERY_BROKER_URL"):
        return
    command = [sys.executable, str(ROOT / "manage.py"), "sweep", "--every", "600", "--parent", str(os.getpid())]
    server.sweeper = subprocess.Popen(command)  # noqa: S603  (ours)


def on_exit(server: Any) -> None:
    sweeper = getattr(server, "sweeper", None)
    if sweeper is not None:
        sweeper.terminate()
        sweeper.wait()
