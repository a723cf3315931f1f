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
from portal.operations.models import WorkerPulse

WORKER_SILENCE = timedelta(seconds=60)
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


def _worker() -> bool:
    try:
        return WorkerPulse.objects.filter(seen_at__gt=clock.now() - WORKER_SILENCE).exists()
    except DatabaseError:
        return False


@extend_schema(exclude=True)
class ReadyView(PublicView):
    """Whether the whole can do its work."""

    def get(self, request: Request) -> Response:
        """Say that database, broker and a worker (seen in the last 60 s) are there. Raises NotReady."""
        checks = {"database": _database(), "broker": _broker(), "worker": _worker()}
        if not all(checks.values()):
            missing = " and ".join(name for name, is_there in checks.items() if not is_there)
            raise NotReady(f"Not there: {missing}.", extra={"checks": checks})
        return Response({"status": "ok", "checks": checks})
