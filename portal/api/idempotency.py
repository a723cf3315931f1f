"""Idempotency-Key: however often a request is sent, it is done once, and every sending gets the same reply.

After draft-ietf-httpapi-idempotency-key-header: the key belongs to the token's project. The work, its reply and the
key are committed together, so a process that dies in between leaves all of them or none.
"""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

from django.db import OperationalError, transaction
from psycopg.errors import LockNotAvailable
from rest_framework.request import Request

from portal.api.models import KEY_LENGTH, KeptReply
from portal.api.refusals import IdempotencyInProgress, IdempotencyKeyInvalid, IdempotencyKeyReused
from portal.api.replies import Reply
from portal.core import clock, secrets
from portal.core.cursors import repeated_cursor
from portal.core.inserting import insert
from portal.core.prepared import Given, Prepared
from portal.tenancy.models import Project

KEPT_FOR = timedelta(days=7)
PURGED_AT_ONCE = 100
PURGED_EVERY = 16
"""At each of so many new keys some that are old go: more than come, and most requests need not look."""
LOCK_WAIT_MS = 10_000
RETRY_S = 2
_KEPT = Prepared(lambda: KeptReply.objects.filter(project_id=Given("project"), key=Given("key")))
_EXPIRED = Prepared(
    lambda: (
        KeptReply.objects.filter(created_at__lte=Given("limit"))
        .order_by("created_at")
        .only("pk")
        .select_for_update(skip_locked=True)[:PURGED_AT_ONCE]
    )
)
_VALID = re.compile(rf"[\x21-\x7e]{{1,{KEY_LENGTH}}}")


def key_of(request: Request) -> str | None:
    """Return the request's Idempotency-Key; None without one. Raises IdempotencyKeyInvalid."""
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not _VALID.fullmatch(key):
        raise IdempotencyKeyInvalid(
            f"An Idempotency-Key is 1 to {KEY_LENGTH} printable ASCII characters without spaces, such as a UUID."
        )
    return key


def fingerprint_of(request: Request) -> str:
    """Return what tells one request from another: method, path and body, whatever the order of the body's names."""
    body = json.dumps(request.data, sort_keys=True, separators=(",", ":"))
    return sha256(f"{request.method} {request.path}\n{body}".encode()).hexdigest()


def once(*, project: Project, key: str, fingerprint: str, work: Callable[[], Reply]) -> tuple[Reply, bool]:
    """Do ``work`` unless it was done under this key, and return the reply and whether it is an earlier one.

    A refusal is not kept: nothing was changed, and the same key may be sent again. Raises IdempotencyKeyReused for
    another request under a used key, IdempotencyInProgress when the first one does not end within LOCK_WAIT_MS.
    """
    with transaction.atomic():
        wait_for_turn(project, key)
        kept = kept_reply(project, key)
        if kept is not None:
            if kept.fingerprint != fingerprint:
                raise IdempotencyKeyReused("This Idempotency-Key was used for another request. Take a fresh one.")
            body = secrets.decrypt(kept.body) if kept.is_sealed else kept.body
            return Reply(kept.status, body.encode(), kept.headers), True
        reply = work()
        # No upsert: should two ever get here with one key, the database lets only one of them have done its work.
        kept = KeptReply(
            project=project,
            key=key,
            fingerprint=fingerprint,
            status=reply.status,
            body=secrets.encrypt(reply.body.decode()) if reply.is_secret else reply.body.decode(),
            is_sealed=reply.is_secret,
            headers=dict(reply.headers),
        )
        insert([kept])
        if kept.pk % PURGED_EVERY == 0:
            _purge_expired()
        return reply, False


def wait_for_turn(project: Project, key: str) -> None:
    """Wait until no other transaction works under this key, and keep others waiting until this one ends."""
    digest = sha256(f"idempotency {project.pk} {key}".encode()).digest()
    number = int.from_bytes(digest[:8], signed=True)
    try:
        with repeated_cursor() as cursor:
            # Hardly ever is there somebody to wait for, and then one question is enough.
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
            if cursor.fetchone()[0]:
                return
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_WAIT_MS}ms"])
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise IdempotencyInProgress(
                "The first request with this Idempotency-Key is still being worked on; send it again in a moment.",
                extra={"retry_after": RETRY_S},
            ) from None
        raise


def kept_reply(project: Project, key: str) -> KeptReply | None:
    """Return the reply that is kept under a key of a project; one that was kept for long enough is forgotten."""
    found = _KEPT.first(project=project.pk, key=key)
    if found is not None and found.created_at <= clock.now() - KEPT_FOR:
        found.delete()
        return None
    return found


def _purge_expired() -> None:
    """Forget some replies of any project that are kept long enough.

    Up to PURGED_AT_ONCE of them, so that no request waits.
    """
    due = _EXPIRED.rows(limit=clock.now() - KEPT_FOR)
    if due:
        KeptReply.objects.filter(pk__in=[row.pk for row in due]).delete()
