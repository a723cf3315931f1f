"""The real OS image, installed by the real ramdisk: its seed sets it up, it calls home, its owner logs in."""

from __future__ import annotations

import json
import shutil
import subprocess
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import asyncssh
import pytest

from tests.provisioning.built import deploy_iso, os_image
from tests.provisioning.guest_portal import TOKEN, GuestPortal, medium_for
from tests.provisioning.simulator.portal_stand_in import serving
from tests.provisioning.virtual_machine import Drive, VirtualMachine, eventually, free_port, needs_qemu

pytestmark = [
    needs_qemu,
    pytest.mark.boots,
    pytest.mark.timeout(2400),
    pytest.mark.xdist_group("virtual machines"),
]

HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
OWNER_KEY = asyncssh.generate_private_key("ssh-ed25519")
DISK_BYTES = 3 << 30
USER_DATA = """#cloud-config
write_files:
  - path: /etc/motd
    content: "the tenant's own"
runcmd:
  - [sh, -c, "id -un >/var/tmp/user-data-ran-as"]
"""


def public(key):
    return key.export_public_key().decode().strip()


def vendor_data(portal):
    """What the portal adds to what the tenant gave: keys, and a script that calls home."""
    config = {
        "ssh_deletekeys": True,
        "ssh_keys": {
            "ed25519_private": HOST_KEY.export_private_key("openssh").decode(),
            "ed25519_public": public(HOST_KEY),
        },
        "ssh_authorized_keys": [public(OWNER_KEY)],
    }
    body = (
        '{"hostname": "\'$(hostname)\'", "host_keys": ["\'"$(cut -d" " -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)"\'"]}'
    )
    home = f"#!/bin/sh\ncurl -fsS --retry 5 -H 'Authorization: Bearer {TOKEN}' -d '{body}' {portal.url('phone-home')}\n"
    parts = MIMEMultipart()
    parts.attach(MIMEText("#cloud-config\n" + json.dumps(config), "cloud-config"))
    parts.attach(MIMEText(home, "x-shellscript"))
    return parts.as_bytes()


# By address and with a name: this cloud-init writes the entry's own name into networkd's match where no name is set.
NETWORK = f"""version: 2
ethernets:
  eth0:
    match: {{macaddress: "{VirtualMachine.mac}"}}
    set-name: eth0
    dhcp4: true
"""


def seed(portal):
    return {
        "meta-data": b"instance-id: operation-7\nlocal-hostname: gpu-07\n",
        "user-data": USER_DATA.encode(),
        "vendor-data": vendor_data(portal),
        "network-config": NETWORK.encode(),
    }


@pytest.fixture(scope="module")
def portal():
    with serving(kind=GuestPortal) as portal:
        yield portal


@pytest.fixture(scope="module")
def image():
    return os_image()


@pytest.fixture(scope="module")
def installed(tmp_path_factory, portal, image):
    """The folder of a machine that was imaged; gives it with its drive."""
    folder = tmp_path_factory.mktemp("machine")
    compressed, told = image
    drive = Drive(folder / "drive.img")
    drive.path.touch()
    with drive.path.open("r+b") as file:
        file.truncate(DISK_BYTES)
    portal.offer_image(compressed.read_bytes(), b"", seed(portal))
    portal.job["image"] |= {key: told[key] for key in ("encoding", "disk_bytes", "disk_sha256")}
    cdrom = medium_for(deploy_iso(), folder / "boot.iso", portal.boot_uri)
    VirtualMachine(folder, [drive], cdrom=cdrom).run()
    return folder, drive


@pytest.fixture(scope="module")
def machine(installed, portal):
    """The machine, started from its drive; it has phoned home."""
    folder, drive = installed
    machine = VirtualMachine(folder, [drive], ssh_port=free_port())
    with machine.running():
        eventually(lambda: portal.said("phone-home"), "the call home", machine)
        yield machine


@pytest.fixture
def ssh(machine, tmp_path):
    """Run a command as the owner, who knows the host key from before the first boot."""
    key, known = tmp_path / "key", tmp_path / "known_hosts"
    OWNER_KEY.write_private_key(key)
    key.chmod(0o600)
    known.write_text(f"[127.0.0.1]:{machine.ssh_port} {public(HOST_KEY)}\n")
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={known}", "ConnectTimeout=60"]
    command = ["ssh", "-F", "none", "-i", key, "-p", str(machine.ssh_port), *(f"-o{option}" for option in options)]

    def ask(words):
        done = subprocess.run([*command, "debian@127.0.0.1", words], capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return ask


def test_what_was_read_back_is_what_the_json_says(installed, portal, image):
    told = image[1]

    assert portal.result["ok"] is True
    assert portal.result["sha256"] == told["disk_sha256"]
    assert portal.result["bytes_written"] == told["disk_bytes"]


def test_it_calls_home_with_the_name_and_key_that_it_was_given(machine, portal):
    (call,) = portal.said("phone-home")

    assert call == {"hostname": "gpu-07", "host_keys": [public(HOST_KEY)]}


@pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not installed (apt-get install openssh-client)")
def test_the_owner_logs_in_and_is_root_where_needed(ssh):
    assert ssh("hostname; id -un; sudo -n id -un").split() == ["gpu-07", "debian", "root"]


@pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not installed (apt-get install openssh-client)")
def test_the_tenant_s_own_data_was_done_beside_ours(ssh):
    assert ssh("cat /etc/motd /var/tmp/user-data-ran-as").split("\n")[0].startswith("the tenant's own")
    assert ssh("cat /var/tmp/user-data-ran-as") == "root"
    assert ssh("cloud-init status --wait").endswith("done")


@pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not installed (apt-get install openssh-client)")
def test_the_root_has_grown_to_the_drive_and_nothing_of_the_build_is_left(ssh):
    assert int(ssh("df -B1 --output=size / | tail -n 1")) > DISK_BYTES * 3 // 4
    assert ssh("ls /etc/ssh/ssh_host_*_key") == "/etc/ssh/ssh_host_ed25519_key"
    assert len(ssh("cat /etc/machine-id")) == 32
    assert ssh("systemctl --failed --no-legend --plain") == ""
    assert "deb.debian.org" in ssh("cat /etc/apt/sources.list")
    assert ssh("python3 -c 'print(6*7)'") == "42"
    assert ssh("sudo find /etc/dpkg/dpkg.cfg.d /var/lib/apt/lists -name '*mmdebstrap' -o -name '*Packages*'") == ""
