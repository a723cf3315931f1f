"""The emulator as a process: it says when it is ready, ends when it is told, and goes on where it was."""

from __future__ import annotations

import signal
import ssl
import subprocess

import httpx
import pytest

from provisioning.simulator.__main__ import main
from tests.provisioning.simulator.conftest import image_of
from tests.provisioning.simulator.emulator import entry, start, until, uuid_of, write_fleet
from tests.provisioning.simulator.portal_stand_in import TOKEN
from tests.provisioning.simulator.ssh_client import KEY, ask, host_key_of, public


@pytest.fixture
def written(tmp_path, demo_tls):
    """Gives (folder of a fleet of one, port of its BMC, its entry)."""
    server = entry(1)
    port = write_fleet(tmp_path, [server], cert=demo_tls.certificate, key=demo_tls.key)
    return tmp_path, port, server


@pytest.fixture
def launch():
    """Starts emulators; what still runs is killed at the end."""
    started = []

    def go(folder) -> subprocess.Popen:
        process = start(folder, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield go
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ready(process, folder):
    until(lambda: (folder / "ready").exists() or process.poll() is not None, 120)
    assert process.poll() is None


def test_it_serves_until_it_is_told_to_stop_and_goes_on_where_it_was(written, launch, demo_tls, spec, portal):
    folder, port, server = written
    spec = type(spec)(**server)
    portal.image = image_of(100_000)
    portal.offer("image")
    portal.job["seed"]["ssh_authorized_keys"] = [public(KEY)]
    first = launch(folder)
    ready(first, folder)
    context = ssl.create_default_context(cafile=demo_tls.ca)
    with httpx.Client(
        base_url=f"https://127.0.0.1:{port}/redfish/v1/Systems/{uuid_of(1)}", verify=context, trust_env=False,
        auth=("user1", "password-1"), timeout=60,
    ) as bmc:  # fmt: skip
        boot = {"BootSourceOverrideTarget": "UefiHttp", "HttpBootUri": portal.boot_uri}
        bmc.patch("", json={"Boot": boot})
        bmc.post("/Actions/ComputerSystem.Reset", json={"ResetType": "On"})
        until(lambda: bmc.get("").json()["PowerState"] == "Off")
        bmc.post("/Actions/ComputerSystem.Reset", json={"ResetType": "On"})
    until(lambda: "gpu-01 is up" in (folder / "console" / "srv-1.log").read_text())
    key = host_key_of(spec)

    first.send_signal(signal.SIGTERM)
    said = first.communicate(timeout=60)[1]
    gone = not (folder / "ready").exists()
    second = launch(folder)
    ready(second, folder)
    until(lambda: (folder / "console" / "srv-1.log").read_text().count("gpu-01 is up") == 2)
    found = (ask(spec, "hostname")[0], host_key_of(spec))
    second.send_signal(signal.SIGINT)
    second.communicate(timeout=60)

    assert (first.returncode, second.returncode, gone) == (0, 0, True)
    assert found == ("gpu-01\n", key)
    assert portal.result["ok"] is True
    # One line at the start; nothing for each request, and never the token of a boot.
    assert f"1 machines, BMCs at https://127.0.0.1:{port}" in said
    assert said.count("\n") == 1
    assert TOKEN not in said


def test_a_second_one_is_refused_in_one_line_and_disturbs_nothing(written, launch, demo_tls):
    folder, port, _ = written
    first = launch(folder)
    ready(first, folder)
    other = folder / "other"
    other.mkdir()
    write_fleet(other, [entry(2)], cert=demo_tls.certificate, key=demo_tls.key, port=port)

    same_folder, same_address = launch(folder), launch(other)
    said = [process.communicate(timeout=120)[1] for process in (same_folder, same_address)]

    assert said == [
        f"the emulated fleet cannot start: {folder} is in use by another emulated fleet\n",
        f"the emulated fleet cannot start: cannot listen on 127.0.0.1:{port}: Address already in use\n",
    ]
    assert (same_folder.returncode, same_address.returncode) == (2, 2)
    assert (folder / "ready").exists()
    assert not (other / "ready").exists()
    assert first.poll() is None


def test_a_folder_that_cannot_be_used_is_said_in_one_line(written, capsys):
    folder, _, _ = written
    (folder / "file").write_text("x")

    code = main(["--fleet", str(folder / "fleet.json"), "--dir", str(folder / "file" / "fleet")])

    assert code == 2
    said = capsys.readouterr().err
    assert said.startswith("the emulated fleet cannot start: ")
    assert "Not a directory" in said
    assert said.count("\n") == 1


def test_a_log_level_that_there_is_not_is_refused(written, capsys):
    folder, _, _ = written

    with pytest.raises(SystemExit) as ended:
        main(["--fleet", str(folder / "fleet.json"), "--dir", str(folder), "--log-level", "LOUD"])

    assert ended.value.code == 2
    assert "invalid choice: 'LOUD'" in capsys.readouterr().err
