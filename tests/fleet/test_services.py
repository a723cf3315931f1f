"""What may be done to a server in which state: every service in every state of the table."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction

from portal.audit.models import AuditEvent
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from portal.core.states import Nature
from portal.fleet import services
from portal.fleet.models import Server, ServerType
from portal.fleet.states import SERVER, ServerState
from tests import factories

pytestmark = pytest.mark.django_db

S = ServerState
NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
NO_BAND = {"allreduce_busbw_gbps_min": 0, "allreduce_busbw_gbps_max": 0}
UNPROMISED = {"is_emulated": False, "gpu_driver": "", "nvlinks": 0, "fabric_ports": 0, **NO_BAND}
TICK = timedelta(microseconds=1)
WORKING = SERVER.named(Nature.WORKING)

# Which service moves a server where, and from which states.
MOVES = {
    services.begin_deploy: (S.DEPLOYING, {S.AVAILABLE}),
    services.fail_deploy: (S.DEPLOY_FAILED, {S.DEPLOYING}),
    services.begin_release: (
        S.RELEASING,
        {
            S.INSPECTING,
            S.DEPLOYING,
            S.DEPLOY_FAILED,
            S.IN_USE,
            S.MAINTENANCE,
            S.QUARANTINED,
        },
    ),
    services.fail_release: (S.QUARANTINED, {S.RELEASING}),
    services.quarantine: (S.QUARANTINED, {S.AVAILABLE, S.DEPLOY_FAILED, S.IN_USE, S.RELEASE_FAILED, S.MAINTENANCE}),
    services.begin_maintenance: (S.MAINTENANCE, {S.INSPECT_FAILED, S.AVAILABLE, S.QUARANTINED}),
    services.retire: (S.RETIRED, {S.ENROLLED, S.INSPECT_FAILED, S.AVAILABLE, S.MAINTENANCE, S.QUARANTINED}),
    services.hand_over: (S.IN_USE, {S.DEPLOYING}),
}
CASES = [pytest.param(act, state, id=f"{act.__name__}-{state}") for act in MOVES for state in ServerState]


def stored(server):
    return Server.objects.filter(pk=server.pk).values("state", "state_reason", "state_deadline_at").get()


def steps():
    return [(event.data["from"], event.data["to"]) for event in AuditEvent.objects.order_by("pk")]


@pytest.mark.parametrize("act, state", CASES)
def test_a_service_acts_in_its_states_and_in_no_other(act, state):
    to, allowed = MOVES[act]
    server = factories.server(state=state)
    words = {} if act is services.hand_over else {"reason": "because"}
    before = stored(server)

    if state not in allowed:
        with pytest.raises(StateConflict):
            act(actor=SYSTEM, server=server, **words)
        assert stored(server) == before
        assert steps() == []
        return
    act(actor=SYSTEM, server=server, **words)

    assert stored(server)["state"] == server.state == to
    assert stored(server)["state_reason"] == words.get("reason", "")
    assert steps()[0][0] == state
    assert steps()[-1][1] == to


def test_a_failed_release_passes_through_its_failure_into_quarantine():
    server = factories.server(state=S.RELEASING)

    services.fail_release(actor=SYSTEM, server=server, reason="residue")

    assert steps() == [(S.RELEASING, S.RELEASE_FAILED), (S.RELEASE_FAILED, S.QUARANTINED)]


def overdue(state, deadline=NOW):
    return factories.server(state=state, state_deadline_at=deadline)


@pytest.mark.parametrize("state", WORKING)
@time_machine.travel(NOW, tick=False)
def test_an_overdue_server_moves_to_its_failure_twin(state):
    server = overdue(state)

    services.overrun(actor=SYSTEM, server=server)

    twin = SERVER.states[state].overdue
    assert stored(server)["state"] == server.state == twin
    assert stored(server)["state_reason"] == f"{state} took longer than {SERVER.states[state].deadline}"
    assert steps() == [(state, twin)]


@pytest.mark.parametrize("state", WORKING)
@time_machine.travel(NOW, tick=False)
def test_one_that_is_not_overdue_stays(state):
    server = overdue(state, NOW + TICK)

    with pytest.raises(StateConflict, match="not overdue"):
        services.overrun(actor=SYSTEM, server=server)

    assert stored(server)["state"] == state
    assert steps() == []


@pytest.mark.parametrize("state", sorted(set(ServerState) - set(WORKING)))
def test_what_rests_is_never_overdue(state):
    server = factories.server(state=state)

    with pytest.raises(StateConflict, match="not overdue"):
        services.overrun(actor=SYSTEM, server=server)

    assert stored(server)["state"] == state


@time_machine.travel(NOW, tick=False)
def test_one_that_came_around_to_the_same_state_anew_has_its_new_deadline():
    seen = overdue(S.RELEASING)
    services.fail_release(actor=SYSTEM, server=Server.objects.get(), reason="no proof")
    services.begin_release(actor=SYSTEM, server=Server.objects.get(), reason="once more")

    with pytest.raises(StateConflict, match="not overdue"):
        services.overrun(actor=SYSTEM, server=seen)

    assert stored(seen)["state"] == S.RELEASING


GIVEN_UP = {
    S.RELEASING: S.QUARANTINED,
    S.DEPLOYING: S.QUARANTINED,
    S.DEPLOY_FAILED: S.QUARANTINED,
    S.IN_USE: S.QUARANTINED,
}


@pytest.mark.parametrize("state", list(ServerState))
def test_a_server_whose_erasure_is_given_up_is_never_left_in_work(state):
    server = factories.server(state=state)

    services.give_up_erasure(actor=SYSTEM, server=server, reason="called off")

    assert stored(server)["state"] == GIVEN_UP.get(state, state)
    assert len(steps()) == {S.RELEASING: 2, S.DEPLOYING: 2, S.DEPLOY_FAILED: 1, S.IN_USE: 1}.get(state, 0)


def test_times_of_a_type_are_set_and_recorded_once():
    kind = factories.server_type()

    for _ in range(2):
        services.set_times(
            actor=SYSTEM, server_type=kind, lead_time=timedelta(minutes=5), cleanup_time=services.LONGEST_TIME
        )

    assert ServerType.objects.values_list("lead_time", "cleanup_time").get() == (
        timedelta(minutes=5),
        timedelta(days=7),
    )
    event = AuditEvent.objects.get()
    assert (event.verb, event.target) == ("server_type.times_set", f"fleet.servertype:{kind.pk}")
    assert event.data == {
        "slug": kind.slug,
        "from": {"lead_time_s": 1200.0, "cleanup_time_s": 1800.0, "are_measured": False},
        "to": {"lead_time_s": 300.0, "cleanup_time_s": 604800.0, "are_measured": False},
    }


def test_the_time_to_clean_up_follows_measurements_where_staff_says_so_until_staff_says_no():
    kind = factories.server_type()
    times = {"lead_time": kind.lead_time, "cleanup_time": kind.cleanup_time}

    for said in (True, None, False):
        services.set_times(actor=SYSTEM, server_type=kind, times_are_measured=said, **times)

    assert [event.data["to"]["are_measured"] for event in AuditEvent.objects.order_by("pk")] == [True, False]
    assert ServerType.objects.get().times_are_measured is False


@pytest.mark.parametrize("is_spare, verb", [(True, "server.held_back"), (False, "server.sold_again")])
def test_a_server_is_held_back_or_sold_again_and_that_is_recorded_once(is_spare, verb):
    server = factories.server(is_spare=not is_spare)

    for _ in range(2):
        services.set_spare(actor=SYSTEM, server=server, is_spare=is_spare)

    assert Server.objects.get(pk=server.pk).is_spare is is_spare
    event = AuditEvent.objects.get()
    assert (event.verb, event.target, event.data) == (verb, server.public_id, {"name": server.name})


@pytest.mark.parametrize(
    "times, fields",
    [
        ((-TICK, timedelta(0)), ["lead_time"]),
        ((timedelta(0), services.LONGEST_TIME + TICK), ["cleanup_time"]),
        ((-TICK, -TICK), ["lead_time", "cleanup_time"]),
    ],
)
def test_times_out_of_range_are_refused_on_their_fields(times, fields):
    kind = factories.server_type()
    before = ServerType.objects.values().get()

    with pytest.raises(InvalidInput) as refusal:
        services.set_times(actor=SYSTEM, server_type=kind, lead_time=times[0], cleanup_time=times[1])

    assert [(error.field, error.code) for error in refusal.value.errors] == [
        (field, "out_of_range") for field in fields
    ]
    assert ServerType.objects.values().get() == before
    assert steps() == []


def policy():
    return ServerType.objects.values_list("erase_methods", "erase_verify").get()


def test_how_a_type_is_erased_is_set_and_recorded_once():
    kind = factories.server_type()

    for _ in range(2):
        services.set_erase_policy(actor=SYSTEM, server_type=kind, methods=["nvme_format", "overwrite"], verify="sample")

    assert policy() == (["nvme_format", "overwrite"], "sample")
    assert kind.erase_policy == ServerType.objects.get().erase_policy
    event = AuditEvent.objects.get()
    assert (event.verb, event.target) == ("server_type.erase_policy_set", f"fleet.servertype:{kind.pk}")
    assert event.data["to"] == {"methods": ["nvme_format", "overwrite"], "verify": "sample"}
    assert event.data["from"]["verify"] == "full"


@pytest.mark.parametrize(
    "methods, verify, fields",
    [
        ([], "full", ["methods"]),
        (["overwrite", "overwrite"], "full", ["methods"]),
        (["hammer"], "full", ["methods"]),
        (["overwrite"], "glance", ["verify"]),
        (["hammer"], "", ["methods", "verify"]),
    ],
)
def test_a_policy_that_proves_nothing_is_refused_on_its_fields(methods, verify, fields):
    kind = factories.server_type()
    before = policy()

    with pytest.raises(InvalidInput) as refusal:
        services.set_erase_policy(actor=SYSTEM, server_type=kind, methods=methods, verify=verify)

    assert [error.field for error in refusal.value.errors] == fields
    assert policy() == before
    assert not AuditEvent.objects.exists()


def test_what_servers_must_be_like_is_set_and_kept_in_the_record():
    kind = factories.server_type()
    promised = {"is_emulated": False, "gpu_driver": "550.1", "nvlinks": 18, "fabric_ports": 8, "link_rate_gbps": 400}
    promised |= {"allreduce_busbw_gbps_min": 340, "allreduce_busbw_gbps_max": 0}

    services.set_acceptance(actor=SYSTEM, server_type=kind, **promised)
    services.set_acceptance(actor=SYSTEM, server_type=kind, **promised)

    kind.refresh_from_db()
    assert {name: getattr(kind, name) for name in promised} == promised
    assert AuditEvent.objects.filter(verb="server_type.acceptance_set").count() == 1


@pytest.mark.parametrize(("least", "most"), [(0, 500), (500, 500), (501, 500)])
def test_a_most_that_is_not_above_a_least_is_refused(least, most):
    kind = factories.server_type()
    band = {"allreduce_busbw_gbps_min": least, "allreduce_busbw_gbps_max": most}

    with pytest.raises(InvalidInput) as caught:
        services.set_acceptance(actor=SYSTEM, server_type=kind, **UNPROMISED | band, link_rate_gbps=0)
    with pytest.raises(IntegrityError, match="server_type_allreduce_band"), transaction.atomic():
        ServerType.objects.update(**band)

    assert caught.value.errors[0].field == "allreduce_busbw_gbps_max"
    kind.refresh_from_db()
    assert (kind.allreduce_busbw_gbps_min, kind.allreduce_busbw_gbps_max) == (0, 0)


def test_a_rate_without_ports_is_refused():
    kind = factories.server_type()

    with pytest.raises(InvalidInput) as caught:
        services.set_acceptance(actor=SYSTEM, server_type=kind, **UNPROMISED, link_rate_gbps=4)

    assert caught.value.errors[0].field == "link_rate_gbps"
    kind.refresh_from_db()
    assert kind.link_rate_gbps == 0
