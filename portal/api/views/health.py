"""Whether this process is up, and whether the whole can do its work."""

from datetime import timedelta

from celery import current_app
from django.db import DatabaseError, connection
from drf_spectacular.utils import extend_schema
from kombu.exceptions import OperationalError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.refusals import NotReady
from portal.api.views.public import PublicView
from portal.core import clock
from portal.core.waking import Queue
from portal.operations.models import WorkerPulse

WORKER_SILENCE = timedelta(seconds=60)
SERVED = {"worker": Queue.OPERATIONS, "sweeps": Queue.SWEEPS}
"""The queues that a worker must serve, by what the check is called."""
BROKER_LIMIT_S = 2


@extend_schema(exclude=True)
class HealthView(PublicView):
    """Whether this process is up."""

    def get(self, request: Request) -> Response:
        """Say that the process is up."""
        return Response({"status": "ok"})


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _broker() -> bool:
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_LIMIT_S)
    except (OperationalError, OSError):
        return False
    return True


def _workers() -> dict[str, bool]:
    try:
        alive = WorkerPulse.objects.filter(seen_at__gt=clock.now() - WORKER_SILENCE)
        served = set(alive.values_list("queue", flat=True).distinct())
    except DatabaseError:
        served = set()
    return {name: queue in served for name, queue in SERVED.items()}


@extend_schema(exclude=True)
class ReadyView(PublicView):
    """Whether the whole can do its work."""

    def get(self, request: Request) -> Response:
        """Say that database, broker and workers of each queue (seen in the last 60 s) are there. Raises NotReady."""
        checks = {"database": _database(), "broker": _broker(), **_workers()}
        if not all(checks.values()):
            missing = " and ".join(name for name, is_there in checks.items() if not is_there)
            raise NotReady(f"Not there: {missing}.", extra={"checks": checks})
        return Response({"status": "ok", "checks": checks})
