"""In a child that is the portal on an empty database: migrate, and write what a customer needs to reserve."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.management import call_command
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from portal.audit.transitions import advance
from portal.catalog.models import CancellationTerm, OSImage, Price, PriceBook
from portal.catalog.states import BookState
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.fleet.models import Fabric, Region, ServerType
from portal.quotas.models import Quota
from portal.tenancy.models import Organization, Project, SSHKey
from portal.tenancy.roles import Role
from portal.tenancy.services import issue_token

FABRICS = ("a", "b", "c", "d")
HOUR = timedelta(hours=1)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEE4MZ0oqEvEEDnMtIsAGVbc2RRrFCOOhRyM2Xtl7Yr2 bench"


def build() -> dict[str, Any]:
    """Write the world and return the ids that the benchmark needs."""
    call_command("migrate", verbosity=0)
    now = clock.now()
    region = Region.objects.create(code="eu-north-1", name="Luleå")
    fabrics = [Fabric.objects.create(region=region, name=name, technology="NDR 400G") for name in FABRICS]
    server_type = ServerType.objects.create(
        slug="h100-8x",
        name="8x H100",
        gpu_model="NVIDIA H100 80GB HBM3",
        gpu_count=8,
        gpu_memory_gb=80,
        cpu="2x Intel Xeon Platinum 8480C",
        memory_gb=2048,
        storage="8x 3.84 TB NVMe",
        interconnect="8x 400G NDR",
        is_emulated=True,
        lead_time=HOUR,
        cleanup_time=HOUR,
    )
    book = PriceBook.objects.create(
        name="List",
        currency="USD",
        version=1,
        valid=DateTimeTZRange(now - timedelta(days=30), None),
        state=BookState.DRAFT,
    )
    rate = Decimal("2.49")
    Price.objects.create(book=book, server_type=server_type, region=region, per_gpu_hour=rate, floor_per_gpu_hour=rate)
    CancellationTerm.objects.create(book=book, notice=timedelta(days=7), percent=Decimal(50))
    advance(book, BookState.PUBLISHED, actor=SYSTEM)
    image = OSImage.objects.create(
        slug="ubuntu-24-04",
        name="Ubuntu",
        version="24.04",
        file_name="u.img",
        size_bytes=1,
        sha256="0" * 64,
        disk_bytes=1,
        disk_sha256="0" * 64,
    )
    buyer, filler = (_project(name) for name in ("buyer", "others"))
    Quota.objects.create(organization=buyer.organization, server_type=server_type, region=region, limit=2_000_000_000)
    key = SSHKey.objects.create(
        project=buyer, name="bench", public_key=KEY, key_type="ssh-ed25519", fingerprint="SHA256:bench"
    )
    return {
        "region": region.pk,
        "fabrics": [fabric.pk for fabric in fabrics],
        "server_type": server_type.pk,
        "image": image.pk,
        "buyer": buyer.pk,
        "filler": filler.pk,
        "ssh_key": key.public_id,
        "token": issue_token(actor=SYSTEM, project=buyer, name="bench", role=Role.OPERATOR)[1],
    }


def _project(name: str) -> Project:
    return Project.objects.create(organization=Organization.objects.create(name=name), name=name)
