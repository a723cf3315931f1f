"""One line builds a valid object; a test names only what matters to it."""

import itertools
import uuid
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from portal.catalog.models import OSImage, Price, PriceBook
from portal.catalog.services.images import Fetched, begin_import, finish_import, request_import
from portal.catalog.states import BookState
from portal.core import clock, secrets
from portal.core.actors import SYSTEM
from portal.fleet.certificates import LeftBy, issue_certificates
from portal.fleet.erasures import DriveReport, record_erasure
from portal.fleet.models import BMC, Drive, Fabric, Rack, Region, Server, ServerType
from portal.fleet.states import ServerState
from portal.operations.models import OperationServer
from portal.quotas.models import Quota
from portal.quotas.services.budgets import set_budget
from portal.quotas.services.limits import request_increase
from portal.reservations.models import Enquiry, Placement, WaitlistEntry
from portal.reservations.request import Particulars, QuoteRequest, ReservationRequest
from portal.reservations.services import outcomes
from portal.reservations.services.quotes import make_quote
from portal.reservations.services.reserve import reserve
from portal.reservations.states import WaitlistState
from portal.tenancy.models import Membership, Organization, Project, SSHKey, User
from portal.tenancy.roles import Role
from portal.tenancy.scope import Scope
from portal.tenancy.services import issue_token
from tests.thawing import thawed

_counter = itertools.count(1)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEE4MZ0oqEvEEDnMtIsAGVbc2RRrFCOOhRyM2Xtl7Yr2 ana@lab"
KEY_FINGERPRINT = "SHA256:test-fingerprint"
HOST_KEY = "ssh-ed25519 AAAAHOSTKEY"
CLUSTER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICU3b26v5xa0ezWQhc3FIxdw2SS9UawWPTihW6QWvjNx"
DIGEST = "5f" * 32
PASSWORD = "correct horse battery"
DISK_BYTES = 16 * 1024 * 1024
ERASED_AT = datetime(2030, 1, 15, 12, 0, tzinfo=UTC)
SOON = timedelta(seconds=50)
"""Until the start of what is prepared at once: longer than a test takes, and no whole minute in what pages say."""


def region(code="eu-north-1"):
    return Region.objects.get_or_create(code=code, defaults={"name": code})[0]


def fabric(name="A", in_region=None):
    return Fabric.objects.get_or_create(region=in_region or region(), name=name, defaults={"technology": "NDR 400G"})[0]


def server_type(slug="h100x8", **kwargs):
    fields = {
        "name": "8 x H100",
        "gpu_model": "NVIDIA H100 80GB HBM3",
        "gpu_count": 8,
        "gpu_memory_gb": 80,
        "cpu": "2 x Xeon 8480C",
        "memory_gb": 2048,
        "storage": "8 x 3.84 TB NVMe",
        "interconnect": "8 x NDR 400G",
        **kwargs,
    }
    return ServerType.objects.get_or_create(slug=slug, defaults=fields)[0]


def server(rack_number=0, **kwargs):
    return _servers([rack_number], **kwargs)[0]


def servers(count, **kwargs):
    """Make servers in racks of twenty; where a rack ends must not hang on how many were made before."""
    return _servers([index // 20 for index in range(count)], **kwargs)


def _servers(rack_numbers, in_fabric=None, of_type=None, state=ServerState.AVAILABLE, with_bmc=True, **kwargs):
    """Make a server in each of the racks, in few statements: every other test begins with a handful of servers."""
    home, kind = in_fabric or fabric(), of_type or server_type()
    racks = {
        number: Rack.objects.get_or_create(region=home.region, name=f"r{number:03d}")[0]
        for number in sorted(set(rack_numbers))
    }
    made = []
    for rack_number in rack_numbers:
        number = next(_counter)
        fields = {
            "name": f"s{number:05d}",
            "server_type": kind,
            "region": home.region,
            "fabric": home,
            "rack": racks[rack_number],
            "rack_unit": number,
            "serial": f"SN{number:06d}",
            "system_uuid": uuid.uuid4(),
            "ssh_host": f"127.99.{number // 250}.{number % 250 + 1}",
            "ssh_port": 2222,
            "state": state,
            **kwargs,
        }
        made.append(Server(**fields))
    Server.objects.bulk_create(made)
    if with_bmc:
        BMC.objects.bulk_create([_bmc(server) for server in made])
    Drive.objects.bulk_create([_drive(server) for server in made])
    return made


def _bmc(of):
    password = secrets.encrypt("secret")
    return BMC(server=of, address="https://127.0.0.1:1", username="admin", password_encrypted=password)


def _drive(of):
    return Drive(server=of, serial=f"DRV{of.serial}", model="emulated", size_bytes=DISK_BYTES)


def drive_report(drive, **kwargs):
    """Return what a machine reports of a drive that it erased whole and read back clean."""
    size = drive.size_bytes
    fields = {
        "serial": drive.serial,
        "model": drive.model,
        "firmware": "F1",
        "size_bytes": size,
        "method": "overwrite",
        "bytes_erased": size,
        "verify_mode": "full",
        "bytes_verified": size,
        "blocks_sampled": 0,
        "residue_bytes": 0,
        "started_at": ERASED_AT - timedelta(seconds=30),
        "ended_at": ERASED_AT,
        **kwargs,
    }
    return DriveReport(**fields)


def said_of_drives(*reports):
    """Return drive reports as the body in which a machine sends them, and as that is kept."""
    return {"ok": True, "drives": [{**asdict(report), **_times(report)} for report in reports]}


def _times(report):
    return {"started_at": report.started_at.isoformat(), "ended_at": report.ended_at.isoformat()}


def certificate(for_scope, of_reservation, server):
    """Certify the first drive of a server as left by a reservation."""
    number = next(_counter)
    operation_id = f"op_{number}"
    record_erasure(
        actor=SYSTEM, server=server, operation_id=operation_id, report=drive_report(server.drives.order_by("pk")[0])
    )
    left_by = LeftBy(of_reservation.public_id, for_scope.project)
    return issue_certificates(actor=SYSTEM, server=server, operation_id=operation_id, left_by=left_by)[0]


def image(**kwargs):
    number = next(_counter)
    fields = {
        "slug": f"ubuntu-{number}",
        "name": "Ubuntu 24.04",
        "version": "24.04",
        "file_name": f"ubuntu-{number}.img",
        "size_bytes": 1024,
        "sha256": "0" * 64,
        **kwargs,
    }
    fields = {"disk_bytes": fields["size_bytes"], "disk_sha256": fields["sha256"], **fields}
    return OSImage.objects.create(**fields)


def image_import(for_scope=None, **kwargs):
    who = for_scope or scope()
    fields = {"name": "base", "url": "https://images.example.com/base.raw", "sha256": DIGEST, "default_user": "ubuntu"}
    return request_import(scope=who, actor=who.actor, **{**fields, **kwargs})


def own_image(for_scope=None, **kwargs):
    """Return an image of the project's own, imported as a worker does it."""
    row = image_import(for_scope, **kwargs)
    begin_import(actor=SYSTEM, import_pk=row.pk)
    fetched = Fetched(f"{row.public_id}.img", 1024, DIGEST, "none", 1024, DIGEST)
    return finish_import(actor=SYSTEM, import_pk=row.pk, fetched=fetched)


def price_book(name="List", currency="USD", start=None, end=None, **kwargs):
    """Return a published book, without prices."""
    fields = {
        "version": next(_counter),
        "state": BookState.PUBLISHED,
        "valid": DateTimeTZRange(start or clock.now() - timedelta(days=365), end, "[)"),
        **kwargs,
    }
    return PriceBook.objects.create(name=name, currency=currency, **fields)


def price(of_type=None, in_region=None, rate="2.50", currency="USD", in_book=None, **kwargs):
    """Return a price in a published book: by default the one of the currency, on demand."""
    name = f"List {currency}"
    book = in_book or PriceBook.objects.filter(name=name).first() or price_book(name, currency)
    fields = {"per_gpu_hour": Decimal(rate), "floor_per_gpu_hour": Decimal(kwargs.pop("floor", rate))}
    where = {"server_type": of_type or server_type(), "region": in_region or region(), **kwargs}
    found = Price.objects.filter(book=book, **{"months": 0, **where}).first()
    if found is None:
        with thawed():
            found = Price.objects.create(book=book, **where, **fields)
    return found


def organization(name=None, **kwargs):
    return Organization.objects.create(name=name or f"Tenant {next(_counter)}", **kwargs)


def project(of=None, name=None):
    return Project.objects.create(organization=of or organization(), name=name or f"project-{next(_counter)}")


def user(email=None, **kwargs):
    return User.objects.create_user(email or f"user{next(_counter)}@example.test", PASSWORD, **kwargs)


def member(of, role=Role.OWNER, **kwargs):
    person = user(**kwargs)
    Membership.objects.create(user=person, organization=of, role=role)
    return person


def scope(role=Role.OWNER, in_project=None):
    home = in_project or project()
    person = member(home.organization, role)
    return Scope(person.as_actor(), home, role)


def token(in_project=None, role=Role.OPERATOR):
    return issue_token(actor=SYSTEM, project=in_project or project(), name="ci", role=role)


def ssh_key(in_project, **kwargs):
    number = next(_counter)
    fields = {
        "name": f"key-{number}",
        "public_key": KEY,
        "key_type": "ssh-ed25519",
        "fingerprint": f"{KEY_FINGERPRINT}-{number}",
        **kwargs,
    }
    return SSHKey.objects.create(project=in_project, **fields)


def quota(of, limit=64, of_type=None, in_region=None, **kwargs):
    return Quota.objects.create(
        organization=of, server_type=of_type or server_type(), region=in_region or region(), limit=limit, **kwargs
    )


def budget(for_scope, amount="100000.00", **kwargs):
    return set_budget(scope=for_scope, actor=for_scope.actor, amount=Decimal(amount), **kwargs)


def quota_request(for_scope=None, limit=128, **kwargs):
    who = for_scope or scope()
    fields = {"server_type": server_type(), "region": region(), "limit": limit, "reason": "a second run", **kwargs}
    return request_increase(scope=who, actor=who.actor, **fields)


def buyer(limit=64):
    """Return a scope that can reserve: it has quota, a key, and there is a price."""
    made = scope()
    price()
    quota(made.organization, limit)
    ssh_key(made.project)
    return made


def request(for_scope, **kwargs):
    start = kwargs.pop("starts_at", clock.now() + timedelta(days=1))
    begin = start or clock.now()
    fields = {
        "name": f"train-{next(_counter)}",
        "server_type": server_type(),
        "region": region(),
        "count": 1,
        "starts_at": start,
        "ends_at": begin + timedelta(days=1),
        "image": image() if "image" not in kwargs else None,
        "ssh_keys": list(for_scope.project.ssh_keys.all()),
        "placement": Placement.SAME_FABRIC,
        **kwargs,
    }
    return ReservationRequest(**fields)


def reservation(for_scope=None, **kwargs):
    who = for_scope or buyer()
    return reserve(scope=who, actor=who.actor, request=request(who, **kwargs))


def quote_request(**kwargs):
    start = kwargs.pop("starts_at", clock.now() + timedelta(days=1))
    fields = {
        "server_type": server_type(),
        "region": region(),
        "count": 1,
        "starts_at": start,
        "ends_at": (start or clock.now()) + timedelta(days=1),
        **kwargs,
    }
    return QuoteRequest(**fields)


def quote(for_scope=None, hold=False, **kwargs):
    who = for_scope or buyer()
    return make_quote(scope=who, actor=who.actor, request=quote_request(**kwargs), hold=hold)


def hold(for_scope=None, **kwargs):
    """Return a quote whose capacity is held, on a server made for it unless there are some."""
    if not Server.objects.exists():
        server()
    return quote(for_scope, hold=True, **kwargs)


def particulars(for_scope, **kwargs):
    fields = {
        "name": f"train-{next(_counter)}",
        "image": None,
        "ssh_keys": list(for_scope.project.ssh_keys.all()),
        **kwargs,
    }
    return Particulars(**fields | {"image": fields["image"] or image()})


def waitlist_entry(for_scope=None, **kwargs):
    """Return an entry as a row, without looking at what is free."""
    who = for_scope or buyer()
    start = clock.now() + timedelta(days=1)
    fields = {
        "state": WaitlistState.WAITING,
        "organization": who.organization,
        "project": who.project,
        "server_type": server_type(),
        "region": region(),
        "count": 1,
        "duration": timedelta(days=1),
        "earliest": start,
        "latest": start + timedelta(days=7),
        "placement": Placement.SAME_FABRIC,
        "currency": who.organization.currency,
        "requested_by": who.actor.label,
        **kwargs,
    }
    return WaitlistEntry.objects.create(**fields)


def enquiry(of=None, **kwargs):
    """Return a line of the request log: by default a search for which there was no room."""
    who = of or organization()
    fields = {
        "kind": Enquiry.Kind.SEARCH,
        "outcome": Enquiry.Outcome.NO_FIT,
        "channel": "web",
        "organization": who.public_id,
        "project": "",
        "server_type": server_type().slug,
        "region": region().code,
        "count": 16,
        "placement": Placement.SAME_FABRIC,
        "free": 3,
        **kwargs,
    }
    return Enquiry.objects.create(**fields)


def hand_over(a_reservation, host_keys=(HOST_KEY,)):
    """Bring a reservation that is being prepared to its tenant, by the services that the outcome path calls."""
    for part in OperationServer.objects.filter(operation__subject=a_reservation.public_id):
        part.host_keys = list(host_keys)
        outcomes.server_ready(part=part, ssh_user="ubuntu")
    outcomes.deploy_finished(operation=part.operation)
    a_reservation.refresh_from_db()
    return a_reservation
