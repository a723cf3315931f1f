"""Staff and the metal: what may be done to servers, by whom, and what a refusal leaves behind."""

from datetime import timedelta

import pytest

from portal.audit.models import AuditEvent
from portal.fleet.models import Server, ServerType
from portal.fleet.states import ServerState
from portal.tenancy.staff import StaffRole
from tests import factories, networks, staff

ACTS = {
    "quarantine": ServerState.QUARANTINED,
    "maintenance": ServerState.MAINTENANCE,
    "retire": ServerState.RETIRED,
}


@pytest.fixture
def operations(db):
    return staff.browser(StaffRole.OPERATIONS)


@pytest.mark.parametrize(("act", "state"), ACTS.items())
def test_a_server_is_taken_out_of_the_pool_with_a_reason_and_a_name(operations, act, state):
    server = factories.server()
    address = staff.act_of(server, act)
    asked = operations.get(address)

    reply = operations.post(address, staff.REASON | staff.chosen(server), headers={"X-Request-Id": "req_of_this_test"})

    server.refresh_from_db()
    event = AuditEvent.objects.get(target=server.public_id)
    assert (asked.status_code, reply.url) == (200, staff.page_of(server))
    assert (server.state, server.state_reason) == (state, staff.REASON["reason"])
    assert (event.actor_id, event.actor_kind) == (operations.person.public_id, "user")
    assert event.request_id == "req_of_this_test"
    assert event.data == {"from": "available", "to": state, "reason": staff.REASON["reason"]}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("on_list", [False, True], ids=["on its page", "in the list"])
def test_sales_may_look_but_not_act(db, act, on_list):
    server, sales = factories.server(), staff.browser(StaffRole.SALES)
    address = staff.acts_of(Server, act) if on_list else staff.act_of(server, act)
    events = AuditEvent.objects.count()

    replies = [sales.get(address), sales.post(address, staff.REASON | staff.chosen(server))]

    server.refresh_from_db()
    assert [reply.status_code for reply in replies] == [403, 403]
    assert (server.state, AuditEvent.objects.count()) == ("available", events)
    page = sales.get(staff.page_of(server)).content.decode()
    assert server.serial in page
    assert "/act/" not in page


def test_without_a_reason_nothing_is_done_and_the_field_says_so(operations):
    server = factories.server()
    before = AuditEvent.objects.count()

    reply = operations.post(staff.act_of(server, "retire"), {"reason": "  "} | staff.chosen(server))

    server.refresh_from_db()
    assert reply.status_code == 422
    assert list(reply.context["form"].errors) == ["reason"]
    assert (server.state, AuditEvent.objects.count()) == ("available", before)


def test_what_the_state_does_not_allow_is_refused_with_the_reason(operations):
    server = factories.server(state=ServerState.IN_USE)

    reply = operations.post(staff.act_of(server, "retire"), staff.REASON | staff.chosen(server))

    server.refresh_from_db()
    assert reply.status_code == 409
    assert "is in_use; it cannot become retired" in reply.content.decode()
    assert (server.state, AuditEvent.objects.filter(target=server.public_id).count()) == ("in_use", 0)


def test_a_server_that_moved_since_one_looked_is_left_alone(operations):
    server = factories.server(state=ServerState.QUARANTINED)
    looked_at = staff.chosen(server)
    Server.objects.filter(pk=server.pk).update(state=ServerState.AVAILABLE)

    reply = operations.post(staff.act_of(server, "retire"), staff.REASON | looked_at)

    server.refresh_from_db()
    assert reply.status_code == 409
    assert "has become available since you looked" in reply.content.decode()
    assert server.state == "available"


def test_only_what_fits_the_state_is_offered(operations):
    working = factories.server(state=ServerState.DEPLOYING)
    free = factories.server()
    for server in (working, free):
        networks.port(server)

    assert [button["title"] for button in operations.get(staff.page_of(working)).context["actions_detail"]] == []
    assert [button["title"] for button in operations.get(staff.page_of(free)).context["actions_detail"]] == [
        "Quarantine",
        "Begin maintenance",
        "Retire",
    ]


def test_several_at_once_go_each_its_own_way(operations):
    free, busy, other = factories.server(), factories.server(state=ServerState.IN_USE), factories.server()
    asked = operations.post(
        staff.list_of(Server), {"action": "maintenance", "_selected_action": [free.pk, busy.pk, other.pk]}
    )
    assert (asked.status_code, len(asked.context["chosen"])) == (200, 3)

    reply = operations.post(
        staff.acts_of(Server, "maintenance"), staff.REASON | staff.chosen(free, busy, other), follow=True
    )

    states = dict(Server.objects.values_list("pk", "state"))
    said = [str(message) for message in reply.context["messages"]]
    assert states == {free.pk: "maintenance", busy.pk: "in_use", other.pk: "maintenance"}
    assert said[0].startswith(f"{busy.name}: server {busy.public_id} is in_use; it cannot become maintenance")
    assert said[1:] == ["Begin maintenance: done for 2 of 3."]


@pytest.mark.parametrize("chosen", [[], ["nonsense"], ["9" * 40], ["0:available"]])
def test_a_choice_of_nothing_does_nothing(operations, chosen):
    server = factories.server()

    reply = operations.post(staff.acts_of(Server, "retire"), staff.REASON | {"chosen": chosen}, follow=True)

    server.refresh_from_db()
    assert [str(message) for message in reply.context["messages"]] == ["Nothing was chosen; nothing was done."]
    assert server.state == "available"


@pytest.mark.parametrize("key", ["nonsense", "9" * 40, "-1"])
def test_the_list_does_not_choke_on_strange_keys(operations, key):
    reply = operations.post(staff.list_of(Server), {"action": "retire", "_selected_action": [key]}, follow=True)

    assert reply.status_code == 200
    assert [str(message) for message in reply.context["messages"]] == [
        "The choice was not understood; nothing was done. Choose again."
    ]


def test_the_page_before_an_act_says_what_depends_on_the_server(operations):
    made = staff.starting(factories.buyer(), count=1) if factories.servers(1) else None
    server = Server.objects.get(allocations__reservation=made)

    page = operations.get(staff.act_of(server, "quarantine")).content.decode()

    assert f"It is booked for {made.name} ({made})." in page
    assert "It is being worked on by op_" in page


def test_unknown_acts_and_objects_are_not_there(operations):
    server = factories.server()

    assert operations.get(staff.act_of(server, "explode")).status_code == 404
    assert operations.get("/admin/fleet/server/0/act/retire/").status_code == 404
    assert operations.get(staff.acts_of(Server, "retire")).url == staff.list_of(Server)


def test_times_of_a_server_type_are_set_by_a_service(operations):
    kind = factories.server_type()
    address = staff.act_of(kind, "times")

    reply = operations.post(address, {"lead_time": "0:15:00", "cleanup_time": "0:45:00", "times_are_measured": "on"})

    kind.refresh_from_db()
    event = AuditEvent.objects.get(verb="server_type.times_set")
    assert reply.url == staff.page_of(kind)
    assert (kind.lead_time, kind.cleanup_time) == (timedelta(minutes=15), timedelta(minutes=45))
    assert (event.actor_id, event.target) == (operations.person.public_id, f"fleet.servertype:{kind.pk}")
    assert event.data["to"] == {"lead_time_s": 900.0, "cleanup_time_s": 2700.0, "are_measured": True}


@pytest.mark.parametrize("wrong", ["-0:15:00", "9 0:00:00", "soon", "", "99999999999999 0:00:00"])
def test_times_that_cannot_be_are_refused_on_the_field(operations, wrong):
    kind = factories.server_type()

    reply = operations.post(staff.act_of(kind, "times"), {"lead_time": wrong, "cleanup_time": "0:45:00"})

    assert reply.status_code == 422
    assert list(reply.context["form"].errors) == ["lead_time"]
    assert ServerType.objects.get().cleanup_time == kind.cleanup_time
    assert not AuditEvent.objects.filter(verb="server_type.times_set").exists()


def test_the_page_of_a_server_shows_its_parts_and_proofs(operations):
    staff.world()
    server = Server.objects.get(erasures__isnull=False)

    page = operations.get(staff.page_of(server)).content.decode()

    for fact in (server.serial, server.bmc.address, server.nics.get().mac, server.drives.get().serial, "16.0 MiB"):
        assert fact in page
    for heading in (
        "Network ports",
        "Drives",
        "Proofs of erasure",
        "Certificates of erasure",
        "Operations",
        "Allocations",
        "Record",
    ):
        assert f">{heading} <" in page


def test_a_search_finds_a_server_by_each_of_its_names(operations):
    staff.world(servers=3)
    server = Server.objects.exclude(nics=None).first()
    for query in (server.name, server.serial, server.public_id, server.ssh_host, server.nics.get().mac):
        listed = operations.get(staff.list_of(Server), {"q": query}).context["cl"]
        assert server in listed.result_list, query
        assert listed.result_count < Server.objects.count(), query


def test_how_a_type_is_erased_is_set_by_operations_in_the_order_that_is_given(operations):
    kind = factories.server_type()
    address = staff.act_of(kind, "erase_policy")
    asked = operations.get(address)

    reply = operations.post(address, {"methods": "blkdiscard\r\noverwrite\r\n", "verify": "sample"} | staff.REASON)

    kind.refresh_from_db()
    assert "nvme_sanitize_crypto" in asked.content.decode()
    assert reply.url == staff.page_of(kind)
    assert (kind.erase_methods, kind.erase_verify) == (["blkdiscard", "overwrite"], "sample")
    assert AuditEvent.objects.get(verb="server_type.erase_policy_set").actor_id == operations.person.public_id


def test_a_way_of_erasing_that_there_is_not_is_refused_on_its_field(operations):
    kind = factories.server_type()
    before = ServerType.objects.values().get()

    reply = operations.post(staff.act_of(kind, "erase_policy"), {"methods": "hammer", "verify": "full"} | staff.REASON)

    assert reply.status_code == 422
    assert list(reply.context["form"].errors) == ["methods"]
    assert ServerType.objects.values().get() == before


def test_operations_say_what_servers_of_a_type_must_be_like(operations):
    kind = factories.server_type()
    numbers = {"nvlinks": "18", "fabric_ports": "8", "link_rate_gbps": "400"}
    numbers |= {"allreduce_busbw_gbps_min": "340", "allreduce_busbw_gbps_max": "500"}

    operations.post(staff.act_of(kind, "acceptance"), {"gpu_driver": "550.1", **numbers} | staff.REASON)

    kind.refresh_from_db()
    assert (kind.is_emulated, kind.gpu_driver, kind.nvlinks, kind.fabric_ports) == (False, "550.1", 18, 8)
    assert (kind.allreduce_busbw_gbps_min, kind.allreduce_busbw_gbps_max) == (340, 500)
    assert AuditEvent.objects.get(verb="server_type.acceptance_set").actor_id == operations.person.public_id
