"""The servers of a reservation, as far as they are the tenant's."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import InstantField
from portal.api.serializers.choices import choices_of
from portal.fleet.models import Network
from portal.fleet.ports import tenant_network_of
from portal.fleet.states import ServerState
from portal.operations.states import OperationKind
from portal.reservations.models import Allocation
from portal.reservations.states import AllocationState

STATES = {
    AllocationState.BOOKED: "reserved",
    AllocationState.SERVING: "in_use",
    AllocationState.CLEANING: "releasing",
    AllocationState.RELEASED: "returned",
    AllocationState.FAILED: "failed",
}
PASSING = DEPLOYING, REINSTALLING, RESCUE = "deploying", "reinstalling", "rescue"
HEALTH = {AllocationState.SERVING: "healthy", AllocationState.FAILED: "failed"}
UNKNOWN = "unknown"


class AddressOut(serializers.Serializer[None]):
    """An address of a server."""

    purpose = serializers.CharField()
    address = serializers.CharField()


class NetworkOut(serializers.Serializer[Network]):
    """The network of the project in a fabric: no other project's servers are in it."""

    vlan_id = serializers.IntegerField()
    partition_key = serializers.SerializerMethodField(help_text="InfiniBand partition key, such as `0x0001`.")
    fabric = serializers.CharField(source="fabric.name")

    def get_partition_key(self, network: Network) -> str | None:
        """Return the partition key in the form in which fabrics are configured."""
        return network.partition or None


class ServerOut(serializers.Serializer[Allocation]):
    """A server of a reservation. How to reach it is told while it is handed over, and not before or after."""

    id = serializers.CharField(source="server.public_id", help_text="`srv_...`")
    reservation = serializers.CharField(source="reservation.public_id")
    hostname = serializers.CharField()
    server_type = serializers.CharField(source="server.server_type.slug")
    region = serializers.CharField(source="server.region.code")
    fabric = serializers.CharField(source="server.fabric.name")
    rack = serializers.CharField(source="server.rack.name")
    rack_unit = serializers.IntegerField(source="server.rack_unit")
    state = serializers.SerializerMethodField()
    state_reason = serializers.CharField(allow_blank=True)
    health = serializers.SerializerMethodField()
    operation = serializers.SerializerMethodField(
        help_text="What is being done with it for this reservation (`op_...`); null while that is nothing."
    )
    addresses = serializers.SerializerMethodField(help_text="None unless it is handed over.")
    network = serializers.SerializerMethodField(
        help_text="Null unless it is handed over, and where it is in no network of yours."
    )
    ssh_host = serializers.SerializerMethodField()
    ssh_port = serializers.SerializerMethodField()
    ssh_user = serializers.SerializerMethodField(help_text="`root` in the rescue system.")
    host_keys = serializers.SerializerMethodField(
        help_text="Public SSH host keys, as `known_hosts` wants them: in the rescue system its own."
    )
    rescue_since = serializers.SerializerMethodField(help_text="Null unless it is in the rescue system.")
    ready_at = InstantField(allow_null=True)

    @staticmethod
    def _is_serving(item: Allocation) -> bool:
        return item.state == AllocationState.SERVING

    @extend_schema_field(serializers.ChoiceField(choices=choices_of((*STATES.values(), *PASSING))))
    def get_state(self, item: Allocation) -> str:
        """Return the state in the tenant's eyes: reserved, deploying, in_use, reinstalling, rescue, and so on."""
        if item.state == AllocationState.SERVING and self._work(item, "work_kind") == OperationKind.REINSTALL:
            return REINSTALLING
        if item.state == AllocationState.SERVING and item.rescue_since is not None:
            return RESCUE
        if item.state == AllocationState.BOOKED and item.server.state == ServerState.DEPLOYING:
            return DEPLOYING
        return STATES[AllocationState(item.state)]

    @staticmethod
    def _work(item: Any, name: str) -> str | None:
        """Return what ``with_work`` found."""
        found: str | None = getattr(item, name)
        return found

    def get_operation(self, item: Allocation) -> str | None:
        """Return the open operation."""
        return self._work(item, "work")

    @extend_schema_field(serializers.ChoiceField(choices=choices_of((*HEALTH.values(), UNKNOWN))))
    def get_health(self, item: Allocation) -> str:
        """Return healthy (its checks at hand-over passed), failed or unknown."""
        return HEALTH.get(AllocationState(item.state), UNKNOWN)

    @extend_schema_field(AddressOut(many=True))
    def get_addresses(self, item: Allocation) -> Any:
        """Return its addresses."""
        addresses = [{"purpose": "login", "address": item.server.ssh_host}] if self._is_serving(item) else []
        return AddressOut(addresses, many=True).data  # type: ignore[arg-type]

    @extend_schema_field(NetworkOut(allow_null=True))
    def get_network(self, item: Allocation) -> Any:
        """Return the network that it is in."""
        network = tenant_network_of(item.server) if self._is_serving(item) else None
        return NetworkOut(network).data if network else None

    def get_ssh_host(self, item: Allocation) -> str | None:
        """Return where to log in."""
        return item.server.ssh_host if self._is_serving(item) else None

    def get_ssh_port(self, item: Allocation) -> int | None:
        """Return the port to log in at."""
        return item.server.ssh_port if self._is_serving(item) else None

    def get_ssh_user(self, item: Allocation) -> str | None:
        """Return who to log in as."""
        return item.login_user if self._is_serving(item) else None

    def get_host_keys(self, item: Allocation) -> list[str]:
        """Return the keys that prove that it is this server."""
        return item.login_keys if self._is_serving(item) else []

    @extend_schema_field(InstantField(allow_null=True))
    def get_rescue_since(self, item: Allocation) -> Any:
        """Return since when it is in the rescue system."""
        since = item.rescue_since if self._is_serving(item) else None
        return InstantField().to_representation(since) if since else None
