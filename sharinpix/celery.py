"""The Celery application: `make worker`. Without a broker a job runs in the process that sends it (see `queue`)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sharinpix.settings")
app = Celery("sharinpix")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
