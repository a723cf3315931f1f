"""In a child that is the portal of a yard: enough quota, and operations that no worker takes."""

from datetime import timedelta
from typing import Any

from portal.catalog.models import OSImage
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.fleet.models import PortPlacement, Server
from portal.launcher.bench.world import KEY
from portal.operations.models import Operation
from portal.operations.selectors import parts_of
from portal.operations.services.queue import cancel_operation, queue_operation
from portal.operations.states import OperationKind
from portal.quotas.services.limits import set_quota
from portal.tenancy.models import Organization

NEVER = timedelta(days=1)


def prepare(_asked: dict[str, Any]) -> dict[str, Any]:
    """Let the customer have every server, known to be in no network; return what a reservation is of, and a key."""
    server = Server.objects.select_related("server_type", "region")[0]
    for organization in Organization.objects.all():
        set_quota(
            actor=SYSTEM,
            organization=organization,
            server_type=server.server_type,
            region=server.region,
            limit=Server.objects.count(),
        )
    # As after any release. Else only the portal, which comes first, would take ports off networks that they are not in.
    PortPlacement.objects.filter(network=None, moving_to=None).update(is_proved=True)
    image = OSImage.objects.filter(is_published=True)[0]
    sold = {"server_type": server.server_type.slug, "region": server.region.code, "image": image.slug}
    return {"sold": sold, "public_key": KEY}


def queue_again(asked: dict[str, Any]) -> str:
    """Queue the deployment of a reservation once more, for a time that no worker lives to see; return its id."""
    past = Operation.objects.filter(subject=asked["reservation"], kind=OperationKind.DEPLOY).latest("pk")
    made = queue_operation(
        actor=SYSTEM,
        kind=OperationKind.DEPLOY,
        project=past.project,
        servers=[(part.server, part.hostname) for part in parts_of(past)],
        image=past.image,
        ssh_keys=past.ssh_keys,
        not_before=clock.now() + NEVER,
    )
    return made.public_id


def call_off(asked: dict[str, Any]) -> str:
    """Call such an operation off."""
    operation = Operation.objects.get(public_id=asked["operation"])
    cancel_operation(actor=SYSTEM, operation=operation, reason="measured")
    return operation.public_id
