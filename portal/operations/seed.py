"""What a server's first boot is given: the four files of cloud-init's NoCloud data source. Pure.

Our own part is vendor-data, so that the customer's user-data passes untouched and wins where both say something.
See https://cloudinit.readthedocs.io/en/22.4.2/topics/datasources/nocloud.html and .../topics/vendordata.html
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from portal.operations.on_machine import agent_script

BOUNDARY = "metalyard-vendor-data"
# Beside Python, which cloud-init itself is written in, this needs nothing of the image.
PHONE_HOME = """\
#!/usr/bin/env python3
# Tells the portal that the first boot is over, and which host key this machine has.
import json
import pathlib
import socket
import ssl
import time
import urllib.error
import urllib.request

TOLD = json.loads({told!r})
TRIES = 60
PAUSE_S = 5

public = pathlib.Path("/etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
body = json.dumps({{"hostname": socket.gethostname(), "host_keys": [" ".join(public[:2])]}}).encode()
headers = {{"Authorization": "Bearer " + TOLD["token"], "Content-Type": "application/json"}}
context = ssl.create_default_context(cadata=TOLD["ca_pem"] or None)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}), urllib.request.HTTPSHandler(context=context))
for _ in range(TRIES):
    request = urllib.request.Request(TOLD["url"], data=body, headers=headers, method="POST")
    try:
        opener.open(request, timeout=30).close()
        break
    except urllib.error.HTTPError as error:
        # The portal's no is final; that it is busy or being restarted is not.
        if error.code < 500 and error.code not in (408, 429):
            raise SystemExit("metalyard: the portal refuses the report: %d" % error.code)
    except OSError as error:
        print("metalyard: the portal cannot be reached yet:", error)
    time.sleep(PAUSE_S)
else:
    raise SystemExit("metalyard: the portal could not be reached")
"""


@dataclass(frozen=True)
class Card:
    """A network card."""

    mac: str
    address: str = ""
    """That it is given, with the length of its network's prefix (``10.77.0.1/16``); empty: it asks its network."""


@dataclass(frozen=True)
class FirstBoot:
    """What a server is to become."""

    instance_id: str
    """Another one makes cloud-init do everything anew."""
    hostname: str
    cards: Sequence[Card]
    """The system is up without an answer on any but the first."""
    user: str
    authorized_keys: Sequence[str]
    host_key: str
    """Private SSH host key (Ed25519, OpenSSH's own form)."""
    host_key_public: str
    phone_home_url: str
    phone_home_token: str
    ca_pem: str
    """Whose certificate the portal has; empty for the authorities that everybody trusts."""
    user_data: bytes


def files_of(boot: FirstBoot) -> dict[str, bytes]:
    """Return name and content of each file. JSON is YAML, so that no text can be read as anything but itself."""
    return {
        "meta-data": json.dumps({"instance-id": boot.instance_id, "local-hostname": boot.hostname}).encode(),
        "network-config": json.dumps(_network_config(boot.cards)).encode(),
        "vendor-data": _vendor_data(boot),
        "user-data": boot.user_data,
    }


def _network_config(cards: Sequence[Card]) -> dict[str, object]:
    """Return each card by its MAC: a pattern of names would be read as a name by cloud-init's networkd renderer."""
    ports = {
        f"eth{number}": {
            "match": {"macaddress": card.mac.lower()},
            "set-name": f"eth{number}",
            "dhcp6": False,
            **(_given(card.address) if card.address else {"dhcp4": True, "optional": number > 0}),
        }
        for number, card in enumerate(cards)
    }
    return {"version": 2, "ethernets": ports}


def _given(address: str) -> dict[str, object]:
    """Return a card's settings with an address that leads to its own network only: no route goes out by it."""
    return {"dhcp4": False, "addresses": [address], "link-local": [], "optional": True}


def _vendor_data(boot: FirstBoot) -> bytes:
    whole = MIMEMultipart(boundary=BOUNDARY)
    told = {"url": boot.phone_home_url, "token": boot.phone_home_token, "ca_pem": boot.ca_pem}
    config = "#cloud-config\n" + json.dumps(_cloud_config(boot), indent=1) + "\n"
    script = PHONE_HOME.format(told=json.dumps(told))
    # Scripts run in the order of their names: whoever phones home can already be asked.
    for kind, name, text in (
        ("cloud-config", "metalyard.cfg", config),
        ("x-shellscript", "agent", agent_script(boot.user)),
        ("x-shellscript", "phone-home", script),
    ):
        part = MIMEText(text, kind, "utf-8")
        part.add_header("Content-Disposition", "attachment", filename=name)
        whole.attach(part)
    return whole.as_bytes()


def _cloud_config(boot: FirstBoot) -> dict[str, object]:
    return {
        "preserve_hostname": False,
        "hostname": boot.hostname,
        "users": [
            {
                "name": boot.user,
                "shell": "/bin/bash",
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "lock_passwd": True,
                "ssh_authorized_keys": list(boot.authorized_keys),
            }
        ],
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": boot.host_key, "ed25519_public": boot.host_key_public},
    }
