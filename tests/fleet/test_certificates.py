"""Certificates are issued where a server returns, chained for each server, and kept as they were signed."""

import base64
import io
import json

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, transaction
from pypdf import PdfReader

from portal.audit.models import AuditEvent
from portal.core.actors import SYSTEM
from portal.core.clock import as_rfc3339
from portal.core.errors import StateConflict
from portal.fleet import certificates
from portal.fleet.certificates import LeftBy, file_of, issue_certificates, page_file_of, public_keys
from portal.fleet.erasures import record_erasure
from portal.fleet.models import CertificateKey, Drive, ErasureCertificate, FirmwareReading, Server
from portal.fleet.services import return_to_pool
from portal.fleet.verify import check_chain, read
from tests import factories, racing

OTHER_KEY = base64.b64encode(b"k" * 32).decode()


def releasing(drives=1):
    server = factories.server(state="releasing")
    for number in range(1, drives):
        Drive.objects.create(server=server, serial=f"{server.name}-{number}", model="m", size_bytes=4096)
    return server


def erased(server, operation_id="op_1", **kwargs):
    for drive in server.drives.order_by("pk"):
        report = factories.drive_report(drive, **kwargs)
        record_erasure(actor=SYSTEM, server=server, operation_id=operation_id, report=report)


def returned(server, operation_id="op_1", **kwargs):
    return_to_pool(actor=SYSTEM, server=server, operation_id=operation_id, **kwargs)
    return list(ErasureCertificate.objects.filter(operation_id_text=operation_id).order_by("pk"))


@pytest.mark.django_db
def test_each_drive_of_a_returned_server_has_one_that_verifies_offline():
    server, buyer = releasing(3), factories.buyer()
    erased(server)
    reading = FirmwareReading.objects.create(
        server=server, operation_id_text="op_1", component="BIOS", version="1.2", expected="1.2", matches=True
    )

    made = returned(server, left_by=LeftBy("res_1", buyer.project))

    documents = [read(file_of(row), public_keys()) for row in made]
    check_chain(documents)
    drives = list(server.drives.order_by("pk"))
    assert [document["drive"]["serial"] for document in documents] == [drive.serial for drive in drives]
    assert [document["sequence"] for document in documents] == [1, 2, 3]
    assert documents[0] == {
        "version": 1,
        "id": made[0].public_id,
        "issuer": "http://127.0.0.1:8000",
        "issued_at": documents[0]["issued_at"],
        "key_id": made[0].key.key_id,
        "server": {"id": server.public_id, "serial": server.serial},
        "sequence": 1,
        "previous": None,
        "drive": {
            "serial": drives[0].serial,
            "model": "emulated",
            "firmware": "F1",
            "size_bytes": factories.DISK_BYTES,
        },
        "erasure": {
            "method": "overwrite",
            "bytes_erased": factories.DISK_BYTES,
            "started_at": "2030-01-15T11:59:30Z",
            "ended_at": "2030-01-15T12:00:00Z",
            "recorded_at": documents[0]["erasure"]["recorded_at"],
        },
        "verification": {
            "mode": "full",
            "bytes_verified": factories.DISK_BYTES,
            "blocks_sampled": 0,
            "residue_bytes": 0,
        },
        "firmware": [
            {
                "component": "BIOS",
                "version": "1.2",
                "expected": "1.2",
                "matches": True,
                "at": as_rfc3339(reading.at),
            }
        ],
        "operation": "op_1",
        "organization": buyer.organization.public_id,
        "project": buyer.project.public_id,
        "reservation": "res_1",
    }
    assert AuditEvent.objects.filter(verb="server.erasure_certified", target=server.public_id).count() == 3


@pytest.mark.django_db
def test_the_chain_goes_on_through_all_releases_and_those_for_staff():
    server = releasing(2)
    for operation in ("op_1", "op_2", "op_3"):
        Server.objects.update(state="releasing")
        erased(server, operation)
        returned(Server.objects.get(), operation)

    documents = [read(file_of(row), public_keys()) for row in ErasureCertificate.objects.order_by("pk")]

    check_chain(documents)
    assert [document["sequence"] for document in documents] == [1, 2, 3, 4, 5, 6]
    assert {document["reservation"] for document in documents} == {None}


@pytest.mark.django_db
def test_what_is_unproved_is_certified_for_no_drive():
    server = releasing(2)
    erased(server)
    Drive.objects.filter(server=server).order_by("-pk")[:1].get().delete()

    with pytest.raises(StateConflict):
        returned(server)

    assert not ErasureCertificate.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x", base64.b64encode(b"short").decode()])
def test_without_a_key_no_server_returns(settings, key):
    settings.METALYARD_CERTIFICATE_KEY = key
    server = releasing()
    erased(server)

    with pytest.raises(ImproperlyConfigured, match="METALYARD_CERTIFICATE_KEY"):
        returned(server)

    assert Server.objects.get().state == "releasing"
    assert not ErasureCertificate.objects.exists()


@pytest.mark.django_db
def test_the_same_erasure_is_certified_once():
    server = releasing()
    erased(server)
    first = issue_certificates(actor=SYSTEM, server=server, operation_id="op_1", left_by=LeftBy())

    assert issue_certificates(actor=SYSTEM, server=server, operation_id="op_1", left_by=LeftBy()) == []
    assert list(ErasureCertificate.objects.all()) == first


@pytest.mark.django_db
def test_a_replaced_key_stays_published_and_its_certificates_good(settings):
    server = releasing()
    erased(server)
    returned(server)
    settings.METALYARD_CERTIFICATE_KEY = OTHER_KEY
    Server.objects.update(state="releasing")
    erased(server, "op_2")
    returned(Server.objects.get(), "op_2")

    documents = [read(file_of(row), public_keys()) for row in ErasureCertificate.objects.order_by("pk")]

    check_chain(documents)
    assert len({document["key_id"] for document in documents}) == len(public_keys()) == 2


TABLES = (ErasureCertificate._meta.db_table, CertificateKey._meta.db_table)


def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.django_db
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("sql", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_database_changes_and_removes_none(table, sql):
    # The suite switches these triggers off to empty the tables between tests; the rollback does so again.
    for name in TABLES:
        execute(f"ALTER TABLE {name} ENABLE TRIGGER {name}_no_truncate")
    server = releasing()
    erased(server)
    returned(server)
    execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        execute(sql.format(table))

    assert (ErasureCertificate.objects.count(), CertificateKey.objects.count()) == (1, 1)


def two_at_once():
    """Let two operations certify one server at the same time; return what became of them."""
    server = factories.server()
    for operation in ("op_0", "op_1"):
        erased(server, operation)

    def issue(number):
        return issue_certificates(actor=SYSTEM, server=server, operation_id=f"op_{number}", left_by=LeftBy())

    outcomes = racing.race(2, issue)
    return outcomes, ErasureCertificate.objects.filter(server=server).order_by("sequence")


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one_chain():
    outcomes, rows = two_at_once()

    assert [len(made) for made in outcomes] == [1, 1]
    check_chain([json.loads(row.document) for row in rows])
    assert [row.sequence for row in rows] == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_both_come_first_and_the_database_refuses_one(monkeypatch):
    meeting = racing.threading.Barrier(2)

    def follow(last, *args):
        meeting.wait(racing.PATIENCE_S)
        return real(last, *args)

    real = certificates._follow
    monkeypatch.setattr(certificates, "_follow", follow)
    monkeypatch.setattr(certificates, "lock_row", lambda model, pk: model.objects.get(pk=pk))
    key = certificates._signing_key().public_key().public_bytes_raw()
    CertificateKey.objects.create(key_id=certificates.key_id_of(key), public_key=base64.b64encode(key).decode())

    outcomes, rows = two_at_once()

    assert sorted(isinstance(outcome, IntegrityError) for outcome in outcomes) == [False, True]
    assert rows.count() == 1


@pytest.mark.django_db
def test_the_page_for_people_says_the_same_on_one_page_and_is_always_the_same():
    server = releasing()
    erased(server, model="Ünïcode 模", firmware="")
    reading = {"server": server, "operation_id_text": "op_1", "expected": "1.2 or *", "matches": True}
    FirmwareReading.objects.create(component="BIOS", version="1.2", **reading)
    (row,) = returned(server, left_by=LeftBy("res_1", factories.buyer().project))

    page = page_file_of(row)

    assert page == page_file_of(row)
    pdf = PdfReader(io.BytesIO(page))
    text = "".join(pdf.pages[0].extract_text().split())
    assert len(pdf.pages) == 1
    for fact in (
        row.public_id,
        server.serial,
        row.drive_serial,
        "Ünïcode",
        "16,777,216bytes",
        "overwrite",
        "all16,777,216byteswerereadback",
        row.signature,
        row.key.key_id,
        "res_1",
        row.project.public_id,
        "BIOS1.2,expected1.2or*:asitshouldbe",
    ):
        assert fact in text


@pytest.mark.django_db
def test_much_firmware_goes_on_on_further_pages():
    server = releasing()
    erased(server)
    FirmwareReading.objects.bulk_create(
        FirmwareReading(
            server=server,
            operation_id_text="op_1",
            component=f"GPU_VBIOS_OF_A_LONG_NAME_{number}",
            version="96.00.89.00.01",
            expected="96.00.89.00.01",
            matches=True,
        )
        for number in range(100)
    )
    (row,) = returned(server)

    text = "".join("".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(page_file_of(row))).pages)

    assert all(f"NAME_{number}96.00" in text for number in range(100))
    assert row.signature in text
