"""The Celery application. Messages only wake workers: everything that matters is in the database."""

import gc
import os
from typing import Any

from celery import Celery
from celery.signals import worker_before_create_process

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.base")

app = Celery("metalyard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["provisioning"])


@worker_before_create_process.connect
def share_memory(**_sent: Any) -> None:
    """Keep what is loaded by now out of garbage collection, which in a child would copy all that it looks at."""
    gc.freeze()
