"""The Celery application. Messages only wake workers: everything that matters is in the database."""

import gc
import os
from typing import Any

from celery import Celery, bootsteps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.base")

app = Celery("metalyard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["provisioning"])


class SharedMemory(bootsteps.Step):
    """Before a worker forks its processes: what is loaded by then is shared by all of them."""

    def create(self, parent: Any) -> None:
        """Keep it out of garbage collection, which in each process would copy all that it looks at."""
        super().create(parent)
        gc.freeze()


app.steps["worker"].add(SharedMemory)
