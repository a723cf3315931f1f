"""Sending what is due: claimed with a lease, sent outside of any transaction, and what came of it written down.

A message is sent at least once: who dies between sending and writing down leaves it to the next one, with the same id.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import models, transaction
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber

from portal.core import clock, secrets
from portal.core.actors import Actor
from portal.webhooks.models import ANSWER_LENGTH, ERROR_LENGTH, Attempt, Endpoint, Message
from portal.webhooks.services.endpoints import disable
from portal.webhooks.signing import headers_of
from portal.webhooks.states import EndpointState
from portal.webhooks.tries import WAITS, next_try

LEASE = timedelta(minutes=2)
AT_ONCE = 16
"""Most messages that are claimed at once."""
OF_ONE = 2
"""Most of them for one endpoint: one that hangs must not keep the others waiting."""
KEPT_FOR = timedelta(days=30)
GONE = 410
LAST = len(WAITS) - 1
"""So many tries has a message had before the last one."""
FAILED = "it took nothing for three days"


@dataclass(frozen=True)
class Claimed:
    """A message that is ours to send: where to, with which headers, and which claim it is."""

    pk: int
    claim: int
    url: str
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class Outcome:
    """What came of sending: the status of the answer and its beginning, or why there was none."""

    duration_ms: int
    status: int | None = None
    answer: str = ""
    error: str = ""

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver has it. A redirect is none: it is not followed."""
        return self.status is not None and 200 <= self.status < 300


def due_messages() -> models.QuerySet[Message]:
    """Return the messages that are due and that nobody is sending."""
    now = clock.now()
    unclaimed = Q(leased_until=None) | Q(leased_until__lte=now)
    return Message.objects.filter(unclaimed, next_try_at__lte=now, endpoint__state=EndpointState.ENABLED)


@transaction.atomic
def claim_due(*, actor: Actor) -> list[Claimed]:
    """Claim some messages that are due, for LEASE: what somebody else is claiming just now is passed over."""
    place = Window(RowNumber(), partition_by=F("endpoint"), order_by=["next_try_at", "pk"])
    first = due_messages().annotate(place=place).filter(place__lte=OF_ONE).order_by("next_try_at", "pk")
    wanted = list(first.values_list("pk", flat=True)[:AT_ONCE])
    rows = list(
        due_messages()
        .filter(pk__in=wanted)
        .select_related("endpoint")
        .order_by("pk")
        .select_for_update(of=("self",), skip_locked=True, no_key=True)
    )
    now = clock.now()
    mine = Message.objects.filter(pk__in=[row.pk for row in rows])
    mine.update(leased_until=now + LEASE, claims=F("claims") + 1)
    return [_claimed(row) for row in rows]


def _claimed(row: Message) -> Claimed:
    now, endpoint = clock.now(), row.endpoint
    keys = [secrets.decrypt(endpoint.secret_encrypted)]
    if endpoint.former_until and now < endpoint.former_until:
        keys.append(secrets.decrypt(endpoint.former_secret_encrypted))
    headers = headers_of(row.public_id, row.payload, now, keys)
    return Claimed(row.pk, row.claims + 1, endpoint.url, headers, row.payload)


@transaction.atomic
def note_attempt(*, actor: Actor, claimed: Claimed, outcome: Outcome) -> None:
    """Write down what came of a try, and when the next one is due. One whose claim was lost only leaves its line.

    A receiver that answers 410 wants nothing more: its endpoint is disabled. So is one that took no message at all
    while one was tried to the last.
    """
    # An endpoint is locked before its messages, as where it is disabled or removed.
    is_gone = outcome.status == GONE
    is_last = not outcome.is_delivered and Message.objects.filter(pk=claimed.pk, tries=LAST).exists()
    locked = Endpoint.objects.filter(messages=claimed.pk).select_for_update(of=("self",), no_key=True)
    endpoint = locked.first() if is_gone or is_last else None
    message = Message.objects.filter(pk=claimed.pk).select_for_update(of=("self",), no_key=True).first()
    if message is None:
        return
    Attempt.objects.create(
        message=message,
        status=outcome.status,
        duration_ms=outcome.duration_ms,
        answer=outcome.answer[:ANSWER_LENGTH],
        error=outcome.error[:ERROR_LENGTH],
    )
    is_mine = message.claims == claimed.claim and message.next_try_at is not None
    if is_mine:
        _move_on(message, outcome)
    if endpoint is None or not endpoint.is_enabled:
        return
    if is_gone:
        disable(actor=actor, endpoint=endpoint, reason="it answered 410 Gone")
    elif is_mine and message.tries == LAST and not _took_anything(message.endpoint_id):
        disable(actor=actor, endpoint=endpoint, reason=FAILED)


def _took_anything(endpoint_pk: int) -> bool:
    """Tell whether an endpoint took any message in the time that all tries of one take."""
    since = clock.now() - sum(WAITS, timedelta())
    return Attempt.objects.filter(message__endpoint=endpoint_pk, at__gte=since, status__range=(200, 299)).exists()


def _move_on(message: Message, outcome: Outcome) -> None:
    now, tries = clock.now(), message.tries + 1
    Message.objects.filter(pk=message.pk).update(
        tries=tries,
        leased_until=None,
        delivered_at=now if outcome.is_delivered else None,
        next_try_at=None if outcome.is_delivered else next_try(tries, now),
    )


@transaction.atomic
def forget_messages(*, actor: Actor) -> int:
    """Forget messages that are over and older than KEPT_FOR; return how many rows went."""
    old = Message.objects.filter(created_at__lte=clock.now() - KEPT_FOR, next_try_at=None)
    return old.delete()[0]
