"""What BMCs should be like is set by staff and told with their names; a password changes in two steps."""

import pytest

from portal.audit.models import AuditEvent
from portal.core import secrets
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from portal.fleet import controllers
from portal.fleet.controllers import Firmware
from portal.fleet.models import BMC, FirmwareBaseline, FirmwareReading
from portal.fleet.selectors import firmware_of
from portal.fleet.states import ServerState
from portal.tenancy.staff import StaffRole
from tests import factories, staff

pytestmark = pytest.mark.django_db
FIRMWARE = {"BIOS": ["1.0", "1.1"], "BMC": ["*"]}


def kept(server):
    return BMC.objects.values_list("password_encrypted", "next_password_encrypted").get(server=server)


def verbs():
    found = AuditEvent.objects.exclude(verb="user.staff_role_set").order_by("pk")
    return list(found.values_list("verb", flat=True))


def test_the_next_password_is_made_once_and_then_takes_the_place_of_the_one_before():
    server = factories.server()
    controllers.prepare_password(actor=SYSTEM, server=server)
    old, following = kept(server)

    controllers.prepare_password(actor=SYSTEM, server=server)
    assert kept(server) == (old, following), "it may be the one that the BMC has taken"
    controllers.keep_password(actor=SYSTEM, server=server)
    controllers.keep_password(actor=SYSTEM, server=server)

    assert kept(server) == (following, "")
    assert len(secrets.decrypt(following)) == controllers.PASSWORD_CHARACTERS
    assert verbs() == ["server.bmc_password_prepared", "server.bmc_password_changed"]


def test_no_password_is_made_twice():
    made = set()
    for server in factories.servers(20):
        controllers.prepare_password(actor=SYSTEM, server=server)
        made.add(secrets.decrypt(kept(server)[1]))

    assert len(made) == 20
    for password in made:
        assert all(any(map(kind, password)) for kind in (str.islower, str.isupper, str.isdigit))


def test_a_second_check_in_the_same_operation_replaces_the_first():
    server = factories.server()
    for version, matches in (("0.9", False), ("1.0", True)):
        controllers.record_check(
            actor=SYSTEM, server=server, operation_id="op_1", findings=[],
            firmware=[Firmware("BIOS", version, "1.0", matches)],
        )  # fmt: skip

    assert [(row.version, row.matches) for row in firmware_of(server, "op_1")] == [("1.0", True)]
    assert firmware_of(server, "op_2") == []
    assert verbs() == ["server.bmc_checked"] * 2


def test_what_a_second_check_does_not_find_any_more_is_gone():
    """Otherwise the certificate would list, as wrong, a component that is not there."""
    server = factories.server()
    for names in (("BIOS", "Strange"), ("BIOS",)):
        controllers.record_check(
            actor=SYSTEM, server=server, operation_id="op_1", findings=[],
            firmware=[Firmware(name, "1.0", "1.0", name == "BIOS") for name in names],
        )  # fmt: skip

    assert [row.component for row in firmware_of(server, "op_1")] == ["BIOS"]


def test_the_versions_of_a_component_that_is_named_often_are_cut():
    server = factories.server()
    controllers.record_check(
        actor=SYSTEM, server=server, operation_id="op_1", findings=[],
        firmware=[Firmware("BIOS", ", ".join(["v" * 100] * 64), "1.0", False)],
    )  # fmt: skip

    assert [(len(row.version), row.matches) for row in firmware_of(server, "op_1")] == [(100, False)]


@pytest.mark.parametrize(
    "order", [[], ["  "], ["Hdd", "Hdd"], ["x" * 101], [str(number) for number in range(65)]], ids=repr
)
def test_a_boot_order_that_cannot_be_one_is_refused(order):
    server = factories.server(state=ServerState.QUARANTINED)

    with pytest.raises(InvalidInput) as refused:
        controllers.record_boot_order(actor=SYSTEM, server=server, boot_order=order)

    assert [error.field for error in refused.value.errors] == ["boot_order"]
    assert (BMC.objects.get(server=server).boot_order, verbs()) == ([], [])


@pytest.mark.parametrize("state", sorted(set(ServerState) - set(controllers.RECORDED_IN)))
def test_what_a_tenant_may_have_changed_does_not_become_the_record(state):
    server = factories.server(state=state)

    with pytest.raises(StateConflict):
        controllers.record_boot_order(actor=SYSTEM, server=server, boot_order=["Hdd"])

    assert (BMC.objects.get(server=server).boot_order, verbs()) == ([], [])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"firmware": {"BIOS": []}}, "firmware"),
        ({"firmware": {"": ["1"]}}, "firmware"),
        ({"firmware": {"BIOS": ["1", "1"]}}, "firmware"),
        ({"firmware": {"BIOS": ["x" * 101]}}, "firmware"),
        ({"accounts": [""]}, "accounts"),
        ({"accounts": ["root", "root"]}, "accounts"),
    ],
)
def test_a_baseline_that_cannot_be_one_is_refused(changes, field):
    kind = factories.server_type()
    controllers.set_baseline(actor=SYSTEM, server_type=kind, firmware=FIRMWARE, accounts=["root"])

    with pytest.raises(InvalidInput) as refused:
        controllers.set_baseline(
            actor=SYSTEM, server_type=kind, **{"firmware": FIRMWARE, "accounts": ["root"], **changes}
        )

    assert [error.field for error in refused.value.errors] == [field]
    assert {row.component: row.versions for row in FirmwareBaseline.objects.all()} == FIRMWARE
    assert verbs() == ["server_type.bmc_baseline_set"]


def test_staff_set_the_baseline_of_a_type_on_its_page():
    kind, operations = factories.server_type(), staff.browser(StaffRole.OPERATIONS)
    address = staff.act_of(kind, "bmc_baseline")
    text = "BIOS = 1.0, 1.1\n\n BMC = *"

    reply = operations.post(address, {"firmware": text, "accounts": "root\n"})
    again = operations.get(address).context["form"].initial

    kind.refresh_from_db()
    assert reply.url == staff.page_of(kind)
    assert {row.component: row.versions for row in kind.firmware_baselines.all()} == FIRMWARE
    assert kind.bmc_accounts == ["root"]
    assert again == {"firmware": "BIOS = 1.0, 1.1\nBMC = *", "accounts": "root"}
    event = AuditEvent.objects.get(verb="server_type.bmc_baseline_set")
    assert (event.actor_id, event.data["to"]["firmware"]) == (operations.person.public_id, FIRMWARE)


@pytest.mark.parametrize("text", ["BIOS", "BIOS = 1\nBIOS = 2", "BIOS ="])
def test_a_baseline_that_cannot_be_read_is_refused_at_its_field(text):
    kind, operations = factories.server_type(), staff.browser(StaffRole.OPERATIONS)

    reply = operations.post(staff.act_of(kind, "bmc_baseline"), {"firmware": text, "accounts": ""})

    assert reply.status_code == 422
    assert list(reply.context["form"].errors) == ["firmware"]
    assert not FirmwareBaseline.objects.exists()


def test_staff_record_a_boot_order_and_see_what_was_found():
    server, operations = factories.server(state=ServerState.QUARANTINED), staff.browser(StaffRole.OPERATIONS)
    FirmwareReading.objects.create(
        server=server, operation_id_text="op_1", component="BIOS", version="6.6.6", expected="1.0", matches=False
    )

    reply = operations.post(staff.act_of(server, "boot_order"), {"boot_order": "Hdd\nCd"})

    assert reply.url == staff.page_of(server)
    assert BMC.objects.get(server=server).boot_order == ["Hdd", "Cd"]
    page = operations.get(staff.page_of(server)).content.decode()
    assert "6.6.6" in page
    assert "differs" in page
    assert verbs() == ["server.boot_order_recorded"]


@pytest.mark.parametrize("act", ["bmc_baseline", "boot_order"])
def test_sales_may_not_change_what_bmcs_should_be_like(act):
    row = factories.server_type() if act == "bmc_baseline" else factories.server()

    reply = staff.browser(StaffRole.SALES).post(staff.act_of(row, act), {"firmware": "A = 1", "boot_order": "Hdd"})

    assert (reply.status_code, verbs()) == (403, [])
    assert not FirmwareBaseline.objects.exists()
