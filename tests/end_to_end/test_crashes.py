"""A worker that is killed and a broker that forgets everything cost time, nothing else."""

import pytest

from tests.end_to_end import client

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(900), pytest.mark.long, pytest.mark.xdist_group("product")]


def imaged_by(stack, names, since):
    """Return the epochs of the writes to each server's BMC, in order, among the lines written after ``since``."""
    systems = dict(stack.rows("select system_uuid::text, name from fleet_server where name = any(%s)", list(names)))
    epochs = {name: [] for name in names}
    for line in stack.bmc_log()[since:]:
        if line["system"] in systems:
            epochs[systems[line["system"]]].append(line["epoch"])
    return epochs


def installers_at_once(console):
    """Return the most installers that ever ran on a machine at one time, by the lines of its console."""
    running = most = 0
    for line in console:
        if line == "job image fetched":
            running += 1
            most = max(most, running)
        elif line.startswith(("job image done", "gave up", "power lost")):
            running = 0
    return most


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
    found = client.wait_for(stack, reservation, "active", limit_s=300)

    assert found["servers_ready"] == 3
    assert found["degraded"] is False
    for name, epochs in imaged_by(stack, names, since).items():
        assert epochs == sorted(epochs), f"an older claim wrote to {name} after a newer one: {epochs}"
    for name in names:
        assert installers_at_once(stack.console(name)) == 1, f"{name} was imaged twice at a time"
    latest = stack.rows(
        "select distinct on (p.server_id) b.reported_at is not null from operations_boottoken b"
        " join operations_operationserver p on p.id = b.part_id join operations_operation o on o.id = p.operation_id"
        " where o.subject = %s and o.kind = 'deploy' and b.purpose = 'image' order by p.server_id, b.id desc",
        reservation,
    )
    assert latest == [(True,)] * 3, "the boot that counts is the last one, and it reported"
    client.release(stack, reservation)
    client.wait_for(stack, reservation, "ended")
    assert set(stack.server_states(names).values()) == {"available"}
