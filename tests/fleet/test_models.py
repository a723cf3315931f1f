"""What the database says about the metal, whoever writes."""

import uuid
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from portal.fleet.models import BMC, NIC, Drive, Fabric, Rack, Region, Server, ServerType
from tests import factories

pytestmark = pytest.mark.django_db


def other(field):
    """Return a value of the second server's own for a field that both may not share."""
    return {"name": "other", "serial": "other", "system_uuid": uuid.uuid4()}[field]


@pytest.mark.parametrize("field", ["name", "serial", "system_uuid"])
def test_what_names_a_machine_names_one(field):
    first, second = factories.servers(2)

    with pytest.raises(IntegrityError, match=field), transaction.atomic():
        Server.objects.filter(pk=second.pk).update(**{field: getattr(first, field)})
    Server.objects.filter(pk=second.pk).update(**{field: other(field)})

    assert Server.objects.values(field).distinct().count() == 2


@pytest.mark.parametrize(
    "fields, constraint",
    [(("rack", "rack_unit"), "server_place_once"), (("ssh_host", "ssh_port"), "server_address_once")],
)
def test_two_servers_share_neither_place_nor_address(fields, constraint):
    first, second = factories.servers(2)
    mine = Server.objects.filter(pk=second.pk)
    taken = {field: getattr(first, field) for field in fields}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        mine.update(**taken)
    mine.update(**{**taken, fields[1]: 60})

    assert mine.values_list(fields[1], flat=True).get() == 60


@pytest.mark.parametrize("junk", ["junk", "", "Available", "available "])
def test_raw_sql_cannot_give_a_server_an_unknown_state(junk):
    server = factories.server()

    with (
        pytest.raises(IntegrityError, match="server_state_known"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE fleet_server SET state = %s", [junk])

    server.refresh_from_db()
    assert server.state == "available"


@pytest.mark.parametrize("address", ["http://10.0.0.1", "10.0.0.1", "", "HTTPS://10.0.0.1", " https://10.0.0.1"])
def test_a_bmc_is_only_spoken_to_over_tls(address):
    factories.server()

    with pytest.raises(IntegrityError, match="bmc_speaks_tls"), transaction.atomic():
        BMC.objects.update(address=address)

    assert BMC.objects.get().address == "https://127.0.0.1:1"


def test_a_server_has_one_bmc_and_the_password_is_not_readable():
    server = factories.server()

    with pytest.raises(IntegrityError, match="server_id"), transaction.atomic():
        BMC.objects.create(server=server, address="https://127.0.0.1:2", username="admin", password_encrypted="x")

    assert "secret" not in server.bmc.password_encrypted


def test_drives_and_ports_are_had_once():
    first, second = factories.servers(2)
    NIC.objects.create(server=first, mac="02:00:00:00:00:01")

    with pytest.raises(IntegrityError, match="mac"), transaction.atomic():
        NIC.objects.create(server=second, mac="02:00:00:00:00:01")
    with pytest.raises(IntegrityError, match="serial"), transaction.atomic():
        Drive.objects.create(server=second, serial=first.drives.get().serial, model="emulated", size_bytes=1)

    assert (NIC.objects.count(), second.drives.count()) == (1, 1)


@pytest.mark.parametrize(
    "fields, constraint",
    [
        ({"gpu_count": 0}, "server_type_has_gpus"),
        ({"lead_time": timedelta(seconds=-1)}, "server_type_times_positive"),
        ({"cleanup_time": timedelta(seconds=-1)}, "server_type_times_positive"),
    ],
)
def test_a_server_type_has_gpus_and_sane_times(fields, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        factories.server_type(**fields)

    assert not ServerType.objects.exists()


@pytest.mark.parametrize("model, constraint", [(Fabric, "fabric_name_once"), (Rack, "rack_name_once")])
def test_names_are_had_once_in_a_region(model, constraint):
    north, south = factories.region("north"), factories.region("south")
    model.objects.create(region=north, name="A")
    model.objects.create(region=south, name="A")

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        model.objects.create(region=south, name="A")

    assert model.objects.count() == 2


@pytest.mark.parametrize("code", ["", "EU", "eu_north", "-eu", "eu-", "eu\n", "é", "a" * 41, "eu north"])
def test_codes_are_parts_of_host_names(code):
    Region(code="eu-north-1", name="North").full_clean()

    with pytest.raises(ValidationError) as refusal:
        Region(code=code, name="North").full_clean()

    assert set(refusal.value.message_dict) == {"code"}


def test_what_people_read():
    server = factories.server()
    NIC.objects.create(server=server, mac="02:00:00:00:00:01")
    rows = [server, server.region, server.fabric, server.server_type, server.bmc, server.nics.get()]

    assert [str(row) for row in rows] == [
        server.name,
        "eu-north-1",
        "A",
        "8 x H100",
        "https://127.0.0.1:1",
        "02:00:00:00:00:01",
    ]
    assert str(server.drives.get()) == server.drives.get().serial
