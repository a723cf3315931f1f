"""What is asked to be done with a server that the project holds. Each answer is the operation that does it."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request

from portal.api.queries import WriteQuery
from portal.api.schema import Doc, writes
from portal.api.serializers.actions import LeaveRescueIn, PowerIn, RescueIn, SetupIn
from portal.api.serializers.progress import WrittenOperationOut, operation_documents
from portal.api.views.servers import TAG
from portal.api.views.tenant import TenantView
from portal.api.writing import Effect, carry_out
from portal.core.errors import NotFound, StateConflict
from portal.operations.models import Operation
from portal.reservations.models import Allocation
from portal.reservations.selectors import server_of
from portal.reservations.services import actions
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

BOTH = """
The reply is the operation: follow it at `Location`. One thing at a time is done with a server: while another operation
is open, `state_conflict` carries its id as `operation`. A reservation that ends calls off what is open.
"""
CURL = """
    curl -X POST "$URL/api/v1/servers/$SERVER/{action}" -H "Authorization: Bearer $TOKEN" \\
      -H "Content-Type: application/json" -H "Idempotency-Key: $(uuidgen)" -d '{body}'
"""
POWER_CURL = CURL.format(action="power", body='{"action": "reboot"}')
REINSTALL_CURL = CURL.format(action="reinstall", body='{"image": "ubuntu-24-04", "ssh_keys": ["key_..."]}')
POWER_TEXT = f"""
`on` and `off` do nothing to a server that is so already. `off` and `reboot` ask the operating system to shut down; one
that has not after a grace time is forced. `cycle` takes the power away at once: what is not written yet is lost. A
server that is off starts with `reboot` and `cycle` too.
{BOTH}{POWER_CURL}"""
REINSTALL_TEXT = f"""
The OS image is written anew and checked, the first boot and the login are verified. **What is on its system disk is
lost.** The reservation stays active; the server is `reinstalling` meanwhile, and has new host keys afterwards. If it
does not work out, the server stays yours: the operation says why, and you can ask again.
{BOTH}{REINSTALL_CURL}"""

RESCUE_CURL = CURL.format(action="rescue", body="{}")
LEAVE_CURL = CURL.format(action="leave-rescue", body="{}")
RESCUE_TEXT = f"""
For a server that does not start any more. The power is taken away at once, then it starts a small system in memory:
log in as `root` with the keys, mount what is on its drives, repair it. The drives are left as they are, and the server
stays in its network. It is in the state `rescue` then; `ssh_user` and `host_keys` are those of the rescue system. Asked
for again, it starts anew. Refused where the server's management controller has no virtual drive.
{BOTH}{RESCUE_CURL}"""
LEAVE_TEXT = f"""
The power is taken away at once and the server starts from its disk, with the host keys that it had before. Nobody waits
for its system, which may still be broken. `off`, `reboot`, `cycle` and a new installation end the rescue system, too.
{BOTH}{LEAVE_CURL}"""


def _doc(operation_id: str, summary: str, text: str, body: Any) -> Doc:
    return Doc(
        operation_id,
        TAG,
        summary,
        WrittenOperationOut,
        text,
        query=WriteQuery,
        body=body,
        refuses=[NotFound, StateConflict],
        status=202,
    )


class _ActionView(TenantView):
    """Something that is done with one server."""

    def act(self, request: Request, server_id: str, work: Callable[[Scope, Allocation], Operation]) -> HttpResponse:
        """Have it done by ``work``, which reads the body and calls the service."""
        scope = self.scope_for(Verb.OPERATE)

        def effect() -> Effect:
            operation = work(scope, server_of(scope, server_id))
            address = reverse("api:operation", args=[operation.public_id])
            return Effect(operation_documents([operation])[0], status=202, location=address)

        return carry_out(request, effect)


class PowerView(_ActionView):
    """A server's power."""

    @writes(_doc("switch_power", "Switch a server on or off, or start it anew", POWER_TEXT, PowerIn))
    def post(self, request: Request, server_id: str) -> HttpResponse:
        """Switch a server's power."""

        def work(scope: Scope, allocation: Allocation) -> Operation:
            given = PowerIn(data=request.data)
            given.is_valid(raise_exception=True)
            return actions.switch_power(scope=scope, actor=scope.actor, allocation=allocation, action=given.wish())

        return self.act(request, server_id, work)


class ReinstallView(_ActionView):
    """A server's system, anew."""

    @writes(_doc("reinstall_server", "Install a server anew", REINSTALL_TEXT, SetupIn))
    def post(self, request: Request, server_id: str) -> HttpResponse:
        """Install a server anew."""

        def work(scope: Scope, allocation: Allocation) -> Operation:
            given = SetupIn(data=request.data, context={"scope": scope})
            given.is_valid(raise_exception=True)
            return actions.reinstall(scope=scope, actor=scope.actor, allocation=allocation, setup=given.wish())

        return self.act(request, server_id, work)


class RescueView(_ActionView):
    """A server's rescue system."""

    @writes(_doc("rescue_server", "Start a server into the rescue system", RESCUE_TEXT, RescueIn))
    def post(self, request: Request, server_id: str) -> HttpResponse:
        """Start a server into the rescue system."""

        def work(scope: Scope, allocation: Allocation) -> Operation:
            given = RescueIn(data=request.data, context={"scope": scope})
            given.is_valid(raise_exception=True)
            keys = given.wish().ssh_keys
            return actions.rescue(scope=scope, actor=scope.actor, allocation=allocation, ssh_keys=keys)

        return self.act(request, server_id, work)


class LeaveRescueView(_ActionView):
    """The way out of a server's rescue system."""

    @writes(_doc("leave_rescue", "Start a server from its disk again", LEAVE_TEXT, LeaveRescueIn))
    def post(self, request: Request, server_id: str) -> HttpResponse:
        """Start a server that is in the rescue system from its disk."""

        def work(scope: Scope, allocation: Allocation) -> Operation:
            LeaveRescueIn(data=request.data).is_valid(raise_exception=True)
            return actions.leave_rescue(scope=scope, actor=scope.actor, allocation=allocation)

        return self.act(request, server_id, work)
