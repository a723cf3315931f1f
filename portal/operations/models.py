"""Work orders for machines: operations, each server's part in them, boot tokens, and the events that tell of them."""

from django.db import models
from django.db.models import Q

from portal.catalog.models import OSImage
from portal.core import clock, ids
from portal.core.models import Identified, Stateful, known_state
from portal.core.waking import Queue
from portal.fleet.models import Server
from portal.operations.states import OPEN_PART, OPERATION, PART, OperationKind
from portal.tenancy.models import Project

USER_DATA_LIMIT_BYTES = 16 * 1024


class Operation(Identified, Stateful):
    """An intent to do something to some servers. Rows are the truth; a Celery message only wakes a worker."""

    ID_PREFIX = ids.Prefix.OPERATION
    STATES = OPERATION

    kind = models.CharField(max_length=16, choices=[(kind.value, kind.value) for kind in OperationKind])
    subject = models.CharField(
        max_length=40, blank=True, default="", db_index=True, help_text="Public id of what it is done for."
    )
    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, blank=True, related_name="operations")
    requested_by = models.CharField(max_length=200)
    not_before = models.DateTimeField(default=clock.now)
    image = models.ForeignKey(OSImage, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    ssh_keys = models.JSONField(
        default=list, blank=True, help_text="Public key lines as they were when it was asked for."
    )
    user_data = models.TextField(blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often a worker was lost.")
    epoch = models.PositiveIntegerField(default=0, help_text="Counts the claims; writes of an older epoch are refused.")
    claimed_by = models.CharField(max_length=120, blank=True, default="")
    claim_expires_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            known_state(OPERATION, "operation_state_known"),
            models.CheckConstraint(condition=Q(kind__in=sorted(OperationKind)), name="operation_kind_known"),
            models.CheckConstraint(
                condition=Q(claimed_by="", claim_expires_at=None)
                | (~Q(claimed_by="") & Q(claim_expires_at__isnull=False)),
                name="operation_claim_whole",
            ),
        ]


class OperationServer(Stateful):
    """One server's part in an operation: which step it is at, how far, and what became of it."""

    STATES = PART

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="parts")
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="parts")
    position = models.PositiveSmallIntegerField()
    hostname = models.CharField(max_length=63)
    step = models.PositiveSmallIntegerField(default=0, help_text="Index in the catalogue's list of steps.")
    step_attempts = models.PositiveSmallIntegerField(default=0)
    step_started_at = models.DateTimeField(default=clock.now)
    stage = models.CharField(max_length=24, blank=True, default="")
    percent = models.PositiveSmallIntegerField(default=0, help_text="Of the stage.")
    error_code = models.CharField(max_length=40, blank=True, default="")
    host_keys = models.JSONField(default=list, blank=True, help_text="SSH host keys that it phoned home with.")
    expected_host_key = models.TextField(
        blank=True, default="", help_text="Public SSH host key that it was given; what it phones home with must be it."
    )
    verify_key_encrypted = models.TextField(blank=True, default="", help_text="Private half of the one-time check key.")
    cluster_key = models.CharField(
        max_length=100, blank=True, default="", help_text="Public half of the key that it logs in to the others with."
    )

    class Meta:
        ordering = ["operation", "position"]
        constraints = [
            known_state(PART, "operation_server_state_known"),
            models.UniqueConstraint(fields=["operation", "server"], name="operation_server_once"),
            models.UniqueConstraint(
                fields=["server"], condition=Q(state__in=sorted(OPEN_PART)), name="server_in_one_open_operation"
            ),
            models.CheckConstraint(condition=Q(percent__lte=100), name="operation_server_percent"),
        ]

    def __str__(self) -> str:
        """Return host name and state."""
        return f"{self.hostname} {self.state}"


class AcceptanceReport(models.Model):
    """What was found when a delivered server was checked in an operation: each check with its result."""

    part = models.OneToOneField(OperationServer, on_delete=models.CASCADE, related_name="acceptance")
    document = models.JSONField()
    at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        """Return the server and the verdict."""
        return f"{self.part.hostname} {self.document['verdict']}"


class ClusterReport(models.Model):
    """What was found when the servers of an operation were made one cluster: the pairs, and the bandwidth."""

    operation = models.OneToOneField(Operation, on_delete=models.CASCADE, related_name="cluster_report")
    document = models.JSONField()
    at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        """Return the operation and the verdict."""
        return f"{self.operation} {self.document['verdict']}"


class BootPurpose(models.TextChoices):
    """What a machine is booted for."""

    IMAGE = "image"
    ERASE = "erase"
    INSPECT = "inspect"
    FIRST_BOOT = "first_boot"
    RESCUE = "rescue"


class BootToken(models.Model):
    """One boot of one machine: what it may ask and report, once. Only the hash of the token is kept."""

    part = models.ForeignKey(OperationServer, on_delete=models.CASCADE, related_name="boots")
    purpose = models.CharField(max_length=12, choices=BootPurpose.choices)
    token_sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True)
    reported_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    result = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["part", "purpose"], condition=Q(revoked_at=None), name="boot_token_one_valid"
            ),
        ]

    def __str__(self) -> str:
        """Return what the boot is for."""
        return f"{self.purpose} boot of {self.part.hostname}"


class OperationEvent(Identified):
    """Something that a customer may want to know: typed, ordered, in plain words."""

    ID_PREFIX = ids.Prefix.EVENT

    subject = models.CharField(max_length=40, help_text="Public id of the reservation.")
    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, null=True, blank=True, related_name="events")
    server = models.ForeignKey(Server, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    hostname = models.CharField(max_length=63, blank=True, default="")
    type = models.CharField(max_length=40)
    message = models.TextField()
    actor_label = models.CharField(max_length=200)
    data = models.JSONField(default=dict, blank=True)
    duration_ms = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["subject", "id"], name="event_by_subject")]


class WorkerPulse(models.Model):
    """When a worker process was last alive, for the readiness check."""

    name = models.CharField(max_length=120)
    queue = models.CharField(
        max_length=40, default=Queue.OPERATIONS.value, help_text="Which of Celery's queues it serves."
    )
    seen_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "queue"], name="worker_pulse_once")]

    def __str__(self) -> str:
        """Return the worker's name."""
        return self.name
