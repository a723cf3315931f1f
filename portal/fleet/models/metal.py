"""The metal: where it stands, what kind it is, and each server with its BMC, NICs and drives."""

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from portal.core import ids
from portal.core.models import Identified, Stateful, known_state
from portal.fleet.erase_policy import ErasePolicy, VerifyMode, all_methods
from portal.fleet.states import SERVER, ServerState

slug = RegexValidator(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z", "Use lower-case letters, digits and hyphens.")


class Region(Identified):
    """A place with its own power and network, such as eu-north-1."""

    ID_PREFIX = ids.Prefix.REGION

    code = models.CharField(max_length=40, unique=True, validators=[slug])
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        """Return the code."""
        return self.code


class Fabric(Identified):
    """A network in which servers talk at full speed."""

    ID_PREFIX = ids.Prefix.FABRIC

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="fabrics")
    name = models.CharField(max_length=40)
    technology = models.CharField(max_length=40, help_text="Such as NDR 400G.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "name"], name="fabric_name_once")]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class Rack(models.Model):
    """A rack in a region."""

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="racks")
    name = models.CharField(max_length=40)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "name"], name="rack_name_once")]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class ServerType(models.Model):
    """A kind of server that is sold, such as 8xH200."""

    slug = models.CharField(max_length=40, unique=True, validators=[slug])
    name = models.CharField(max_length=80)
    gpu_model = models.CharField(max_length=80)
    gpu_count = models.PositiveSmallIntegerField()
    gpu_memory_gb = models.PositiveIntegerField(help_text="Per GPU.")
    cpu = models.CharField(max_length=80)
    memory_gb = models.PositiveIntegerField()
    storage = models.CharField(max_length=80)
    interconnect = models.CharField(max_length=80)
    lead_time = models.DurationField(
        default=timedelta(minutes=20), help_text="How long before its start a reservation begins to be provisioned."
    )
    cleanup_time = models.DurationField(
        default=timedelta(minutes=30),
        help_text="How long after the end a server stays booked to be erased and checked.",
    )
    times_are_measured = models.BooleanField(
        default=False, help_text="Whether the time to clean up follows what past erasures took."
    )
    erase_methods = ArrayField(
        models.CharField(max_length=20),
        default=all_methods,
        help_text="Ways of erasing that are accepted, best first; a server uses the first that its drives support.",
    )
    erase_verify = models.CharField(
        max_length=8,
        choices=[(mode.value, mode.value) for mode in VerifyMode],
        default=VerifyMode.FULL,
        help_text="How much of an erased drive is read back.",
    )

    is_emulated = models.BooleanField(
        default=False,
        help_text="Its servers are emulated or virtual: test doubles may stand in for GPUs, and reports say so.",
    )
    gpu_driver = models.CharField(max_length=40, blank=True, default="", help_text="Version; empty: not checked.")
    nvlinks = models.PositiveSmallIntegerField(default=0, help_text="Between any two GPUs; 0: not checked.")
    fabric_ports = models.PositiveSmallIntegerField(default=0, help_text="Ports that must be up; 0: not checked.")
    link_rate_gbps = models.PositiveIntegerField(default=0, help_text="Of each of these ports, in Gb/s.")
    allreduce_busbw_gbps_min = models.PositiveIntegerField(
        default=0, help_text="Bus bandwidth of NCCL's all-reduce over all servers, in GB/s; 0: not checked."
    )
    allreduce_busbw_gbps_max = models.PositiveIntegerField(
        default=0, help_text="What is measured above that, in GB/s, is not believed; 0: no limit."
    )

    bmc_accounts = models.JSONField(
        default=list, blank=True, help_text="Accounts beside ours that the BMCs of this type may have."
    )

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(condition=Q(gpu_count__gte=1), name="server_type_has_gpus"),
            models.CheckConstraint(
                condition=Q(lead_time__gte=timedelta(0), cleanup_time__gte=timedelta(0)),
                name="server_type_times_positive",
            ),
            models.CheckConstraint(
                condition=Q(erase_methods__contained_by=all_methods(), erase_methods__len__gt=0),
                name="server_type_erase_methods_known",
            ),
            models.CheckConstraint(
                condition=Q(erase_verify__in=sorted(VerifyMode)), name="server_type_erase_verify_known"
            ),
            models.CheckConstraint(
                condition=Q(allreduce_busbw_gbps_max=0)
                | Q(allreduce_busbw_gbps_min__gt=0, allreduce_busbw_gbps_max__gt=F("allreduce_busbw_gbps_min")),
                name="server_type_allreduce_band",
            ),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name

    @property
    def erase_policy(self) -> ErasePolicy:
        """How servers of this type must be erased."""
        return ErasePolicy(tuple(self.erase_methods), VerifyMode(self.erase_verify))


class Server(Identified, Stateful):
    """One machine."""

    ID_PREFIX = ids.Prefix.SERVER
    STATES = SERVER

    name = models.CharField(max_length=63, unique=True, validators=[slug])
    server_type = models.ForeignKey(ServerType, on_delete=models.PROTECT, related_name="servers")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="servers")
    fabric = models.ForeignKey(Fabric, on_delete=models.PROTECT, related_name="servers")
    rack = models.ForeignKey(Rack, on_delete=models.PROTECT, related_name="servers")
    rack_unit = models.PositiveSmallIntegerField()
    serial = models.CharField(max_length=64, unique=True)
    system_uuid = models.UUIDField(unique=True, help_text="As the BMC reports it.")
    ssh_host = models.CharField(max_length=255, help_text="Address at which the tenant reaches it.")
    ssh_port = models.PositiveIntegerField(default=22)
    is_spare = models.BooleanField(default=False, help_text="Held back from sale, to take the place of a failed one.")

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["server_type", "region", "fabric", "id"], name="server_pool")]
        constraints = [
            known_state(SERVER, "server_state_known"),
            models.UniqueConstraint(fields=["ssh_host", "ssh_port"], name="server_address_once"),
            models.UniqueConstraint(fields=["rack", "rack_unit"], name="server_place_once"),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class BootMethod(models.TextChoices):
    """How a server is made to boot our medium."""

    VIRTUAL_MEDIA = "virtual_media", "virtual media"
    UEFI_HTTP = "uefi_http", "UEFI HTTP"


class BMC(models.Model):
    """The way to switch a server from outside: its Redfish address and its encrypted credentials."""

    server = models.OneToOneField(Server, on_delete=models.CASCADE, related_name="bmc")
    address = models.CharField(max_length=255, help_text="https://host:port")
    username = models.CharField(max_length=64)
    password_encrypted = models.TextField(help_text="Encrypted; never shown.")
    next_password_encrypted = models.TextField(
        default="", blank=True, help_text="Encrypted; kept before it is set, so that either one always opens the BMC."
    )
    boot_method = models.CharField(
        max_length=16,
        choices=BootMethod.choices,
        default=BootMethod.VIRTUAL_MEDIA,
        help_text="Virtual media needs no DHCP; UEFI HTTP is for BMCs without a virtual drive.",
    )
    password_changed_at = models.DateTimeField(null=True, blank=True)
    boot_order = models.JSONField(
        default=list, blank=True, help_text="As it was recorded: what the server boots from, first to last."
    )

    class Meta:
        verbose_name = "BMC"
        constraints = [
            models.CheckConstraint(condition=Q(address__startswith="https://"), name="bmc_speaks_tls"),
            models.CheckConstraint(condition=Q(boot_method__in=sorted(BootMethod)), name="bmc_boot_method_known"),
        ]

    def __str__(self) -> str:
        """Return the address."""
        return self.address


class NIC(models.Model):
    """A network port of a server."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="nics")
    mac = models.CharField(max_length=17, unique=True)
    purpose = models.CharField(max_length=20, default="provisioning")
    address = models.GenericIPAddressField(
        null=True, blank=True, help_text="That it is given at the first boot; empty: it asks its network for one."
    )
    prefix_length = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Of the network that the address is in, in bits."
    )

    class Meta:
        verbose_name = "NIC"
        constraints = [
            models.CheckConstraint(
                condition=Q(address=None, prefix_length=None)
                | Q(address__isnull=False, prefix_length__gte=8, prefix_length__lte=128),
                name="nic_address_whole",
            ),
            models.UniqueConstraint(
                fields=["server"], condition=Q(address__isnull=False), name="nic_one_address_of_a_server"
            ),
            models.UniqueConstraint(fields=["address"], name="nic_address_once"),
        ]

    def __str__(self) -> str:
        """Return the MAC address."""
        return self.mac


class Drive(models.Model):
    """A drive of a server."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="drives")
    serial = models.CharField(max_length=64, unique=True)
    model = models.CharField(max_length=80)
    size_bytes = models.BigIntegerField()

    class Meta:
        # The erasure of nothing would prove an empty drive, so that its server could pass without one.
        constraints = [models.CheckConstraint(condition=Q(size_bytes__gt=0), name="drive_has_size")]

    def __str__(self) -> str:
        """Return the serial number."""
        return self.serial


POOL_STATES = (
    ServerState.AVAILABLE,
    ServerState.DEPLOYING,
    ServerState.IN_USE,
    ServerState.RELEASING,
)
"""States in which a server counts as part of what can be promised for later."""
