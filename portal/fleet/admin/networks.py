"""Networks, switches and ports: what there is, where each port is, and what staff record of them."""

from typing import Any

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.widgets import UnfoldAdminPasswordWidget

from portal.audit.staff import columns
from portal.audit.staff.acts import Act, act_on
from portal.audit.staff.forms import ActForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.fleet import networks, ports
from portal.fleet.controllers import RECORDED_IN
from portal.fleet.models import Fabric, Network, Server, Switch, SwitchDriver, SwitchPort, VlanRange
from portal.fleet.models.network import FIRST_VLAN, LAST_VLAN


def _where(port: SwitchPort) -> Any:
    """Return where a port is, in words."""
    placement = port.placement
    if not placement.is_proved:
        return columns.label("nobody knows", "warn")
    if placement.moving_to is not None:
        return columns.label(f"on its way to {placement.moving_to}", "busy")
    return placement.network or columns.label("in none", "quiet")


WHERE = columns.column("Network", _where, "placement__network__vlan_id")
NUMBERS = (
    columns.field("vlan_id", "VLAN"),
    columns.column("Partition key", lambda row: columns.coded(row.partition), "partition_key"),
    columns.code("vrf", "VRF"),
)


@admin.register(Network)
class NetworkAdmin(RecordAdmin):
    """A network of a fabric."""

    list_display = (
        columns.column("Name", lambda row: row.short_name, "vlan_id"),
        columns.link("fabric", "Fabric", "fabric__name"),
        columns.field("kind", "Kind"),
        columns.link("project", "Project", "project__name"),
        *NUMBERS,
    )
    list_filter = ("kind", ("fabric", RelatedDropdownFilter))
    list_select_related = ("fabric", "project")
    search_fields = ("project__name", "project__public_id", "fabric__name", "vrf")
    search_help_text = "Project, fabric or VRF"
    ordering = ("fabric__name", "vlan_id")
    facts = (
        (
            "",
            (
                columns.column("Name", lambda row: columns.coded(row.short_name)),
                columns.link("fabric", "Fabric"),
                columns.field("kind", "Kind"),
                columns.link("project", "Project"),
                *NUMBERS,
                columns.moment("created_at", "Since"),
            ),
        ),
    )


@admin.register(Switch)
class SwitchAdmin(RecordAdmin):
    """A switch that servers hang on."""

    counts = {"port_count": "ports"}
    list_display = (
        columns.field("name", "Name"),
        columns.link("fabric", "Fabric", "fabric__name"),
        columns.field("driver", "Driver"),
        columns.code("address", "Address"),
        columns.field("port_count", "Ports"),
    )
    list_filter = ("driver", ("fabric", RelatedDropdownFilter))
    list_select_related = ("fabric",)
    search_fields = ("name", "address")
    ordering = ("name",)
    facts = (
        (
            "",
            (
                columns.field("name", "Name"),
                columns.link("fabric", "Fabric"),
                columns.field("driver", "Driver"),
                columns.code("address", "Address"),
            ),
        ),
    )


@admin.register(SwitchPort)
class SwitchPortAdmin(RecordAdmin):
    """The port that a server hangs on, and where it is."""

    list_display = (
        columns.field("name", "Port"),
        columns.link("switch", "Switch", "switch__name"),
        columns.link("server", "Server", "server__name"),
        WHERE,
        columns.moment("placement__changed_at", "Since"),
    )
    list_filter = (("switch", RelatedDropdownFilter), ("placement__network", RelatedDropdownFilter))
    list_select_related = ("switch", "server", "placement__network", "placement__moving_to")
    search_fields = ("name", "switch__name", "server__name")
    search_help_text = "Port, switch or server"
    ordering = ("switch__name", "name")
    facts = (
        (
            "",
            (
                columns.code("name", "Port"),
                columns.link("switch", "Switch"),
                columns.link("server", "Server"),
                WHERE,
                columns.moment("placement__changed_at", "Since"),
                columns.target("placement__operation_id_text", "Moved by"),
                columns.field("placement__epoch", "Epoch of the claim"),
            ),
        ),
    )


class RangeForm(ActForm):
    """Which VLANs tenants' networks are taken from."""

    first = forms.IntegerField(min_value=FIRST_VLAN, max_value=LAST_VLAN)
    last = forms.IntegerField(min_value=FIRST_VLAN, max_value=LAST_VLAN)


class NetworkForm(ActForm):
    """One of the provider's own networks."""

    kind = forms.ChoiceField(choices=[(kind.value, kind.label) for kind in networks.PROVIDERS])
    vlan_id = forms.IntegerField(label="VLAN", min_value=FIRST_VLAN, max_value=LAST_VLAN)
    vrf = forms.CharField(label="VRF", max_length=32, required=False, help_text="Empty: called like the kind.")


class AccessForm(ActForm):
    """How a switch is reached."""

    address = forms.CharField(
        max_length=255, required=False, help_text="https://host:port; for Linux bridges a network namespace or nothing."
    )
    username = forms.CharField(max_length=64, required=False)
    password = forms.CharField(
        max_length=128, required=False, widget=UnfoldAdminPasswordWidget(), help_text="Empty: the present one stays."
    )


class SwitchForm(AccessForm):
    """A new switch."""

    name = forms.SlugField(max_length=63)
    driver = forms.ChoiceField(choices=SwitchDriver.choices)
    field_order = ("name", "driver", "address", "username", "password")


class PortForm(ActForm):
    """Which port a server hangs on."""

    switch = forms.ModelChoiceField(Switch.objects.order_by("name"))
    name = forms.CharField(label="Port", max_length=40, help_text="As the switch calls it.")


def _port_of(server: Server) -> dict[str, Any]:
    port = SwitchPort.objects.filter(server=server).first()
    return {"switch": port.switch_id, "name": port.name} if port else {}


def _range_of(fabric: Fabric) -> dict[str, Any]:
    found = VlanRange.objects.filter(fabric=fabric).first()
    return {"first": found.first, "last": found.last} if found else {}


PORTS = (columns.me("Port", "name"), columns.link("switch", "Switch"), columns.link("server", "Server"), WHERE)


def _ports(rows: Any) -> Any:
    return rows.select_related("switch", "server", "placement__network", "placement__moving_to").order_by("pk")


show_on(
    Fabric,
    Panel(
        "VLANs for tenants",
        VlanRange,
        lambda row: VlanRange.objects.filter(fabric=row),
        (columns.field("first", "First"), columns.field("last", "Last")),
    ),
    Panel(
        "Networks",
        Network,
        lambda row: row.networks.select_related("project").order_by("vlan_id"),
        (columns.me("Name"), columns.field("kind", "Kind"), columns.link("project", "Project"), *NUMBERS),
        all_of="fabric__id__exact",
    ),
    Panel(
        "Switches",
        Switch,
        lambda row: row.switches.order_by("name"),
        (columns.me("Name"), columns.field("driver", "Driver"), columns.code("address", "Address")),
        all_of="fabric__id__exact",
    ),
)
show_on(
    Network,
    Panel(
        "Ports in it",
        SwitchPort,
        lambda row: _ports(SwitchPort.objects.filter(placement__network=row)),
        PORTS,
        all_of="placement__network__id__exact",
    ),
)
show_on(Switch, Panel("Ports", SwitchPort, lambda row: _ports(row.ports), PORTS, all_of="switch__id__exact"))
show_on(Server, Panel("Switch port", SwitchPort, lambda row: _ports(SwitchPort.objects.filter(server=row)), PORTS))
act_on(
    Fabric,
    Act(
        name="vlan_range",
        title="Set VLANs for tenants",
        permission="fleet.change_fabric",
        perform=lambda actor, row, values: networks.set_vlan_range(actor=actor, fabric=row, **values),
        form=RangeForm,
        initial=_range_of,
        effects=("New networks of tenants take the lowest free VLAN of this range. Those that there are stay.",),
        done="The VLANs of {row} for tenants are set.",
        icon="tag",
    ),
    Act(
        name="network",
        title="Add network",
        permission="fleet.change_fabric",
        perform=lambda actor, row, values: networks.add_network(actor=actor, fabric=row, **values),
        form=NetworkForm,
        effects=("Servers are moved into it while they are provisioned or cleaned. It cannot be taken back here.",),
        done="{row} has another network.",
        icon="lan",
    ),
    Act(
        name="switch",
        title="Add switch",
        permission="fleet.change_fabric",
        perform=lambda actor, row, values: ports.add_switch(actor=actor, fabric=row, **values),
        form=SwitchForm,
        effects=("Workers log in to it to move servers between networks. Its password is kept encrypted.",),
        done="{row} has another switch.",
        icon="settings_ethernet",
    ),
)
act_on(
    Switch,
    Act(
        name="access",
        title="Set access",
        permission="fleet.change_switch",
        perform=lambda actor, row, values: ports.set_access(actor=actor, switch=row, **values),
        form=AccessForm,
        initial=lambda row: {"address": row.address},
        effects=("Workers use it from their next step on.",),
        done="The access to {row} is set.",
        icon="key",
    ),
)
act_on(
    Server,
    Act(
        name="port",
        title="Record switch port",
        permission="fleet.change_server",
        perform=lambda actor, row, values: ports.record_port(actor=actor, server=row, **values),
        form=PortForm,
        initial=_port_of,
        fits=lambda row: row.state in RECORDED_IN or not SwitchPort.objects.filter(server=row).exists(),
        effects=(
            "Workers move this port when the server changes hands: a wrong one cuts somebody else off.",
            "Where the port is counts as unknown until a worker has asked the switch.",
        ),
        done="The port of {row} is recorded.",
        icon="cable",
        is_grave=True,
    ),
)
