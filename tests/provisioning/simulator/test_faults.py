"""Planting what is wrong with a machine, from Python and from the command line."""

from __future__ import annotations

import pytest

from provisioning.simulator import fault
from provisioning.simulator.faults import Fault, Faults
from provisioning.simulator.machine import Machine


@pytest.mark.parametrize("one", list(Fault))
def test_a_fault_is_there_until_it_is_cleared(tmp_path, one):
    faults = Faults(tmp_path / "faults")
    assert not faults.has("srv-1", one)

    faults.plant("srv-1", one)
    assert [each for each in Fault if faults.has("srv-1", each)] == [one]
    assert not faults.has("srv-2", one)
    faults.clear("srv-1")

    assert not faults.has("srv-1", *Fault)
    faults.clear("srv-1")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"fault": "unknown"}', '{"fault": ["bmc_hangs"]}', "7"])
def test_a_file_that_says_nothing_is_no_fault(tmp_path, text):
    (tmp_path / "srv-1.json").write_text(text)

    assert not Faults(tmp_path).has("srv-1", *Fault)


def test_the_command_plants_and_clears(machine: Machine, faults):
    folder = str(machine.place.folder)

    assert fault.main(["--dir", folder, "srv-1", "bmc_hangs"]) == 0
    assert machine.wrong(Fault.BMC_HANGS)
    assert fault.main(["--dir", folder, "srv-1", "clear"]) == 0

    assert not machine.wrong(Fault.BMC_HANGS)


def test_a_machine_that_there_is_not_and_an_unknown_fault_are_refused(machine, capsys):
    folder = str(machine.place.folder)

    assert fault.main(["--dir", folder, "srv-9", "bmc_hangs"]) == 2
    said = capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        fault.main(["--dir", folder, "srv-1", "on_fire"])

    assert said == f"there is no machine srv-9 in {folder}: name one whose disk is in its disks/\n"
    assert ended.value.code == 2
    assert not (machine.place.folder / "faults").exists()
