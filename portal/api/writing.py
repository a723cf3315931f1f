"""Carrying out a write: in one transaction with its reply, once per Idempotency-Key, or only as a rehearsal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from rest_framework.request import Request

from portal.api.authentication import scope_of
from portal.api.fields import Input
from portal.api.idempotency import fingerprint_of, key_of, once
from portal.api.queries import WriteQuery, read_query
from portal.api.refusals import IdempotencyKeyRequired
from portal.api.replies import Reply
from portal.core.repeating import repeated


@dataclass(frozen=True)
class Effect:
    """What came of a write: the object afterwards, or as it was before it went where ``status`` is 204."""

    document: Mapping[str, Any]
    status: int = 200
    location: str = ""
    is_secret: bool = False
    """Whether what is kept of it for a repeated request is encrypted."""

    def reply(self) -> Reply:
        """Return the reply to the write."""
        headers = {"Location": self.location} if self.location else None
        return replace(Reply.of(self.document, self.status, headers), is_secret=self.is_secret)


Work = Callable[[], Effect]


def carry_out(request: Request, work: Work, *, key_required: bool = False) -> HttpResponse:
    """Do ``work``, which calls one service and raises its refusals, and answer.

    With ``?dry_run=true`` all of it is rolled back. Raises IdempotencyKeyRequired and what ``once`` raises.
    """
    query = read_query(WriteQuery, request)
    fingerprint = fingerprint_of(request)
    if query["dry_run"]:
        return repeated(lambda: _rehearse(work), is_rehearsal=True).as_response()
    key = key_of(request)
    if key is None:
        if key_required:
            raise IdempotencyKeyRequired(
                "Send an Idempotency-Key, such as a UUID, so that a repeated request cannot do this twice."
            )
        return repeated(lambda: _alone(work)).as_response()
    project = scope_of(request).project
    reply, is_replay = repeated(
        lambda: once(project=project, key=key, fingerprint=fingerprint, work=lambda: work().reply())
    )
    return reply.as_response(**{"Idempotency-Replayed": "true"} if is_replay else {})


def _alone(work: Work) -> Reply:
    with transaction.atomic():
        return work().reply()


def _rehearse(work: Work) -> Reply:
    with transaction.atomic():
        effect = work()
        # Rolling back also drops what waits for the commit: no worker is woken, no mail is sent.
        transaction.set_rollback(True)
    reply = Reply.of({**effect.document, "dry_run": True})
    return Reply(reply.status, reply.body, {})


class Nothing(Input[None]):
    """A body without fields."""


def refuse_body(request: Request) -> None:
    """Raise ValidationError for a body with fields, where an endpoint takes none."""
    Nothing(data=request.data).is_valid(raise_exception=True)
