"""What hangs together with a reservation: on its own page and on those of servers, organizations and projects."""

from portal.audit.staff import columns
from portal.audit.staff.panels import Panel, show_on
from portal.fleet.models import Server
from portal.operations.admin.operations import PROGRESS, SUMMARY
from portal.operations.admin.record import EVENT
from portal.operations.models import Operation, OperationEvent, OperationServer
from portal.operations.selectors import events_of, operations_for
from portal.reservations.models import Allocation, Reservation
from portal.tenancy.models import Organization, Project

OCCUPIED = columns.period("occupied", "Occupied")
TURNOVER = columns.period("turnover", "Turnover")
show_on(
    Reservation,
    Panel(
        "Allocations",
        Allocation,
        lambda reservation: reservation.allocations.select_related("server").order_by("position", "pk"),
        (
            columns.me("Host name", "hostname"),
            columns.state,
            columns.link("server", "Server"),
            OCCUPIED,
            TURNOVER,
            columns.moment("ready_at", "Handed over"),
        ),
        all_of="reservation__id__exact",
    ),
    Panel(
        "Operations",
        Operation,
        lambda reservation: operations_for(reservation.public_id).select_related("project"),
        (columns.me("Operation"), *SUMMARY[:2], *SUMMARY[4:]),
    ),
    Panel(
        "Servers at work",
        OperationServer,
        lambda reservation: (
            OperationServer.objects.filter(operation__subject=reservation.public_id)
            .select_related("operation", "server")
            .order_by("-operation", "position")
        ),
        (
            columns.me("Host name", "hostname"),
            columns.field("operation__kind", "Kind"),
            columns.link("server", "Server"),
            *PROGRESS,
        ),
    ),
    Panel(
        "Told to the customer",
        OperationEvent,
        lambda reservation: events_of(reservation.public_id).reverse(),
        EVENT,
    ),
)
show_on(
    Server,
    Panel(
        "Allocations",
        Allocation,
        lambda server: server.allocations.select_related("reservation").order_by("-pk"),
        (
            columns.column("Reservation", lambda row: columns.linked(row.reservation, row.reservation.name)),
            columns.me("Host name", "hostname"),
            columns.state,
            OCCUPIED,
            TURNOVER,
        ),
        all_of="server__id__exact",
    ),
)
RESERVATION = (
    columns.me("Name", "name"),
    columns.state,
    columns.field("count", "Servers"),
    columns.link("server_type", "Type"),
    columns.link("region", "Region"),
    columns.period("period", "Period"),
    columns.column("Price", lambda row: row.total),
)
show_on(
    Organization,
    Panel(
        "Reservations",
        Reservation,
        lambda organization: organization.reservations.select_related("server_type", "region").order_by("-pk"),
        RESERVATION,
        all_of="organization__id__exact",
    ),
)
show_on(
    Project,
    Panel(
        "Reservations",
        Reservation,
        lambda project: project.reservations.select_related("server_type", "region").order_by("-pk"),
        RESERVATION,
        all_of="project__id__exact",
    ),
)
