"""Questions about operations."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import models
from django.db.models import Q

from portal.core import clock
from portal.core.errors import InvalidInput, NotFound
from portal.operations import stages
from portal.operations.models import (
    AcceptanceReport,
    BootToken,
    ClusterReport,
    Operation,
    OperationEvent,
    OperationServer,
)
from portal.operations.states import (
    FOR_TENANT,
    LIFE,
    OPEN_OPERATION,
    OPEN_PART,
    PARTS_OF,
    OperationKind,
    OperationState,
    PartState,
)
from portal.tenancy.scope import Scope


def events_of(subject: str, after: str = "") -> models.QuerySet[OperationEvent]:
    """Return the events told of ``subject`` in order, those after the event with the public id ``after`` if given.

    Raises InvalidInput on ``after`` when ``subject`` has no such event.
    """
    events = OperationEvent.objects.select_related("server", "operation").filter(subject=subject).order_by("pk")
    if not after:
        return events
    last = OperationEvent.objects.filter(subject=subject, public_id=after).first()
    if last is None:
        raise InvalidInput.of(
            "after", "unknown", "There is no such event here; leave it out to read from the first event."
        )
    return events.filter(pk__gt=last.pk)


def operations_for(subject: str) -> models.QuerySet[Operation]:
    """Return the operations done for ``subject``, newest first."""
    return Operation.objects.filter(subject=subject).order_by("-pk")


def acceptance_of(subject: str) -> dict[int, AcceptanceReport]:
    """Return the latest acceptance report of each server that was checked for ``subject``, by the server's pk."""
    reports = AcceptanceReport.objects.filter(part__operation__subject=subject).select_related("part").order_by("pk")
    return {report.part.server_id: report for report in reports}


def cluster_keys_of(subject: str) -> dict[int, str]:
    """Return the public key with which each server of ``subject`` logs in to the others, by the server's pk."""
    keys = OperationServer.objects.filter(operation__subject=subject).exclude(cluster_key="").order_by("pk")
    return dict(keys.values_list("server_id", "cluster_key"))


def cluster_reports_of(subject: str) -> list[ClusterReport]:
    """Return what was found each time that servers of ``subject`` were made one cluster, the newest first."""
    return list(ClusterReport.objects.filter(operation__subject=subject).order_by("-pk"))


def operations_of(scope: Scope) -> models.QuerySet[Operation]:
    """Return the project's operations, newest first, each with its parts and their servers."""
    return Operation.objects.filter(project=scope.project).prefetch_related(_parts()).order_by("-pk")


def operation_of(scope: Scope, public_id: str) -> Operation:
    """Return one operation of the project. Raises NotFound."""
    operation = operations_of(scope).filter(public_id=public_id).first()
    if operation is None:
        raise NotFound("This project has no such operation.")
    return operation


def latest_operations(subjects: Iterable[str]) -> models.QuerySet[Operation]:
    """Return the newest operation that prepared or took back servers of each of ``subjects`` that has one.

    Each comes with its parts and their servers.
    """
    return (
        Operation.objects.filter(subject__in=list(subjects), kind__in=LIFE)
        .prefetch_related(_parts())
        .order_by("subject", "-pk")
        .distinct("subject")
    )


def _parts() -> "models.Prefetch[str]":
    return models.Prefetch("parts", OperationServer.objects.select_related("server__fabric").order_by("position"))


def parts_of(operation: Operation) -> models.QuerySet[OperationServer]:
    """Return an operation's parts in order, with their servers."""
    return operation.parts.select_related(
        "server__bmc", "server__fabric", "server__server_type", "operation__image"
    ).order_by("position")


def valid_boots(parts: Iterable[OperationServer], purpose: str) -> dict[int, BootToken]:
    """Return the boots of that purpose that have not been revoked, by their part."""
    found = BootToken.objects.filter(part__in=[part.pk for part in parts], purpose=purpose, revoked_at=None)
    return {boot.part_id: boot for boot in found}


def servers_at_work() -> models.QuerySet[OperationServer, int]:
    """Return the pks of the servers that are in an open operation."""
    return OperationServer.objects.filter(state__in=OPEN_PART).order_by().values_list("server_id", flat=True)


def open_part_of(server_pk: int) -> OperationServer | None:
    """Return the part that a server has in an open operation."""
    return OperationServer.objects.select_related("operation").filter(server=server_pk, state__in=OPEN_PART).first()


def last_for_tenant(server_pk: int) -> OperationServer | None:
    """Return a server's part in what last had to do with what a tenant has on it, None where nothing ever had.

    Being cut off touches nothing, nor does a preparation that did not begin.
    """
    parts = OperationServer.objects.filter(server=server_pk).exclude(operation__subject="")
    untouched = Q(operation__kind=OperationKind.ISOLATE) | Q(operation__kind=OperationKind.DEPLOY, stage="")
    return parts.exclude(untouched).select_related("operation__project").order_by("-pk").first()


def latest_action(subject: str, server_pk: int) -> OperationServer | None:
    """Return a server's part in what was last asked to be done with it for ``subject``, if anything was."""
    asked = OperationServer.objects.filter(server=server_pk, operation__subject=subject, operation__kind__in=FOR_TENANT)
    return asked.select_related("operation").order_by("-pk").first()


def reports_of(operation_pk: int) -> tuple[int, int]:
    """Return how many servers at work or waited for have reported on a valid boot, and how many have not.

    Those that wait for one another, or are made a cluster, have nothing more to report.
    """
    reported = BootToken.objects.filter(part=models.OuterRef("pk"), revoked_at=None, reported_at__isnull=False)
    at_work = OperationServer.objects.filter(
        operation=operation_pk, state__in=(PartState.WORKING, PartState.AWAITING)
    ).exclude(stage=stages.HAND_OVER.name)
    found = list(at_work.values_list(models.Exists(reported), flat=True))
    return sum(found), len(found) - sum(found)


def waiting_operations(patience: timedelta = timedelta(0)) -> models.QuerySet[Operation]:
    """Return open operations that are due, that nobody holds, and for which a worker would find something to do.

    Machines' reports count once they are ``patience`` old.
    """
    now = clock.now()
    has_report = Q(
        parts__state=PartState.AWAITING, parts__boots__revoked_at=None, parts__boots__reported_at__lte=now - patience
    )
    something = (
        Q(state=OperationState.QUEUED)
        | Q(parts__state=PartState.READY)
        | Q(parts__state=PartState.AWAITING, parts__state_deadline_at__lte=now)
        | has_report
    )
    open_parts = OperationServer.objects.filter(operation=models.OuterRef("pk"), state__in=OPEN_PART)
    return (
        Operation.objects.annotate(has_open_parts=models.Exists(open_parts))
        .filter(state__in=OPEN_OPERATION, claimed_by="", not_before__lte=now)
        .filter(something | Q(has_open_parts=False))
        .distinct()
        .order_by("pk")
    )


def lost_claims() -> models.QuerySet[Operation]:
    """Return open operations whose lease has run out."""
    return Operation.objects.filter(state__in=OPEN_OPERATION, claim_expires_at__lte=clock.now()).order_by("pk")


def overdue_operations() -> models.QuerySet[Operation]:
    """Return open operations past their deadline that nobody holds."""
    return Operation.objects.filter(
        state__in=OPEN_OPERATION, state_deadline_at__lt=clock.now(), claimed_by=""
    ).order_by("pk")


def contradictions() -> models.QuerySet[OperationServer]:
    """Return parts in a state that is not legal under their operation's state."""
    wrong = Q()
    for state, legal in PARTS_OF.items():
        wrong |= Q(operation__state=state) & ~Q(state__in=legal)
    return OperationServer.objects.select_related("operation").filter(wrong).order_by("pk")
