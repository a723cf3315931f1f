"""Whether this process is up, and whether the whole can do its work."""

from datetime import timedelta

from celery import current_app
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from portal.core import clock
from portal.operations.models import WorkerPulse

WORKER_SILENCE = timedelta(seconds=60)
BROKER_LIMIT_S = 2


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Say that the process is up."""
    return JsonResponse({"status": "ok"})


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


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether database, broker and a worker (seen in the last 60 s) are there; 503 when one is not."""
    checks = {"database": _database(), "broker": _broker(), "worker": _worker()}
    return JsonResponse(
        {"status": "ok" if all(checks.values()) else "unavailable", "checks": checks},
        status=200 if all(checks.values()) else 503,
    )
