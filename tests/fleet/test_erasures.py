"""No server returns to the pool without proof that every one of its drives was erased and read back."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from portal.audit.models import AuditEvent
from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from portal.fleet.erasures import flaws_of, record_erasure, record_erasures
from portal.fleet.models import Drive, Erasure, Server, ServerType
from portal.fleet.services import return_to_pool
from portal.fleet.states import ServerState
from tests import factories

SIZE = factories.DISK_BYTES


@pytest.mark.django_db
@pytest.mark.parametrize("size", [0, -1])
def test_the_database_knows_no_drive_without_a_size(size):
    server = factories.server()

    with pytest.raises(IntegrityError, match="drive_has_size"), transaction.atomic():
        Drive.objects.create(server=server, serial="empty", model="none", size_bytes=size)

    assert server.drives.count() == 1


def releasing(drives=1):
    server = factories.server(state=ServerState.RELEASING)
    for number in range(1, drives):
        Drive.objects.create(server=server, serial=f"{server.name}-{number}", model="emulated", size_bytes=SIZE)
    return server, list(server.drives.order_by("pk"))


def erased(drive, operation_id="op_1", server=None, **kwargs):
    report = factories.drive_report(drive, **kwargs)
    return record_erasure(actor=SYSTEM, server=server or drive.server, operation_id=operation_id, report=report)


def refused(server, operation_id="op_1"):
    """Expect that the server stays where it is; return the refusal."""
    count = AuditEvent.objects.count()
    with pytest.raises(StateConflict) as refusal:
        return_to_pool(actor=SYSTEM, server=server, operation_id=operation_id)
    assert Server.objects.get(pk=server.pk).state == server.state == ServerState.RELEASING
    assert AuditEvent.objects.count() == count
    return str(refusal.value)


@pytest.mark.django_db
def test_a_report_is_kept_good_or_bad_and_the_same_one_once():
    server, (drive,) = releasing()

    first = erased(drive, residue_bytes=5)
    second = erased(drive, residue_bytes=5)

    assert first == second == Erasure.objects.get()
    assert (first.residue_bytes, first.bytes_erased, first.method) == (5, SIZE, "overwrite")
    assert (first.drive_model, first.drive_firmware, first.size_bytes) == ("emulated", "F1", SIZE)
    assert (first.verify_mode, first.ended_at) == ("full", factories.ERASED_AT)
    event = AuditEvent.objects.get()
    assert (event.verb, event.target) == ("server.erasure_recorded", server.public_id)
    assert event.data == {"operation": "op_1", "drive": drive.serial, "method": "overwrite", "residue_bytes": 5}


@pytest.mark.django_db
def test_a_later_report_does_not_replace_an_earlier_one():
    _server, (drive,) = releasing()
    erased(drive, residue_bytes=5)

    erased(drive, residue_bytes=0)

    assert Erasure.objects.get().residue_bytes == 5


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["size_bytes", "bytes_erased", "bytes_verified", "blocks_sampled", "residue_bytes"])
def test_negative_counts_are_refused(field):
    _server, (drive,) = releasing()

    with pytest.raises(IntegrityError, match="erasure_counts"), transaction.atomic():
        erased(drive, **{field: -1})

    assert not Erasure.objects.exists()


@pytest.mark.django_db
def test_with_proof_for_every_drive_it_is_free_again():
    server, drives = releasing(3)
    for drive in drives:
        erased(drive)

    return_to_pool(actor=SYSTEM, server=server, operation_id="op_1")

    server.refresh_from_db()
    assert (server.state, server.state_reason) == (ServerState.AVAILABLE, "erased and read back by op_1")
    assert server.state_deadline_at is None


@pytest.mark.django_db
@pytest.mark.parametrize("left_out", range(3))
def test_without_proof_for_one_drive_it_is_not_and_the_drive_is_named(left_out):
    server, drives = releasing(3)
    for number, drive in enumerate(drives):
        if number != left_out:
            erased(drive)

    flaw = f"{drives[left_out].serial}: there is no one report of it"
    assert f"no proof of erasure ({flaw}): quarantine it" in refused(server)


FLAWS = [
    ({"residue_bytes": 1}, "1 bytes were left over"),
    ({"bytes_verified": SIZE - 1}, f"{SIZE - 1} of {SIZE} bytes were read back"),
    ({"bytes_erased": SIZE - 1}, f"{SIZE - 1} of {SIZE} bytes were erased"),
    ({"size_bytes": SIZE + 1}, f"the drive gives its size as {SIZE + 1} bytes, {SIZE} are recorded"),
    ({"method": "blkdiscard"}, "blkdiscard is not an accepted way to erase it"),
    ({"verify_mode": "sample", "blocks_sampled": 5000}, "all of it is to be read back, not a sample"),
    ({"ended_at": factories.ERASED_AT - timedelta(days=1)}, "it ended before it began"),
]


@pytest.mark.django_db
@pytest.mark.parametrize("flaw, words", FLAWS)
def test_flawed_evidence_is_no_proof_and_the_flaw_is_named(flaw, words):
    server, drives = releasing(2)
    ServerType.objects.update(erase_methods=["overwrite", "nvme_format"])
    erased(drives[0])
    erased(drives[1], **flaw)

    assert f"{drives[1].serial}: {words}" in flaws_of(Server.objects.get(pk=server.pk), "op_1")
    assert words in refused(Server.objects.get(pk=server.pk))


@pytest.mark.django_db
def test_a_drive_that_nobody_knows_keeps_the_server_out():
    server, (drive,) = releasing()
    erased(drive)
    erased(Drive(server=server, serial="STRANGER", model="x", size_bytes=SIZE))

    assert flaws_of(server, "op_1") == ["STRANGER: the drive is not known"]
    assert "STRANGER" in refused(server)


@pytest.mark.django_db
@pytest.mark.parametrize("second", [{}, {"residue_bytes": 5}])
def test_of_a_drive_that_is_reported_twice_nothing_is_kept_and_nothing_proved(second):
    server, drives = releasing(2)
    reports = [factories.drive_report(drive) for drive in drives]

    record_erasures(
        actor=SYSTEM,
        server=server,
        operation_id="op_1",
        drives=[*reports, factories.drive_report(drives[1], **second)],
    )

    assert [item.drive_serial for item in Erasure.objects.all()] == [drives[0].serial]
    assert f"{drives[1].serial}: there is no one report of it" in refused(server)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "policy, name",
    [
        ({"erase_methods": []}, "server_type_erase_methods_known"),
        ({"erase_methods": ["overwrite", "hammer"]}, "server_type_erase_methods_known"),
        ({"erase_verify": "glance"}, "server_type_erase_verify_known"),
    ],
)
def test_the_database_knows_no_policy_that_proves_nothing(policy, name):
    factories.server_type()

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        ServerType.objects.update(**policy)

    assert ServerType.objects.get().erase_policy.methods[-1] == "overwrite"


@pytest.mark.django_db
def test_proof_by_another_operation_or_of_another_server_is_none():
    server, (drive,) = releasing()
    other, _ = releasing()
    erased(drive, operation_id="op_before")
    erased(drive, server=other)

    assert drive.serial in refused(server)


@pytest.mark.django_db
def test_a_server_without_drives_proves_nothing():
    server, (drive,) = releasing()
    erased(drive)
    drive.delete()

    assert flaws_of(server, "op_1") == ["the server has no known drive"]
    assert "no known drive" in refused(server)


@pytest.mark.django_db
@pytest.mark.parametrize("state", [state for state in ServerState if state != ServerState.RELEASING])
def test_proof_alone_does_not_free_a_server_that_is_not_being_released(state):
    server = factories.server(state=state)
    erased(server.drives.get())

    with pytest.raises(StateConflict):
        return_to_pool(actor=SYSTEM, server=server, operation_id="op_1")

    assert Server.objects.get(pk=server.pk).state == state
