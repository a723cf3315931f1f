"""What a machine asks and reports that starts the rescue system."""

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from portal.operations.models import BootToken
from portal.reservations.services.actions import rescue
from tests import factories, hands
from tests.api.client import assert_problem
from tests.api.test_agents import Machine, awaiting
from tests.api.world import nothing_changes


def test_the_job_of_a_rescue_boot_and_its_report(noon, buyer, settings):
    agent, held = f"{settings.METALYARD_AGENT_URL}/agent/v1", hands.active(buyer).allocations.get()
    operation = rescue(scope=buyer, actor=buyer.actor, allocation=held)
    part, token = awaiting(operation, "rescue", "rescue")
    machine = Machine(token)

    job = machine.boot().json()

    host_key = job.pop("host_key")
    assert job == {
        "kind": "rescue",
        "server": held.server.public_id,
        "report": {"progress_url": f"{agent}/progress", "done_url": f"{agent}/done"},
        "hostname": held.hostname,
        "ssh_authorized_keys": [factories.KEY],
    }
    part.refresh_from_db()
    public = load_ssh_private_key(host_key.encode(), None).public_key()
    assert part.expected_host_key == public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    assert host_key not in str(vars(part))
    with nothing_changes():
        wrong = machine.post("done", {"ok": True, "host_keys": ["{{ x }}"]})
    assert assert_problem(wrong, 422, "invalid_input") == {"/host_keys/0": "malformed"}
    assert machine.post("done", {"ok": True, "host_keys": [part.expected_host_key]}).status_code == 204
    assert BootToken.objects.get(purpose="rescue").result == {"ok": True, "host_keys": [part.expected_host_key]}
