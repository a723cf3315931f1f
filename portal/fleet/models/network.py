"""The networks of a fabric, and the switch ports that servers hang on: which one each port is in."""

from django.db import models
from django.db.models import F, Q

from portal.core import clock
from portal.fleet.models.metal import Fabric, Server, slug
from portal.tenancy.models import Project

FIRST_VLAN, LAST_VLAN = 2, 4093
"""1 is what unconfigured ports are in; the role ``switch_port`` parks Arista's ports that are in no network in 4094;
0 and 4095 are reserved (IEEE 802.1Q, table 9-2)."""
FIRST_PARTITION, LAST_PARTITION = 0x0001, 0x7FFE
"""Base values of InfiniBand partition keys: 0 is invalid, 0x7FFF the default partition's (IBTA volume 1, 10.9)."""


class SwitchDriver(models.TextChoices):
    """How a switch is spoken to."""

    EMULATED = "emulated", "emulated"
    LINUX_BRIDGE = "linux_bridge", "Linux bridges"
    ARISTA_EOS = "arista_eos", "Arista EOS"


class NetworkKind(models.TextChoices):
    """What a network is for."""

    MANAGEMENT = "management", "management"
    PROVISIONING = "provisioning", "provisioning"
    CLEANING = "cleaning", "cleaning"
    TENANT = "tenant", "tenant"


class VlanRange(models.Model):
    """The VLANs of a fabric that tenants' networks are taken from."""

    fabric = models.OneToOneField(Fabric, on_delete=models.CASCADE, related_name="vlan_range")
    first = models.PositiveSmallIntegerField()
    last = models.PositiveSmallIntegerField()

    class Meta:
        verbose_name = "VLAN range"
        constraints = [
            models.CheckConstraint(
                condition=Q(first__gte=FIRST_VLAN, first__lte=F("last"), last__lte=LAST_VLAN), name="vlan_range_is_one"
            )
        ]

    def __str__(self) -> str:
        """Return first and last."""
        return f"{self.first}-{self.last}"


class Network(models.Model):
    """A network of a fabric: one of each of the provider's own kinds, and one for each project that has servers."""

    fabric = models.ForeignKey(Fabric, on_delete=models.PROTECT, related_name="networks")
    kind = models.CharField(max_length=12, choices=NetworkKind.choices)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, blank=True, related_name="networks")
    vlan_id = models.PositiveSmallIntegerField()
    partition_key = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="InfiniBand partition key without the bit of full membership."
    )
    vrf = models.CharField(max_length=32, help_text="Routing table that it belongs to.")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["fabric", "vlan_id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=sorted(NetworkKind)), name="network_kind_known"),
            models.CheckConstraint(
                condition=Q(kind=NetworkKind.TENANT, project__isnull=False)
                | (~Q(kind=NetworkKind.TENANT) & Q(project__isnull=True)),
                name="network_tenant_has_project",
            ),
            models.CheckConstraint(
                condition=Q(vlan_id__gte=FIRST_VLAN, vlan_id__lte=LAST_VLAN), name="network_vlan_in_bounds"
            ),
            models.CheckConstraint(
                condition=Q(partition_key__isnull=True)
                | Q(partition_key__gte=FIRST_PARTITION, partition_key__lte=LAST_PARTITION),
                name="network_partition_in_bounds",
            ),
            models.UniqueConstraint(fields=["fabric", "vlan_id"], name="network_vlan_once"),
            models.UniqueConstraint(fields=["fabric", "partition_key"], name="network_partition_once"),
            models.UniqueConstraint(fields=["fabric", "project"], name="network_of_project_once"),
            models.UniqueConstraint(
                fields=["fabric", "kind"], condition=~Q(kind=NetworkKind.TENANT), name="network_kind_once"
            ),
        ]

    def __str__(self) -> str:
        """Return what it is called on switches."""
        return self.short_name

    @property
    def short_name(self) -> str:
        """What it is called on switches: at most 15 characters, and no text of a tenant's."""
        return f"t-{self.vlan_id}" if self.kind == NetworkKind.TENANT else str(self.kind)

    @property
    def partition(self) -> str:
        """The partition key in the form in which fabrics are configured; empty where there is none."""
        return "" if self.partition_key is None else f"0x{self.partition_key:04x}"


class Switch(models.Model):
    """A switch that servers hang on."""

    name = models.CharField(max_length=63, unique=True, validators=[slug])
    driver = models.CharField(max_length=16, choices=SwitchDriver.choices)
    address = models.CharField(
        max_length=255, blank=True, help_text="https://host:port, or for Linux bridges a network namespace or nothing."
    )
    fabric = models.ForeignKey(Fabric, on_delete=models.PROTECT, related_name="switches")
    username = models.CharField(max_length=64, blank=True)
    password_encrypted = models.TextField(blank=True, help_text="Encrypted; never shown.")

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "switches"
        constraints = [
            models.CheckConstraint(condition=Q(driver__in=sorted(SwitchDriver)), name="switch_driver_known"),
            models.CheckConstraint(
                condition=Q(driver=SwitchDriver.LINUX_BRIDGE) | Q(address__startswith="https://"),
                name="switch_speaks_tls",
            ),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class SwitchPort(models.Model):
    """The port that a server hangs on."""

    switch = models.ForeignKey(Switch, on_delete=models.PROTECT, related_name="ports")
    name = models.CharField(max_length=40, help_text="As the switch calls it.")
    server = models.OneToOneField(Server, on_delete=models.PROTECT, related_name="port")

    class Meta:
        ordering = ["switch", "name"]
        constraints = [models.UniqueConstraint(fields=["switch", "name"], name="switch_port_once")]

    def __str__(self) -> str:
        """Return switch and port."""
        return f"{self.switch} {self.name}"


class PortPlacement(models.Model):
    """Where a port is: in ``network`` for certain, and in ``moving_to`` perhaps. Never more than one of the two.

    A port that is in a network can only leave it: what it goes to is noted when it is proved to be in none. So no row
    can say that a port is, or may be, in two networks.
    """

    port = models.OneToOneField(SwitchPort, on_delete=models.CASCADE, related_name="placement")
    is_proved = models.BooleanField(default=False, help_text="Whether a switch has ever been asked where it is.")
    network = models.ForeignKey(
        Network,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="placements",
        help_text="As the switch said; empty: in none.",
    )
    moving_to = models.ForeignKey(
        Network,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="arrivals",
        help_text="Where it is being moved, and may be already.",
    )
    operation_id_text = models.CharField(max_length=40, blank=True, default="", help_text="Who moved it last.")
    epoch = models.PositiveIntegerField(default=0, help_text="Of the claim that moved it last.")
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(network__isnull=True) | Q(moving_to__isnull=True), name="port_leaves_before_it_goes"
            ),
            models.CheckConstraint(
                condition=Q(is_proved=True) | Q(network__isnull=True, moving_to__isnull=True),
                name="port_is_proved_to_be_somewhere",
            ),
        ]

    def __str__(self) -> str:
        """Return the port and where it is."""
        if not self.is_proved:
            return f"{self.port}: nobody knows"
        return f"{self.port}: {self.network or 'in no network'}{f', to {self.moving_to}' if self.moving_to else ''}"

    @property
    def is_isolated(self) -> bool:
        """Whether it is proved to be in no network, and on its way to none."""
        return self.is_proved and self.network_id is None and self.moving_to_id is None
