"""A reservation in each state, brought there by the services that do so in life."""

from portal.core import clock
from portal.operations.models import OperationServer
from portal.operations.states import OperationKind
from portal.reservations.models import Allocation, ConsoleChunk
from portal.reservations.services import lifecycle, outcomes
from portal.reservations.services.actions import order
from portal.reservations.services.quotes import withdraw
from portal.reservations.services.waitlist import offer_waiting
from tests import factories, hands
from tests.contracts import builders
from tests.web.conftest import take_back

WRITTEN = "[    0.000000] Linux version 6.12.0 (reproducible@build) x86_64\n" * 200
REASON = "The server's management controller refused the command."


def starting(buyer, name, count=2):
    return factories.reservation(
        buyer, name=name, count=count, starts_at=clock.now() + factories.SOON, image=factories.image()
    )


def degraded(buyer, name, failed=1, count=2):
    """Return one of whose servers ``failed`` could not be handed over; with all of them it has failed."""
    made = starting(buyer, name, count)
    parts = OperationServer.objects.filter(operation__subject=made.public_id).order_by("position")
    for part in parts[:failed]:
        part.state_reason = REASON
        outcomes.server_failed(part=part)
    for part in parts[failed:]:
        outcomes.server_ready(part=part, ssh_user="ubuntu")
    first = list(parts.values_list("pk", flat=True)[:failed])
    parts.filter(pk__in=first).update(state="failed", stage="installer", state_reason=REASON)
    parts.exclude(pk__in=first).update(state="succeeded", stage="verify", percent=100)
    outcomes.deploy_finished(operation=parts[0].operation)
    made.refresh_from_db()
    return made


def ending(buyer, name):
    made = factories.hand_over(starting(buyer, name))
    lifecycle.release(scope=buyer, actor=buyer.actor, reservation=made)
    return made


def ended(buyer, name):
    made = ending(buyer, name)
    take_back(made)
    return made


def cancelled(buyer, name):
    made = factories.reservation(buyer, name=name, image=factories.image())
    return lifecycle.cancel(scope=buyer, actor=buyer.actor, reservation=made)


def every_state(buyer):
    """Return the id of a reservation by its state; ``degraded`` is an active one."""
    factories.servers(32)
    made = {
        "scheduled": factories.reservation(buyer, name="scheduled", count=2, image=factories.image()),
        "provisioning": starting(buyer, "provisioning", count=16),
        "active": factories.hand_over(starting(buyer, "a-name-of-forty-characters-and-no-dots-1")),
        "degraded": degraded(buyer, "degraded"),
        "ending": ending(buyer, "ending"),
        "ended": ended(buyer, "ended"),
        "cancelled": cancelled(buyer, "cancelled"),
        "failed": degraded(buyer, "failed", failed=2),
    }
    for name, row in made.items():
        row.refresh_from_db()
        assert row.state == ("active" if name == "degraded" else name)
    return {name: row.public_id for name, row in made.items()}


def servers_in_states(buyer):
    """Return the id of a server by what is done with it: nothing, something, what failed, and its taking back."""
    held = list(hands.active(buyer, name="hands", count=3).allocations.order_by("position"))
    order(actor=buyer.actor, allocation=held[1], kind=OperationKind.REINSTALL)
    order(actor=buyer.actor, allocation=held[2], kind=OperationKind.REBOOT)
    parts = OperationServer.objects.filter(operation__kind=OperationKind.REBOOT)
    parts.update(state="failed", stage="shut_down", state_reason=REASON)
    going = Allocation.objects.filter(reservation__state="ending").first()
    names = ("server", "busy_server", "troubled_server", "ending_server")
    found = {name: row.server.public_id for name, row in zip(names, [*held, going], strict=True)}
    ConsoleChunk.objects.create(allocation=held[0], text=WRITTEN, size=len(WRITTEN))
    return found | {"console_reservation": held[0].reservation.public_id}


def quotes_in_states(buyer):
    """Return the id of a quote by what it is; beside them somebody waits, and somebody has an offer."""
    made = {
        "held": factories.hold(buyer, count=2),
        "price": factories.quote(buyer, count=3),
        "withdrawn": factories.hold(buyer, count=1),
    }
    withdraw(scope=buyer, actor=buyer.actor, quote=made["withdrawn"])
    factories.waitlist_entry(buyer, count=400)
    factories.waitlist_entry(buyer, count=1, ceiling=5000)
    assert offer_waiting() == 1
    return {name: quote.public_id for name, quote in made.items()}


def contracts_in_states(buyer):
    """Return the id of a contract by what was done with it last."""
    factories.servers(6, with_bmc=False)
    made = {"sent": builders.sent(buyer), "signed": builders.signed(buyer), "running": builders.active(buyer)}
    return {name: row.public_id for name, row in made.items()}
