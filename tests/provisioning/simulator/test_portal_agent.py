"""An emulated machine answers the portal's questions, marked as what it is."""

import json
from datetime import timedelta

from portal.core import clock
from portal.operations.on_machine import AGENT_PATH, agent, key_line
from provisioning.acceptance.collected import DOUBLE_MARK, read_collected
from provisioning.acceptance.verdict import Reference, checks_of
from provisioning.simulator.doubles import MARK
from provisioning.simulator.faults import Fault
from provisioning.simulator.keys import AGENT
from provisioning.simulator.portal_agent import answer_agent
from provisioning.simulator.shell import Host
from tests.provisioning.simulator.ssh_client import KEY, ask, public
from tests.provisioning.simulator.test_sshd import serve

__all__ = ["serve"]


def results(host, *, is_emulated=True):
    spec = host.spec
    told = {"began": 0, "ended": 9e12, "answer": answer_agent(host, "collect").out}
    reference = Reference(spec.gpu_model, spec.gpu_count, is_emulated, drives=(spec.drive_serial,))
    return {check.name: check.result for check in checks_of(read_collected(json.dumps(told)), reference)}


def test_what_it_has_not_is_a_double_and_passes_as_such_only(spec):
    host = Host(spec, "gpu-01", "ubuntu", "Test Linux 1", "")

    assert results(host)["gpus"] == "test_double"
    assert results(host, is_emulated=False)["gpus"] == "failed"
    assert "passed" not in {result for name, result in results(host).items() if name != "clock"}


def test_a_missing_gpu_is_missed(spec):
    host = Host(spec, "gpu-01", "ubuntu", "Test Linux 1", "", lambda fault: fault == Fault.GPU_MISSING)

    assert results(host)["gpus"] == "failed"


def test_it_answers_as_the_script_does_and_marks_as_the_portal_reads():
    assert AGENT == AGENT_PATH
    assert MARK.startswith(DOUBLE_MARK)


def test_the_portals_key_asks_and_does_nothing_else(serve, spec):
    serve(key_line(public(KEY), clock.now() + timedelta(hours=1)))

    assert ask(spec, "hostname") == ("gpu-01\n", "", 0)
    assert set(json.loads(ask(spec, "collect")[0])["tools"]) == set(agent.TOOLS)
    assert ask(spec, "whoami")[2] == 2


def test_control_the_customers_key_has_a_shell(serve, spec):
    serve(public(KEY))

    assert ask(spec, "whoami") == ("ubuntu\n", "", 0)
