"""Holding servers back from sale, so that there are some to take the place of failed ones."""

from django.db import models, transaction
from django.db.models import Count, Exists, IntegerField, OuterRef, Subquery

from portal.audit.services import record, target_of
from portal.core.actors import SYSTEM, Actor
from portal.core.errors import InvalidInput
from portal.core.locks import lock_row
from portal.fleet.models import POOL_STATES, Server
from portal.fleet.services import set_spare
from portal.fleet.spares import recommended_spares
from portal.fleet.states import ServerState
from portal.reservations.models import Allocation, Pool
from portal.reservations.states import HOLDING


def servers_of(pool: Pool) -> models.QuerySet[Server]:
    """Return the servers of a pool, spares and failed ones with it, as long as they are in service."""
    rows = Server.objects.filter(server_type=pool.server_type_id, region=pool.region_id, fabric=pool.fabric_id)
    return rows.exclude(state=ServerState.RETIRED)


def spares_wanted(pool: Pool) -> int:
    """Return how many spares a pool is to have: what staff set, or else what the table of spares says."""
    return recommended_spares(servers_of(pool).count()) if pool.spares_wanted is None else pool.spares_wanted


@transaction.atomic
def set_spares_wanted(*, actor: Actor, pool: Pool, count: int | None) -> None:
    """Set how many servers of a pool are held back; None goes by the table of spares. The next sweep does it.

    Raises InvalidInput on ``count`` for less than none, and for more than there are.
    """
    fresh = lock_row(Pool, pool.pk)
    most = servers_of(fresh).count()
    if count is not None and not 0 <= count <= most:
        raise InvalidInput.of("count", "out_of_range", f"Give a number from 0 to {most}.")
    if fresh.spares_wanted == count:
        return
    Pool.objects.filter(pk=fresh.pk).update(spares_wanted=count)
    told = {"pool": str(fresh), "from": fresh.spares_wanted, "to": count}
    record(actor=actor, verb="pool.spares_wanted_set", target=target_of(fresh), data=told)
    pool.spares_wanted = count


def top_up_spares() -> int:
    """Hold back free servers of pools that have too few spares, sell those of which there are too many.

    Returns how many servers changed sides. What is booked stays as it is.
    """
    return sum(_level(pk) for pk in Pool.objects.filter(is_spare=False).order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _level(pk: int) -> int:
    pool = lock_row(Pool, pk)
    spares = servers_of(pool).filter(is_spare=True, state__in=POOL_STATES).count()
    missing = spares_wanted(pool) - spares
    if missing == 0:
        return 0
    changed = 0
    for server in _idle(pool, is_spare=missing < 0):
        changed += _change_side(server, is_spare=missing > 0)
        if changed == abs(missing):
            break
    return changed


def _idle(pool: Pool, *, is_spare: bool) -> models.QuerySet[Server]:
    """Return the free servers of a pool that nobody has booked: first those of the racks with the fewest of them."""
    booked = Allocation.objects.filter(server=OuterRef("pk"), state__in=HOLDING)
    idle = servers_of(pool).filter(state=ServerState.AVAILABLE).exclude(Exists(booked))
    neighbours = idle.filter(is_spare=False, rack=OuterRef("rack")).order_by().values("rack")
    count = neighbours.annotate(servers=Count("pk")).values("servers")
    rows = idle.filter(is_spare=is_spare).annotate(in_rack=Subquery(count, output_field=IntegerField()))
    return rows.order_by("in_rack", "rack", "pk")


def _change_side(server: Server, *, is_spare: bool) -> bool:
    with transaction.atomic():
        set_spare(actor=SYSTEM, server=server, is_spare=is_spare)
        # Its free time is this transaction's now: nobody books it any more, and who was quicker is seen.
        if Allocation.objects.filter(server=server, state__in=HOLDING).exists():
            transaction.set_rollback(True)
            return False
    return True
