"""The files of a first boot, read as cloud-init reads them."""

import http.server
import json
import subprocess
import sys
import threading
from dataclasses import replace
from email import message_from_bytes

import pytest
import yaml

from portal.operations.seed import Card, FirstBoot, files_of

USER_DATA = '#!/bin/sh\necho "it\'s $HOME" é\n'.encode()
BOOT = FirstBoot(
    instance_id="op_1-0",
    hostname="gpu-01",
    cards=[Card("52:54:00:AA:00:01"), Card("52:54:00:aa:00:02")],
    user="debian",
    authorized_keys=['ssh-ed25519 AAAA mira\'s "key": {x}'],
    host_key="-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n",
    host_key_public="ssh-ed25519 BBBB",
    phone_home_url="http://10.0.2.100:8000/agent/v1/phone-home",
    phone_home_token="one-time",
    ca_pem="",
    user_data=USER_DATA,
)


def parts(boot=BOOT):
    found = message_from_bytes(files_of(boot)["vendor-data"])
    assert found.get_content_type() == "multipart/mixed"
    return {part.get_content_type(): part.get_payload(decode=True).decode() for part in found.get_payload()}


def test_the_customers_data_passes_untouched():
    assert files_of(BOOT)["user-data"] == USER_DATA
    assert b"HOME" not in files_of(BOOT)["vendor-data"]


def test_the_machine_is_named_and_has_its_network():
    files = files_of(BOOT)

    assert yaml.safe_load(files["meta-data"]) == {"instance-id": "op_1-0", "local-hostname": "gpu-01"}
    ports = yaml.safe_load(files["network-config"])["ethernets"]
    assert {
        name: (port["match"]["macaddress"], port["set-name"], port["optional"]) for name, port in ports.items()
    } == {
        "eth0": ("52:54:00:aa:00:01", "eth0", False),
        "eth1": ("52:54:00:aa:00:02", "eth1", True),
    }
    assert all(port["dhcp4"] is True for port in ports.values())


def test_a_card_with_an_address_is_given_it_and_asks_nobody():
    boot = replace(BOOT, cards=[*BOOT.cards, Card("52:54:00:AA:00:03", "10.77.0.1/16")])

    ports = yaml.safe_load(files_of(boot)["network-config"])["ethernets"]

    assert [port["dhcp4"] for port in ports.values()] == [True, True, False]
    assert ports["eth2"] == {
        "match": {"macaddress": "52:54:00:aa:00:03"}, "set-name": "eth2", "addresses": ["10.77.0.1/16"],
        "dhcp4": False, "dhcp6": False, "link-local": [], "optional": True,
    }  # fmt: skip


def test_user_keys_and_host_key_are_given():
    text = parts()["text/cloud-config"]
    config = yaml.safe_load(text)

    assert text.startswith("#cloud-config\n")
    (user,) = config["users"]
    assert (user["name"], user["lock_passwd"], user["ssh_authorized_keys"]) == (
        "debian", True, list(BOOT.authorized_keys),
    )  # fmt: skip
    assert config["ssh_keys"] == {"ed25519_private": BOOT.host_key, "ed25519_public": BOOT.host_key_public}
    assert (config["ssh_pwauth"], config["disable_root"], config["hostname"]) == (False, True, "gpu-01")


class Home(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.reports.append((self.headers["Authorization"], body))
        self.send_response(self.server.statuses.pop(0))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def home():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Home)
    server.reports, server.statuses = [], []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def run_script(home, tmp_path):
    """Run the script as it is, but with a key file here and without pauses."""
    url = f"http://127.0.0.1:{home.server_address[1]}/agent/v1/phone-home"
    script = parts(replace(BOOT, phone_home_url=url))["text/x-shellscript"]
    key = tmp_path / "key.pub"
    key.write_text("ssh-ed25519 BBBB root@gpu-01\n")
    here = script.replace("/etc/ssh/ssh_host_ed25519_key.pub", str(key)).replace("PAUSE_S = 5", "PAUSE_S = 0")
    return subprocess.run([sys.executable, "-c", here], capture_output=True, text=True, timeout=60, check=False)


def test_it_phones_home_with_its_key_however_often_the_portal_is_away(home, tmp_path):
    home.statuses = [503, 429, 204]

    done = run_script(home, tmp_path)

    assert done.returncode == 0, done.stderr
    assert len(home.reports) == 3
    authorization, body = home.reports[-1]
    assert authorization == "Bearer one-time"
    assert body["host_keys"] == ["ssh-ed25519 BBBB"]
    assert body["hostname"]


def test_a_refusal_is_final(home, tmp_path):
    home.statuses = [403, 204]

    done = run_script(home, tmp_path)

    assert (done.returncode, len(home.reports)) == (1, 1)
    assert "the portal refuses the report: 403" in done.stderr
