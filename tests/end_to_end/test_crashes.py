"""A worker that is killed and a broker that forgets everything cost time, nothing else."""

import pytest

from tests.end_to_end import client

pytestmark = [pytest.mark.end_to_end, pytest.mark.xdist_group("product")]


def imaged_by(stack, names, since):
    """Return the epochs of the writes to each server's BMC, in order, among the lines written after ``since``."""
    systems = dict(stack.rows("select system_uuid::text, name from fleet_server where name = any(%s)", list(names)))
    epochs = {name: [] for name in names}
    for line in stack.bmc_log()[since:]:
        if line["system"] in systems:
            epochs[systems[line["system"]]].append(line["epoch"])
    return epochs


def crash(stack):
    killed = stack.kill_workers()
    stack.wipe_broker()
    return killed


@pytest.mark.parametrize("moment", ["while a playbook boots the installers", "while the installers write"])
def test_a_killed_worker_and_an_empty_broker_lose_nothing(stack, keys, moment):
    since = len(stack.bmc_log())
    reservation = client.reserve(stack, keys, 3)
    names = stack.server_names(reservation)
    if moment == "while a playbook boots the installers":
        client.until(lambda: any(imaged_by(stack, names, since).values()))
    else:
        client.until(lambda: stack.has_part(reservation, stage="image"))

    assert crash(stack) >= 1
    found = client.wait_for(stack, reservation, "active", limit_s=120)

    assert found["servers_ready"] == 3
    assert found["degraded"] is False
    for name, epochs in imaged_by(stack, names, since).items():
        assert epochs == sorted(epochs), f"an older claim wrote to {name} after a newer one: {epochs}"
    boots = dict(
        stack.rows(
            "select p.server_id, count(*) filter (where b.reported_at is not null) from operations_boottoken b"
            " join operations_operationserver p on p.id = b.part_id"
            " join operations_operation o on o.id = p.operation_id"
            " where o.subject = %s and o.kind = 'deploy' and b.purpose = 'image' group by p.server_id",
            reservation,
        )
    )
    assert list(boots.values()) == [1, 1, 1]
    client.release(stack, reservation)
    client.wait_for(stack, reservation, "ended")
    assert set(stack.server_states(names).values()) == {"available"}
