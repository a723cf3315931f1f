"""In a child that is the portal on a filled fleet: bookings and lists through the API, beside the same in SQL."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from django.core.handlers.base import BaseHandler
from django.db import connection
from django.http import HttpRequest
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from portal.launcher.problems import LaunchProblem

BLOCK = 8
SIZES = (1, 8, 64)
WARM_UP = 5
LISTED = 100
LIST = """
SELECT json_agg(row) FROM (
    SELECT r.public_id AS id, r.name, r.state, r.state_reason, r.state_changed_at, r.degraded, t.slug AS server_type,
           g.code AS region, r.count, r.count * t.gpu_count AS gpu_count, lower(r.period) AS starts_at,
           upper(r.period) AS ends_at, r.placement, i.public_id AS image, r.ssh_keys,
           r.user_data <> '' AS has_user_data, r.labels, r.rate_per_gpu_hour, r.price_lines,
           r.cancellation_terms, r.cancellation_fee, r.start_delayed_at, r.state_deadline_at,
           json_build_object('amount', r.price, 'currency', r.currency) AS price,
           p.public_id AS project, r.requested_by, r.created_at,
           (SELECT count(*) FROM reservations_allocation a
            WHERE a.reservation_id = r.id AND a.state = 'serving') AS ready,
           (SELECT json_build_object('id', o.public_id, 'state', o.state, 'parts', (
                SELECT count(*) FROM operations_operationserver w WHERE w.operation_id = o.id))
            FROM operations_operation o WHERE o.subject = r.public_id ORDER BY o.id DESC LIMIT 1) AS progress
    FROM reservations_reservation r
    JOIN fleet_servertype t ON t.id = r.server_type_id JOIN fleet_region g ON g.id = r.region_id
    JOIN tenancy_project p ON p.id = r.project_id LEFT JOIN catalog_osimage i ON i.id = r.image_id
    WHERE r.project_id = %s ORDER BY r.id DESC LIMIT %s
) AS row
"""


class Portal:
    """A customer's program and a database session, side by side on one fleet."""

    def __init__(self, asked: dict[str, Any]) -> None:
        """Take down whose program it is."""
        self.world = asked["world"]
        self.since = datetime.fromtimestamp(asked["since"], UTC)
        self.requests, self.portal = RequestFactory(), BaseHandler()
        self.portal.load_middleware()
        self.made = 0
        self.pools = self._ask("SELECT array_agg(id ORDER BY id) FROM reservations_pool")[0][0]

    def _ask(self, query: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(query, values or [])
            return cursor.fetchall() if cursor.description else []

    def _window(self) -> tuple[datetime, datetime]:
        """Return a day that begins on a full hour, another one each time."""
        self.made += 1
        begin = self.since + timedelta(hours=24 + self.made * 37 % 7000)
        return begin, begin + timedelta(hours=24)

    def post(self, count: int) -> float:
        """Reserve servers through the API; return the milliseconds."""
        begin, end = self._window()
        body = {
            "name": f"n-{time.time_ns()}",
            "server_type": "h100-8x",
            "region": "eu-north-1",
            "count": count,
            "starts_at": begin.isoformat(),
            "ends_at": end.isoformat(),
            "image": "ubuntu-24-04",
            "ssh_keys": [self.world["ssh_key"]],
        }
        headers = {"Authorization": f"Bearer {self.world['token']}", "Idempotency-Key": f"key-{time.time_ns()}"}
        request = self.requests.post("/api/v1/reservations", json.dumps(body), "application/json", headers=headers)
        took = self._answer(request, 201)
        self._undo()
        return took

    def _answer(self, request: HttpRequest, status: int) -> float:
        """Return the milliseconds until the reply is there. What is done once it is sent is done, and not counted."""
        began = time.perf_counter()
        reply = self.portal.get_response(request)
        took = (time.perf_counter() - began) * 1000
        reply.close()
        if reply.status_code != status:
            raise LaunchProblem(f"{request.method}: {reply.status_code} {getattr(reply, 'content', b'')[:500]!r}")
        return took

    def raw(self, count: int) -> float:
        """Reserve servers by one call of SQL; return the milliseconds."""
        begin, end = self._window()
        span = [begin - timedelta(hours=1), end + timedelta(hours=1)]
        began = time.perf_counter()
        self._ask("SELECT bench_book(%s::bigint[], %s, %s, %s)", [self.pools, count, *span])
        took = (time.perf_counter() - began) * 1000
        self._undo()
        return took

    def _undo(self) -> None:
        self._ask("SELECT bench_cancel(max(id)) FROM reservations_reservation")

    def listing(self) -> float:
        """List reservations through the API; return the milliseconds."""
        headers = {"Authorization": f"Bearer {self.world['token']}"}
        return self._answer(self.requests.get(f"/api/v1/reservations?limit={LISTED}", headers=headers), 200)

    def raw_listing(self) -> float:
        """List the same by one statement that writes JSON; return the milliseconds."""
        began = time.perf_counter()
        self._ask(LIST, [self.world["buyer"], LISTED])
        return (time.perf_counter() - began) * 1000

    def statements(self, count: int) -> int:
        """Return how many SQL statements a reservation through the API takes.

        One in so many also forgets old replies; of two one after the other, one does not.
        """
        return min(self._statements(count) for _ in range(2))

    def _statements(self, count: int) -> int:
        connection.force_debug_cursor = True
        with CaptureQueriesContext(connection) as asked:
            self.post(count)
        connection.force_debug_cursor = False
        return len(asked)


def measure(asked: dict[str, Any]) -> dict[str, Any]:
    """Return medians in milliseconds and numbers of statements."""
    portal = Portal(asked)
    works: dict[str, Callable[[], float]] = {
        "post": lambda: portal.post(min(BLOCK, asked["most"])),
        "raw": lambda: portal.raw(min(BLOCK, asked["most"])),
        "listing": portal.listing,
        "raw_listing": portal.raw_listing,
    }
    took: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(WARM_UP + asked["times"]):
        for name, work in works.items():
            milliseconds = work()
            if turn >= WARM_UP:
                took[name].append(milliseconds)
    sizes = [size for size in SIZES if size <= asked["most"]]
    return {
        **{name: median(values) for name, values in took.items()},
        "statements": {str(size): portal.statements(size) for size in sizes},
    }
