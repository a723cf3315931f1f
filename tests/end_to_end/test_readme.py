"""The README's commands do what they say, word for word."""

import json
import os
import re
import shutil
import subprocess

import pytest

from tests.end_to_end import client
from tests.end_to_end.stack import ROOT

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.timeout(900),
    pytest.mark.long,
    pytest.mark.xdist_group("product"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (apt-get install curl)"),
]


def commands():
    """Return the shell blocks of the section about the API."""
    section = (ROOT / "README.md").read_text().partition("## The API in three curls")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def test_the_three_curls_search_add_a_key_and_reserve(stack, tmp_path):
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519.pub").write_text(client.key_pair()[1].replace("e2e", "somebody@laptop") + "\n")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "URL": stack.url,
        "TOKEN": stack.access["api_token"],
    }
    script = "set -eu\n" + "\necho\n".join(commands())

    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, timeout=240, check=True)
    search, *_, reservation = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]

    assert len(commands()) == 3
    assert search["available"] is True
    assert search["offers"][0]["price"]["currency"] == "USD"
    assert reservation["state"] == "provisioning"
    assert reservation["count"] == 4
    client.wait_for(stack, reservation["id"], "active")
    client.release(stack, reservation["id"])
    client.wait_for(stack, reservation["id"], "ended")
