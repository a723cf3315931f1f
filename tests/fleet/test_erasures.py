"""No server returns to the pool without proof that every one of its drives was erased and read back."""

import pytest
from django.db import IntegrityError, transaction
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.audit.models import AuditEvent
from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from portal.fleet.models import Drive, Erasure, Server
from portal.fleet.services import record_erasure, return_to_pool, unproved_drives
from portal.fleet.states import ServerState
from tests import factories

SIZE = factories.DISK_BYTES
sizes = st.integers(1, 2**62)


def evidence(drive, **kwargs):
    """Return the evidence of a complete erasure of the drive, but for what is given."""
    fields = {
        "drive_serial": drive.serial,
        "bytes_erased": drive.size_bytes,
        "bytes_verified": drive.size_bytes,
        "residue_bytes": 0,
        **kwargs,
    }
    return Erasure(**fields)


@given(sizes)
def test_all_of_a_drive_erased_and_read_back_clean_is_proof(size):
    drive = Drive(serial="A", size_bytes=size)

    assert evidence(drive).proves(drive)


@given(sizes, st.sampled_from(["bytes_erased", "bytes_verified", "residue_bytes"]), st.integers(0, 2**62))
def test_any_other_count_is_not(size, field, count):
    drive = Drive(serial="A", size_bytes=size)
    assume(count != getattr(evidence(drive), field))

    assert not evidence(drive, **{field: count}).proves(drive)


@given(sizes, sizes)
def test_a_part_or_too_much_is_not_even_if_all_of_it_was_read(size, count):
    assume(size != count)
    drive = Drive(serial="A", size_bytes=size)

    assert not evidence(drive, bytes_erased=count, bytes_verified=count).proves(drive)


@given(sizes)
def test_another_drive_of_the_same_size_is_not_proved(size):
    assert not evidence(Drive(serial="A", size_bytes=size)).proves(Drive(serial="B", size_bytes=size))


def test_the_erasure_of_nothing_proves_nothing():
    drive = Drive(serial="A", size_bytes=0)

    assert not evidence(drive).proves(drive)


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


def erased(drive, operation_id="op_1", **kwargs):
    fields = {"bytes_erased": SIZE, "bytes_verified": SIZE, "residue_bytes": 0, "server": drive.server, **kwargs}
    return record_erasure(
        actor=SYSTEM, operation_id=operation_id, drive_serial=drive.serial, method="overwrite", **fields
    )


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
    event = AuditEvent.objects.get()
    assert (event.verb, event.target) == ("server.erasure_recorded", server.public_id)
    assert event.data == {"operation": "op_1", "drive": drive.serial, "residue_bytes": 5}


@pytest.mark.django_db
def test_a_later_report_does_not_replace_an_earlier_one():
    _server, (drive,) = releasing()
    erased(drive, residue_bytes=5)

    erased(drive, residue_bytes=0)

    assert Erasure.objects.get().residue_bytes == 5


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["bytes_erased", "bytes_verified", "residue_bytes"])
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

    assert f"no proof of erasure for {drives[left_out].serial}: quarantine it" in refused(server)


@pytest.mark.django_db
@pytest.mark.parametrize("flaw", [{"residue_bytes": 1}, {"bytes_verified": SIZE - 1}, {"bytes_erased": SIZE - 1}])
def test_flawed_evidence_is_no_proof(flaw):
    server, drives = releasing(2)
    erased(drives[0])
    erased(drives[1], **flaw)

    assert unproved_drives(server, "op_1") == [drives[1].serial]
    refused(server)


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

    assert unproved_drives(server, "op_1") == ["any drive"]
    assert "any drive" in refused(server)


@pytest.mark.django_db
@pytest.mark.parametrize("state", [state for state in ServerState if state != ServerState.RELEASING])
def test_proof_alone_does_not_free_a_server_that_is_not_being_released(state):
    server = factories.server(state=state)
    erased(server.drives.get())

    with pytest.raises(StateConflict):
        return_to_pool(actor=SYSTEM, server=server, operation_id="op_1")

    assert Server.objects.get(pk=server.pk).state == state
